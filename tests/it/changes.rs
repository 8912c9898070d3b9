//! Change sets against the difference of what the model shows before and after (R60).

use std::collections::{BTreeMap, BTreeSet};

use chatfold::change::{Attribute, ChangeKind, FolderChange, MessageChangeKind, OrderKeys, RemovalReason};
use chatfold::event::{Body, Edit, Fact};
use chatfold::id::ConversationKind;
use chatfold::{
    ChangeSet, ConversationId, Envelope, Event, EventId, FolderId, Inbox, Message, MessageId, Policy,
    Timestamp, UserId,
};

use crate::harness::{FEW, MIX, cases, ensure, hold, subset};
use crate::histories::{History, Rng};
use crate::model::shown::{Begins, Line};
use crate::model::{self, Profile, Row, Shown};
use crate::shown::{Names, shown};

/// The attribute that tells of a field of the row; none for what messages, folders or other fields tell.
pub fn attribute(field: &str) -> Option<Attribute> {
    Some(match field {
        "show_name" => Attribute::ShowName,
        "face_url" => Attribute::FaceUrl,
        "group_type" => Attribute::GroupType,
        "unread_count" | "unread_is_lower_bound" | "unread_at_most" => Attribute::UnreadCount,
        "receive_option" | "receive_option_until" => Attribute::ReceiveOption,
        "archived" | "stays_archived" => Attribute::Archived,
        "membership" => Attribute::Membership,
        "last" | "last_is_older" => Attribute::LastMessage,
        "mentions" | "mention_count" | "mention_is_lower_bound" | "mentions_at_most" => Attribute::Mentions,
        "gaps" | "first_gap" => Attribute::Gaps,
        "draft" => Attribute::Draft,
        "pinned" => Attribute::Pinned,
        "marks" => Attribute::Marks,
        "custom_data" => Attribute::CustomData,
        "folders" => Attribute::Folders,
        "read_marker" => Attribute::ReadMarker,
        "peer_read_marker" => Attribute::PeerRead,
        "activity" => Attribute::Activity,
        // The first of a change set itself; what messages tell; and drafts, with the draft.
        "listed" | "order_key" => return None,
        "unread" | "first_unread" | "pinned_messages" | "history" | "online_only" => return None,
        "drafts_kept" => Attribute::Draft,
        other => panic!("nothing tells of {other}"),
    })
}

/// The fields in which two rows differ, and whether the first unread message may be in another gap.
fn changed_fields(before: &Row, after: &Row) -> Vec<&'static str> {
    let gap = |row: &Row| row.first_unread.filter(|first| matches!(first, Begins::Within(..)));
    let mut fields = before.changed(after);
    fields.extend((gap(before) != gap(after)).then_some("first_gap"));
    fields
}

/// A conversation that no event named: of a direct chat its peer's profile is known all the same.
fn unknown(id: &ConversationId, profiles: &BTreeMap<UserId, Profile>) -> Row {
    let mut row = Row::void(id);
    let peer = UserId::parse(id.target()).ok().filter(|_| id.kind() == ConversationKind::Direct);
    if let Some(profile) = peer.and_then(|peer| profiles.get(&peer)) {
        row.show_name = profile.remark.clone().or(profile.nickname.clone()).unwrap_or(row.show_name);
        row.face_url.clone_from(&profile.face_url);
    }
    row
}

/// What was shown before a batch and after it.
struct Step<'a> {
    /// All events up to now.
    events: &'a [Event],
    before: (Shown, BTreeMap<UserId, Profile>),
    after: (Shown, BTreeMap<UserId, Profile>),
}

impl Step<'_> {
    /// The row before and after.
    fn rows(&self, id: &ConversationId) -> (Row, Row) {
        let row = |(shown, profiles): &(Shown, BTreeMap<UserId, Profile>)| {
            shown.rows.get(id).cloned().unwrap_or_else(|| unknown(id, profiles))
        };
        (row(&self.before), row(&self.after))
    }

    fn conversations(&self) -> BTreeSet<&ConversationId> {
        self.before.0.rows.keys().chain(self.after.0.rows.keys()).collect()
    }
}

