//! Events out of what a server said, each with the id that every writer derives (R113).

use std::collections::BTreeMap;

use chatfold::event::{
    AccountFact, Body, Fact, GroupType, Mark, Membership, Meta, ReceiveOption, ReportedMentions, Through,
    UnreadReport, Watermark,
};
use chatfold::foreign::{EventKey, Foreign, ForeignError, META_FOREIGN, Profile, derive_seq};
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, Envelope, Event, FolderId, GroupId, Message, MessageId, Timestamp, UserId};

use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;
use crate::scope::{Scope, folder_of};
use crate::taken::Taken;

/// What is being made of one payload.
#[derive(Debug)]
pub(crate) struct Maker<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) received_at: Timestamp,
    pub(crate) taken: Taken,
    /// What stands in the meta of every event made from now on.
    pub(crate) beside: Meta,
}

/// Of which conversation something was said, when, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) conversation: ConversationId,
    pub(crate) time: Timestamp,
    pub(crate) by: UserId,
}

/// The server's id of a message, as text, and what is derived of it.
#[derive(Clone, Debug)]
pub(crate) struct MessageName {
    /// What event ids are derived from.
    pub(crate) key: String,
    pub(crate) id: MessageId,
    keep: Option<Box<str>>,
}

/// In which state a message was when the server told of it: one that was told of later than it was written is another fact.
#[derive(Clone, Copy, Debug)]
pub(crate) enum As<'a> {
    /// As it was written.
    Written,
    /// Changed since; this says how.
    Changed(&'a str),
}

