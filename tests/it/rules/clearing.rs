//! R36–R38: what is listed, deleted, cleared.

use super::check;

#[test]
fn r36_a_message_lists_even_one_that_can_no_longer_be_seen() {
    check(
        "
        1 a in c2c_a: received m1
        2 a in c2c_a: recalled m1
        1 b in c2c_b: received m1
        2 me in c2c_b: deleted m1
        1 c in c2c_c: received m1
        2 me in c2c_c: cleared 1
        1 d in c2c_d: received m1 no_last no_unread
        1 me in c2c_e: imported m1
        1 me in c2c_f: queued m1
        1 g in c2c_g: received m1 online_only
        ",
        "
        c2c_a last=m1
        c2c_b last=none activity=1
        c2c_c last=none activity=1
        c2c_e last=m1
        c2c_f last=m1
        c2c_d last=none activity=0
        unlisted c2c_g unread=0 last=none
        ",
    );
}

#[test]
fn r36_a_draft_lists_while_it_stands() {
    check("1 me in c2c_bob: draft 'x'", "c2c_bob draft='x'@1 last=none");
    check("1 me in c2c_bob: draft 'x'\n 2 me in c2c_bob: draft ''", "unlisted c2c_bob");
    check("1 me in c2c_bob: draft ''", "unlisted c2c_bob");
}

#[test]
fn r36_a_pin_or_the_owners_opening_lists() {
    check("1 me in c2c_bob: pinned", "c2c_bob activity=0");
    check("1 me in c2c_bob: pinned\n 2 me in c2c_bob: unpinned", "unlisted c2c_bob");
    check("1 me in group_dev: opened", "group_dev activity=1");
    check("1 bob in group_dev: opened", "unlisted group_dev");
}

#[test]
fn r36_marks_folders_options_names_and_reads_do_not_list() {
    check(
        "
        1 me: folder f 'F'
        2 me in c2c_bob: filed f
        2 me in c2c_bob: marked 1
        2 me in c2c_bob: data 'x'
        2 me in c2c_bob: option not_receive
        2 me in c2c_bob: read 2
        2 bob in c2c_bob: peer-read 2
        2 me: user bob nickname='Bob'
        2 me in c2c_bob: sent m1 2
        2 bob in c2c_bob: recalled m1
        ",
        "unlisted c2c_bob marks=[1] data='x' option=not_receive in=['F'] marker=2",
    );
}

#[test]
fn r36_what_is_not_listed_counts_in_no_total() {
    // Excluded from the list by its deletion, which keeps messages; nothing in it counts.
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: removed 1 keep
        3 eve in c2c_eve: received m1
        ",
        "
        total 1/1
        c2c_eve unread=1
        unlisted c2c_bob unread=0
        ",
    );
}

#[test]
fn r37_deleting_takes_messages_draft_pin_and_opening() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: draft 'x'
        3 me in c2c_bob: pinned
        4 me in c2c_bob: opened
        5 me in c2c_bob: removed 1
        ",
        "
        total 0/0
        unlisted c2c_bob unread=0 last=none draft=none kept=[] pinned=no history=[]
        ",
    );
}

#[test]
fn r37_marks_data_folders_and_option_stay() {
    check(
        "
        1 me: folder f 'F'
        2 bob in c2c_bob: received m1
        2 me in c2c_bob: filed f
        2 me in c2c_bob: marked 1
        2 me in c2c_bob: data 'x'
        2 me in c2c_bob: option not_receive
        2 me in c2c_bob: read 2
        3 me in c2c_bob: removed 2
        4 bob in c2c_bob: received m2
        ",
        "c2c_bob unread=1 last=m2 history=[m2] marks=[1] data='x' in=['F'] option=not_receive marker=2",
    );
}

