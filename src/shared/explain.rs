//! Why a member's row shows what it shows (R43).

use crate::inbox::conversation::personal::reach;
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::order::contribution::{Contribution, Look as _};
use crate::inbox::views::explain::{message_reason, read_reasons, standing, uncounted};
use crate::inbox::{Because, Explanation, Reason};
use crate::model::id::EventId;
use crate::model::time::Stamp;
use crate::register::lattice::{Lww, shown};
use crate::shared::member::{Member, MemberMessage};
use crate::shared::row::{Look, type_register};

impl Member<'_> {
    /// Why the row shows what it shows: the messages and events behind every value (R43). It is what
    /// [`Inbox::explain`](crate::Inbox::explain) tells of an inbox that holds all that the account may see.
    ///
    /// Complexity: the messages of the timeline are looked at.
    ///
    /// ```
    /// use chatfold::shared::{Directory, Memberships, SharedId, Timeline};
    /// use chatfold::{Envelope, EventId, GroupId, Message, MessageId, Policy, Timestamp, UserId};
    ///
    /// let [alice, bob] = [UserId::parse("alice")?, UserId::parse("bob")?];
    /// let team = SharedId::group(&GroupId::parse("team")?);
    /// let (mut timeline, directory) = (Timeline::new(&team), Directory::new());
    /// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob);
    /// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?").with_seq(1);
    /// timeline.apply(&envelope.message_received(team.conversation().clone(), lunch)?);
    ///
    /// let alice = Memberships::new(alice, Policy::default())?;
    /// let why = alice.member(&timeline, &directory).ok_or("a group is open to all")?.explain();
    /// assert_eq!(why.unread[0].event, EventId::from_bytes([1; 16]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn explain(&self) -> Explanation {
        let look = &self.look;
        let because = |message: MemberMessage<'_>| Because { message: message.id(), event: message.event() };
        let mentions = self.mentions();
        let (reads, marks) = look.fronts();
        let entry_at = |slot: u32| Some((slot, look.entry(slot)?));
        let (show_name, face_url) = self.name_reasons();
        let event = |stamp: Option<Stamp>| stamp.map(|stamp| stamp.event);
        Explanation {
            unread: self.unread().map(because).collect(),
            uncounted: uncounted(self.group_type(), look.policy),
            mentions: mentions.iter().filter_map(|m| self.message(m.message?)).map(because).collect(),
            read_by_name: look.reads_by_name(self.floor()),
            read_marker: read_reasons(&reads, &marks, None),
            last_message: self
                .row
                .last
                .and_then(entry_at)
                .map(|(slot, entry)| message_reason(look.facts, slot, &entry)),
            activity: look.activity_reason(),
            listed: look.listed_reasons(),
            membership: event(look.timeline.people.membership_register(look.owner).stamp()),
            folders: self.number.map(|number| self.inbox.folder_reasons(number)).unwrap_or_default(),
            group_type: event(type_register(look.timeline, self.directory).stamp()),
            show_name,
            face_url,
            ..Explanation::of_personal(look.personal())
        }
    }

    fn name_reasons(&self) -> (Option<EventId>, Option<EventId>) {
        let event = |register: &Lww<std::sync::Arc<str>>| {
            shown(register).and(register.stamp()).map(|stamp| stamp.event)
        };
        match self.id.peer() {
            None => match self.directory.group(self.id.target()) {
                Some(group) => (event(&group.name), event(&group.face_url)),
                None => (None, None),
            },
            Some(peer) => {
                let remark = self.directory.remark_register(self.inbox.owner(), &peer).and_then(event);
                let profile = self.directory.profile(&peer);
                let name = remark.or_else(|| event(&profile?.nickname));
                (name, profile.and_then(|profile| event(&profile.face_url)))
            }
        }
    }
}

impl Look<'_> {
    /// The messages behind the floor that would count as unread, or as a mention, if they were not read by name, and the reads
    /// that name them (R59).
    fn reads_by_name(&self, floor: i64) -> Vec<Because> {
        let Some(own) = self.own.map(|own| own.facts()).filter(|own| own.arena.len() > 0) else {
            return Vec::new();
        };
        let mut read: Vec<(Position, Because)> = Vec::new();
        for (at, named) in own.arena.iter().filter(|(_, named)| named.has(bits::READ)) {
            let Some(slot) = self.facts.slot(named.id) else { continue };
            let Some(entry) = self.entry(slot).filter(|entry| entry.first > floor) else { continue };
            let unread = Entry { bits: entry.bits & !bits::READ, ..entry };
            let stamp = own.arena.named_read(at).and_then(|read| read.stamp());
            if let Some(stamp) = stamp.filter(|_| self.would_count(slot, &unread)) {
                read.push((entry.position(), Because { message: entry.id, event: stamp.event }));
            }
        }
        read.sort_unstable_by_key(|(position, _)| *position);
        read.into_iter().map(|(_, because)| because).collect()
    }

    /// Whether a message with this entry counts as unread, or as a mention, behind the floor.
    fn would_count(&self, slot: u32, entry: &Entry) -> bool {
        let out = bits::OWN | bits::DELETED | bits::CLEARED | bits::UNLISTED;
        let (me, everybody) = self.mentions(slot, entry);
        let counts = self.facts.contribution(slot).has(Contribution::UNREAD) || me || everybody;
        counts && !entry.has(out)
    }

    fn activity_reason(&self) -> Option<Reason> {
        let messages = self.facts.arena.iter().filter_map(|(slot, _)| {
            let entry = self.entry(slot)?;
            let (at, event) = self.facts.activity(slot, &entry)?;
            Some((at, Reason::Message { message: entry.id, event }))
        });
        let moving = standing(self.personal(), self.opening());
        let moving = moving.filter(|(_, reason)| !matches!(reason, Reason::Pin(_)));
        messages.chain(moving).max().map(|(_, reason)| reason)
    }

    fn listed_reasons(&self) -> Vec<Reason> {
        let newest = self.newest(None).and_then(|slot| self.entry(slot));
        let message = newest.map(|entry| Reason::Message { message: entry.id, event: entry.event });
        let standing = standing(self.personal(), self.opening()).map(|(_, reason)| reason);
        message.into_iter().chain(standing).collect()
    }

    /// Whether a message stands behind all that the member put away: neither deleted nor cleared away, alone or with its
    /// conversation.
    pub(crate) fn is_put_away(&self, entry: &Entry) -> bool {
        entry.has(bits::UNLISTED) || entry.first <= reach(&self.personal().deleted) || !self.is_visible(entry)
    }
}
