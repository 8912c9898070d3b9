//! R32, R39, R42: the read marker.

use super::check;

#[test]
fn r32_the_marker_is_a_seq_in_a_group_and_a_time_in_a_direct_chat() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 me in group_dev: read #1
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: read 1.999
        1 eve in c2c_eve: received m1
        ",
        "
        c2c_bob marker=1.999 unread=0
        c2c_eve marker=none unread=1
        group_dev marker=#1 unread=0
        ",
    );
}

#[test]
fn r32_the_greatest_read_counts_whenever_it_was_written() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 bob in group_dev: received m3 #3
        4 me in group_dev: read #2
        9 me in group_dev: read #1
        ",
        "group_dev marker=#2 unread=1",
    );
}

#[test]
fn r32_a_read_may_run_ahead_of_what_is_known() {
    check(
        "
        4 me in group_dev: read #9
        5 bob in group_dev: received m9 #9
        6 bob in group_dev: received m10 #10
        ",
        "group_dev marker=#9 unread=1 first=m10",
    );
}

#[cfg(feature = "jsonl")]
#[test]
fn r32_in_v2tim_both_are_numbers_and_zero_where_there_is_none() {
    let inbox = super::inbox(
        "
        5 bob in c2c_bob: received m1
        6 me in c2c_bob: read 1.999
        4 eve in c2c_eve: received m1
        3 bob in group_dev: received m1 #7
        4 me in group_dev: read #7
        2 bob in group_new: received m1 #1
        ",
    );
    let markers: Vec<(u64, u64)> = inbox
        .conversations()
        .map(|row| {
            let json = chatfold::v2tim::ConversationJson::new(row).to_string();
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            (json["c2cReadTimestamp"].as_u64().unwrap(), json["groupReadSequence"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(markers, [(1, 0), (0, 0), (0, 7), (0, 0)]);
}

#[test]
fn r39_own_message_never_counts() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 me in group_dev: received m2 #2 @all
        3 me in group_dev: queued m3 #2
        4 me in group_dev: sent m3 4 #3
        5 me in c2c_bob: received m1
        6 me in c2c_bob: imported m2
        ",
        "
        total 1/1
        c2c_bob unread=0
        group_dev unread=1 first=m1 at=[] marker=none
        ",
    );
}

#[test]
fn r39_own_message_moves_no_marker_by_default() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: received m2
        ",
        "c2c_bob unread=1 marker=none",
    );
}

#[test]
fn r39_with_the_policy_an_own_message_is_a_read_of_its_position() {
    check(
        "
        policy own_message_reads
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: received m2
        3 bob in c2c_bob: received m3
        1 bob in group_dev: received m1 #1 @me
        2 bob in group_dev: received m2 #2 @me
        3 me in group_dev: queued m3 #2
        4 me in group_dev: sent m3 3 #3
        5 bob in group_dev: received m4 #4 @me
        ",
        "
        group_dev unread=1 marker=#3 at=[#4:me]
        c2c_bob unread=1 marker=2 first=m3
        ",
    );
}

#[test]
fn r39_only_once_the_server_has_it() {
    check(
        "
        policy own_message_reads
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: queued m2
        3 me in c2c_bob: imported m3
        ",
        "c2c_bob unread=1 marker=none",
    );
}

#[test]
fn r39_an_own_message_is_stamped_with_its_time_and_the_nil_id() {
    // Marked unread at the very time of the own message: the mark is the later one and holds.
    check(
        "
        policy own_message_reads
        1 bob in c2c_bob: received m1
        3 me in c2c_bob: received m2
        3~a me in c2c_bob: unread-from m1
        ",
        "c2c_bob unread=1 marker=0.999",
    );
    // An own message sent later reads again.
    check(
        "
        policy own_message_reads
        1 bob in c2c_bob: received m1
        3 me in c2c_bob: received m2
        3~a me in c2c_bob: unread-from m1
        3.001 me in c2c_bob: received m3
        ",
        "c2c_bob unread=0 marker=3.001",
    );
}

#[test]
fn r42_marking_unread_goes_back_to_just_before_the_message() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2 @me
        3 bob in group_dev: received m3 #3
        4 me in group_dev: read #3
        5 me in group_dev: unread-from m2
        ",
        "group_dev unread=2 first=m2 marker=#1 at=[#2:me]",
    );
    check(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 bob in c2c_bob: received m3
        4 me in c2c_bob: read 3
        5 me in c2c_bob: unread-from m2
        ",
        "c2c_bob unread=2 first=m2 marker=1.999",
    );
}

#[test]
fn r42_never_forward() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 bob in group_dev: received m3 #3
        4 me in group_dev: read #1
        5 me in group_dev: unread-from m3
        ",
        "group_dev unread=2 first=m2 marker=#1",
    );
    // Where nothing was read there is nothing to go back from.
    check(
        "
        1 bob in group_dev: received m1 #1
        3 bob in group_dev: received m3 #3
        5 me in group_dev: unread-from m3
        ",
        "group_dev unread=2 marker=none",
    );
}

