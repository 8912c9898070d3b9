//! How a desk works.

use std::time::Duration;

use chatfold::Policy;

/// How a desk works.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DeskOptions {
    /// The policy of all accounts.
    pub policy: Policy,
    /// How much may wait for a conversation before more is refused.
    pub queue_len: usize,
    /// How much is written in one append.
    pub batch: usize,
    /// How many deliveries a session holds before it lags.
    pub session_len: usize,
    /// After how many events of a stream a snapshot is kept.
    pub snapshot_every: u64,
    /// How many accounts are held that were used last; as many direct chats are known to have begun.
    pub accounts: u64,
    /// After how long a conversation is given up that no connected account sees.
    pub idle: Duration,
}

impl Default for DeskOptions {
    /// A thousand wishes a conversation, 256 an append, 256 deliveries a session, a snapshot every 4,096 events, 10,000 accounts, a
    /// minute.
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            queue_len: 1_000,
            batch: 256,
            session_len: 256,
            snapshot_every: 4_096,
            accounts: 10_000,
            idle: Duration::from_secs(60),
        }
    }
}
