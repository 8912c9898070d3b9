//! R13, R15–R18: which messages there are, and which events count.

use super::{check, check_same};

#[test]
fn r13_an_acknowledged_message_moves_and_is_never_there_twice() {
    check(
        "
        10 bob in group_dev: received m1 #1
        11 me in group_dev: queued m2 #1 'Hi'
        12 bob in group_dev: received m3 #2
        13 me in group_dev: sent m2 12.500 #3
        ",
        "
        group_dev history=[m1 m3 m2] last=m2
          m2 status=sent rank=0 seq=3 time=12.500 text='Hi'
        ",
    );
    check(
        "
        11 me in group_dev: queued m2 #1 'Hi'
        12 bob in group_dev: received m3 #2
        13 me in group_dev: received m2 #3 'Hi'
        14 me in group_dev: sent m2 13 #3
        ",
        "
        group_dev history=[m3 m2] last=m2
          m2 status=sent rank=0 seq=3 time=13
        ",
    );
}

#[test]
fn r13_an_acknowledgement_of_an_unknown_message_waits() {
    check(
        "
        13 me in c2c_bob: sent m2 12
        14 me in c2c_bob: failed m3 'offline'
        15 me in c2c_bob: opened
        ",
        "c2c_bob last=none history=[] activity=15",
    );
    check(
        "
        13 me in c2c_bob: sent m2 12
        14 me in c2c_bob: failed m3 'offline'
        11 me in c2c_bob: queued m2 'a'
        12 me in c2c_bob: queued m3 'b'
        ",
        "
        c2c_bob last=m3 history=[m2 m3]
          m2 status=sent time=12 rank=0
          m3 status=failed failure='offline' time=12 rank=2
        ",
    );
}

#[test]
fn r15_the_earliest_delivery_counts_then_import_then_queueing() {
    check(
        "
        1 me in group_dev: queued m1 #0 'queued'
        2 me in group_dev: imported m1 #0 'imported' from=bob
        5 carol in group_dev: received m1 #7 'later' @me
        4 dave in group_dev: received m1 #9 'earliest'
        ",
        "
        group_dev unread=1 at=[]
          m1 by=dave text='earliest' seq=9 time=4 rank=0 status=sent
        ",
    );
    check(
        "
        1 me in group_dev: queued m1 #0 'queued'
        4 me in group_dev: imported m1 #2 'later'
        3 me in group_dev: imported m1 #1 'earliest' from=bob
        ",
        "
        group_dev unread=0
          m1 by=bob text='earliest' seq=1 time=3 rank=1 status=imported
        ",
    );
    check(
        "
        4 me in group_dev: queued m1 #2 'later'
        3 me in group_dev: queued m1 #1 'earliest'
        ",
        "
        group_dev
          m1 text='earliest' seq=1 time=3 rank=2 status=sending
        ",
    );
}

#[test]
fn r15_at_one_time_the_event_id_decides_which_is_earliest() {
    check(
        "
        4~b bob in c2c_bob: received m1 'second'
        4~a me in c2c_bob: received m1 'first'
        ",
        "
        c2c_bob unread=0
          m1 text='first' own=yes event=a
        ",
    );
}

#[test]
fn r15_the_flags_are_those_of_the_introduction_that_counts() {
    check(
        "
        4 bob in c2c_bob: received m1 'a' no_unread
        5 bob in c2c_bob: received m1 'a'
        6 bob in c2c_bob: received m2 'b'
        7 bob in c2c_bob: received m2 'b' no_unread no_last online_only
        ",
        "c2c_bob unread=1 first=m2 last=m2 history=[m1 m2]",
    );
}

#[test]
fn r15_the_earliest_acknowledgement_gives_the_position() {
    check(
        "
        1 me in group_dev: queued m1 #0 'a'
        9 me in group_dev: sent m1 2 #5
        8 me in group_dev: sent m1 3 #4
        ",
        "
        group_dev
          m1 time=3 seq=4
        ",
    );
    // A delivery outranks every acknowledgement, however late it comes.
    check(
        "
        1 me in group_dev: queued m1 #0 'a'
        8 me in group_dev: sent m1 3 #4
        20 me in group_dev: received m1 #6 'a'
        ",
        "
        group_dev
          m1 time=20 seq=6
        ",
    );
}

#[test]
fn r15_in_a_direct_chat_an_acknowledgement_may_leave_the_seq_as_it_was() {
    check(
        "
        1 me in c2c_bob: queued m1 #7
        2 me in c2c_bob: sent m1 3
        4 me in c2c_bob: queued m2 #8
        5 me in c2c_bob: sent m2 6 #9
        ",
        "
        c2c_bob
          m1 time=3 seq=7
          m2 time=6 seq=9
        ",
    );
}