/// The fields of a line that are told by other means than the message: by the read markers, by profiles.
const TOLD_ELSEWHERE: [&str; 5] = ["read", "peer_read", "nickname", "remark", "face_url"];

/// How the lines of the messages changed; what only others tell is left out.
fn message_changes(before: &Row, after: &Row) -> BTreeMap<MessageId, MessageChangeKind> {
    fn lines(row: &Row) -> BTreeMap<MessageId, &Line> {
        row.history.iter().chain(&row.online_only).map(|line| (line.id, line)).collect()
    }
    let (old, new) = (lines(before), lines(after));
    let mut changes = BTreeMap::new();
    for id in old.keys().chain(new.keys()) {
        let kind = match (old.get(id), new.get(id)) {
            (None, Some(_)) => MessageChangeKind::Added,
            (Some(_), None) => MessageChangeKind::Removed,
            (Some(old), Some(new)) if told_itself(old, new) => MessageChangeKind::Changed,
            _ => continue,
        };
        changes.insert(*id, kind);
    }
    changes
}

/// Whether the two lines of one message differ in what the message itself tells.
fn told_itself(old: &Line, new: &Line) -> bool {
    old.changed(new).iter().any(|field| !TOLD_ELSEWHERE.contains(field))
}

fn check_conversations(step: &Step<'_>, changes: &ChangeSet) -> Result<(), String> {
    let told: BTreeMap<_, _> = changes.conversations.iter().map(|change| (&change.id, change)).collect();
    ensure(told.len() == changes.conversations.len(), || "a conversation told twice".to_owned())?;
    for id in step.conversations() {
        let (before, after) = step.rows(id);
        let fields = changed_fields(&before, &after);
        let mut attributes: BTreeSet<Attribute> = fields.iter().copied().filter_map(attribute).collect();
        let change = told.get(id);
        // What has no attribute of its own follows from what is told.
        let follows =
            fields.iter().any(|field| ["unread", "first_unread", "pinned_messages"].contains(field));
        let by_message = changes.messages.iter().any(|message| message.conversation == *id);
        ensure(!follows || change.is_some() || by_message, || format!("{id}: nothing tells of {fields:?}"))?;
        let mut found: BTreeSet<Attribute> =
            change.map(|change| change.attributes.iter().collect()).unwrap_or_default();
        // The history's own attribute is judged with the messages. What a read or a profile changes of the
        // last message may be told by either.
        found.remove(&Attribute::History);
        if let (Some(old), Some(new)) = (&before.last, &after.last)
            && old.id == new.id
            && !told_itself(old, new)
            && !found.contains(&Attribute::LastMessage)
        {
            attributes.remove(&Attribute::LastMessage);
        }
        ensure(attributes == found, || format!("{id}: {attributes:?} changed, told {found:?}\n{change:?}"))?;
        let kind = match (before.listed, after.listed) {
            (false, true) => Some(ChangeKind::New),
            (true, false) => Some(ChangeKind::Removed),
            (true, true) => Some(ChangeKind::Changed),
            (false, false) => Some(ChangeKind::Unlisted),
        };
        let has_to_be_told = before.listed != after.listed || !attributes.is_empty();
        ensure(!has_to_be_told || change.is_some(), || format!("{id}: {kind:?} not told"))?;
        if let Some(change) = change {
            ensure(Some(change.kind) == kind, || format!("{id}: expected {kind:?}, told {change:?}"))?;
            let key = |row: &Row| row.listed.then_some(row.order_key);
            let keys = OrderKeys { before: key(&before), after: key(&after) };
            ensure(change.order_keys == keys, || format!("{id}: order keys {keys:?}, told {change:?}"))?;
            let empty = change.attributes.is_empty() && !change.moved();
            ensure(!empty, || format!("{id}: told though nothing changed: {change:?}"))?;
        }
    }
    let unknown = told.keys().find(|id| !step.conversations().contains(*id));
    ensure(unknown.is_none(), || format!("told of {unknown:?}, which shows nothing: {changes:?}"))
}

