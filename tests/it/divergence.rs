//! Divergence: what differs is told, what does not is not, and merging ends it (R96).

use std::collections::BTreeSet;

use chatfold::divergence::{Divergence, compare, compare_logs};
use chatfold::event::{QuietHours, Through, UnreadReport, Watermark};
use chatfold::view::Direction;
use chatfold::{Envelope, Event, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};

use crate::harness::{MANY, MIX, cases, ensure, hold, replay, subset};
use crate::histories::History;
use crate::shown::{Names, shown};

/// An event of `by` at `second`.
fn by(by: &str, n: u8, second: i64) -> Envelope {
    let at = Timestamp::from_millis(second * 1_000).unwrap();
    Envelope::new(EventId::from_bytes([n; 16]), at, UserId::parse(by).unwrap())
}

fn inbox(events: &[&Event]) -> Inbox {
    Inbox::replay(UserId::parse("alice").unwrap(), Policy::default(), events.iter().copied())
}

fn message(n: u8) -> Message {
    Message::text(MessageId::from_bytes([n; 16]), "Lunch?")
}

fn received() -> Event {
    by("bob", 1, 10).message_received("c2c_bob".parse().unwrap(), message(1)).unwrap()
}

#[test]
fn r96_nothing_differs_between_equal_inboxes() {
    let lunch = received();
    assert!(compare(&inbox(&[]), &inbox(&[])).is_empty());
    let found = compare(&inbox(&[&lunch]), &inbox(&[&lunch, &lunch]));
    assert_eq!(found, Divergence::default());
    assert_eq!(found.to_string(), "");
}

