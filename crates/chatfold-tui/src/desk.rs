//! What the terminal inbox needs of whoever keeps the log.

use chatfold::command::Rejection;
use chatfold::{Command, ConversationId, Decision, Event, Inbox, MessageId};

/// What somebody wishes at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A command as it is.
    Command(Command),
    /// A message to be sent: whoever has a source of chance gives it an id.
    Send {
        /// Where to.
        conversation: ConversationId,
        /// What it says.
        text: String,
        /// The message it answers.
        reply_to: Option<MessageId>,
    },
}

/// What came of a [`Wish`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Every event that followed in the log since it was last read: first what others appended, then what was
    /// decided.
    pub events: Vec<Event>,
    /// What was decided, or why it was refused.
    pub judged: Result<Decision, Rejection>,
    /// Something to be told beside, such as a torn end set aside.
    pub note: Option<String>,
}

/// Keeps a log: reads what others append to it, and appends what is decided. Clock, chance and files stay behind
/// it.
pub trait Desk {
    /// The events that others appended since the log was last read.
    ///
    /// # Errors
    ///
    /// What went wrong, for people.
    fn look(&mut self) -> Result<Vec<Event>, String>;

    /// Judges a wish against the log as it is now and appends what is decided. `inbox` is what the events read so
    /// far make; what others appended meanwhile counts too.
    ///
    /// # Errors
    ///
    /// What went wrong, for people. A refusal is no error.
    fn act(&mut self, inbox: &Inbox, wish: &Wish) -> Result<Done, String>;
}

/// What may be done with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Followed and acted on.
    Full,
    /// Followed, not acted on, and why.
    ReadOnly(String),
    /// Neither, and why.
    Fixed(String),
}

impl Access {
    /// Why one cannot act.
    pub fn no_acts(&self) -> Option<&str> {
        match self {
            Self::Full => None,
            Self::ReadOnly(why) | Self::Fixed(why) => Some(why),
        }
    }

    /// Why the log cannot be followed.
    pub fn no_following(&self) -> Option<&str> {
        match self {
            Self::Full | Self::ReadOnly(_) => None,
            Self::Fixed(why) => Some(why),
        }
    }
}
