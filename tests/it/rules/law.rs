//! R01–R08: the law above all rules.

use chatfold::check::MergeError;
use chatfold::{Inbox, Policy};

use super::notation::{OWNER, given, user};
use super::{check, folded, inbox, verdict};

/// Something of everything: what waits, what is hidden, what lost.
const RICH: &str = "
    1 me: user bob nickname='Bob' remark='Bobby' face='https://x/bob.png'
    1 me: group dev name='Dev' face='https://x/dev.png' type=work
    2 me: folder a 'Work'
    2 me: folder b 'Play'
    3 me in group_dev: filed a
    4 bob in group_dev: received m1 #1 'Hello'
    5 me in group_dev: received m2 #2 'Hi' receipt members=4
    6 bob in group_dev: received m3 #3 'Look @me' @me
    7 carol in group_dev: received m4 #4 'All!' @all
    8 carol in group_dev: saw m2
    8 dave in group_dev: reacted m1 like
    9 me in group_dev: read #2
    9 me in group_dev: pinned
    9 me in group_dev: marked 1
    9 me in group_dev: option receive_not_notify
    9 me in group_dev: data 'x'
    10 bob in c2c_bob: received n1 'Lunch?'
    11 me in c2c_bob: queued n2 'Yes'
    12 me in c2c_bob: sent n2 12
    13 bob in c2c_bob: peer-read 12
    14 bob in c2c_bob: received n3 'Where?'
    15 bob in c2c_bob: recalled n3 'typo'
    16 bob in c2c_bob: edited n1 v1 'Lunch at one?'
    17 me in c2c_bob: draft 'At '
    18 me in c2c_bob: read n9
    19 me in c2c_bob: recalled n9
    20 me in c2c_eve: received x1 'old'
    21 me in c2c_eve: removed 20
";

