//! R34, R44: receipts, reactions, extensions, pinned messages.

use super::check;

#[test]
fn r34_the_peer_has_read_own_messages_up_to_the_greatest_peer_read() {
    check(
        "
        1 me in c2c_bob: received m1
        2 bob in c2c_bob: received m2
        3 me in c2c_bob: received m3
        5 me in c2c_bob: received m5
        9 bob in c2c_bob: peer-read 3
        10 bob in c2c_bob: peer-read 1
        ",
        "
        c2c_bob peer=3
          m1 peer-read=yes
          m2 peer-read=no
          m3 peer-read=yes
          m5 peer-read=no
        ",
    );
}

#[test]
fn r34_what_is_not_yet_sent_is_not_read_by_the_peer() {
    let queued = "
        1 me in c2c_bob: queued m1
        1 me in c2c_bob: imported m2
        9 bob in c2c_bob: peer-read 5
    ";
    check(
        queued,
        "
        c2c_bob
          m1 peer-read=no
          m2 peer-read=no
        ",
    );
    check(
        &format!("{queued}\n 9 me in c2c_bob: sent m1 4"),
        "
        c2c_bob
          m1 peer-read=yes
        ",
    );
}

#[test]
fn r34_a_peer_read_may_name_a_message() {
    check(
        "
        9 bob in c2c_bob: peer-read m2
        1 me in c2c_bob: received m1
        2 me in c2c_bob: received m2
        3 me in c2c_bob: received m3
        ",
        "
        c2c_bob peer=2
          m1 peer-read=yes
          m3 peer-read=no
        ",
    );
}

#[test]
fn r34_readers_of_a_group_message_are_a_set_without_its_author() {
    check(
        "
        1 me in group_dev: received m1 #1 members=5
        2 carol in group_dev: saw m1
        3 bob in group_dev: saw m1
        4 carol in group_dev: saw m1
        5 me in group_dev: saw m1
        6 bob in group_dev: received m2 #2 members=5
        7 me in group_dev: saw m2
        ",
        "
        group_dev unread=1
          m1 readers=[bob carol] waiting-for=2 peer-read=no
          m2 readers=[me] waiting-for=3
        ",
    );
}

#[test]
fn r34_what_is_left_unread_has_a_floor_and_needs_a_number() {
    check(
        "
        1 me in group_dev: received m1 #1 members=2
        2 bob in group_dev: saw m1 m2 m3
        2 carol in group_dev: saw m1 m2
        3 me in group_dev: received m2 #2
        4 me in group_dev: received m3 #3 members=0
        ",
        "
        group_dev
          m1 waiting-for=0
          m2 waiting-for=none readers=[bob carol]
          m3 waiting-for=0
        ",
    );
}

#[test]
fn r34_members_of_the_acknowledgement_if_it_says_else_of_the_message() {
    check(
        "
        1 me in group_dev: queued m1 #0 members=3
        2 me in group_dev: sent m1 2 #1 members=7
        3 me in group_dev: queued m2 #1 members=3
        4 me in group_dev: sent m2 4 #2
        5 me in group_dev: received m3 #3 members=3
        6 me in group_dev: sent m3 6 #3 members=7
        7 bob in group_dev: saw m1 m2 m3
        ",
        "
        group_dev
          m1 members=7 waiting-for=5
          m2 members=3 waiting-for=1
          m3 members=7 waiting-for=5
        ",
    );
}

#[test]
fn r44_a_reaction_is_the_last_writers_for_each_actor() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 carol in group_dev: reacted m1 like
        5 carol in group_dev: unreacted m1 like
        4 carol in group_dev: reacted m1 like
        3 dave in group_dev: reacted m1 like
        3 bob in group_dev: reacted m1 like
        6 carol in group_dev: reacted m1 heart
        2 dave in group_dev: unreacted m1 like
        ",
        "
        group_dev
          m1 reactions=[heart:carol like:bob,dave]
        ",
    );
}

#[test]
fn r44_reactions_work_in_a_direct_chat_too() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: reacted m1 ok
        ",
        "
        c2c_bob unread=1
          m1 reactions=[ok:me]
        ",
    );
}

#[test]
fn r44_an_extension_goes_by_seq_then_stamp() {
    check(
        "
        1 bob in group_dev: received m1 #1 extendable
        9 bob in group_dev: extended m1 color 'red' 2
        2 bob in group_dev: extended m1 color 'blue' 3
        5~b bob in group_dev: extended m1 size 'L' 1
        5~a bob in group_dev: extended m1 size 'S' 1
        3 bob in group_dev: extended m1 gone 'x' 4
        2 bob in group_dev: extended m1 gone 5
        ",
        "
        group_dev
          m1 extensions=[color:'blue'#3 size:'L'#1]
        ",
    );
}

#[test]
fn r44_clearing_extensions_hides_those_up_to_its_seq() {
    check(
        "
        1 bob in group_dev: received m1 #1 extendable
        2 bob in group_dev: extended m1 a 'x' 1
        2 bob in group_dev: extended m1 b 'x' 2
        2 bob in group_dev: extended m1 c 'x' 3
        3 bob in group_dev: extensions-cleared m1 2
        9 bob in group_dev: extensions-cleared m1 1
        ",
        "
        group_dev
          m1 extensions=[c:'x'#3]
        ",
    );
    // A clearing hides; it does not bring out what a greater write had replaced.
    check(
        "
        1 bob in group_dev: received m1 #1 extendable
        2 bob in group_dev: extended m1 a 'old' 1
        2 bob in group_dev: extended m1 a 3
        3 bob in group_dev: extensions-cleared m1 0
        ",
        "
        group_dev
          m1 extensions=[]
        ",
    );
}

#[test]
fn r44_a_pinned_message_is_the_last_writers() {
    check(
        "
        1 bob in group_dev: received m1 #1
        1 bob in group_dev: received m2 #2
        1 bob in group_dev: received m3 #3
        5 bob in group_dev: message-pinned m3
        6 carol in group_dev: message-pinned m1
        4 dave in group_dev: message-unpinned m1
        7 dave in group_dev: message-pinned m2
        8 bob in group_dev: message-unpinned m2
        ",
        "
        group_dev pins=[m1 m3]
          m1 pinned=yes
          m2 pinned=no
        ",
    );
}

#[test]
fn r44_none_of_them_changes_unread_order_or_last() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 eve in c2c_eve: received m1
        9 carol in group_dev: reacted m1 like
        9 carol in group_dev: saw m1
        9 carol in group_dev: extended m1 a 'x' 1
        9 carol in group_dev: extensions-cleared m1 1
        9 carol in group_dev: message-pinned m1
        ",
        "
        total 3/3
        c2c_eve
        group_dev unread=2 first=m1 last=m2 activity=2
        ",
    );
    check(
        "
        9 carol in group_dev: reacted m1 like
        9 carol in group_dev: saw m1
        9 carol in group_dev: extended m1 a 'x' 1
        9 carol in group_dev: message-pinned m1
        ",
        "unlisted group_dev",
    );
}