#[test]
fn r37_keeping_messages_keeps_the_history_but_no_count() {
    check(
        "
        1 bob in group_dev: received m1 #1 'a' @me
        2 bob in group_dev: received m2 #2 'b' @all
        3 me in group_dev: removed #2 keep
        ",
        "unlisted group_dev unread=0 at=[] last=m2 history=[m1 m2]",
    );
    check(
        "
        1 bob in group_dev: received m1 #1 'a' @me
        2 bob in group_dev: received m2 #2 'b' @all
        3 me in group_dev: removed #2 keep
        4 bob in group_dev: received m3 #3 'c' @me
        5 me in group_dev: unread-from m1
        ",
        "
        total 1/1
        group_dev unread=1 first=m3 at=[#3:me] last=m3 history=[m1 m2 m3]
        ",
    );
}

#[test]
fn r37_a_message_not_covered_brings_it_back() {
    let deleted = "
        1 bob in c2c_bob: received m1
        3 me in c2c_bob: removed 2
    ";
    check(&format!("{deleted}\n 2.001 bob in c2c_bob: received m2"), "c2c_bob unread=1 last=m2 history=[m2]");
    check(&format!("{deleted}\n 2 bob in c2c_bob: received m2"), "unlisted c2c_bob unread=0 last=none");
    check(&format!("{deleted}\n 4 bob in c2c_bob: received m2 online_only"), "unlisted c2c_bob");
    // A covered one does not come back by being delivered again: its position is the earliest's.
    check(&format!("{deleted}\n 9 bob in c2c_bob: received m1"), "unlisted c2c_bob last=none");
}

#[test]
fn r37_in_a_group_position_decides_not_the_time_of_arrival() {
    let deleted = "
        5 bob in group_dev: received m5 #5
        6 me in group_dev: removed #5
    ";
    check(
        &format!("{deleted}\n 9 bob in group_dev: received m4 #4"),
        "unlisted group_dev last=none unread=0",
    );
    check(
        &format!("{deleted}\n 2 bob in group_dev: received m6 #6"),
        "group_dev last=m6 unread=1 history=[m6] activity=5",
    );
}

#[test]
fn r37_a_later_draft_pin_or_opening_brings_it_back() {
    let deleted = "
        1 bob in c2c_bob: received m1
        3~m me in c2c_bob: removed 1
    ";
    for (fact, expected) in [
        ("draft 'x'", "c2c_bob draft='x'@{} last=none"),
        ("pinned", "c2c_bob pinned=yes last=none"),
        ("opened", "c2c_bob last=none draft=none pinned=no"),
    ] {
        for (at, back) in [("2", false), ("3~a", false), ("3~z", true), ("4", true)] {
            let log = format!("{deleted}\n {at} me in c2c_bob: {fact}");
            let expected = expected.replace("{}", at.split('~').next().unwrap());
            check(&log, if back { &expected } else { "unlisted c2c_bob draft=none pinned=no last=none" });
        }
    }
}

#[test]
fn r37_later_is_later_than_every_deletion() {
    // Two deletions: one reaches further, the other came later. A pin between them is gone.
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: removed 9
        4 me in c2c_bob: pinned
        6 me in c2c_bob: removed 1
        ",
        "unlisted c2c_bob pinned=no",
    );
    // And the messages go by the one that reaches furthest.
    check(
        "
        2 me in c2c_bob: removed 9
        6 me in c2c_bob: removed 1
        8 bob in c2c_bob: received m1
        9.001 bob in c2c_bob: received m2
        ",
        "c2c_bob history=[m2] unread=1",
    );
}

#[test]
fn r37_an_older_pin_is_not_uncovered_by_unpinning_a_newer_one() {
    // The pin is one register: its last writer decides, and a deletion takes that one or leaves it.
    check(
        "
        1 me in c2c_bob: pinned
        2 me in c2c_bob: removed 1
        3 me in c2c_bob: pinned
        4 me in c2c_bob: unpinned
        ",
        "unlisted c2c_bob pinned=no",
    );
}

#[test]
fn r37_a_deletion_that_keeps_messages_and_one_that_does_not() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 bob in c2c_bob: received m3
        4 bob in c2c_bob: received m4
        5 me in c2c_bob: removed 1
        6 me in c2c_bob: removed 3 keep
        ",
        "c2c_bob history=[m2 m3 m4] unread=1 first=m4",
    );
}

#[test]
fn r37_queued_after_the_deletion_brings_it_back_though_it_stands_at_the_watermark() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 me in group_dev: queued old #1
        3 me in group_dev: removed #1
        4 me in group_dev: queued new #1
        ",
        "group_dev last=new history=[new]",
    );
}

#[test]
fn r38_clearing_leaves_the_row_where_it_stands() {
    check(
        "
        1 bob in group_dev: received m1 #1 @me
        2 bob in group_dev: received m2 #2 @all
        3 eve in c2c_eve: received n1
        1 me in c2c_cat: received n1
        4 me in group_dev: cleared #2
        5 me in group_dev: draft ''
        ",
        "
        total 1/1
        c2c_eve
        group_dev unread=0 at=[] last=none history=[] activity=2
        c2c_cat
        ",
    );
}