const SHOWN: &str = "
    total 1/3
    folders ['Play' 'Work']
    group_dev name='Dev' face='https://x/dev.png' type=work unread=2 first=m3 last=m4 option=receive_not_notify at=[#3:me #4:all] pinned=yes marks=[1] data='x' in=['Work'] marker=#2 activity=7
      m1 by=bob text='Hello' reactions=[like:dave] read=yes
      m2 own=yes readers=[carol] waiting-for=2
    c2c_bob name='Bobby' face='https://x/bob.png' unread=1 first=n1 last=n3 last.status=recalled draft='At '@17 kept=['At '@17] marker=none peer=12 activity=17
      n1 text='Lunch at one?' version=1
      n2 status=sent peer-read=yes time=12
      n3 text=none recalled-by=bob why='typo'
    unlisted c2c_eve
";

#[test]
fn r01_the_fold_takes_whatever_comes() {
    check(RICH, SHOWN);
    // Facts about nothing, hidden messages, extremes: nothing shows, nothing breaks.
    check(
        "
        0 eve in group_dev: recalled m1
        0 eve in group_dev: edited m1 v9007199254740992 'x'
        0 me in group_dev: sent m1 0 #1
        0 me in group_dev: failed m1
        0 me in group_dev: read #9007199254740992
        0 me in group_dev: unread-from m2
        0 me in group_dev: removed #9007199254740992
        0 me in c2c_bob: cleared 253370764799.999
        253370764799.999 me in c2c_bob: deleted a a a
        0 me: folder-deleted a
        0 me: quiet
        ",
        "
        total 0/0
        folders []
        unlisted group_dev
        unlisted c2c_bob
        ",
    );
}

#[test]
fn r01_the_last_instant_and_the_greatest_seq() {
    check(
        "
        253370764799.999 bob in c2c_bob: received m1 'late'
        253370764799.999 me in c2c_bob: pinned
        253370764799.999 bob in group_dev: received m2 #9007199254740992 'late'
        253370764799.999 me in group_dev: read #9007199254740991
        ",
        "
        total 2/2
        c2c_bob unread=1 activity=253370764799.999 key=4756970392170495
        group_dev unread=1 marker=#9007199254740991 key=253370764799999
        ",
    );
}

#[test]
fn r02_an_event_again_changes_nothing() {
    let given = given(RICH);
    let mut inbox = folded(&given);
    let digest = inbox.digest();
    for event in given.events.iter().rev().chain(&given.events) {
        assert!(inbox.apply(event).is_empty(), "{event:?}");
        assert_eq!(inbox.digest(), digest, "{event:?}");
    }
}

#[test]
fn r03_a_fact_before_its_message_waits() {
    check(
        "
        5 bob in c2c_bob: edited m1 v1 'b'
        5 bob in c2c_bob: recalled m2
        5 me in c2c_bob: deleted m3
        5 me in c2c_bob: read m4
        5 dave in group_dev: saw n1
        5 dave in group_dev: reacted n1 like
        5 me in group_dev: message-pinned n1
        5 me in group_dev: extended n1 color 'red' 1
        ",
        "
        unlisted c2c_bob unread=0 last=none marker=none
        unlisted group_dev last=none pins=[]
        ",
    );
    check(
        "
        5 bob in c2c_bob: edited m1 v1 'b'
        5 bob in c2c_bob: recalled m2
        5 me in c2c_bob: deleted m3
        5 me in c2c_bob: read m4
        5 dave in group_dev: saw n1
        5 dave in group_dev: reacted n1 like
        5 me in group_dev: message-pinned n1
        5 me in group_dev: extended n1 color 'red' 1
        11 bob in c2c_bob: received m1 'a'
        14 bob in c2c_bob: received m4 'd'
        15 bob in c2c_bob: received m2 'e'
        16 bob in c2c_bob: received m3 'f'
        17 bob in c2c_bob: received m5 'g'
        17 me in group_dev: received n1 #1 'x'
        ",
        "
        c2c_bob unread=1 first=m5 marker=14
          m1 text='b'
          m2 status=recalled
          m3 gone
        group_dev pins=[n1]
          n1 readers=[dave] reactions=[like:dave] extensions=[color:'red'#1]
        ",
    );
}

#[test]
fn the_notation_sees_every_wrong_value() {
    // Each of these is one step beside the truth.
    for (right, wrong) in [
        ("total 1/3", "total 1/2"),
        ("folders ['Play' 'Work']", "folders ['Work' 'Play']"),
        ("name='Bobby'", "name='Bob'"),
        ("type=work", "type=public"),
        ("face='https://x/bob.png'", "face=none"),
        ("unread=2", "unread=3"),
        ("first=m3", "first=m4"),
        ("last=m4", "last=m3"),
        ("option=receive_not_notify", "option=receive"),
        ("at=[#3:me #4:all]", "at=[#3:me]"),
        ("pinned=yes", "pinned=no"),
        ("marks=[1]", "marks=[]"),
        ("data='x'", "data='y'"),
        ("in=['Work']", "in=[]"),
        ("marker=#2", "marker=#3"),
        ("peer=12", "peer=none"),
        ("activity=17", "activity=16"),
        ("draft='At '@17", "draft='At '@16"),
        ("kept=['At '@17]", "kept=[]"),
        ("last.status=recalled", "last.status=sent"),
        ("reactions=[like:dave]", "reactions=[]"),
        ("readers=[carol]", "readers=[carol dave]"),
        ("waiting-for=2", "waiting-for=1"),
        ("text='Lunch at one?'", "text='Lunch?'"),
        ("peer-read=yes", "peer-read=no"),
        ("recalled-by=bob", "recalled-by=me"),
        ("why='typo'", "why=none"),
        ("n2 status=sent", "n2 gone"),
        ("unlisted c2c_eve", "c2c_eve"),
        ("group_dev name", "unlisted group_dev name"),
    ] {
        assert!(SHOWN.contains(right), "{right}");
        assert!(verdict(RICH, &SHOWN.replacen(right, wrong, 1)).is_err(), "{wrong} passed");
    }
    assert_eq!(verdict(RICH, SHOWN), Ok(()));
}

#[test]
fn r04_any_split_of_a_log_merges_to_the_same() {
    let all = given(RICH);
    let whole = folded(&all);
    let part = |keep: &dyn Fn(usize) -> bool| {
        let events = all.events.iter().enumerate().filter(|(index, _)| keep(*index)).map(|(_, event)| event);
        Inbox::replay(user(OWNER), all.policy, events)
    };
    for cut in 0..=all.events.len() {
        let (a, b, c) = (part(&|i| i < cut), part(&|i| i >= cut), part(&|i| i % 3 == 0));
        let merged = |first: &Inbox, others: &[&Inbox]| {
            let mut merged = first.clone();
            others.iter().for_each(|other| drop(merged.merge(other).unwrap()));
            merged
        };
        let mut right = b.clone();
        right.merge(&c).unwrap();
        for (way, merged) in [
            ("a b", merged(&a, &[&b])),
            ("b a", merged(&b, &[&a])),
            ("(a b) c", merged(&a, &[&b, &c])),
            ("a (b c)", merged(&a, &[&right])),
            ("c b a c", merged(&c, &[&b, &a, &c])),
            ("a b a b", merged(&a, &[&b, &a, &b])),
        ] {
            assert_eq!(merged.digest(), whole.digest(), "{way} cut at {cut}");
            merged.audit().unwrap();
        }
    }
    let mut again = whole.clone();
    assert!(again.merge(&whole).unwrap().is_empty());
}

#[test]
fn r04_unlike_inboxes_do_not_merge() {
    let mine = inbox("1 bob in c2c_bob: received m1");
    let mut theirs = Inbox::new(user("bob"), Policy::default());
    assert!(matches!(theirs.merge(&mine), Err(MergeError::Owner { .. })));
    assert_eq!(theirs.conversations().count(), 0, "a refused merge changes nothing");
    let mut other = inbox("policy meeting_unread");
    assert!(matches!(other.merge(&mine), Err(MergeError::Policy { .. })));
    assert_eq!(other.conversations().count(), 0, "a refused merge changes nothing");
}

#[test]
fn r05_folding_again_gives_the_same() {
    let (first, second) = (inbox(RICH), inbox(RICH));
    assert_eq!(first.digest(), second.digest());
    let list = |inbox: &Inbox| inbox.conversations().map(|row| row.id().clone()).collect::<Vec<_>>();
    assert_eq!(list(&first), list(&second));
}

#[test]
fn r07_events_of_one_id_are_two_facts() {
    // Both messages are there, the read and the pin count: the fold keeps no ids to drop the second by.
    check(
        "
        1~x bob in c2c_bob: received m1 'a'
        1~x bob in c2c_bob: received m2 'b'
        3~y bob in c2c_bob: received m3 'c'
        4~y me in c2c_bob: read 1
        4~y me in c2c_bob: pinned
        ",
        "c2c_bob unread=1 pinned=yes marker=1 history=[m1 m2 m3]",
    );
}

#[test]
fn r07_at_equal_stamps_the_value_decides() {
    // Which value wins is fixed but not said; that every order shows the same one is what `check` demands.
    check(
        "
        1~x me in c2c_bob: pinned
        1~x me in c2c_bob: unpinned
        1~x me in c2c_bob: draft 'a'
        1~x me in c2c_bob: draft 'b'
        1~x me in c2c_bob: draft ''
        1~x me in c2c_bob: data 'a'
        1~x me in c2c_bob: data 'b'
        1~x me in c2c_bob: marked 1
        1~x me in c2c_bob: unmarked 1
        1~x me in c2c_bob: option receive
        1~x me in c2c_bob: option not_receive
        1~x me: user bob nickname='a' remark='c'
        1~x me: user bob nickname='b' remark='d'
        1~x me: folder f 'a'
        1~x me: folder f 'b'
        1~x me: folder-deleted f
        1~x me in c2c_bob: filed f
        1~x me in c2c_bob: unfiled f
        1~x bob in c2c_bob: received m1 'a'
        1~x bob in c2c_bob: received m1 'b'
        1~x bob in c2c_bob: recalled m2 'a'
        1~x bob in c2c_bob: recalled m2 'b'
        1~x bob in c2c_bob: received m2
        1~x bob in c2c_bob: edited m1 v1 'c'
        1~x bob in c2c_bob: edited m1 v1 'd'
        1~x bob in c2c_bob: reacted m1 like
        1~x bob in c2c_bob: unreacted m1 like
        ",
        "c2c_bob unread=1 activity=1",
    );
}

#[test]
fn r07_the_later_writer_wins_whatever_the_value() {
    check(
        "
        2~a me in c2c_bob: unpinned
        1~z me in c2c_bob: pinned
        2~b me in c2c_bob: data 'a'
        2~a me in c2c_bob: data 'z'
        3~a me in c2c_bob: opened
        ",
        "c2c_bob pinned=no data='a'",
    );
}

#[test]
fn r08_the_digest_has_128_bits_and_counts_what_waits_and_is_masked() {
    assert!(inbox("").digest().to_string().len() >= 32);
    let base = "
        1 bob in c2c_bob: received m1 'a'
        2 bob in c2c_bob: recalled m1
        3 bob in c2c_bob: received m2 'b'
        4 me in c2c_bob: deleted m2
        5 me in c2c_bob: draft 'x'
        6 me in c2c_bob: draft 'y'
    ";
    let digest = inbox(base).digest();
    for (what, other) in [
        ("content under a recall", base.replace("m1 'a'", "m1 'z'")),
        ("content of a deleted message", base.replace("m2 'b'", "m2 'z'")),
        ("a draft that lost", base.replace("draft 'x'", "draft 'z'")),
        ("a recall that waits", format!("{base}7 bob in c2c_bob: recalled m9")),
        ("a read that waits", format!("{base}7 me in c2c_bob: read m9")),
        ("a mark that waits", format!("{base}7 me in c2c_bob: unread-from m9")),
        ("an acknowledgement that waits", format!("{base}7 me in c2c_bob: sent m9 7")),
        ("a folder not created", format!("{base}7 me in c2c_bob: filed f")),
        ("a hidden message", format!("{base}7 bob in group_dev: received m9 #1 to=[carol]")),
    ] {
        assert_ne!(inbox(&other).digest(), digest, "{what}");
    }
}

#[test]
fn r08_the_digest_knows_names_not_numbers() {
    // What takes no effect may number its users; it leaves no trace.
    let plain = inbox("3~c bob in c2c_bob: received m1");
    let other = inbox(
        "
        1~a zoe in c2c_bob: received m9
        2~b eve in c2c_bob: pinned
        3~c bob in c2c_bob: received m1
        ",
    );
    assert_eq!(plain.digest(), other.digest());
}