/// What a server says of unread messages.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The instant of the newest message, or its number where the server counts.
    pub(crate) through: Watermark,
    pub(crate) unread: u64,
    pub(crate) read: Option<Through>,
    pub(crate) at_least: bool,
    pub(crate) mentions: Option<ReportedMentions>,
    pub(crate) active_at: Option<Timestamp>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(scope: &'a Scope, received_at: Timestamp) -> Self {
        Self { scope, received_at, taken: Taken::default(), beside: Meta::new() }
    }

    /// Keeps the fault of one event, so that the others are taken.
    pub(crate) fn note(&mut self, result: Result<(), Fault>) {
        self.taken.faults.extend(result.err());
    }

    pub(crate) fn left_out(&mut self, name: &str) {
        self.taken.leave_out(name);
    }

    /// Notes that nothing was made of something of this name.
    pub(crate) fn nothing_of(&mut self, name: &str) -> Result<(), Fault> {
        self.left_out(name);
        Ok(())
    }

    pub(crate) fn owner(&self) -> &'a UserId {
        self.scope.owner()
    }

    /// Returns the user whose id stands under the key.
    pub(crate) fn user(&self, at: &At<'_, '_>, key: &str) -> Result<UserId, Fault> {
        let at = at.need(key)?;
        self.user_named(&at, at.as_text()?)
    }

    pub(crate) fn user_named(&self, at: &At<'_, '_>, foreign: &str) -> Result<UserId, Fault> {
        Ok(self.scope.network().user(foreign).map_err(|error| of_id(at, &error))?.id)
    }

    pub(crate) fn group(&self, at: &At<'_, '_>, foreign: &str) -> Result<ConversationId, Fault> {
        let group = self.scope.network().group(foreign).map_err(|error| of_id(at, &error))?;
        Ok(ConversationId::group(&group.id))
    }

    /// Returns the message that the server calls `foreign`; `key` is how event ids name it.
    pub(crate) fn message(&self, at: &At<'_, '_>, foreign: &str, key: &str) -> Result<MessageName, Fault> {
        let Foreign { id, keep } =
            self.scope.network().message_id(foreign).map_err(|error| of_id(at, &error))?;
        Ok(MessageName { key: key.to_owned(), id, keep })
    }

    /// Returns the folder that stands for something of the server's that has this name.
    pub(crate) fn folder(&self, at: &At<'_, '_>, name: &str) -> Result<FolderId, Fault> {
        folder_of(self.scope, name).map_err(|error| of_id(at, &error))
    }

    /// Makes an event of what the server said.
    pub(crate) fn say(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        key: &EventKey<'_>,
        fact: Fact,
    ) -> Result<(), Fault> {
        self.say_with(at, said, key, fact, Meta::new())
    }

    pub(crate) fn say_with(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        key: &EventKey<'_>,
        fact: Fact,
        meta: Meta,
    ) -> Result<(), Fault> {
        let event = self.event(at, said, key, fact, meta)?;
        self.taken.events.push(event);
        Ok(())
    }

    fn event(
        &self,
        at: &At<'_, '_>,
        said: &Said,
        key: &EventKey<'_>,
        fact: Fact,
        mut meta: Meta,
    ) -> Result<Event, Fault> {
        meta.extend(self.beside.clone());
        let id = key.id(self.scope.network(), Some(&said.conversation));
        let envelope = Envelope::new(id, said.time, said.by.clone()).with_meta(meta);
        let event = Event::new(envelope, Body::Conversation(said.conversation.clone(), fact));
        event.map_err(|error| at.refused("what makes an event", error.to_string()))
    }

    /// Returns what the owner is found to have said by now.
    pub(crate) fn found(&self, conversation: &ConversationId) -> Said {
        Said { conversation: conversation.clone(), time: self.received_at, by: self.owner().clone() }
    }

    /// Makes an event whose id is derived of its type and these parts.
    pub(crate) fn say_of_parts(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        parts: &[&str],
        fact: Fact,
    ) -> Result<(), Fault> {
        let key = EventKey::Other { type_name: fact.type_name(), parts, at: said.time };
        self.say(at, said, &key, fact)
    }

    /// Makes an observation of the owner's own, by now, whose id is derived of its type and these parts.
    pub(crate) fn observe_of_parts(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        parts: &[&str],
        fact: Fact,
    ) -> Result<(), Fault> {
        let key = EventKey::Other { type_name: fact.type_name(), parts, at: self.received_at };
        self.observe(at, conversation, &key, fact)
    }

    /// Makes an observation of the owner's own, by now.
    pub(crate) fn observe(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        key: &EventKey<'_>,
        fact: Fact,
    ) -> Result<(), Fault> {
        self.observe_of(at, &self.found(conversation), key, fact)
    }

    /// Makes an observation of what somebody did.
    pub(crate) fn observe_of(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        key: &EventKey<'_>,
        fact: Fact,
    ) -> Result<(), Fault> {
        // What was found in the very millisecond in which a server says that it happened is another fact, by another.
        let (of, by) =
            (key.id(self.scope.network(), Some(&said.conversation)).to_string(), said.by.to_string());
        let key = EventKey::Other { type_name: fact.type_name(), parts: &[&of, &by, "found"], at: said.time };
        let event = self.event(at, said, &key, fact, Meta::new())?;
        self.taken.observations.push(event);
        Ok(())
    }

    /// Introduces a message. In a group it stands at `seq`, or where the server counts none at its instant; in a direct
    /// chat `seq` only orders messages of one instant.
    pub(crate) fn introduce(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        name: &MessageName,
        (seq, state): (Option<u64>, As<'_>),
        content: Content,
        mut meta: Meta,
    ) -> Result<(), Fault> {
        let mut message = Message::new(name.id);
        message.seq = match said.conversation.kind() {
            ConversationKind::Group => Some(seq.unwrap_or_else(|| derive_seq(said.time))),
            ConversationKind::Direct => seq,
        };
        message.kind = content.kind;
        message.text = content.text;
        message.mentions = content.mentions;
        message.reply_to = content.reply_to;
        message.custom = content.custom;
        message.cloud_custom = content.cloud_custom;
        message.recipients = content.recipients;
        message.online_only = content.online_only;
        message.need_receipt = content.need_receipt;
        message.supports_extensions = content.supports_extensions;
        message.excluded_from_unread = content.excluded_from_unread;
        message.excluded_from_last = content.excluded_from_last;
        if let Some(foreign) = &name.keep {
            meta.insert(META_FOREIGN.to_owned(), foreign.to_string());
        }
        let parts = [name.key.as_str(), if let As::Changed(how) = state { how } else { "" }];
        let key = match state {
            As::Written => EventKey::Introduced(&name.key),
            As::Changed(_) => EventKey::Other { type_name: "message_received", parts: &parts, at: said.time },
        };
        self.say_with(at, said, &key, Fact::MessageReceived(Box::new(message)), meta)
    }

    /// Edits a message: its text and whom it mentions.
    pub(crate) fn edit(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        name: &MessageName,
        version: u64,
        content: &Content,
    ) -> Result<(), Fault> {
        let version = version.max(1);
        let edit = content.edit(version);
        let fact = Fact::MessageModified { target: name.id, edit };
        self.say(at, said, &EventKey::Edited(&name.key, version), fact)
    }

    pub(crate) fn recall(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        name: &MessageName,
        reason: Option<&str>,
    ) -> Result<(), Fault> {
        let fact = Fact::MessageRecalled { target: name.id, reason: reason.map(str::to_owned) };
        self.say(at, said, &EventKey::Recalled(&name.key), fact)
    }

    /// Tells what became of a member.
    pub(crate) fn membership(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        state: Membership,
        user: Option<&UserId>,
    ) -> Result<(), Fault> {
        let key = EventKey::Membership { user, state, at: said.time };
        self.say(at, said, &key, Fact::MembershipSet { state, user: user.cloned() })
    }

    /// Observes that the owner has read up to there.
    pub(crate) fn observe_read(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        through: Through,
    ) -> Result<(), Fault> {
        let key = EventKey::Read { actor: self.owner(), through, at: self.received_at };
        self.observe(at, conversation, &key, Fact::Read { through })
    }

    /// Tells what a server reports. Its instant is that of the payload, or that of the newest position it names where the
    /// clock is behind it: the server cannot have answered earlier.
    pub(crate) fn report(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        report: Report,
    ) -> Result<(), Fault> {
        let named = |through: Watermark| Timestamp::from_millis(through.first_field()).ok();
        let newest = named(report.through).filter(|_| conversation.kind() == ConversationKind::Direct);
        let time = self.received_at.max(newest.unwrap_or(self.received_at));
        let said = Said { time, ..self.found(conversation) };
        let read = match report.read {
            None => String::new(),
            Some(Through::Watermark(watermark)) => watermark.first_field().to_string(),
            Some(Through::Message(message)) => message.to_string(),
        };
        let parts = [
            report.through.first_field().to_string(),
            report.unread.to_string(),
            read,
            report.at_least.to_string(),
            report.mentions.as_ref().map(mentions_as_text).unwrap_or_default(),
            report.active_at.map(|at| at.as_millis().to_string()).unwrap_or_default(),
        ];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let mentions = report.mentions.filter(|_| conversation.kind() == ConversationKind::Group);
        let fact = Fact::UnreadReported(Box::new(UnreadReport {
            through: report.through,
            unread: report.unread,
            read: report.read,
            at_least: report.at_least,
            mentions,
            active_at: report.active_at,
        }));
        self.say_of_parts(at, &said, &parts, fact)
    }

    /// Tells that every message of a stretch is held; nothing where the stretch is empty.
    pub(crate) fn complete(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        from: Watermark,
        through: Watermark,
    ) -> Result<(), Fault> {
        if from > through {
            return Ok(());
        }
        let parts = [from.first_field().to_string(), through.first_field().to_string()];
        let (said, parts) = (self.found(conversation), [parts[0].as_str(), &parts[1]]);
        self.say_of_parts(at, &said, &parts, Fact::HistoryComplete { from, through })
    }

    /// Tells of a draft of the owner's, or with `None` that there is none: in the second in which it was written, where that is
    /// said, and as found by now. The latter counts where a clearing in that very second hides the former.
    pub(crate) fn draft(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        text: Option<&str>,
        second: Option<Timestamp>,
    ) -> Result<(), Fault> {
        let fact = Fact::DraftSet { text: text.map(str::to_owned), replaces: None };
        let parts = [text.unwrap_or_default()];
        if let Some(time) = second {
            self.say_of_parts(at, &Said { time, ..self.found(conversation) }, &parts, fact.clone())?;
        }
        self.observe_of_parts(at, conversation, &parts, fact)
    }

    pub(crate) fn observe_option(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        option: ReceiveOption,
        until: Option<Timestamp>,
    ) -> Result<(), Fault> {
        let key = EventKey::ReceiveOption { option, until, at: self.received_at };
        self.observe(at, conversation, &key, Fact::ReceiveOptionSet { option, until })
    }

    pub(crate) fn observe_pin(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        on: bool,
    ) -> Result<(), Fault> {
        let key = EventKey::Pinned { on, at: self.received_at };
        self.observe(at, conversation, &key, Fact::Pinned { on })
    }

    pub(crate) fn observe_mark(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        mark: Mark,
        on: bool,
    ) -> Result<(), Fault> {
        let key = EventKey::Marked { mark, on, at: self.received_at };
        self.observe(at, conversation, &key, Fact::MarkSet { mark, on })
    }

    pub(crate) fn observe_folder_member(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        folder: FolderId,
        on: bool,
    ) -> Result<(), Fault> {
        let parts = [folder.to_string(), on.to_string()];
        self.observe_of_parts(at, conversation, &[&parts[0], &parts[1]], Fact::FolderMemberSet { folder, on })
    }

    /// Observes that a folder is there and what it is called.
    pub(crate) fn observe_folder(&mut self, folder: FolderId, name: &str) {
        let id = folder.to_string();
        let key = EventKey::Other { type_name: "folder_created", parts: &[&id, name], at: self.received_at };
        let envelope =
            Envelope::new(key.id(self.scope.network(), None), self.received_at, self.owner().clone());
        self.taken.observations.extend(envelope.folder_created(folder, name.to_owned()).ok());
    }

    /// Observes that a folder is no more.
    pub(crate) fn observe_no_folder(&mut self, folder: FolderId) {
        let id = folder.to_string();
        let key = EventKey::Other { type_name: "folder_deleted", parts: &[&id], at: self.received_at };
        let envelope =
            Envelope::new(key.id(self.scope.network(), None), self.received_at, self.owner().clone());
        self.taken.observations.extend(envelope.folder_deleted(folder).ok());
    }

    /// Observes what type a group has.
    pub(crate) fn group_type(
        &mut self,
        at: &At<'_, '_>,
        group: &ConversationId,
        group_type: GroupType,
    ) -> Result<(), Fault> {
        let Ok(id) = GroupId::parse(group.target()) else { return Ok(()) };
        let name = group_type.as_str().to_lowercase();
        let changed = fields([("group_type", Some(name.as_str())), ("name", None)]);
        let (name, face_url) = (None, None);
        let fact = AccountFact::GroupProfileChanged {
            group: id.clone(),
            name,
            face_url,
            group_type: Some(group_type),
        };
        self.profile(at, Profile::Group(&id), &changed, fact, None)
    }

    /// Observes what the owner calls a user; an empty remark takes it away.
    pub(crate) fn remark(
        &mut self,
        at: &At<'_, '_>,
        user: &UserId,
        remark: Option<&str>,
    ) -> Result<(), Fault> {
        let changed = fields([("remark", remark), ("nickname", None)]);
        let fact = AccountFact::UserProfileChanged {
            user: user.clone(),
            nickname: None,
            remark: remark.map(str::to_owned),
            face_url: None,
        };
        self.profile(at, Profile::User(user), &changed, fact, None)
    }

    /// Tells what a group is called or looks like; `said` by somebody at an instant of the server, or merely found.
    pub(crate) fn group_profile(
        &mut self,
        at: &At<'_, '_>,
        group: &ConversationId,
        (name, face_url): (Option<&str>, Option<&str>),
        said: Option<&Said>,
    ) -> Result<(), Fault> {
        let Ok(id) = GroupId::parse(group.target()) else { return Ok(()) };
        let changed = fields([("name", name), ("face_url", face_url)]);
        let fact = AccountFact::GroupProfileChanged {
            group: id.clone(),
            name: name.map(str::to_owned),
            face_url: face_url.map(str::to_owned),
            group_type: None,
        };
        self.profile(at, Profile::Group(&id), &changed, fact, said.map(|said| (said.time, said.by.clone())))
    }

    /// Tells what a user is called or looks like, by themselves.
    pub(crate) fn user_profile(
        &mut self,
        at: &At<'_, '_>,
        user: &UserId,
        (nickname, face_url): (Option<&str>, Option<&str>),
        time: Option<Timestamp>,
    ) -> Result<(), Fault> {
        let changed = fields([("nickname", nickname), ("face_url", face_url)]);
        let fact = AccountFact::UserProfileChanged {
            user: user.clone(),
            nickname: nickname.map(str::to_owned),
            remark: None,
            face_url: face_url.map(str::to_owned),
        };
        self.profile(at, Profile::User(user), &changed, fact, time.map(|time| (time, user.clone())))
    }

    fn profile(
        &mut self,
        at: &At<'_, '_>,
        of: Profile<'_>,
        changed: &BTreeMap<&str, &str>,
        fact: AccountFact,
        said: Option<(Timestamp, UserId)>,
    ) -> Result<(), Fault> {
        if changed.is_empty() {
            return Ok(());
        }
        let found = said.is_none();
        let (time, by) = said.unwrap_or_else(|| (self.received_at, self.owner().clone()));
        let mut id = EventKey::Profile { of, changed, at: time }.id(self.scope.network(), None);
        if found {
            let of = id.to_string();
            let key = EventKey::Other { type_name: "profile_changed", parts: &[&of, "found"], at: time };
            id = key.id(self.scope.network(), None);
        }
        let event = Event::new(Envelope::new(id, time, by), Body::Account(fact));
        let event = event.map_err(|error| at.refused("what makes an event", error.to_string()))?;
        if found { &mut self.taken.observations } else { &mut self.taken.events }.push(event);
        Ok(())
    }
}