#[test]
fn r15_an_imported_message_once_acknowledged_is_sent() {
    check(
        "
        1 me in c2c_bob: imported m1 'a'
        2 me in c2c_bob: sent m1 3
        ",
        "
        c2c_bob
          m1 rank=0 status=sent time=3
        ",
    );
}

#[test]
fn r15_the_latest_attempt_tells_failed_or_sending() {
    check(
        "
        1 me in c2c_bob: queued m1 'a'
        2 me in c2c_bob: failed m1 'offline'
        4 me in c2c_bob: queued m2 'b'
        5 me in c2c_bob: failed m2 'offline'
        6 me in c2c_bob: queued m2 'b'
        7 me in c2c_bob: queued m3 'c'
        8 me in c2c_bob: failed m3 'first'
        9 me in c2c_bob: failed m3 'second'
        ",
        "
        c2c_bob
          m1 status=failed failure='offline'
          m2 status=sending failure=none time=4
          m3 status=failed failure='second'
        ",
    );
}

#[test]
fn r15_what_was_sent_or_imported_did_not_fail() {
    check(
        "
        1 me in c2c_bob: queued m1 'a'
        2 me in c2c_bob: sent m1 2
        3 me in c2c_bob: failed m1 'timeout'
        4 me in c2c_bob: imported m2 'b'
        5 me in c2c_bob: failed m2 'timeout'
        ",
        "
        c2c_bob
          m1 status=sent failure=none
          m2 status=imported failure=none
        ",
    );
}

#[test]
fn r16_shared_facts_are_trusted_whoever_writes_them() {
    check(
        "
        1 bob in group_dev: received m1 #1 'a'
        2 bob in group_dev: received m2 #2 'b'
        3 zoe in group_dev: recalled m1
        4 zoe in group_dev: edited m2 v1 'c'
        5 zoe in group_dev: message-pinned m2
        ",
        "
        group_dev unread=1 pins=[m2]
          m1 status=recalled recalled-by=zoe
          m2 text='c' pinned=yes
        ",
    );
}

/// A conversation of each kind to which nothing personal has happened.
const PLAIN: &str = "
    1 bob in group_dev: received m1 #1 'a'
    2 bob in group_dev: received m2 #2 'b'
    3 bob in c2c_bob: received n1 'a'
    4 bob in c2c_bob: received n2 'b'
    5 me: folder f 'Friends'
    5 me: user bob remark='Bobby'
    6 me in c2c_bob: filed f
";

#[test]
fn r17_a_personal_fact_of_another_has_no_effect() {
    for conversation in ["group_dev", "c2c_bob"] {
        let watermark = if conversation == "group_dev" { "#2" } else { "9" };
        for fact in [
            "queued m9 #2 'x'",
            "imported m9 #2 'x'",
            "imported m9 #2 'x' from=me",
            "failed m1",
            "deleted m1 m2 n1 n2",
            &format!("cleared {watermark}"),
            &format!("read {watermark}"),
            "read m1",
            "read n1",
            "pinned",
            "draft 'x'",
            "marked 1",
            "data 'x'",
            "option not_receive",
            "filed f",
            "unfiled f",
            &format!("removed {watermark}"),
        ] {
            let with = format!("{PLAIN}\n 9 bob in {conversation}: {fact}");
            check_same(PLAIN, &with);
        }
    }
}

#[test]
fn r17_anothers_mark_or_acknowledgement_has_no_effect() {
    check(
        "
        1 bob in c2c_bob: received n1
        2 me in c2c_bob: read 1
        3 bob in c2c_bob: unread-from n1
        4 me in c2c_bob: queued n2
        5 bob in c2c_bob: sent n2 5
        ",
        "
        c2c_bob unread=0 marker=1
          n2 status=sending
        ",
    );
}

#[test]
fn r17_folders_quiet_hours_and_remarks_are_the_owners() {
    check_same(PLAIN, &format!("{PLAIN}\n 9 bob: folder g 'Mine'"));
    check_same(PLAIN, &format!("{PLAIN}\n 9 bob: folder-renamed f 'Mine'"));
    check_same(PLAIN, &format!("{PLAIN}\n 9 bob: folder-deleted f"));
    check_same(PLAIN, &format!("{PLAIN}\n 9 bob: quiet 10 60"));
    check_same(PLAIN, &format!("{PLAIN}\n 9 bob: user bob remark='The Boss'"));
    // A nickname and a face are shared: theirs to change.
    check(
        "
        1 bob in c2c_bob: received n1
        2 bob: user bob nickname='Robert' remark='The Boss' face='x'
        ",
        "c2c_bob name='Robert' face='x'",
    );
}

