//! The badge: the number that an application's icon shows (R55), and the totals beside it (R53).

use crate::model::change::Totals;
use crate::model::event::ReceiveOption;
use crate::model::setters::setters;

/// How a reader counts its badge (R55). It is the reader's own: the inbox answers any rule in O(1).
///
/// By the default rule each listed conversation that is neither archived nor marked [`HIDE`](crate::event::Mark::HIDE) gives:
///
/// | receive option | gives |
/// |---|---|
/// | `Receive` | its unread messages |
/// | `NotNotifyExceptAt`, `NotReceiveExceptAt` | its unread mentions of the owner |
/// | `NotReceive`, `ReceiveNotNotify` | nothing |
///
/// Where that is nothing, it gives 1 if it bears the mark [`UNREAD`](crate::event::Mark::UNREAD) and its option is none of the
/// last line.
///
/// ```
/// use chatfold::list::BadgeRule;
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let mut inbox = Inbox::new(alice, Policy::default());
/// for n in [1, 2] {
///     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(1_000)?, bob.clone());
///     inbox.apply(&envelope.message_received(ConversationId::direct(&bob), Message::new(MessageId::from_bytes([n; 16])))?);
/// }
/// assert_eq!(inbox.badge(BadgeRule::default()), 2);
/// assert_eq!(inbox.badge(BadgeRule::default().with_chats(true)), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct BadgeRule {
    /// Counts conversations that give anything, in place of what they give.
    pub chats: bool,
    /// Archived conversations give too.
    pub with_archived: bool,
    /// Conversations marked HIDE give too.
    pub with_hidden: bool,
    /// Mentions in conversations whose messages do not notify otherwise give nothing; a mark UNREAD still gives 1.
    pub without_muted_mentions: bool,
}

setters!(BadgeRule {
    /// Returns the same with [`chats`](BadgeRule::chats) as given.
    with_chats: chats: bool,
    /// Returns the same with [`with_archived`](BadgeRule::with_archived) as given.
    with_archived: with_archived: bool,
    /// Returns the same with [`with_hidden`](BadgeRule::with_hidden) as given.
    with_hidden: with_hidden: bool,
    /// Returns the same with [`without_muted_mentions`](BadgeRule::without_muted_mentions) as given.
    without_muted_mentions: without_muted_mentions: bool,
});

/// What a listed conversation has that totals follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) unread: u32,
    pub(crate) mentions: u32,
    pub(crate) option: ReceiveOption,
    pub(crate) archived: bool,
    /// It bears the mark HIDE.
    pub(crate) hidden: bool,
    /// It bears the mark UNREAD.
    pub(crate) marked: bool,
    /// Some mention shows, or is counted (R47).
    pub(crate) mentioned: bool,
    /// There may be more unread messages, or mentions (R46, R47).
    pub(crate) unread_bounded: bool,
    pub(crate) mentions_bounded: bool,
}

impl Counted {
    /// Whether only mentions give; `None` where nothing ever does.
    fn only_mentions(&self) -> Option<bool> {
        match self.option {
            ReceiveOption::Receive => Some(false),
            ReceiveOption::NotNotifyExceptAt | ReceiveOption::NotReceiveExceptAt => Some(true),
            ReceiveOption::NotReceive | ReceiveOption::ReceiveNotNotify => None,
        }
    }

    /// What it gives where its archive and marks keep nothing back.
    fn gives(&self, only_mentions: bool) -> u32 {
        let counted = if only_mentions { self.mentions } else { self.unread };
        counted.max(self.marked.into())
    }

    /// Whether it may give more than it gives.
    fn is_bounded(&self, only_mentions: bool) -> bool {
        if only_mentions { self.mentions_bounded } else { self.unread_bounded }
    }

    /// The number of its class.
    fn class(&self, only_mentions: bool) -> usize {
        let bit = |bit: usize, on: bool| if on { bit } else { 0 };
        bit(MENTIONS, only_mentions) | bit(ARCHIVED, self.archived) | bit(HIDDEN, self.hidden)
    }

    /// What it adds to the badge.
    pub(crate) fn badge(&self, rule: BadgeRule) -> u64 {
        self.badges().count(rule)
    }