fn mentions_as_text(mentions: &ReportedMentions) -> String {
    match mentions {
        ReportedMentions::Count(count) => count.to_string(),
        ReportedMentions::At(places) => {
            let places: Vec<String> =
                places.iter().map(|place| format!("{}/{}", place.seq, place.at_type)).collect();
            places.join(" ")
        }
    }
}

fn fields<'t>(fields: [(&'static str, Option<&'t str>); 2]) -> BTreeMap<&'static str, &'t str> {
    fields.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn of_id(at: &At<'_, '_>, error: &ForeignError) -> Fault {
    at.refused("an id", error.to_string())
}

/// Returns the position of an instant in a conversation: the instant, or in a group without numbers its milliseconds (R117).
pub(crate) fn at_instant(conversation: &ConversationId, time: Timestamp) -> Watermark {
    match conversation.kind() {
        ConversationKind::Group => Watermark::Seq(derive_seq(time)),
        ConversationKind::Direct => Watermark::Time(time),
    }
}

/// Returns the position just behind another.
pub(crate) fn behind(position: Watermark) -> Watermark {
    match position {
        Watermark::Seq(seq) => Watermark::Seq(seq.saturating_add(1)),
        Watermark::Time(time) => {
            Watermark::Time(Timestamp::from_millis(time.as_millis() + 1).unwrap_or(Timestamp::MAX))
        }
    }
}

/// Returns where a conversation begins.
pub(crate) fn beginning(conversation: &ConversationId) -> Watermark {
    match conversation.kind() {
        ConversationKind::Group => Watermark::Seq(0),
        ConversationKind::Direct => Watermark::Time(Timestamp::EPOCH),
    }
}
