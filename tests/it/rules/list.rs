//! R41, R43, R50–R53, R60: the policy, the list, why it is so, and what changed.

use chatfold::change::{
    Attribute, ChangeKind, ConversationChange, FolderChange, MessageChangeKind, OrderKeys,
};
use chatfold::event::Mark;
use chatfold::explain::{Explanation, ReadReason, Reason};
use chatfold::id::ConversationKind;
use chatfold::list::{FolderFilter, MarkFilter, Totals};
use chatfold::{ChangeSet, Filter, Inbox, Policy};

use super::notation::{conversation, event_id, folder_id, given, message_id, name, user};
use super::{OWNER, check, inbox};

#[test]
fn r41_the_policy_is_fixed_when_the_inbox_is_made() {
    let log =
        "1 me in group_a: opened meeting\n 2 bob in group_a: received m1 #1\n 3 me in c2c_b: received m1";
    check(log, "c2c_b marker=none\n group_a unread=0");
    check(&format!("policy meeting_unread\n {log}"), "c2c_b marker=none\n group_a unread=1");
    check(&format!("policy own_message_reads\n {log}"), "c2c_b marker=3\n group_a unread=0");
    let policy = Policy::default().with_meeting_unread(true).with_own_message_reads(true);
    assert_eq!(Inbox::new(user(OWNER), policy).policy(), policy);
}

#[test]
fn r50_pinned_first_then_activity_then_id() {
    check(
        "
        3 a in c2c_a: received m1
        9 b in c2c_b: received m1
        3 B in c2c_B: received m1
        3 z in group_a: received m1 #1
        1 p in c2c_p: received m1
        2 q in c2c_q: received m1
        2 me in c2c_p: pinned
        1 me in c2c_q: pinned
        ",
        "
        c2c_q
        c2c_p
        c2c_b
        c2c_B
        c2c_a
        group_a
        ",
    );
}

#[test]
fn r50_pinned_ones_of_equal_activity_go_by_id_too() {
    check(
        "
        3 me in c2c_b: pinned
        2 me in c2c_c: pinned
        1 me in c2c_a: pinned
        ",
        "
        c2c_a
        c2c_b
        c2c_c
        ",
    );
}

#[test]
fn r50_sorting_by_order_key_is_the_list() {
    let inbox = inbox(LIST);
    let mut keys: Vec<_> =
        inbox.conversations().map(|row| (std::cmp::Reverse(row.order_key()), row.id().clone())).collect();
    let list = keys.clone();
    keys.reverse();
    keys.sort();
    assert_eq!(keys, list);
}

/// Six conversations: c pinned, then f e d b a by activity.
const LIST: &str = "
    1 me: folder work 'Work'
    1 a in c2c_a: received m1
    2 b in c2c_b: received m1
    3 c in c2c_c: received m1
    4 d in group_d: received m1 #1 @me
    5 e in group_e: received m1 #1
    6 f in group_f: received m1 #1
    7 me in c2c_c: pinned
    7 me in c2c_a: read 1
    7 me in c2c_b: marked 1
    7 me in group_d: marked 2
    7 me in group_d: filed work
    7 me in c2c_a: filed work
    7 me in group_e: filed play
    7 me in group_f: option not_receive
";

