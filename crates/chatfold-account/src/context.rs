//! Clock and chance, at the edge.

use std::time::{SystemTime, UNIX_EPOCH};

use chatfold::command::Role;
use chatfold::time::TimestampError;
use chatfold::{Context, Timestamp, UserId};

/// Why no context could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The clock is before 1970 or beyond what a log can hold.
    #[error("the system's clock is out of bounds: {0}")]
    Clock(#[from] TimestampError),
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Chance(#[from] getrandom::Error),
}

/// The context of a command given now: the system's clock, and a fresh seed from the system's randomness.
///
/// Keep the context and give the command again with it if the store failed: it is then done once.
///
/// ```
/// use chatfold::command::Role;
/// use chatfold::UserId;
/// let context = chatfold_account::system_context(UserId::parse("alice")?, Role::Member)?;
/// assert!(context.time > chatfold::Timestamp::from_millis(1_700_000_000_000)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ContextError`] if the clock is out of bounds or the system gives no randomness.
pub fn system_context(actor: UserId, role: Role) -> Result<Context, ContextError> {
    // A clock before 1970 has no time a log can hold.
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(-1, |since| since.as_millis() as i64);
    let mut seed = [0; 16];
    getrandom::fill(&mut seed)?;
    Ok(Context::new(actor, role, Timestamp::from_millis(now_ms)?, seed))
}