fn check_messages(step: &Step<'_>, changes: &ChangeSet) -> Result<(), String> {
    let mut told: BTreeMap<&ConversationId, BTreeMap<MessageId, MessageChangeKind>> = BTreeMap::new();
    for change in &changes.messages {
        let before = told.entry(&change.conversation).or_default().insert(change.message, change.kind);
        ensure(before.is_none(), || format!("{change:?} is told twice"))?;
    }
    for id in step.conversations() {
        let (before, after) = step.rows(id);
        let expected = message_changes(&before, &after);
        let found = told.remove(id).unwrap_or_default();
        let swept = changes
            .conversations
            .iter()
            .any(|change| change.id == *id && change.attributes.contains(Attribute::History));
        for (message, kind) in &expected {
            let swept = swept && *kind == MessageChangeKind::Removed;
            ensure(found.get(message) == Some(kind) || swept, || {
                format!("{id} {message}: {kind:?}, told {:?}", found.get(message))
            })?;
        }
        let idle = found.keys().find(|message| !expected.contains_key(message));
        ensure(idle.is_none(), || format!("{id} {idle:?}: told, though it shows what it showed: {found:?}"))?;
        let removed = expected.values().any(|kind| *kind == MessageChangeKind::Removed);
        ensure(!swept || removed, || format!("{id}: History told, though no message went"))?;
    }
    ensure(told.is_empty(), || format!("told of messages in {told:?}"))
}

fn members(shown: &Shown, folder: FolderId) -> BTreeSet<ConversationId> {
    let holds = |row: &&Row| row.folders.iter().any(|(id, _)| *id == folder);
    shown.rows.values().filter(holds).map(|row| row.id.clone()).collect()
}

/// What happened to folders, in no order.
fn folder_changes(step: &Step<'_>) -> Vec<String> {
    let (before, after) = (&step.before.0, &step.after.0);
    let name = |shown: &Shown, folder| {
        shown.folders.iter().find(|(id, _)| *id == folder).map(|(_, name)| name.clone())
    };
    let all: BTreeSet<FolderId> = before.folders.iter().chain(&after.folders).map(|(id, _)| *id).collect();
    let mut expected = Vec::new();
    for folder in all {
        match (name(before, folder), name(after, folder)) {
            (None, Some(name)) => expected.push(FolderChange::Created { folder, name }),
            (Some(name), None) => expected.push(FolderChange::Deleted { folder, name }),
            (Some(from), Some(to)) if from != to => expected.push(FolderChange::Renamed { folder, from, to }),
            _ => {}
        }
        if name(after, folder).is_some() {
            let (old, new) = (members(before, folder), members(after, folder));
            let written = |id: &ConversationId| membership_written(step.events, folder, id);
            let added: Vec<_> = new.difference(&old).cloned().collect();
            let removed = old.difference(&new).cloned();
            if !added.is_empty() {
                expected.push(FolderChange::MembersAdded { folder, conversations: added });
            }
            let made_room = |id: &ConversationId| new.iter().any(|on| written(on) == written(id));
            let (evicted, taken): (Vec<_>, Vec<_>) = removed.partition(made_room);
            let told = [(taken, RemovalReason::TakenOut), (evicted, RemovalReason::MadeRoom)];
            for (conversations, reason) in told.into_iter().filter(|(ids, _)| !ids.is_empty()) {
                expected.push(FolderChange::MembersRemoved { folder, conversations, reason });
            }
        }
    }
    sorted(&expected)
}