#[test]
fn r17_an_opening_by_another_gives_the_type_and_no_more() {
    check("5 bob in group_dev: opened work", "unlisted group_dev type=work activity=0");
    check(
        "
        1 bob in group_fun: received m1 #1
        2 me in group_dev: opened
        9 bob in group_dev: opened work
        ",
        "
        group_dev type=work activity=2
        group_fun activity=1
        ",
    );
}

#[test]
fn r17_peer_read_counts_only_from_the_peer() {
    check(
        "
        1 me in c2c_bob: received n1
        2 me in c2c_bob: peer-read 9
        2 eve in c2c_bob: peer-read 9
        ",
        "
        c2c_bob peer=none
          n1 peer-read=no
        ",
    );
    check(
        "
        1 me in c2c_bob: received n1
        2 bob in c2c_bob: peer-read 9
        ",
        "
        c2c_bob peer=9
          n1 peer-read=yes
        ",
    );
}

#[test]
fn r17_a_direct_message_of_neither_party_has_no_effect() {
    check(
        "
        1 bob in c2c_bob: received n1
        2 eve in c2c_bob: received n2 'spam'
        3 me in c2c_bob: imported n3 'spam' from=eve
        ",
        "c2c_bob unread=1 last=n1 history=[n1] activity=1",
    );
    // It cannot take the place of a message that is there.
    check(
        "
        1 eve in c2c_bob: received n1 'forged'
        2 bob in c2c_bob: received n1 'real'
        ",
        "
        c2c_bob unread=1
          n1 text='real' time=2
        ",
    );
    check("1 eve in c2c_bob: received n1", "unlisted c2c_bob");
}

#[test]
fn r17_alone_with_oneself_everything_is_ones_own() {
    check(
        "
        1 me in c2c_me: received n1 'note'
        2 me in c2c_me: received n2 'note'
        3 me in c2c_me: peer-read 1
        4 me in c2c_me: draft 'milk'
        ",
        "
        total 0/0
        c2c_me unread=0 last=n2 peer=1 draft='milk'@4
          n1 own=yes peer-read=yes
          n2 own=yes peer-read=no
        ",
    );
    check("1 bob in c2c_me: received n1 'not mine'", "unlisted c2c_me");
}

#[test]
fn r18_a_message_for_others_is_unknown() {
    check(
        "
        1 bob in group_dev: received m1 #1 'all'
        2 bob in group_dev: received m2 #2 'psst' to=[carol dave] @me
        3 me in group_dev: read m2
        ",
        "
        group_dev unread=1 last=m1 at=[] marker=none activity=1 history=[m1]
          m2 gone
        ",
    );
    check("2 bob in group_dev: received m2 #2 'psst' to=[carol]", "unlisted group_dev last=none activity=0");
}

#[test]
fn r18_a_message_for_the_owner_shows_but_does_not_count() {
    // R23 counts nothing with recipients; R26 makes no such difference.
    check(
        "
        1 bob in group_dev: received m1 #1 'all'
        2 bob in group_dev: received m2 #2 'psst' to=[carol me] @me
        ",
        "
        group_dev unread=1 first=m1 last=m2 activity=2 at=[#2:me]
          m2 to=[carol me]
        ",
    );
}

#[test]
fn r18_ones_own_message_for_others_is_there() {
    check("2 me in group_dev: received m2 #2 'psst' to=[carol]", "group_dev unread=0 last=m2 activity=2");
}

#[test]
fn r18_an_empty_list_is_no_list() {
    check("2 bob in group_dev: received m2 #2 'x' to=[]", "group_dev unread=1 last=m2 activity=2");
}

#[test]
fn r18_judges_the_introduction_that_counts() {
    // Hidden by the earliest delivery, though a later one would show.
    check(
        "
        1 bob in group_dev: received m1 #1 'a' to=[carol]
        2 bob in group_dev: received m1 #1 'a'
        ",
        "unlisted group_dev last=none activity=0",
    );
    check(
        "
        1 bob in group_dev: received m1 #1 'a'
        2 bob in group_dev: received m1 #1 'a' to=[carol]
        ",
        "group_dev unread=1 last=m1",
    );
    // R17 drops the forged delivery first, so the real one is the earliest.
    check(
        "
        1 eve in c2c_bob: received m1 'a' to=[carol]
        2 bob in c2c_bob: received m1 'a'
        ",
        "c2c_bob unread=1 last=m1",
    );
    // An import from another for others, until the delivery for everybody comes.
    check(
        "
        1 me in group_dev: imported m1 #0 'a' to=[carol] from=bob
        2 bob in group_dev: received m1 #1 'a'
        ",
        "group_dev unread=1 last=m1",
    );
}