    /// Whether it may add more to the badge.
    pub(crate) fn badge_is_lower_bound(&self, rule: BadgeRule) -> bool {
        self.badges().is_lower_bound(rule)
    }

    fn badges(&self) -> Badges {
        let mut badges = Badges::default();
        badges.add(self);
        badges
    }
}

/// What some conversations give to badges, by class: for any rule the sum over a few classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Badges(pub(crate) [BadgeClass; Badges::CLASSES]);

/// What the conversations of one class give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BadgeClass {
    /// What they give together.
    pub(crate) messages: u64,
    /// How many give anything.
    pub(crate) chats: u32,
    /// How many bear the mark UNREAD.
    pub(crate) marked: u32,
    /// How many may give more.
    pub(crate) bounded: u32,
    /// How many of these give nothing yet.
    pub(crate) bounded_silent: u32,
}

/// The bits of a class's number.
const MENTIONS: usize = 1;
const ARCHIVED: usize = 2;
const HIDDEN: usize = 4;

impl Badges {
    /// One for each combination of the bits.
    pub(crate) const CLASSES: usize = 8;

    /// The class of a conversation, what it gives, and whether that may be more.
    fn class(&mut self, counted: &Counted) -> Option<(&mut BadgeClass, u32, bool)> {
        let only_mentions = counted.only_mentions()?;
        let (gives, is_bounded) = (counted.gives(only_mentions), counted.is_bounded(only_mentions));
        if gives == 0 && !is_bounded {
            return None;
        }
        Some((self.0.get_mut(counted.class(only_mentions))?, gives, is_bounded))
    }

    pub(crate) fn add(&mut self, counted: &Counted) {
        if let Some((class, gives, is_bounded)) = self.class(counted) {
            class.messages = class.messages.saturating_add(gives.into());
            class.chats = class.chats.saturating_add((gives > 0).into());
            class.marked = class.marked.saturating_add(counted.marked.into());
            class.bounded = class.bounded.saturating_add(is_bounded.into());
            class.bounded_silent = class.bounded_silent.saturating_add((is_bounded && gives == 0).into());
        }
    }

    /// Subtracts, saturating: sums from a forged snapshot may be too small.
    pub(crate) fn sub(&mut self, counted: &Counted) {
        if let Some((class, gives, is_bounded)) = self.class(counted) {
            class.messages = class.messages.saturating_sub(gives.into());
            class.chats = class.chats.saturating_sub((gives > 0).into());
            class.marked = class.marked.saturating_sub(counted.marked.into());
            class.bounded = class.bounded.saturating_sub(is_bounded.into());
            class.bounded_silent = class.bounded_silent.saturating_sub((is_bounded && gives == 0).into());
        }
    }

    /// The classes that a rule counts, by their numbers.
    fn counted(&self, rule: BadgeRule) -> impl Iterator<Item = (usize, &BadgeClass)> {
        let counts = move |class: usize| {
            (rule.with_archived || class & ARCHIVED == 0) && (rule.with_hidden || class & HIDDEN == 0)
        };
        self.0.iter().enumerate().filter(move |(class, _)| counts(*class))
    }

    /// Whether the badge by a rule may be more: where chats are counted, one that gives anything gives no more.
    pub(crate) fn is_lower_bound(&self, rule: BadgeRule) -> bool {
        self.counted(rule).any(|(number, class)| match (number & MENTIONS != 0, rule) {
            (true, BadgeRule { without_muted_mentions: true, .. }) => false,
            (_, BadgeRule { chats: true, .. }) => class.bounded_silent > 0,
            _ => class.bounded > 0,
        })
    }

    /// The badge by a rule.
    pub(crate) fn count(&self, rule: BadgeRule) -> u64 {
        let each = self.counted(rule).map(|(number, class)| match (number & MENTIONS != 0, rule) {
            (true, BadgeRule { without_muted_mentions: true, .. }) => class.marked.into(),
            (_, BadgeRule { chats: true, .. }) => class.chats.into(),
            _ => class.messages,
        });
        each.fold(0, u64::saturating_add)
    }
}