/// When the membership that holds was written (R54).
fn membership_written(events: &[Event], folder: FolderId, id: &ConversationId) -> Option<Timestamp> {
    let writes = events.iter().filter(|event| {
        matches!(event.body(), Body::Conversation(of, Fact::FolderMemberSet { folder: in_, .. })
            if of == id && *in_ == folder)
    });
    // All are the owner's: R17 was applied before, and a tie of stamps has one time.
    writes.filter(|event| event.by().as_str() == "alice").map(Event::stamp).max().map(|stamp| stamp.at)
}

fn sorted(changes: &[FolderChange]) -> Vec<String> {
    let mut lines: Vec<_> = changes.iter().map(|change| format!("{change:?}")).collect();
    lines.sort();
    lines
}

fn check(step: &Step<'_>, changes: &ChangeSet) -> Result<(), String> {
    let (before, after) = (&step.before, &step.after);
    check_conversations(step, changes)?;
    check_messages(step, changes)?;
    let totals = |shown: &Shown| chatfold::list::Totals {
        unread: shown.unread,
        unread_all: shown.unread_all,
        badge: shown.badges[0],
        unread_is_lower_bound: shown.bounds[0],
        unread_all_is_lower_bound: shown.bounds[1],
        badge_is_lower_bound: shown.badge_bounds[0],
    };
    let (old, new) = (totals(&before.0), totals(&after.0));
    let told = changes.totals.map(|change| (change.before, change.after));
    ensure(told == (old != new).then_some((old, new)), || format!("totals {old:?} {new:?}, told {told:?}"))?;
    let (expected, found) = (folder_changes(step), sorted(&changes.folders));
    ensure(expected == found, || format!("folders {expected:?}, told {found:?}"))?;
    let quiet = before.0.quiet_hours != after.0.quiet_hours;
    ensure(changes.quiet_hours == quiet, || "quiet hours told wrongly".to_owned())?;
    let profile = |of: &BTreeMap<UserId, Profile>, user: &UserId| of.get(user).cloned().unwrap_or_default();
    let users: BTreeSet<_> = before.1.keys().chain(after.1.keys()).collect();
    let changed = users.into_iter().filter(|user| profile(&before.1, user) != profile(&after.1, user));
    let changed: BTreeSet<_> = changed.collect();
    let told: BTreeSet<_> = changes.profiles.iter().collect();
    ensure(changed == told, || format!("profiles {changed:?}, told {told:?}"))?;
    // R60, and the house: silence for no-ops.
    let same_rows = step.conversations().into_iter().all(|id| {
        let (before, after) = step.rows(id);
        before == after
    });
    let nothing = same_rows
        && before.0.list == after.0.list
        && before.0.folders == after.0.folders
        && !quiet
        && before.1 == after.1;
    ensure(changes.is_empty() == nothing, || format!("nothing changed: {nothing}, told {changes:?}"))
}

/// R53, R50: totals and order, by definition over the list.
fn check_list(inbox: &Inbox) -> Result<(), String> {
    let views: Vec<_> = inbox.conversations().collect();
    let all: u64 = views.iter().map(|view| view.unread_count()).sum();
    let notifying =
        views.iter().filter(|view| view.receive_option() == chatfold::event::ReceiveOption::Receive);
    let unread: u64 = notifying.map(|view| view.unread_count()).sum();
    let totals = inbox.totals();
    ensure((totals.unread, totals.unread_all) == (unread, all), || {
        format!("totals {totals:?}, the list adds up to {unread} and {all}")
    })?;
    let strict = views.windows(2).all(|pair| {
        let key =
            |view: &chatfold::ConversationView<'_>| (std::cmp::Reverse(view.order_key()), view.id().clone());
        key(&pair[0]) < key(&pair[1])
    });
    ensure(strict, || "the list is not in order".to_owned())
}

fn now(history: &History, events: &[Event]) -> (Shown, BTreeMap<UserId, Profile>) {
    let shown = model::shown(&history.owner, history.policy, events).without_void();
    let mut profiles = model::profiles(&history.owner, events);
    profiles.retain(|_, profile| *profile != Profile::default());
    (shown, profiles)
}