fn targets(rows: &[chatfold::ConversationView<'_>]) -> String {
    rows.iter().map(|row| row.id().target()).collect()
}

/// The list in pages of `size`, with what happens between two pages.
fn paged(inbox: &mut Inbox, size: usize, between: &str) -> Vec<String> {
    let mut pages = Vec::new();
    let mut cursor = None;
    loop {
        let page = inbox.page(&Filter::default(), cursor.as_ref(), size);
        pages.push(targets(&page.conversations));
        cursor = page.next;
        if cursor.is_none() {
            return pages;
        }
        given(between).events.iter().for_each(|event| drop(inbox.apply(event)));
    }
}

#[test]
fn r51_pages_show_each_row_once() {
    assert_eq!(paged(&mut inbox(LIST), 6, ""), ["cfedba"]);
    assert_eq!(paged(&mut inbox(LIST), 4, ""), ["cfed", "ba"]);
    assert_eq!(paged(&mut inbox(LIST), 2, ""), ["cf", "ed", "ba"]);
    assert_eq!(paged(&mut inbox(LIST), 1, ""), ["c", "f", "e", "d", "b", "a"]);
    assert_eq!(paged(&mut inbox(""), 3, ""), [""]);
}

#[test]
fn r51_a_row_that_rises_past_the_cursor_shifts_nobody() {
    // b jumps to the top after the first page: e d a follow as before, none skipped, none twice.
    assert_eq!(paged(&mut inbox(LIST), 2, "9 b in c2c_b: received m2"), ["cf", "ed", "a"]);
    // The row at the cursor itself moves or goes: the place it stood at counts, not the row.
    assert_eq!(paged(&mut inbox(LIST), 2, "9 f in group_f: received m2 #2"), ["cf", "ed", "ba"]);
    assert_eq!(paged(&mut inbox(LIST), 2, "9 me in group_f: removed #1"), ["cf", "ed", "ba"]);
}

#[test]
fn r51_a_frozen_copy_pages_on_as_it_was() {
    let mut live = inbox(LIST);
    let mut frozen = live.clone();
    given("9 b in c2c_b: received m2").events.iter().for_each(|event| drop(live.apply(event)));
    assert_eq!(paged(&mut frozen, 2, ""), ["cf", "ed", "ba"]);
    assert_eq!(paged(&mut live, 2, ""), ["cb", "fe", "da"]);
}

#[test]
fn r52_each_part_filters_and_together_they_conjoin() {
    let inbox = inbox(LIST);
    let any = Filter::default();
    let work = FolderFilter::In(folder_id("work"));
    let kind = |kind| any.with_kind(Some(kind));
    for (filter, expected) in [
        (any, "cfedba"),
        (kind(ConversationKind::Direct), "cba"),
        (kind(ConversationKind::Group), "fed"),
        (any.with_folder(work), "da"),
        // In a folder that was never created is in none; such a folder holds nothing.
        (any.with_folder(FolderFilter::InNone), "cfeb"),
        (any.with_folder(FolderFilter::In(folder_id("play"))), ""),
        (any.with_mark(MarkFilter::Unmarked), "cfea"),
        (any.with_mark(MarkFilter::With(Mark::STAR)), "b"),
        (any.with_mark(MarkFilter::With(Mark::UNREAD)), "d"),
        (any.with_mark(MarkFilter::With(Mark::HIDE)), ""),
        (any.with_has_unread(true), "cfedb"),
        (any.with_has_mention(true), "d"),
        (any.with_folder(work).with_has_unread(true), "d"),
        (any.with_kind(Some(ConversationKind::Direct)).with_has_unread(true), "cb"),
        (any.with_kind(Some(ConversationKind::Direct)).with_has_mention(true), ""),
        (any.with_mark(MarkFilter::Unmarked).with_folder(FolderFilter::InNone).with_has_unread(true), "cfe"),
    ] {
        let page = inbox.page(&filter, None, 10);
        assert_eq!(targets(&page.conversations), expected, "{filter:?}");
        let passing: Vec<_> = inbox.conversations().filter(|row| row.passes(&filter)).collect();
        assert_eq!(targets(&passing), expected, "{filter:?}");
        let sum = passing.iter().map(|row| row.unread_count()).sum::<u64>();
        assert_eq!(inbox.totals_of(&filter).unread_all, sum, "{filter:?}");
    }
}

#[test]
fn r52_filters_are_values_with_five_parts() {
    let any = Filter::default();
    let others = [
        any.with_kind(Some(ConversationKind::Group)),
        any.with_folder(FolderFilter::InNone),
        any.with_mark(MarkFilter::Unmarked),
        any.with_has_unread(true),
        any.with_has_mention(true),
    ];
    for (index, filter) in others.iter().enumerate() {
        assert_ne!(*filter, any);
        assert_eq!(others.iter().filter(|other| *other == filter).count(), 1, "{index}");
    }
    assert_ne!(FolderFilter::In(folder_id("a")), FolderFilter::In(folder_id("b")));
    assert_ne!(MarkFilter::With(Mark::STAR), MarkFilter::With(Mark::FOLD));
}

#[test]
fn r53_the_total_counts_what_notifies_and_beside_it_all() {
    check(
        LIST,
        "
        total 4/5
        c2c_c unread=1
        group_f unread=1 option=not_receive
        group_e unread=1
        group_d unread=1
        c2c_b unread=1
        c2c_a unread=0
        ",
    );
    let inbox = inbox(LIST);
    let groups = Filter::default().with_kind(Some(ConversationKind::Group));
    assert_eq!(inbox.totals_of(&groups), Totals { unread: 2, unread_all: 3, badge: 2, ..Totals::default() });
    assert_eq!(inbox.totals_of(&Filter::default()), inbox.totals());
}

#[test]
fn r53_only_receive_notifies() {
    for option in ["not_receive", "receive_not_notify", "not_notify_except_at", "not_receive_except_at"] {
        let log = format!("1 b in group_b: received m1 #1 @me\n 2 me in group_b: option {option}");
        check(&log, "total 0/1\n group_b unread=1");
        check(&format!("{log}\n 3 me in group_b: option receive"), "total 1/1\n group_b unread=1");
    }
}

/// What an explanation gives as reasons, by name.
fn explained(text: &str, id: &str) -> Explanation {
    inbox(text).explain(&conversation(id)).unwrap()
}

#[test]
fn r43_explains_unread_and_mentions_by_message_and_event() {
    let why = explained(
        "
        1~a bob in group_dev: received m1 #1
        2~b bob in group_dev: received m2 #2 @me
        3~c me in group_dev: read #1
        4~d bob in group_dev: received m3 #3
        5~e bob in group_dev: recalled m3
        ",
        "group_dev",
    );
    let names = |reasons: &[chatfold::explain::Because]| -> Vec<(String, String)> {
        reasons.iter().map(|b| (name(b.message.as_bytes()), name(b.event.as_bytes()))).collect()
    };
    assert_eq!(names(&why.unread), [("m2".to_owned(), "b".to_owned())]);
    assert_eq!(names(&why.mentions), [("m2".to_owned(), "b".to_owned())]);
    assert_eq!(why.read_marker, [ReadReason::Read(event_id("c"))]);
    let last = why.last_message.unwrap();
    assert_eq!((last.message, last.introduced), (message_id("m3"), event_id("d")));
    assert_eq!(last.recalled, Some(event_id("e")));
}

#[test]
fn r43_explains_where_it_stands_and_why_it_is_listed() {
    let log = "
        1~a bob in c2c_bob: received m1
        2~b me in c2c_bob: pinned
        3~c me in c2c_bob: opened
    ";
    let why = explained(log, "c2c_bob");
    assert_eq!(why.activity, Some(Reason::Opening(event_id("c"))));
    assert_eq!(why.pinned, Some(event_id("b")));
    let message = Reason::Message { message: message_id("m1"), event: event_id("a") };
    let mut listed = why.listed.clone();
    listed.sort();
    assert_eq!(listed, [message, Reason::Pin(event_id("b")), Reason::Opening(event_id("c"))]);
    let drafted = explained(&format!("{log}\n 4~d me in c2c_bob: draft 'x'"), "c2c_bob");
    assert_eq!((drafted.activity, drafted.draft), (Some(Reason::Draft(event_id("d"))), Some(event_id("d"))));
    let acknowledged = "
        1~a me in c2c_bob: queued m1
        7~c me in c2c_bob: queued m1
        9~b me in c2c_bob: sent m1 5
    ";
    let why = explained(acknowledged, "c2c_bob");
    let sent = Reason::Message { message: message_id("m1"), event: event_id("b") };
    assert_eq!(why.activity, Some(sent));
    assert_eq!(why.last_message.unwrap().acknowledged, Some(event_id("b")));
}

#[test]
fn r43_explains_the_last_message_and_the_personal_values() {
    let why = explained(
        "
        1~0 me: folder f 'F'
        1~a bob in group_dev: received m1 #1 'a'
        2~b bob in group_dev: edited m1 v1 'b'
        3~c bob in group_dev: edited m1 v2 'c'
        4~d bob in group_dev: edited m1 v1 cloud='d'
        5~e me in group_dev: option not_receive
        5~f me in group_dev: data 'x'
        5~g me in group_dev: marked 1
        5~h me in group_dev: marked 2
        6~i me in group_dev: unmarked 2
        5~j me in group_dev: filed f
        5~k me: group dev name='Dev' type=meeting
        5~l me in group_dev: cleared #0
        5~m me in group_dev: removed #0 keep
        ",
        "group_dev",
    );
    assert_eq!(why.last_message.unwrap().edits, [event_id("c"), event_id("d")]);
    assert_eq!((why.receive_option, why.custom_data), (Some(event_id("e")), Some(event_id("f"))));
    assert_eq!(why.marks, [(Mark::STAR, event_id("g"))]);
    assert_eq!(why.folders, [(folder_id("f"), event_id("j"))]);
    assert_eq!((why.show_name, why.group_type), (Some(event_id("k")), Some(event_id("k"))));
    assert_eq!((why.cleared, why.deleted), (Some(event_id("l")), Some(event_id("m"))));
    assert_eq!((why.unread.len(), why.uncounted), (0, Some(chatfold::event::GroupType::Meeting)));
}

#[test]
fn r43_explains_a_marker_that_went_back() {
    let log = "
        1~a bob in group_dev: received m1 #1
        2~b bob in group_dev: received m2 #2
        3~c me in group_dev: read #2
        4~d me in group_dev: unread-from m1
    ";
    let why = explained(log, "group_dev");
    assert_eq!(why.read_marker, [ReadReason::MarkedUnread(event_id("d"))]);
    assert_eq!(why.unread.len(), 2);
    assert_eq!(inbox(log).explain(&conversation("c2c_nobody")), None);
}

fn apply(inbox: &mut Inbox, text: &str) -> ChangeSet {
    inbox.apply_batch(&given(text).events)
}

/// The only conversation told of.
#[track_caller]
fn only(changes: &ChangeSet) -> &ConversationChange {
    let [change] = changes.conversations.as_slice() else { panic!("{changes:?}") };
    change
}

fn keys(before: Option<u64>, after: Option<u64>) -> OrderKeys {
    OrderKeys { before, after }
}

#[test]
fn r60_a_new_a_changed_and_a_removed_conversation() {
    let mut inbox = inbox("");
    let new = apply(&mut inbox, "1 bob in c2c_bob: received m1 'a'");
    assert_eq!((only(&new).kind, only(&new).order_keys), (ChangeKind::New, keys(None, Some(1000))));
    assert!(only(&new).attributes.contains(Attribute::UnreadCount));
    assert!(only(&new).attributes.contains(Attribute::LastMessage));
    let totals =
        |changes: &ChangeSet| changes.totals.map(|change| (change.before.unread, change.after.unread));
    assert_eq!(totals(&new), Some((0, 1)));

    let read = apply(&mut inbox, "2 me in c2c_bob: read 1");
    let attributes: Vec<_> = only(&read).attributes.iter().collect();
    assert_eq!(attributes, [Attribute::UnreadCount, Attribute::ReadMarker]);
    assert_eq!((only(&read).kind, only(&read).moved()), (ChangeKind::Changed, false));
    assert_eq!(totals(&read), Some((1, 0)));

    let pinned = apply(&mut inbox, "3 me in c2c_bob: pinned");
    assert_eq!(only(&pinned).attributes.iter().collect::<Vec<_>>(), [Attribute::Pinned]);
    assert!(only(&pinned).moved());
    assert_eq!(totals(&pinned), None);

    let removed = apply(&mut inbox, "4 me in c2c_bob: removed 1");
    assert_eq!(only(&removed).kind, ChangeKind::Removed);
    assert_eq!(only(&removed).order_keys.after, None);
}

#[test]
fn r60_a_batch_is_coalesced() {
    let mut inbox = inbox("");
    let batch = apply(
        &mut inbox,
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 me in c2c_bob: read 1
        4 me in c2c_bob: pinned
        5 me in c2c_bob: unpinned
        ",
    );
    assert_eq!(only(&batch).order_keys, keys(None, Some(2000)));
    assert!(!only(&batch).attributes.contains(Attribute::Pinned), "what went forth and back is not told");
    assert_eq!(
        batch.totals.map(|change| change.after),
        Some(Totals { unread: 1, unread_all: 1, badge: 1, ..Totals::default() })
    );
    assert_eq!(batch.messages.len(), 2);
}

#[test]
fn r60_what_changes_nothing_observable_tells_nothing() {
    let base = "
        1 bob in c2c_bob: received m1 'a'
        5 me in c2c_bob: pinned
        5 me in c2c_bob: draft 'x'
        5 me in c2c_bob: read 3
        5 me: folder f 'F'
        5 bob: user bob nickname='Bob'
        5 bob in c2c_bob: edited m1 v2 'b'
    ";
    for idle in [
        "1 bob in c2c_bob: received m1 'a'",
        "4 me in c2c_bob: unpinned",
        "6 me in c2c_bob: pinned",
        "6 me in c2c_bob: read 2",
        "6 me in c2c_bob: read m9",
        "6 me in c2c_bob: unmarked 1",
        "6 me in c2c_bob: option receive",
        "6 me in c2c_bob: data ''",
        "6 me in c2c_bob: unread-from m9",
        "6 me in c2c_bob: filed nowhere",
        "6 me in c2c_bob: cleared 0",
        "6 bob in c2c_bob: recalled m9",
        "6 bob in c2c_bob: unreacted m1 like",
        "4 me: folder f 'Old'",
        "4 me: folder-deleted f",
        "6 me: folder-deleted g",
        "6 bob: user bob nickname='Bob'",
        "4 bob: user bob nickname='Robert'",
        "6 eve in c2c_bob: received m2",
        "6 bob in c2c_bob: pinned",
        "6 eve in c2c_eve: recalled m1",
        "6 eve in c2c_bob: peer-read 9",
        "6 me: quiet",
    ] {
        let changes = apply(&mut inbox(base), idle);
        assert!(changes.is_empty(), "{idle}: {changes:?}");
    }
}

#[test]
fn r60_folders_tell_what_happened_to_them() {
    let mut inbox = inbox("1 bob in c2c_bob: received m1\n 1 eve in c2c_eve: received m1");
    let folder = folder_id("f");
    let told = |changes: ChangeSet| changes.folders;
    let name = |name: &str| name.to_owned();
    let bob = vec![conversation("c2c_bob")];
    let created = told(apply(&mut inbox, "2 me: folder f 'F'"));
    assert_eq!(created, [FolderChange::Created { folder, name: name("F") }]);
    let added = told(apply(&mut inbox, "3 me in c2c_bob: filed f"));
    assert_eq!(added, [FolderChange::MembersAdded { folder, conversations: bob.clone() }]);
    let renamed = told(apply(&mut inbox, "4 me: folder-renamed f 'G'"));
    assert_eq!(renamed, [FolderChange::Renamed { folder, from: name("F"), to: name("G") }]);
    let removed = told(apply(&mut inbox, "5 me in c2c_bob: unfiled f"));
    let reason = chatfold::change::RemovalReason::TakenOut;
    assert_eq!(removed, [FolderChange::MembersRemoved { folder, conversations: bob, reason }]);
    let deleted = told(apply(&mut inbox, "6 me: folder-deleted f"));
    assert_eq!(deleted, [FolderChange::Deleted { folder, name: name("G") }]);
}

#[test]
fn r60_messages_tell_what_happened_to_them() {
    let mut inbox = inbox("");
    let mut told = |text: &str| -> Vec<(String, MessageChangeKind)> {
        let changes = apply(&mut inbox, text).messages;
        changes.iter().map(|change| (name(change.message.as_bytes()), change.kind)).collect()
    };
    let m1 = |kind| vec![("m1".to_owned(), kind)];
    assert_eq!(told("1 bob in c2c_bob: received m1 'a'"), m1(MessageChangeKind::Added));
    assert_eq!(told("2 bob in c2c_bob: edited m1 v1 'b'"), m1(MessageChangeKind::Changed));
    assert_eq!(told("3 me in c2c_bob: reacted m1 like"), m1(MessageChangeKind::Changed));
    assert_eq!(told("4 bob in c2c_bob: recalled m1"), m1(MessageChangeKind::Changed));
    assert_eq!(told("5 me in c2c_bob: deleted m1"), m1(MessageChangeKind::Removed));
    assert_eq!(told("6 bob in c2c_bob: edited m1 v2 'c'"), []);
}
