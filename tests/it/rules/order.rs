//! R10–R12, R14: where messages stand; R33, R35: where conversations stand.

use chatfold::event::{InvalidEvent, Through, Watermark};
use chatfold::{Envelope, Message};

use super::check;
use super::notation::{conversation, event_id, message_id, time, user};

#[test]
fn r10_in_a_group_seq_decides_then_rank_then_time_then_id() {
    check(
        "
        9 bob in group_dev: received a #1
        1 bob in group_dev: received b #2
        5 me in group_dev: imported c #2
        4 me in group_dev: imported d #2
        2 me in group_dev: queued e #2
        1 me in group_dev: queued f #2
        4 me in group_dev: imported b2 #2
        0 bob in group_dev: received g #3
        ",
        "group_dev history=[a b b2 d c f e g] last=g",
    );
}

#[test]
fn r10_in_a_direct_chat_time_decides_then_rank_then_seq_then_id() {
    check(
        "
        5 me in c2c_bob: queued a #1
        5 me in c2c_bob: queued b
        5 me in c2c_bob: imported c #9
        5 bob in c2c_bob: received d #8
        5 bob in c2c_bob: received e #7
        5 bob in c2c_bob: received f
        5 bob in c2c_bob: received f0
        4 me in c2c_bob: queued g #99
        5.001 bob in c2c_bob: received h
        ",
        "c2c_bob history=[g f f0 e d c b a h] last=h",
    );
}

#[test]
fn r10_message_ids_are_scoped_to_their_conversation() {
    check(
        "
        1 bob in c2c_bob: received m1 'direct'
        2 bob in group_dev: received m1 #1 'group'
        3 bob in group_dev: recalled m1
        4 me in c2c_eve: deleted m1
        ",
        "
        group_dev unread=0
          m1 status=recalled
        c2c_bob unread=1
          m1 status=sent text='direct'
        ",
    );
}

#[test]
fn r11_a_group_goes_by_seq_even_against_the_clock() {
    check(
        "
        9 bob in group_dev: received m1 #1
        5 bob in group_dev: received m2 #2
        1 bob in group_dev: received m3 #3
        10 me in group_dev: read #2
        ",
        "group_dev unread=1 last=m3 history=[m1 m2 m3] activity=9",
    );
}

#[test]
fn r11_a_direct_chat_goes_by_time_whatever_the_seq() {
    check(
        "
        1 bob in c2c_bob: received m1 #900
        2 me in c2c_bob: received m2 #3
        3 bob in c2c_bob: received m3 #3
        4 bob in c2c_bob: received m4
        5 me in c2c_bob: read 2
        ",
        "c2c_bob unread=2 first=m3 last=m4 history=[m1 m2 m3 m4]",
    );
}

#[test]
fn r11_a_delivered_group_message_has_a_seq_of_at_least_one() {
    let envelope = || Envelope::new(event_id("e"), time("1"), user("bob"));
    let received = |message| envelope().message_received(conversation("group_dev"), message);
    let message = || Message::text(message_id("m"), "x");
    assert_eq!(received(message()), Err(InvalidEvent::MissingSeq));
    assert_eq!(received(message().with_seq(0)), Err(InvalidEvent::ZeroSeq));
    assert!(received(message().with_seq(1)).is_ok());
    let queued = |message| envelope().message_queued(conversation("group_dev"), message);
    assert_eq!(queued(message()), Err(InvalidEvent::MissingSeq));
    assert!(queued(message().with_seq(0)).is_ok(), "it may stand at the front of an empty group");
}

#[test]
fn r12_a_queued_or_imported_group_message_stands_after_its_seq() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 me in group_dev: queued q #1
        4 me in group_dev: imported i #1 from=bob
        5 me in group_dev: queued front #0
        ",
        "group_dev history=[front m1 i q m2] last=m2 unread=2",
    );
    check("5 me in group_dev: queued front #0 'x'", "group_dev last=front unread=0 activity=5");
}

#[test]
fn r14_a_watermark_includes_the_message_it_names() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 bob in group_dev: received m3 #3
        4 me in group_dev: read #2
        1 bob in c2c_bob: received n1
        2 bob in c2c_bob: received n2
        2 bob in c2c_bob: received n3 #5
        2.001 bob in c2c_bob: received n4
        4 me in c2c_bob: read 2
        ",
        "
        group_dev unread=1 first=m3
        c2c_bob unread=1 first=n4
        ",
    );
}

#[test]
fn r14_a_read_of_a_message_covers_all_at_its_first_field() {
    check(
        "
        1 bob in c2c_bob: received a
        2 bob in c2c_bob: received b #1
        2 bob in c2c_bob: received c #2
        3 bob in c2c_bob: received d
        4 me in c2c_bob: read b
        ",
        "c2c_bob unread=1 first=d marker=2",
    );
}