#[test]
fn r96_every_difference_names_its_place_and_both_values() {
    let lunch = received();
    let bob = "c2c_bob".parse().unwrap();
    let target = MessageId::from_bytes([1; 16]);
    let read = by("alice", 2, 20).marked_unread_from("c2c_bob".parse().unwrap(), target).unwrap();
    let recall = by("bob", 3, 30).message_recalled(bob, target, Some("oops".into())).unwrap();
    let name =
        by("bob", 4, 40).user_profile_changed(UserId::parse("bob").unwrap(), Some("Bob".into()), None, None);
    let name = name.unwrap();
    let found = compare(&inbox(&[&lunch, &read]), &inbox(&[&lunch, &recall, &name]));
    let text = found.to_string();
    let id = "01010101-0101-0101-0101-010101010101";
    for line in [
        "total_unread: 1 | 0",
        "bob: nickname: none | \"Bob\"",
        "c2c_bob: show_name: \"bob\" | \"Bob\"",
        "c2c_bob: unread_count: 1 | 0",
        &format!(
            "c2c_bob: last_message: \"Lunch?\" by bob at 1970-01-01T00:00:10.000Z ({id}) | \
             recalled by bob at 1970-01-01T00:00:10.000Z ({id})"
        ),
        &format!("c2c_bob: {id}: text: \"Lunch?\" | none"),
        &format!("c2c_bob: {id}: status: sent | recalled"),
        &format!(
            "c2c_bob: {id}: recall: none | by bob at \
             1970-01-01T00:00:30.000Z (event 03030303-0303-0303-0303-030303030303), \"oops\""
        ),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert_eq!((found.conversations.len(), found.users.len()), (1, 1));
}

#[test]
fn r96_a_conversation_only_one_knows_and_one_not_listed_differ_too() {
    let lunch = received();
    let group: chatfold::ConversationId = "group_g".parse().unwrap();
    let mark = by("alice", 2, 20).mark_set(group.clone(), chatfold::event::Mark::STAR, true).unwrap();
    let found = compare(&inbox(&[&lunch]), &inbox(&[&mark]));
    let ids: Vec<&str> = found.conversations.iter().map(|differs| differs.id.as_str()).collect();
    assert_eq!(ids, ["c2c_bob", "group_g"]);
    let [only_left, unlisted] = &found.conversations[..] else { panic!("{found:?}") };
    assert_eq!(only_left.messages[0].differences[0].attribute, "message");
    assert!(only_left.messages[0].differences[0].right.is_none());
    assert_eq!(unlisted.differences.len(), 1);
    assert_eq!(unlisted.differences[0].to_string(), "marks: none | 1");
    // A conversation that is known but shows nothing is as one that is not known.
    let off = by("alice", 3, 20).mark_set(group, chatfold::event::Mark::STAR, false).unwrap();
    assert!(compare(&inbox(&[]), &inbox(&[&off])).is_empty());
}

#[test]
fn r96_the_account_differs_too() {
    let folder = chatfold::FolderId::from_bytes([7; 16]);
    let work = by("alice", 1, 10).folder_created(folder, "Work".into()).unwrap();
    let hours = Some(QuietHours::Once { start: Timestamp::EPOCH, duration_s: 60 });
    let quiet = by("alice", 2, 10).quiet_hours_set(hours).unwrap();
    let found = compare(&inbox(&[]), &inbox(&[&work, &quiet]));
    let names: Vec<&str> = found.account.iter().map(|difference| difference.attribute).collect();
    assert_eq!(names, ["folders", "quiet_hours"]);
    let bob = Inbox::new(UserId::parse("bob").unwrap(), Policy::default().with_meeting_unread(true));
    let found = compare(&inbox(&[]), &bob);
    let names: Vec<&str> = found.account.iter().map(|difference| difference.attribute).collect();
    assert_eq!(names, ["owner", "policy"]);
}

#[test]
fn r96_events_lacked_are_named_each_once_by_stamp() {
    let (lunch, group) = (received(), "group_g".parse::<chatfold::ConversationId>().unwrap());
    let late = by("alice", 1, 30).conversation_pinned(group.clone(), true).unwrap();
    let early = by("alice", 2, 5).conversation_pinned(group.clone(), true).unwrap();
    let other = by("alice", 2, 5).conversation_pinned(group, false).unwrap();
    let lacked = compare_logs([&lunch], [&late, &early, &late, &lunch]);
    assert_eq!((lacked.left, lacked.right), (vec![&early, &late], vec![]));
    // R07: two events of one id are two facts.
    let lacked = compare_logs([&early], [&other]);
    assert_eq!((lacked.left, lacked.right), (vec![&other], vec![&early]));
    let lacked = compare_logs([&early, &other], [&other]);
    assert_eq!((lacked.left, lacked.right), (vec![], vec![&early]));
    // However many bear one id, each is found.
    let alike = |text: String| {
        let group = "group_g".parse().unwrap();
        by("bob", 3, 7)
            .message_received(group, Message::text(MessageId::from_bytes([3; 16]), text).with_seq(3))
            .unwrap()
    };
    let many: Vec<Event> = (0..20_000).map(|n| alike(n.to_string())).collect();
    let lacked = compare_logs(&many, many.iter().step_by(2).rev());
    assert_eq!((lacked.left.len(), lacked.right.len()), (0, 10_000));
}

/// Who recalled what another wrote is named beside it.
#[test]
fn r96_the_name_of_who_recalled_a_message_differs_too() {
    let group = "group_g".parse::<chatfold::ConversationId>().unwrap();
    let spoken = by("bob", 1, 10).message_received(group.clone(), message(1).with_seq(1)).unwrap();
    let recalled = by("carol", 2, 20).message_recalled(group, MessageId::from_bytes([1; 16]), None).unwrap();
    let carol = UserId::parse("carol").unwrap();
    let named = by("carol", 3, 30).user_profile_changed(carol, Some("Carol".into()), None, None).unwrap();
    let found = compare(&inbox(&[&spoken, &recalled]), &inbox(&[&spoken, &recalled, &named]));
    assert_eq!(found.to_string(), "carol: name: \"carol\" | \"Carol\"\n");
}

/// R46: between 4 and 100 is something else than 4 or 5.
#[test]
fn r96_how_many_there_may_be_at_most_differs_too() {
    let group = "group_g".parse::<chatfold::ConversationId>().unwrap();
    let report = |n: u8, unread: u64, at_least: bool| {
        let report = UnreadReport {
            through: Watermark::Seq(100),
            unread,
            read: Some(Through::Watermark(Watermark::Seq(0))),
            at_least,
            mentions: None,
            active_at: None,
        };
        by("alice", n, n.into()).unread_reported(group.clone(), report).unwrap()
    };
    let gone =
        by("bob", 9, 90).message_recalled(group.clone(), MessageId::from_bytes([1; 16]), None).unwrap();
    let (floor, count) = (report(1, 4, true), report(2, 5, false));
    let mut open = inbox(&[&gone, &floor]);
    let found = compare(&open, &inbox(&[&gone, &count]));
    let unlike: Vec<_> = found.conversations[0].differences.iter().map(ToString::to_string).collect();
    assert!(unlike.contains(&"unread_at_most: 100 | 5".to_owned()), "{unlike:?}");
    // Only the upper end falls: it is told all the same.
    let told = open.apply(&count);
    let attributes: Vec<_> = told.conversations.iter().flat_map(|row| row.attributes.iter()).collect();
    assert!(attributes.contains(&chatfold::change::Attribute::UnreadCount), "{told:?}");
}

fn two_devices(history: &History) -> [Vec<Event>; 2] {
    // Now and then nearly everything has been seen by both, so that often little or nothing differs.
    let percent = [50, 90, 97][(history.seed % 3) as usize];
    [1, 2].map(|salt| subset(&history.events, history.seed ^ salt << 60, percent))
}

/// Who recalled which message, by the name that shows.
fn revokers(inbox: &Inbox) -> BTreeSet<(MessageId, String)> {
    let messages = inbox
        .known_conversations()
        .flat_map(|view| view.messages(Direction::NewestFirst, None, usize::MAX).messages.into_iter());
    messages.filter_map(|message| Some((message.id(), message.recall()?.name.to_owned()))).collect()
}

/// Told is exactly what shows; merging and handing events over both end it.
fn check_law(history: &History) -> Result<(), String> {
    let names = Names::of(&history.events);
    let [one, two] = two_devices(history);
    let (left, right) = (replay(history, &one), replay(history, &two));
    let found = compare(&left, &right);
    let differs = shown(&left, &names) != shown(&right, &names) || revokers(&left) != revokers(&right);
    ensure(found.is_empty() != differs, || format!("shown differs: {differs}, told:\n{found}"))?;
    let back = compare(&right, &left);
    ensure(back.is_empty() != differs, || format!("the other way round:\n{back}"))?;
    let told = |found: &Divergence| -> BTreeSet<String> {
        found.conversations.iter().map(|differs| differs.id.to_string()).collect()
    };
    ensure(told(&found) == told(&back), || format!("{found}\nand back\n{back}"))?;

    let lacked = compare_logs(&one, &two);
    let (mut merged, mut fed) = (left.clone(), left.clone());
    merged.merge(&right).map_err(|error| error.to_string())?;
    fed.apply_batch(lacked.left.iter().copied());
    let (mut merged_back, mut fed_back) = (right.clone(), right.clone());
    merged_back.merge(&left).map_err(|error| error.to_string())?;
    fed_back.apply_batch(lacked.right.iter().copied());
    for (what, a, b) in [
        ("merged both ways", &merged, &merged_back),
        ("given what each lacked", &fed, &fed_back),
        ("merged, and given", &merged, &fed),
    ] {
        let rest = compare(a, b);
        ensure(rest.is_empty(), || format!("{what}, there still differs:\n{rest}"))?;
        ensure(a.digest() == b.digest(), || format!("{what}: unlike digests"))?;
    }
    Ok(())
}

#[test]
fn r96_what_shows_is_told_and_merging_ends_it() {
    hold("R96", MIX, cases(500), &check_law);
}

#[test]
fn r96_holds_of_long_histories_too() {
    hold("R96", MANY, cases(2).min(20), &check_law);
}

#[test]
fn r96_the_histories_agree_and_differ() {
    let mut counts = [0; 2];
    for seed in 0..600 {
        let history = crate::histories::history(seed, crate::histories::SHORT);
        let [one, two] = two_devices(&history);
        let found = compare(&replay(&history, &one), &replay(&history, &two));
        counts[usize::from(found.is_empty())] += 1;
    }
    assert!(counts.iter().all(|count| *count > 50), "differ, agree: {counts:?}");
}
