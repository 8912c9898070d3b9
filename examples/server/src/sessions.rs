//! Which accounts are at hand for questions over HTTP: who asked lately is connected, as a live connection is, but told nothing.

use std::sync::Arc;
use std::time::Duration;

use chatfold::UserId;
use chatfold_account::shared::{Connection, Desk};
use moka::future::Cache;

use crate::error::Refusal;

/// How long an account stays at hand after its last question.
const IDLE: Duration = Duration::from_secs(60);

pub(crate) struct Sessions {
    desk: Desk,
    kept: Cache<UserId, Arc<Connection>>,
}

impl Sessions {
    pub(crate) fn new(desk: Desk, most: u64) -> Self {
        Self { desk, kept: Cache::builder().max_capacity(most).time_to_idle(IDLE).build() }
    }

    /// The connection of an account, made if there is none.
    pub(crate) async fn of(&self, user: &UserId) -> Result<Arc<Connection>, Refusal> {
        let connect = async {
            let mut connection = self.desk.connect(user).await?;
            connection.deliveries.close();
            Ok(Arc::new(connection))
        };
        self.kept
            .try_get_with_by_ref(user, connect)
            .await
            .map_err(|error: Arc<chatfold_account::shared::SharedError>| (*error).clone().into())
    }
}
