//! Recounting: every cached value computed again from the facts, and compared.

use crate::inbox::list::ranking::ListKey;
use crate::inbox::state::Inbox;
use crate::model::badge::Sums;
use crate::model::change::Totals;
use crate::model::id::ConversationId;
use crate::store::snapshot::HistoryFault;

/// A cached value that does not equal what the facts say: a fault of this library.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The row of a conversation.
    #[error("the row of {id} is {kept}, its facts say {counted}")]
    Row {
        /// The conversation.
        id: ConversationId,
        /// What was kept.
        kept: String,
        /// What the facts say.
        counted: String,
    },
    /// The order of a conversation's messages, or a total over some of them.
    #[error("the messages of {id} are not in their order")]
    Order {
        /// The conversation.
        id: ConversationId,
    },
    /// Part of a history lies corrupt in the snapshot that it was restored from: no fault of this library.
    #[error("the history of {id} is faulty: {fault}")]
    Faulty {
        /// The conversation.
        id: ConversationId,
        /// Its fault.
        fault: HistoryFault,
    },
    /// The list: a row is missing, stands elsewhere or should not be there.
    #[error("the list does not hold exactly the listed conversations in their places")]
    List,
    /// The totals, or what badges by some rule follow from.
    #[error("the totals are {kept:?}, the list adds up to {counted:?}")]
    Totals {
        /// What was kept.
        kept: Totals,
        /// What the list adds up to.
        counted: Totals,
    },
}

impl Inbox {
    /// Computes every cached value again from the facts: rows, list, totals. An error is a fault of this
    /// library; the tests ask after every event. Complexity: everything is looked at.
    ///
    /// # Errors
    ///
    /// [`AuditError`] names the first value kept that is not what the registers give: a fault of this library.
    pub fn audit(&self) -> Result<(), AuditError> {
        let mut list = Vec::new();
        let mut counted = Sums::default();
        for (number, conversation) in self.conversations.numbered() {
            conversation.load_all();
            if let Some(fault) = conversation.fault() {
                return Err(AuditError::Faulty { id: conversation.id.clone(), fault });
            }
            let mut again = conversation.as_ref().clone();
            again.rebuild(self.policy);
            if again.row != conversation.row || again.derived != conversation.derived {
                return Err(AuditError::Row {
                    id: conversation.id.clone(),
                    kept: format!("{:?} {:?}", conversation.row, conversation.derived),
                    counted: format!("{:?} {:?}", again.row, again.derived),
                });
            }
            if !again.timeline.get().is_in_same_order(conversation.timeline.get()) {
                return Err(AuditError::Order { id: conversation.id.clone() });
            }
            if again.row.listed {
                list.push((ListKey::new(again.row.order_key, again.id.clone()), number));
                counted.add(&again.row.counted());
            }
        }
        list.sort_unstable();
        if !list.iter().eq(self.list.iter()) || list.len() != self.list.len() {
            return Err(AuditError::List);
        }
        if counted != self.sums {
            return Err(AuditError::Totals { kept: self.totals(), counted: counted.totals() });
        }
        Ok(())
    }
}