#[test]
fn r42_a_later_read_moves_on_from_there() {
    let log = "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 bob in group_dev: received m3 #3
        4 bob in group_dev: received m4 #4
        5 me in group_dev: read #4
        6 me in group_dev: unread-from m2
    ";
    check(&format!("{log}\n 7 me in group_dev: read #3"), "group_dev unread=1 first=m4 marker=#3");
    check(&format!("{log}\n 7 me in group_dev: read #4"), "group_dev unread=0 marker=#4");
    check(&format!("{log}\n 7 me in group_dev: read #9"), "group_dev unread=0 marker=#9");
    // A later read of less than where the mark stands moves nothing.
    check(&format!("{log}\n 7 me in group_dev: read #1"), "group_dev unread=3 first=m2 marker=#1");
}

#[test]
fn r42_an_old_echo_does_not_undo_it() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 bob in group_dev: received m3 #3
        6 me in group_dev: unread-from m2
        5 me in group_dev: read #3
        ",
        "group_dev unread=2 first=m2 marker=#1",
    );
}

#[test]
fn r42_at_one_time_the_event_id_tells_the_later() {
    let log = "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        6~m me in group_dev: unread-from m1
    ";
    check(&format!("{log}\n 6~a me in group_dev: read #2"), "group_dev unread=2 marker=#0");
    check(&format!("{log}\n 6~z me in group_dev: read #2"), "group_dev unread=0 marker=#2");
}

#[test]
fn r42_of_several_marks_each_goes_with_the_reads_after_it() {
    // Back to 2, on to 5, back to 4: what was read in between stays read.
    check(
        "
        1 bob in group_dev: received m1 #1
        1 bob in group_dev: received m2 #2
        1 bob in group_dev: received m3 #3
        1 bob in group_dev: received m4 #4
        1 bob in group_dev: received m5 #5
        2 me in group_dev: read #5
        3 me in group_dev: unread-from m2
        4 me in group_dev: read #5
        5 me in group_dev: unread-from m4
        ",
        "group_dev unread=2 first=m4 marker=#3",
    );
    // Two marks with nothing read between them: the lower.
    check(
        "
        1 bob in group_dev: received m1 #1
        1 bob in group_dev: received m2 #2
        1 bob in group_dev: received m3 #3
        2 me in group_dev: read #3
        3 me in group_dev: unread-from m2
        4 me in group_dev: unread-from m3
        ",
        "group_dev unread=2 first=m2 marker=#1",
    );
}

#[test]
fn r42_the_formula_by_hand() {
    // Reads: 5 at 10, 3 at 30, 2 at 50. Marks: from 4 at 20, from 2 at 40.
    // The mark at 20: max(3, greatest read after it = 3) = 3. The mark at 40: max(1, 2) = 2. Greatest read 5.
    check(
        "
        1 bob in group_dev: received m1 #1
        1 bob in group_dev: received m2 #2
        1 bob in group_dev: received m3 #3
        1 bob in group_dev: received m4 #4
        1 bob in group_dev: received m5 #5
        10 me in group_dev: read #5
        20 me in group_dev: unread-from m4
        30 me in group_dev: read #3
        40 me in group_dev: unread-from m2
        50 me in group_dev: read #2
        ",
        "group_dev unread=3 first=m3 marker=#2",
    );
}

#[test]
fn r42_a_mark_whose_message_is_unknown_waits() {
    let log = "
        1 bob in group_dev: received m1 #1
        3 bob in group_dev: received m3 #3
        4 me in group_dev: read #3
        5 me in group_dev: unread-from m2
    ";
    check(log, "group_dev unread=0 marker=#3");
    check(&format!("{log}\n 6 bob in group_dev: received m2 #2"), "group_dev unread=2 first=m2 marker=#1");
    // Hidden from this inbox is unknown (R18).
    check(&format!("{log}\n 6 bob in group_dev: received m2 #2 to=[carol]"), "group_dev unread=0 marker=#3");
}

#[test]
fn r42_a_deleted_or_own_message_can_be_marked_from() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 me in group_dev: received m2 #2
        3 bob in group_dev: received m3 #3
        4 me in group_dev: read #3
        5 me in group_dev: unread-from m2
        6 me in group_dev: deleted m2
        ",
        "group_dev unread=1 first=m3 marker=#1",
    );
}

#[test]
fn r42_a_read_by_message_is_a_read_of_its_own_stamp() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        6 me in group_dev: unread-from m1
        5 me in group_dev: read m2
        ",
        "group_dev unread=2 marker=#0",
    );
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        6 me in group_dev: unread-from m1
        7 me in group_dev: read m2
        ",
        "group_dev unread=0 marker=#2",
    );
}
