//! Moving an inbox to another store while writes go on.

use chatfold::shared::StreamId;
use chatfold::store::{AppendError, Closed, Head};

use crate::error::PostgresError;
use crate::pool::PostgresStore;

/// How many events are moved at once.
const PAGE: usize = 8_192;

/// Why an inbox was not moved, or not to the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The place it is moved from failed. Move again: it goes on where it ended.
    #[error("the place it is moved from: {0}")]
    From(#[source] PostgresError),
    /// The place it is moved to failed or refused. Move again, if it can be helped.
    #[error("the place it is moved to: {0}")]
    To(#[source] AppendError<PostgresError>),
    /// What is at the new place is not what is at the old one: somebody wrote there.
    #[error("at the new place there are {} events that are not those of the old one", .0.events)]
    Differs(chatfold::snapshot::LogPrefix),
    /// It was erased.
    #[error("it was erased")]
    Erased,
}

impl PostgresStore {
    /// Moves an inbox: its events and its newest snapshot. From then on this place refuses appends and says that the
    /// inbox has moved to `name`; what it holds stays until [`PostgresStore::erase`].
    ///
    /// Most of it is copied while writes go on. Then the old place is fenced, which waits for appends under way and
    /// refuses all later ones, and the rest is copied, so that nothing acknowledged is lost: the heads of both places
    /// are compared at the end. Nobody should write at the new place before this returns.
    ///
    /// If it fails, move again: it goes on where it ended. If it was fenced already and is not to be moved after all,
    /// [`PostgresStore::reopen`] it.
    ///
    /// # Errors
    ///
    /// [`MoveError`]: which of the two stores failed, or that what arrived is not what was sent. The log stays fenced
    /// then, and moving may be tried again.
    pub async fn move_to(&self, inbox: &StreamId, to: &Self, name: &str) -> Result<Head, MoveError> {
        self.copy(inbox, to).await?;
        let fenced = self.fence(inbox, name).await.map_err(MoveError::From)?;
        self.copy(inbox, to).await?;
        if let Some(snapshot) = self.latest(inbox, u64::MAX).await.map_err(MoveError::From)? {
            to.save(inbox, &snapshot).await.map_err(|error| MoveError::To(error.into()))?;
        }
        let moved = to.head(inbox).await.map_err(|error| MoveError::To(error.into()))?;
        if moved.prefix == fenced.prefix { Ok(moved) } else { Err(MoveError::Differs(moved.prefix)) }
    }

    /// Copies what is not there yet, until the new place has all there was at one moment.
    async fn copy(&self, inbox: &StreamId, to: &Self) -> Result<(), MoveError> {
        let mut there = to.head(inbox).await.map_err(|error| MoveError::To(error.into()))?.prefix;
        loop {
            let page = self.read(inbox, there.events, PAGE).await.map_err(MoveError::From)?;
            if page.head.closed == Some(Closed::Erased) {
                return Err(MoveError::Erased);
            }
            if page.events.is_empty() {
                let same = page.head.prefix == there;
                return if same { Ok(()) } else { Err(MoveError::Differs(there)) };
            }
            match to.import(inbox, &page.events).await {
                Ok(head) => there = head.prefix,
                Err(AppendError::Broken { .. } | AppendError::Conflict { .. }) => {
                    return Err(MoveError::Differs(there));
                }
                Err(error) => return Err(MoveError::To(error)),
            }
        }
    }
}