#[test]
fn r14_a_read_of_a_message_waits_until_the_server_gave_it_a_place() {
    // Queued, it stands at 5 but reads nothing.
    let queued = "
        1 bob in c2c_bob: received a
        5 me in c2c_bob: queued b
        6 me in c2c_bob: read b
        6 bob in c2c_bob: peer-read b
    ";
    check(queued, "c2c_bob unread=1 marker=none peer=none");
    check(&format!("{queued}\n 7 me in c2c_bob: sent b 5.500"), "c2c_bob unread=0 marker=5.500 peer=5.500");
    // So does one of an imported message, and of one that is hidden.
    check(
        "
        1 bob in group_dev: received a #1
        2 me in group_dev: imported b #1 from=bob
        2 bob in group_dev: received c #2 to=[carol]
        3 me in group_dev: read b
        3 me in group_dev: read c
        ",
        "group_dev unread=1 marker=none",
    );
}

#[test]
fn r14_a_read_of_a_deleted_or_recalled_message_counts() {
    check(
        "
        1 bob in c2c_bob: received a
        2 bob in c2c_bob: received b
        3 bob in c2c_bob: recalled b
        4 me in c2c_bob: deleted b
        5 me in c2c_bob: read b
        ",
        "c2c_bob unread=0 marker=2",
    );
}

#[test]
fn r14_a_watermark_of_the_other_kind_is_refused() {
    let envelope = || Envelope::new(event_id("e"), time("1"), user("me"));
    let (seq, at) = (Watermark::Seq(1), Watermark::Time(time("1")));
    let (direct, group) = (conversation("c2c_bob"), conversation("group_dev"));
    let read = |id: &_, through| envelope().conversation_read(Clone::clone(id), Through::Watermark(through));
    assert!(matches!(read(&direct, seq), Err(InvalidEvent::NotInDirect { .. })));
    assert!(matches!(read(&group, at), Err(InvalidEvent::NotInGroup { .. })));
    assert!(read(&direct, at).is_ok() && read(&group, seq).is_ok());
    assert!(envelope().history_cleared(direct.clone(), seq).is_err());
    assert!(envelope().history_cleared(group.clone(), at).is_err());
    assert!(envelope().conversation_deleted(direct.clone(), seq, true).is_err());
    assert!(envelope().conversation_deleted(group.clone(), at, false).is_err());
    assert!(envelope().peer_read(direct, Through::Watermark(seq)).is_err());
    assert!(envelope().peer_read(group, Through::Message(message_id("m"))).is_err());
}

#[test]
fn r33_the_order_key_is_the_activity_in_ms_plus_2_to_the_52_when_pinned() {
    check(
        "
        1.234 bob in c2c_bob: received m1
        1.234 cat in c2c_cat: received m1
        1 me in c2c_bob: pinned
        ",
        "
        c2c_bob key=4503599627371730
        c2c_cat key=1234
        ",
    );
    check("7 me in c2c_bob: pinned", "c2c_bob key=4503599627370496 activity=0");
}

#[test]
fn r35_activity_is_the_greatest_of_deliveries_and_imports() {
    check(
        "
        9 bob in group_dev: received m1 #1
        5 bob in group_dev: received m2 #2
        8 me in group_dev: imported m3 #2 from=bob
        ",
        "group_dev last=m3 activity=9",
    );
    // Every delivery moves it, not only the introduction that counts.
    check(
        "
        3 bob in c2c_bob: received m1
        7 bob in c2c_bob: received m1
        2 me in c2c_bob: imported m1
        ",
        "
        c2c_bob activity=7
          m1 time=3
        ",
    );
    check(
        "
        3 bob in c2c_bob: received m1
        8 me in c2c_bob: imported m1
        ",
        "c2c_bob activity=8",
    );
}

#[test]
fn r35_an_acknowledgement_moves_by_its_time_of_sending() {
    check(
        "
        1 me in c2c_bob: queued m1
        9 me in c2c_bob: sent m1 5
        9 me in c2c_bob: sent m2 8
        ",
        "c2c_bob activity=5",
    );
    // Each of them, of a received message too.
    check(
        "
        1 me in c2c_bob: received m1
        9 me in c2c_bob: sent m1 5
        10 me in c2c_bob: sent m1 6
        ",
        "c2c_bob activity=6",
    );
}