/// Totals, and how many conversations make each a lower bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) totals: Totals,
    pub(crate) bounded: [u32; 3],
}

impl Running {
    pub(crate) fn add(&mut self, counted: &Counted) {
        self.totals.add(counted);
        if counted.unread_bounded || counted.mentions_bounded {
            self.change_bounds(counted, |count| count.saturating_add(1));
        }
    }

    /// Saturating: what a snapshot says may lie, if someone wrote checksums that fit.
    pub(crate) fn sub(&mut self, counted: &Counted) {
        self.totals.sub(counted);
        if counted.unread_bounded || counted.mentions_bounded {
            self.change_bounds(counted, |count| count.saturating_sub(1));
        }
    }

    fn change_bounds(&mut self, counted: &Counted, change: impl Fn(u32) -> u32) {
        let [unread, unread_all, badge] = &mut self.bounded;
        if counted.unread_bounded {
            *unread_all = change(*unread_all);
            if counted.option == ReceiveOption::Receive {
                *unread = change(*unread);
            }
        }
        if counted.badge_is_lower_bound(BadgeRule::default()) {
            *badge = change(*badge);
        }
        let totals = &mut self.totals;
        totals.unread_is_lower_bound = *unread > 0;
        totals.unread_all_is_lower_bound = *unread_all > 0;
        totals.badge_is_lower_bound = *badge > 0;
    }
}

/// The totals of a list, and what badges by any rule follow from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) running: Running,
    pub(crate) badges: Badges,
}

impl Sums {
    pub(crate) fn add(&mut self, counted: &Counted) {
        self.running.add(counted);
        self.badges.add(counted);
    }

    pub(crate) fn sub(&mut self, counted: &Counted) {
        self.running.sub(counted);
        self.badges.sub(counted);
    }

    pub(crate) fn totals(&self) -> Totals {
        self.running.totals
    }

    /// Puts what a listed conversation has now in the place of what it had, where only its numbers of messages differ and are
    /// exact, as after nearly every event: the class stays. Wrapping: sums from a forged snapshot may be anything.
    #[inline]
    pub(crate) fn recount(&mut self, had: &Counted, has: &Counted) {
        let moved = |sum: u64, had: u32, has: u32| sum.wrapping_sub(had.into()).wrapping_add(has.into());
        let totals = &mut self.running.totals;
        totals.unread_all = moved(totals.unread_all, had.unread, has.unread);
        let Some(only_mentions) = has.only_mentions() else { return };
        if !only_mentions {
            totals.unread = moved(totals.unread, had.unread, has.unread);
        }
        let (gave, gives) = (had.gives(only_mentions), has.gives(only_mentions));
        if !has.archived && !has.hidden {
            totals.badge = moved(totals.badge, gave, gives);
        }
        if let Some(class) = self.badges.0.get_mut(has.class(only_mentions)) {
            class.messages = moved(class.messages, gave, gives);
            class.chats = class.chats.wrapping_sub((gave > 0).into()).wrapping_add((gives > 0).into());
        }
    }
}

impl Totals {
    pub(crate) fn add(&mut self, counted: &Counted) {
        let unread = u64::from(counted.unread);
        self.unread_all = self.unread_all.saturating_add(unread);
        if counted.option == ReceiveOption::Receive {
            self.unread = self.unread.saturating_add(unread);
        }
        self.badge = self.badge.saturating_add(counted.default_badge());
    }

    /// Subtracts, saturating: totals from a forged snapshot may be too small.
    pub(crate) fn sub(&mut self, counted: &Counted) {
        let unread = u64::from(counted.unread);
        self.unread_all = self.unread_all.saturating_sub(unread);
        if counted.option == ReceiveOption::Receive {
            self.unread = self.unread.saturating_sub(unread);
        }
        self.badge = self.badge.saturating_sub(counted.default_badge());
    }
}

impl Counted {
    /// What it adds to the badge by the default rule.
    fn default_badge(&self) -> u64 {
        let gives = || self.only_mentions().map(|only_mentions| self.gives(only_mentions).into());
        if self.archived || self.hidden { 0 } else { gives().unwrap_or(0) }
    }
}
