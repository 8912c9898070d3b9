//! R37, R40, R59: what names single messages: clearings and deletions that take more, edits of mentions, reads.

use chatfold::notify::{Notification, NotificationReason, explain, judge};

use super::notation::{conversation, event_id, message_id, time};
use super::{check, check_same, inbox};

#[test]
fn r59_messages_are_read_one_by_one_and_the_marker_stays() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2 @me
        3 bob in group_dev: received m3 #3 @all
        4 me in group_dev: read-by-name m2
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 me in c2c_bob: read-by-name m2 m1
        ",
        "
        total 2/2
        group_dev unread=2 first=m1 at=[#3:all] marker=none
          m1 read=no read-by-name=no
          m2 read=yes read-by-name=yes
        c2c_bob unread=0 marker=none
        ",
    );
}

#[test]
fn r59_the_last_writer_decides_for_each_message() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 bob in c2c_bob: received m3
        9 me in c2c_bob: read-by-name m1
        5 me in c2c_bob: unread-by-name m1 m2
        4 me in c2c_bob: read-by-name m2 m3
        6~x me in c2c_bob: read-by-name m3
        6~x me in c2c_bob: unread-by-name m3
        ",
        // Under one stamp the greater value wins (R07): read.
        "
        c2c_bob unread=1 first=m2
          m3 read-by-name=yes
        ",
    );
}

#[test]
fn r59_what_the_marker_covers_is_read_whatever_its_name_says() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 me in c2c_bob: read 1
        4 me in c2c_bob: unread-by-name m1
        ",
        "
        c2c_bob unread=1 first=m2
          m1 read=yes read-by-name=no
        ",
    );
}

#[test]
fn r59_a_name_of_an_unknown_message_waits() {
    check(
        "
        1 me in group_dev: read-by-name m1 m2
        2 bob in group_dev: received m1 #1 @me
        3 bob in group_dev: received m3 #3
        ",
        "group_dev unread=1 first=m3 at=[] marker=none",
    );
    check("1 me in group_dev: read-by-name m1", "unlisted group_dev unread=0 last=none");
}

#[test]
fn r59_marking_unread_from_a_message_leaves_what_was_read_by_name() {
    // The fold moves the marker; the command writes off what was read by name besides.
    check(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 me in c2c_bob: read 2
        4 me in c2c_bob: read-by-name m2
        5 me in c2c_bob: unread-from m1
        ",
        "c2c_bob unread=1 first=m1",
    );
}

#[test]
fn r17_r59_only_the_owner_reads_by_name() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: read-by-name m1
        ",
        "c2c_bob unread=1",
    );
}

#[test]
fn r43_r59_it_is_explained_which_messages_were_read_by_name() {
    let inbox = inbox(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 me in c2c_bob: received m3
        4 bob in c2c_bob: received m4
        5 me in c2c_bob: read 1
        6~n me in c2c_bob: read-by-name m1 m2 m3
        ",
    );
    let told = inbox.explain(&conversation("c2c_bob")).unwrap();
    let found: Vec<_> = told.read_by_name.iter().map(|one| (one.message, one.event)).collect();
    assert_eq!(found, [(message_id("m2"), event_id("n"))]);
}

#[test]
fn r59_r90_a_message_read_by_name_is_silent() {
    let inbox = inbox(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 me in c2c_bob: read-by-name m1
        ",
    );
    let chat = conversation("c2c_bob");
    let why = |name| explain(&inbox, &chat, message_id(name), time("4"));
    assert_eq!([why("m1"), why("m2")], [NotificationReason::Read, NotificationReason::Notifies]);
}

#[test]
fn r40_an_edit_replaces_the_mentions() {
    check(
        "
        1 bob in group_dev: received m1 #1 @me
        2 bob in group_dev: received m2 #2
        3 bob in group_dev: received m3 #3 @me
        4 bob in group_dev: received m4 #4 @all
        5 bob in group_dev: edited m1 v1 'never mind' mentions=[]
        6 bob in group_dev: edited m2 v1 mentions=[me]
        7 bob in group_dev: edited m3 v1 mentions=[eve all]
        8 bob in group_dev: edited m4 v1 'words alone'
        ",
        "
        group_dev unread=4 at=[#2:me #3:all #4:all]
          m1 mentions=[] text='never mind'
          m2 mentions=[me]
          m3 mentions=[eve]
        ",
    );
}

#[test]
fn r40_mentions_go_by_the_greatest_version_and_then_stamp() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        9 bob in group_dev: edited m1 v1 mentions=[me]
        3 bob in group_dev: edited m1 v2 mentions=[]
        4 bob in group_dev: edited m2 v1 mentions=[]
        5 bob in group_dev: edited m2 v1 mentions=[me]
        6 bob in group_dev: edited m2 v3 'no word of mentions'
        ",
        "group_dev at=[#2:me]",
    );
}

