//! Why a rewriting is refused.

/// Why nothing was rewritten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError<E> {
    /// There is no such event.
    #[error("there is no event at position {position}")]
    NoSuchEvent {
        /// The position.
        position: u64,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] E),
}

impl<E> RewriteError<E> {
    /// The same with another store's error in the place of this one's.
    pub fn map_store<F>(self, into: impl FnOnce(E) -> F) -> RewriteError<F> {
        match self {
            Self::NoSuchEvent { position } => RewriteError::NoSuchEvent { position },
            Self::Store(error) => RewriteError::Store(into(error)),
        }
    }
}