#[test]
fn r38_clearing_keeps_draft_and_pin() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: draft 'x'
        3 me in c2c_bob: pinned
        4 me in c2c_bob: cleared 9
        ",
        "c2c_bob last=none draft='x'@2 pinned=yes activity=2",
    );
}

#[test]
fn r38_what_comes_after_the_watermark_shows() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: cleared 5
        6 bob in c2c_bob: received m3
        5 bob in c2c_bob: received m2
        ",
        "c2c_bob unread=1 last=m3 history=[m3]",
    );
}

#[test]
fn r38_at_the_watermark_rank_0_goes_and_the_rest_by_stamp() {
    check(
        "
        9 bob in group_dev: received m3 #3
        9 bob in group_dev: received m4 #4
        1 me in group_dev: queued below #2
        1 me in group_dev: queued early #3
        5~m me in group_dev: cleared #3
        5~a me in group_dev: imported same #3
        5~z me in group_dev: imported late #3
        6 me in group_dev: queued later #3
        6 me in group_dev: queued low #2
        ",
        "group_dev history=[late later m4]",
    );
    check(
        "
        5~m me in c2c_bob: cleared 5
        5~a me in c2c_bob: queued early
        5~z me in c2c_bob: queued late
        5~z2 bob in c2c_bob: received m1
        ",
        "c2c_bob history=[late] unread=0",
    );
}

#[test]
fn r37_r38_what_is_written_at_the_very_stamp_is_gone() {
    // Only two events of one id have one stamp.
    check(
        "
        4 me in group_dev: opened
        5~x me in group_dev: queued m1 #3
        5~x me in group_dev: imported m2 #3
        5~x me in group_dev: cleared #3
        ",
        "group_dev last=none history=[]",
    );
    check(
        "
        5~x me in group_dev: queued m1 #3
        5~x me in group_dev: removed #3
        5~x me in group_dev: pinned
        5~x me in group_dev: draft 'x'
        5~x me in group_dev: opened
        ",
        "unlisted group_dev last=none pinned=no draft=none",
    );
}

#[test]
fn r38_the_stamp_is_that_of_the_introduction_that_counts() {
    // Queued before the clearing, retried after it: the earliest queueing counts, so it is covered.
    check(
        "
        4 me in group_dev: queued m1 #3
        5 me in group_dev: cleared #3
        6 me in group_dev: queued m1 #3
        ",
        "group_dev last=none history=[]",
    );
    // Imported after it, though queued before: the import counts.
    check(
        "
        4 me in group_dev: queued m1 #3
        5 me in group_dev: cleared #3
        6 me in group_dev: imported m1 #3
        ",
        "group_dev last=m1 history=[m1]",
    );
}

#[test]
fn r38_a_cleared_queued_message_comes_back_when_it_is_sent_beyond() {
    check(
        "
        4 me in group_dev: queued m1 #3
        5 me in group_dev: cleared #3
        7 me in group_dev: sent m1 7 #4
        ",
        "group_dev last=m1 history=[m1]",
    );
}

#[test]
fn r38_several_clearings_join_to_the_greatest() {
    // The greater watermark wins, whichever came later; at one watermark the later stamp.
    check(
        "
        1 me in group_dev: queued a #3
        3 me in group_dev: cleared #3
        6 me in group_dev: cleared #2
        5 me in group_dev: queued b #3
        ",
        "group_dev history=[b]",
    );
    check(
        "
        1 me in group_dev: queued a #3
        3 me in group_dev: cleared #3
        6 me in group_dev: cleared #3
        5 me in group_dev: queued b #3
        ",
        "group_dev history=[] last=none",
    );
}

#[test]
fn r38_clearings_and_deletions_share_a_register_for_what_is_seen() {
    // Deleted with messages up to 3, cleared up to 2: all up to 3 is gone; a clearing lists nothing off.
    check(
        "
        1 bob in c2c_bob: received m1
        3 bob in c2c_bob: received m3
        4 bob in c2c_bob: received m4
        5 me in c2c_bob: removed 3
        6 me in c2c_bob: cleared 2
        ",
        "c2c_bob history=[m4] unread=1",
    );
    // Cleared further than deleted: the messages beyond the deletion are unseen but keep the row.
    check(
        "
        1 bob in c2c_bob: received m1
        3 bob in c2c_bob: received m3
        5 me in c2c_bob: removed 1
        6 me in c2c_bob: cleared 3
        ",
        "c2c_bob history=[] last=none unread=0",
    );
}