#[test]
fn r35_a_queueing_moves_only_until_the_message_is_sent() {
    check(
        "
        1 me in c2c_bob: queued m1
        4 me in c2c_bob: failed m1
        6 me in c2c_bob: queued m1
        ",
        "c2c_bob activity=6",
    );
    check(
        "
        1 me in c2c_bob: queued m1
        6 me in c2c_bob: queued m1
        7 me in c2c_bob: sent m1 5
        ",
        "c2c_bob activity=5",
    );
    check(
        "
        6 me in c2c_bob: queued m1
        5 me in c2c_bob: received m1
        ",
        "c2c_bob activity=5",
    );
    check(
        "
        6 me in c2c_bob: queued m1
        5 me in c2c_bob: imported m1
        ",
        "c2c_bob activity=6",
    );
}

#[test]
fn r35_what_never_shows_as_last_does_not_move() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 bob in c2c_bob: received m2 no_last
        3 bob in c2c_bob: received m3 online_only
        4 me in c2c_bob: imported m4 no_last
        5 me in c2c_bob: queued m5 no_last
        6 me in c2c_bob: queued m6 no_last
        7 me in c2c_bob: sent m6 7
        ",
        "c2c_bob activity=1 last=m1",
    );
    // Of deliveries each by its own flag; of acknowledgements by the introduction that counts.
    check(
        "
        1 bob in c2c_bob: received m1 no_last
        2 bob in c2c_bob: received m1
        3 me in c2c_bob: queued m2 no_last
        4 me in c2c_bob: imported m2
        5 me in c2c_bob: sent m2 6
        ",
        "c2c_bob activity=6",
    );
    check(
        "
        3 me in c2c_bob: queued m2
        4 me in c2c_bob: imported m2 no_last
        5 me in c2c_bob: sent m2 6
        ",
        "c2c_bob activity=0",
    );
}

#[test]
fn r35_hidden_and_unknown_messages_do_not_move() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2 to=[carol]
        3 me in group_dev: sent m3 9 #3
        4 me in group_dev: sent m2 9 #3
        ",
        "group_dev activity=1",
    );
}

#[test]
fn r35_a_draft_moves_while_it_stands() {
    let drafted = "
        1 bob in c2c_bob: received m1
        5 me in c2c_bob: draft 'x'
        3 eve in c2c_eve: received m1
    ";
    check(
        drafted,
        "
        c2c_bob activity=5
        c2c_eve activity=3
        ",
    );
    check(
        &format!("{drafted}\n 6 me in c2c_bob: draft ''"),
        "
        c2c_eve activity=3
        c2c_bob activity=1 draft=none
        ",
    );
    // Not one that a deletion took, though the message still lists the row.
    check(
        "
        1 bob in c2c_bob: received m1
        5 me in c2c_bob: draft 'x'
        6 me in c2c_bob: removed 0.500
        ",
        "c2c_bob activity=1 draft=none last=m1",
    );
    // The draft that shows, not one that lost.
    check(
        "
        1 bob in c2c_bob: received m1
        5 me in c2c_bob: draft 'x'
        7 me in c2c_bob: draft 'y'
        ",
        "c2c_bob activity=7",
    );
}

#[test]
fn r35_the_owners_opening_moves() {
    check(
        "
        1 bob in c2c_bob: received m1
        5 me in c2c_bob: opened
        4 me in c2c_bob: opened
        9 bob in c2c_bob: opened
        ",
        "c2c_bob activity=5",
    );
}

#[test]
fn r35_recalling_deleting_clearing_reading_and_pinning_do_not_move() {
    check(
        "
        1 bob in c2c_bob: received m1
        5 bob in c2c_bob: received m2
        6 bob in c2c_bob: recalled m2
        7 me in c2c_bob: deleted m1 m2
        8 me in c2c_bob: cleared 5
        9 me in c2c_bob: read 5
        10 me in c2c_bob: pinned
        11 me in c2c_bob: marked 1
        12 me in c2c_bob: data 'x'
        13 me in c2c_bob: option not_receive
        14 bob in c2c_bob: peer-read 9
        ",
        "c2c_bob last=none unread=0 activity=5",
    );
    // A deletion of the conversation does not lower it either, should something else bring it back.
    check(
        "
        5 bob in c2c_bob: received m1
        6 me in c2c_bob: removed 5
        7 me in c2c_bob: pinned
        ",
        "c2c_bob last=none activity=5",
    );
}

#[test]
fn r35_unpinning_puts_it_back_where_it_was() {
    let log = "
        1 bob in c2c_bob: received m1
        2 cat in c2c_cat: received m1
        3 dan in c2c_dan: received m1
        4 me in c2c_bob: pinned
        5 me in c2c_cat: pinned
    ";
    check(
        log,
        "
        c2c_cat pinned=yes
        c2c_bob pinned=yes
        c2c_dan
        ",
    );
    check(
        &format!("{log}\n 6 me in c2c_bob: unpinned\n 7 me in c2c_cat: unpinned"),
        "
        c2c_dan
        c2c_cat
        c2c_bob
        ",
    );
}