#[test]
fn r40_an_edit_of_mentions_counts_whatever_comes_first() {
    check(
        "
        1 bob in group_dev: edited m1 v1 mentions=[me]
        2 bob in group_dev: received m1 #1
        3 bob in group_dev: received m2 #2 @me
        4 bob in group_dev: recalled m2
        5 bob in group_dev: edited m2 v1 mentions=[me all]
        6 bob in group_dev: received m3 #3 @me
        7 bob in group_dev: edited m3 v1 mentions=[]
        ",
        "
        group_dev at=[#1:me]
          m2 status=recalled mentions=[me]
          m3 mentions=[]
        ",
    );
}

#[test]
fn r40_r90_an_edit_notifies_nobody_anew() {
    let inbox = inbox(
        "
        1 me in group_dev: option not_notify_except_at
        2 bob in group_dev: received m1 #1
        3 bob in group_dev: edited m1 v1 mentions=[me]
        4 bob in group_dev: received m2 #2 @me
        ",
    );
    let group = conversation("group_dev");
    let told = |name| judge(&inbox, &group, message_id(name), time("5"));
    assert_eq!([told("m1"), told("m2")], [Notification::Silent, Notification::Push]);
    assert_eq!(inbox.conversation(&group).unwrap().mention_count(), 2);
}

#[test]
fn r37_a_clearing_takes_what_it_names_wherever_it_stands() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        90 bob in c2c_bob: received m9
        3 me in c2c_bob: queued q1
        4 me in c2c_bob: cleared 2 also=[m9 q1]
        ",
        "
        c2c_bob unread=0 last=none history=[] activity=90
          m9 gone
          q1 gone
        ",
    );
}

#[test]
fn r37_a_deletion_takes_what_it_names_for_listing_too() {
    check(
        "
        1 bob in c2c_bob: received m1
        90 bob in c2c_bob: received m9
        3 me in c2c_bob: removed 1 also=[m9]
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m9 #9 @me
        3 me in group_dev: removed #1 keep also=[m9]
        ",
        "
        total 0/0
        unlisted c2c_bob unread=0 last=none history=[]
        unlisted group_dev unread=0 at=[] last=m9 history=[m1 m9]
        ",
    );
}

#[test]
fn r37_a_clearing_leaves_the_row_a_deletion_that_keeps_leaves_the_history() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: cleared 0 also=[m1]
        1 bob in c2c_eve: opened
        1 eve in c2c_eve: received m1
        2 me in c2c_eve: removed 0 keep also=[m1]
        3 me in c2c_eve: cleared 0
        ",
        "
        c2c_bob unread=0 last=none
        unlisted c2c_eve unread=0 last=m1
        ",
    );
}

#[test]
fn r37_naming_grows_whoever_wrote_last_and_waits_for_unknown_messages() {
    check(
        "
        9 me in group_dev: cleared #9 also=[m3]
        2 me in group_dev: removed #0 also=[m11]
        3 me in group_dev: cleared #1
        1 bob in group_dev: received m11 #11
        1 bob in group_dev: received m12 #12
        1 bob in group_dev: received m3 #13
        ",
        "group_dev unread=1 first=m12 last=m12 history=[m12]",
    );
}

#[test]
fn r37_what_is_named_stays_taken_when_it_moves_or_is_queued_again() {
    check(
        "
        1 me in c2c_bob: queued q1
        2 me in c2c_bob: removed 0 also=[q1]
        3 me in c2c_bob: queued q1
        4 me in c2c_bob: sent q1 50
        ",
        "unlisted c2c_bob last=none activity=50",
    );
}

#[test]
fn r17_r37_anothers_clearing_takes_nothing() {
    check_same(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: cleared 0 also=[m1]
        ",
        "1 bob in c2c_bob: received m1",
    );
}
