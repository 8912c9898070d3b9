//! R24, R27–R30: the owner's own about a conversation.

use super::check;

#[test]
fn r24_the_receive_option_is_the_last_writers() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: option not_receive
        5 me in c2c_bob: option receive_not_notify
        4 me in c2c_bob: option not_notify_except_at
        1 eve in c2c_eve: received m1
        ",
        "
        total 1/2
        c2c_bob option=receive_not_notify unread=1
        c2c_eve option=receive unread=1
        ",
    );
}

#[test]
fn r24_every_option_is_kept_and_its_number_is_v2tims() {
    use chatfold::event::ReceiveOption::{
        NotNotifyExceptAt, NotReceive, NotReceiveExceptAt, Receive, ReceiveNotNotify,
    };
    let numbers = [Receive, NotReceive, ReceiveNotNotify, NotNotifyExceptAt, NotReceiveExceptAt];
    assert_eq!(numbers.map(|option| option as u8), [0, 1, 2, 3, 4]);
    for option in
        ["receive", "not_receive", "receive_not_notify", "not_notify_except_at", "not_receive_except_at"]
    {
        let log = format!("1 bob in c2c_bob: received m1\n 2 me in c2c_bob: option {option}");
        let total = if option == "receive" { "1/1" } else { "0/1" };
        check(&log, &format!("total {total}\n c2c_bob option={option} unread=1"));
    }
}

#[test]
fn r27_the_last_draft_shows_with_the_time_of_its_event() {
    check(
        "
        1 me in c2c_bob: draft 'Hel'
        5.500 me in c2c_bob: draft 'Hello, '
        3 me in c2c_bob: draft 'Hello'
        ",
        "c2c_bob draft='Hello, '@5.500",
    );
}

#[test]
fn r27_null_or_empty_clears() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: draft 'x'
        3 me in c2c_bob: draft
        1 eve in c2c_eve: received m1
        2 me in c2c_eve: draft 'x'
        3 me in c2c_eve: draft ''
        4 me in c2c_eve: draft ' '
        ",
        "
        c2c_eve draft=' '@4 kept=[' '@4]
        c2c_bob draft=none kept=[]
        ",
    );
}

#[test]
fn r27_a_draft_that_lost_to_a_concurrent_one_is_kept() {
    check(
        "
        2~a me in c2c_bob: draft 'on the phone'
        3~b me in c2c_bob: draft 'on the desk'
        ",
        "c2c_bob draft='on the desk'@3 kept=['on the phone'@2 'on the desk'@3]",
    );
}

#[test]
fn r27_only_drafts_later_than_the_latest_clearing_are_kept() {
    check(
        "
        1 me in c2c_bob: draft 'a'
        2 me in c2c_bob: draft ''
        3 me in c2c_bob: draft 'b'
        4 me in c2c_bob: draft ''
        5 me in c2c_bob: draft 'c'
        6 me in c2c_bob: draft 'd'
        ",
        "c2c_bob draft='d'@6 kept=['c'@5 'd'@6]",
    );
    check(
        "
        3~a me in c2c_bob: draft 'a'
        3~b me in c2c_bob: draft ''
        3~c me in c2c_bob: draft 'c'
        ",
        "c2c_bob draft='c'@3 kept=['c'@3]",
    );
}

#[test]
fn r27_what_a_draft_replaces_is_told() {
    check(
        "
        1~a me in c2c_bob: draft 'a'
        2~b me in c2c_bob: draft 'ab' replaces=a
        ",
        "c2c_bob draft='ab'@2/a kept=['a'@1 'ab'@2/a]",
    );
}

#[test]
fn r28_pinned_by_the_last_writer() {
    check(
        "
        1 bob in c2c_bob: received m1
        3 me in c2c_bob: pinned
        2 me in c2c_bob: unpinned
        1 eve in c2c_eve: received m1
        3 me in c2c_eve: unpinned
        2 me in c2c_eve: pinned
        ",
        "
        c2c_bob pinned=yes
        c2c_eve pinned=no
        ",
    );
}

#[test]
fn r28_at_one_time_the_event_id_decides() {
    check(
        "
        1 bob in c2c_bob: received m1
        3~a me in c2c_bob: pinned
        3~b me in c2c_bob: unpinned
        ",
        "c2c_bob pinned=no",
    );
}

#[test]
fn r29_marks_are_last_writer_each_and_ascending() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: marked 4294967296
        3 me in c2c_bob: marked 8
        3 me in c2c_bob: marked 1
        4 me in c2c_bob: marked 4
        6 me in c2c_bob: unmarked 4
        5 me in c2c_bob: marked 4
        7 me in c2c_bob: unmarked 2
        8 me in c2c_bob: marked 9223372036854775808
        ",
        "c2c_bob marks=[1 8 4294967296 9223372036854775808]",
    );
}

#[test]
fn r29_the_unread_mark_does_not_count() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: read 1
        3 me in c2c_bob: marked 2
        ",
        "total 0/0\n c2c_bob unread=0 marks=[2]",
    );
}

#[test]
fn r29_other_single_bits_are_kept_and_shown() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: marked 16
        2 me in c2c_bob: marked 2147483648
        ",
        "c2c_bob marks=[16 2147483648]",
    );
    assert_eq!(chatfold::event::Mark::from_bits(3), None);
    assert_eq!(chatfold::event::Mark::from_bits(0), None);
}

#[test]
fn r30_custom_data_is_the_last_writers_and_empty_is_none() {
    check(
        "
        1 bob in c2c_bob: received m1
        3 me in c2c_bob: data 'new'
        2 me in c2c_bob: data 'old'
        1 eve in c2c_eve: received m1
        2 me in c2c_eve: data 'old'
        3 me in c2c_eve: data ''
        ",
        "
        c2c_bob data='new'
        c2c_eve data=none
        ",
    );
}

#[test]
fn r30_the_fold_knows_no_limit() {
    let long = "x".repeat(300);
    check(
        &format!("1 bob in c2c_bob: received m1\n 2 me in c2c_bob: data '{long}'"),
        &format!("c2c_bob data='{long}'"),
    );
}
