//! Given events, when a command, then events or a rejection.

use crate::decide::command::{Command, Context};
use crate::decide::decision::Decision;
use crate::decide::{Rejection, decide};
use crate::inbox::Inbox;
use crate::model::event::{Body, Event};
use crate::model::id::UserId;
use crate::model::policy::Policy;

/// A history to give a command in: the beginning of a test of three steps.
///
/// The inbox belongs to the actor of the command, unless [`Given::owned_by`] names another. Every step that
/// fails panics at the caller's line and tells what came instead.
///
/// ```
/// use chatfold::testing::given;
/// use chatfold::command::{Limits, Rejection, Role};
/// use chatfold::event::{Body, Fact};
/// use chatfold::{Command, Context, ConversationId, Envelope, EventId, Timestamp, UserId};
///
/// let alice = UserId::parse("alice")?;
/// let bob: ConversationId = "c2c_bob".parse()?;
/// let dev: ConversationId = "group_dev".parse()?;
/// let at = Timestamp::from_millis(1_000)?;
/// let pinned = Envelope::new(EventId::from_bytes([1; 16]), at, alice.clone())
///     .conversation_pinned(bob.clone(), true)?;
/// let context = Context::new(alice, Role::Member, Timestamp::from_millis(2_000)?, [7; 16]);
///
/// given([pinned.clone()])
///     .when(&Command::Pin { conversation: dev.clone(), on: true }, &context)
///     .then(vec![Body::Conversation(dev.clone(), Fact::Pinned { on: true })])
///     .and_again_nothing();
///
/// let strict = context.with_limits(Limits::default().with_pinned_conversations(1));
/// given([pinned])
///     .when(&Command::Pin { conversation: dev, on: true }, &strict)
///     .then(Rejection::TooManyPins { found: 2, limit: 1 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn given(events: impl IntoIterator<Item = Event>) -> Given {
    Given { events: events.into_iter().collect(), owner: None, policy: Policy::default() }
}

/// What has happened; see [`given`].
#[derive(Clone, Debug)]
pub struct Given {
    events: Vec<Event>,
    owner: Option<UserId>,
    policy: Policy,
}

impl Given {
    /// The same in the inbox of `owner`.
    #[must_use]
    pub fn owned_by(mut self, owner: UserId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// The same, folded with `policy`.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Judges a command in this history.
    pub fn when(self, command: &Command, context: &Context) -> When {
        let owner = self.owner.unwrap_or_else(|| context.actor.clone());
        let inbox = Inbox::replay(owner, self.policy, &self.events);
        let decision = decide(&inbox, command, context);
        When { inbox, command: command.clone(), context: context.clone(), decision }
    }
}

/// A command that was judged; see [`given`].
#[derive(Clone, Debug)]
pub struct When {
    inbox: Inbox,
    command: Command,
    context: Context,
    decision: Result<Decision, Rejection>,
}

/// What is expected of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// These events, ids and instants included.
    Events(Vec<Event>),
    /// Events that say this.
    Bodies(Vec<Body>),
    /// A rejection.
    Rejected(Rejection),
}

impl From<Vec<Event>> for Expected {
    fn from(events: Vec<Event>) -> Self {
        Self::Events(events)
    }
}

impl From<Vec<Body>> for Expected {
    fn from(bodies: Vec<Body>) -> Self {
        Self::Bodies(bodies)
    }
}

impl From<Rejection> for Expected {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl When {
    /// What came of the command.
    pub fn decision(&self) -> &Result<Decision, Rejection> {
        &self.decision
    }

    /// Asserts that these events, or events that say this, or this rejection came of it.
    ///
    /// # Panics
    ///
    /// Where something else did.
    #[track_caller]
    pub fn then(self, expected: impl Into<Expected>) -> Then {
        let found = self.decision.clone();
        match expected.into() {
            Expected::Events(events) => {
                assert_eq!(found.map(|decision| decision.events), Ok(events));
            }
            Expected::Bodies(bodies) => {
                let body = |event: &Event| event.body().clone();
                let found = found.map(|decision| decision.events.iter().map(body).collect());
                assert_eq!(found, Ok(bodies));
            }
            Expected::Rejected(rejection) => assert_eq!(found, Err(rejection)),
        }
        self.after()
    }

    /// Asserts that so many events came of it.
    ///
    /// # Panics
    ///
    /// Where more or fewer did, or a rejection.
    #[track_caller]
    pub fn then_events(self, count: usize) -> Then {
        let found = self.decision.as_ref().map(|decision| decision.events.len());
        assert_eq!(found, Ok(count), "{:?}: {:?}", self.command, self.decision);
        self.after()
    }

    /// Asserts that the outcome was true already: no events, and nothing refused.
    ///
    /// # Panics
    ///
    /// Where it was not.
    #[track_caller]
    pub fn then_nothing(self) -> Then {
        assert_eq!(self.decision, Ok(Decision::default()));
        self.after()
    }

    fn after(self) -> Then {
        let mut inbox = self.inbox;
        if let Ok(decision) = &self.decision {
            inbox.apply_batch(&decision.events);
        }
        Then { inbox, command: self.command, context: self.context }
    }
}

/// What came of a command, taken in; see [`given`].
#[derive(Clone, Debug)]
pub struct Then {
    inbox: Inbox,
    command: Command,
    context: Context,
}

impl Then {
    /// The inbox with the events of the command.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Asserts that the same command in the same context has nothing more to do.
    ///
    /// # Panics
    ///
    /// Where it has, or is rejected.
    #[track_caller]
    pub fn and_again_nothing(self) -> Self {
        let again = decide(&self.inbox, &self.command, &self.context);
        assert_eq!(again.map(|decision| decision.events), Ok(Vec::new()), "{:?}, again", self.command);
        self
    }

    /// Gives another command in the inbox as it is now.
    pub fn when(self, command: &Command, context: &Context) -> When {
        let decision = decide(&self.inbox, command, context);
        When { inbox: self.inbox, command: command.clone(), context: context.clone(), decision }
    }
}