#[test]
fn r50_r53_r60_every_event_tells_exactly_what_it_changed() {
    hold("R60", FEW, cases(750), &|history| {
        let mut inbox = Inbox::new(history.owner.clone(), history.policy);
        let mut before = now(history, &[]);
        for (index, event) in history.events.iter().enumerate() {
            let changes = inbox.apply(event);
            let (prefix, _) = history.events.split_at(index + 1);
            let after = now(history, prefix);
            let step = Step { events: prefix, before, after };
            let told = |fault: String| format!("event {index}: {fault}");
            check(&step, &changes).map_err(told)?;
            check_list(&inbox).map_err(told)?;
            inbox.audit().map_err(|fault| format!("event {index}: {fault}"))?;
            before = step.after;
        }
        Ok(())
    });
}

#[test]
fn r60_a_batch_tells_one_coalesced_change_set() {
    hold("R60", MIX, cases(750), &|history| {
        let names = Names::of(&history.events);
        let mut inbox = Inbox::new(history.owner.clone(), history.policy);
        let mut before = now(history, &[]);
        let mut done = 0;
        while done < history.events.len() {
            // A batch ends where the event's own id says so: a history made smaller keeps its batches.
            let rest = history.events.iter().skip(done);
            let end = done
                + 1
                + rest.take_while(|event| Rng::new(u64::from(event.id().as_bytes()[15])).percent(85)).count();
            let end = end.min(history.events.len());
            let changes = inbox.apply_batch(history.events.get(done..end).unwrap_or_default());
            let (prefix, _) = history.events.split_at(end);
            let step = Step { events: prefix, before, after: now(history, prefix) };
            let told = |fault: String| format!("events {done}..{end}: {fault}");
            check(&step, &changes).map_err(told)?;
            check_list(&inbox).map_err(told)?;
            crate::harness::same("after a batch", &step.after.0, &shown(&inbox, &names))?;
            before = step.after;
            done = end;
        }
        Ok(())
    });
}

#[test]
fn r60_merging_tells_what_it_changed() {
    hold("R60", MIX, cases(250), &|history| {
        let fold = |events: &[Event]| crate::harness::replay(history, events);
        let one = subset(&history.events, history.seed, 60);
        let two = subset(&history.events, !history.seed, 60);
        let mut inbox = fold(&one);
        let changes = inbox.merge(&fold(&two)).map_err(|error| error.to_string())?;
        let union = [one.as_slice(), two.as_slice()].concat();
        let step = Step { events: &union, before: now(history, &one), after: now(history, &union) };
        check(&step, &changes)?;
        let again = inbox.merge(&fold(&two)).map_err(|error| error.to_string())?;
        ensure(again.is_empty(), || format!("merged again, told {again:?}"))
    });
}

/// One event alone and as a batch of one go different ways, also where every step leaves a copy behind.
#[test]
fn r60_an_event_tells_what_a_batch_of_it_tells() {
    hold("R60", MIX, cases(250), &|history| {
        let mut alone = Inbox::new(history.owner.clone(), history.policy);
        let mut batched = alone.clone();
        for (index, event) in history.events.iter().enumerate() {
            let (copy, digest) = (alone.clone(), alone.digest());
            let (one, all) = (alone.apply(event), batched.apply_batch([event]));
            ensure(one == all && one.revisions() == all.revisions(), || {
                format!("event {index}: alone {one:?}, as a batch {all:?}")
            })?;
            ensure(alone.totals() == batched.totals(), || format!("event {index}: other totals"))?;
            ensure(copy.digest() == digest, || format!("event {index}: the copy before it changed"))?;
        }
        ensure(alone.digest() == batched.digest(), || "other digests".to_owned())
    });
}

