//! Whose inbox it is, and where ids are unique.

use chatfold::foreign::{ForeignError, Network};
use chatfold::{FolderId, UserId};

/// What an adapter is made from: the owner of the inbox and the network in which the server's ids are unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    owner: UserId,
    account: String,
    network: Network,
}

/// Why there is no such scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeError {
    /// The network's name.
    Network(ForeignError),
    /// The owner's id.
    Owner(ForeignError),
}

impl Scope {
    /// Returns the scope of the account that the server calls `owner`, in the network of this name (R110). Both must stay the
    /// same for a log, since ids are derived from them.
    ///
    /// # Errors
    ///
    /// [`ScopeError`], if one of them is none.
    pub fn new(owner: &str, network: &str) -> Result<Self, ScopeError> {
        let network = Network::parse(network).map_err(ScopeError::Network)?;
        Self::in_network(owner, network)
    }

    /// The same in a network that was made already, such as one that [prefixes](Network::prefixing) its users.
    ///
    /// # Errors
    ///
    /// [`ScopeError::Owner`], if the owner's id is none.
    pub fn in_network(owner: &str, network: Network) -> Result<Self, ScopeError> {
        let account = owner.to_owned();
        let owner = network.user(owner).map_err(ScopeError::Owner)?.id;
        Ok(Self { owner, account, network })
    }

    /// Returns the owner as this library calls the account.
    pub fn owner(&self) -> &UserId {
        &self.owner
    }

    /// Returns the owner as the server calls the account.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the network.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

impl std::fmt::Display for ScopeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Network(error) => write!(f, "the network: {error}"),
            Self::Owner(error) => write!(f, "the owner: {error}"),
        }
    }
}

impl std::error::Error for ScopeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Network(error) | Self::Owner(error) => Some(error),
        }
    }
}

/// Returns the folder that stands for something of the server's that has this name.
pub(crate) fn folder_of(scope: &Scope, name: &str) -> Result<FolderId, ForeignError> {
    Ok(FolderId::new(scope.network().message_id(&format!("folder {name}"))?.id.uuid()))
}