/// What is said again tells nothing and what is said otherwise does, however long it is.
#[test]
fn r60_long_contents_are_told_by_what_they_say() {
    let alice = UserId::parse("alice").unwrap();
    let direct = || ConversationId::parse("c2c_bob").unwrap();
    let mut inbox = Inbox::new(alice.clone(), Policy::default());
    let mut tells = |make: &dyn Fn(Envelope) -> Event, id: u8| {
        let at = Timestamp::from_millis(i64::from(id)).unwrap();
        !inbox
            .apply(&make(Envelope::new(EventId::from_bytes([id; 16]), at, alice.clone())))
            .messages
            .is_empty()
    };
    for (len, first) in [(20_usize, 1_u8), (5_000, 101)] {
        let target = MessageId::from_bytes([first; 16]);
        let long = |letter: &str| letter.repeat(len);
        let edit = |custom: Option<&str>, text: Option<&str>| {
            let custom = custom.map(|letter| long(letter).into_bytes());
            Edit { version: 1, text: text.map(long), custom, ..Edit::default() }
        };
        let modified =
            |edit: Edit| move |e: Envelope| e.message_modified(direct(), target, edit.clone()).unwrap();
        let failed = |why: &'static str| {
            let why = long(why);
            move |e: Envelope| e.message_failed(direct(), target, Some(why.clone())).unwrap()
        };
        let mut message = Message::text(target, long("t"));
        message.custom = Some(long("c").into_bytes());
        let queued = move |e: Envelope| e.message_queued(direct(), message.clone()).unwrap();
        assert!(tells(&queued, first));
        assert!(tells(&failed("why"), first + 1), "{len}: it failed");
        assert!(!tells(&failed("why"), first + 2), "{len}: it failed again for the same reason");
        assert!(tells(&failed("how"), first + 3), "{len}: it failed for another reason of that length");
        assert!(tells(&failed("hoy"), first + 3), "{len}: of equal stamps the greater reason");
        assert!(tells(&modified(edit(None, Some("u"))), first + 4), "{len}: another text");
        assert!(!tells(&modified(edit(Some("c"), None)), first + 5), "{len}: the custom data it had");
        assert!(!tells(&modified(edit(Some("c"), Some("u"))), first + 6), "{len}: all it shows");
        assert!(tells(&modified(edit(Some("d"), None)), first + 7), "{len}: other custom data");
        assert!(tells(&modified(edit(Some("c"), None)), first + 8), "{len}: what it carried at first");
    }
}

/// What an edit left of a message follows the introduction that counts (R15), and is told when another one does.
#[test]
fn r60_another_introduction_changes_what_edits_left() {
    let (alice, bob) = (UserId::parse("alice").unwrap(), UserId::parse("bob").unwrap());
    let direct = ConversationId::parse("c2c_bob").unwrap();
    let target = MessageId::from_bytes([7; 16]);
    let mut inbox = Inbox::new(alice, Policy::default());
    let envelope = |at: u8| {
        let time = Timestamp::from_millis(i64::from(at)).unwrap();
        Envelope::new(EventId::from_bytes([at; 16]), time, bob.clone())
    };
    let delivered = |at: u8, text: &str| {
        envelope(at).message_received(direct.clone(), Message::text(target, text)).unwrap()
    };
    let custom = |version: u64, data: &str| Edit {
        version,
        custom: Some(data.as_bytes().to_vec()),
        ..Edit::default()
    };
    let edited = |at: u8, edit: Edit| envelope(at).message_modified(direct.clone(), target, edit).unwrap();
    let mut tells = |event: Event| !inbox.apply(&event).messages.is_empty();
    assert!(tells(delivered(50, "later")));
    assert!(tells(edited(60, custom(1, "one"))));
    assert!(tells(edited(61, custom(2, "two"))), "what it said at first is known from here on");
    assert!(tells(delivered(40, "earlier")), "the earliest delivery gives the text, which no edit says");
    assert!(!tells(delivered(70, "latest")), "a later one gives nothing");
    assert!(tells(delivered(30, "earliest")));
}
