//! R45 to R48: what a conversation shows where a server reported and not every message is held. A gap is written with its
//! first and last position, and with an exclamation mark where it touches the number of unread messages, which is a lower bound then.

use chatfold::Filter;
use chatfold::id::ConversationKind;
use chatfold::list::BadgeRule;

use super::check;

#[test]
fn r45_a_report_is_a_read_and_may_move_the_marker_back() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 bob in group_dev: received m5 #5
        4 me in group_dev: read #5
        9 me in group_dev: reported #5 2 read=#3
        ",
        "group_dev unread=2 marker=#3 first=4..4 gaps=[3..4] older=no",
    );
    // Whatever is read later counts again, and so does what is marked unread.
    check(
        "
        1 bob in group_dev: received m4 #4
        4 me in group_dev: read #5
        9 me in group_dev: reported #5 3 read=#2
        10 me in group_dev: read #4
        ",
        "group_dev unread=1 marker=#4 gaps=[5..5 1..3]",
    );
}

#[test]
fn r45_of_several_reports_the_one_that_reaches_furthest_counts() {
    check(
        "
        9 me in group_dev: reported #5 3 read=#2
        8 me in group_dev: reported #7 4 read=#2
        10 me in group_dev: reported #6 1 read=#2
        ",
        "group_dev unread=4 gaps=[1..7]",
    );
    check("9 bob in group_dev: reported #5 3 read=#2", "unlisted group_dev unread=0");
}

#[test]
fn r46_a_floor_is_shown_as_one_until_what_is_missing_is_fetched() {
    check(
        "
        1 bob in group_dev: received m40 #40
        9 me in group_dev: reported #40 37 at-least read=#2
        ",
        "group_dev unread=37+ gaps=[1..39!] first=3..39! older=no",
    );
    check(
        "
        1 bob in group_dev: received m40 #40
        9 me in group_dev: reported #40 37 at-least read=#2
        10 me in group_dev: complete #3 #39
        ",
        "group_dev unread=1 gaps=[1..2] first=m40",
    );
}

/// A server that says more than there are places for contradicts itself: nothing bounds the number.
#[test]
fn r46_more_than_there_are_places_for_is_bounded_by_nothing() {
    let report = "9 me in group_dev: reported #10 50";
    check(report, "group_dev unread=50+ gaps=[1..10!] first=1..10! older=yes");
}

#[test]
fn r46_what_was_removed_since_is_taken_from_what_was_said() {
    check(
        "
        1 bob in group_dev: received m3 #3
        9 me in group_dev: reported #3 2 read=#1
        10 bob in group_dev: recalled m3
        ",
        "group_dev unread=1",
    );
    // Of a message that is not held nobody knows whether it was counted.
    check(
        "
        9 me in group_dev: reported #5 2 read=#1
        10 me in group_dev: deleted m3
        ",
        "group_dev unread=1+ gaps=[1..5!]",
    );
}

#[test]
fn r46_what_is_held_beats_what_is_said() {
    // The recall is older than the report, which counts both messages all the same: it cannot be true.
    check(
        "
        1 bob in group_dev: received m3 #3
        8 bob in group_dev: recalled m3
        9 me in group_dev: reported #3 2 read=#1
        ",
        "group_dev unread=0+",
    );
    // Where everything is held the report is not asked.
    check(
        "
        1 bob in group_dev: received m2 #2
        2 bob in group_dev: received m3 #3
        9 me in group_dev: reported #3 7 read=#1
        ",
        "group_dev unread=2 gaps=[1..1]",
    );
}

#[test]
fn r46_nothing_counts_in_a_live_room_whatever_is_reported() {
    check(
        "
        1 me in group_live: opened avchatroom
        9 me in group_live: reported #5 3 read=#2 mentions=2
        ",
        "group_live unread=0 mentions=0 at=[]",
    );
}

#[test]
fn r47_listed_mentions_show_until_their_messages_are_held() {
    check(
        "
        9 me in group_dev: reported #9 4 read=#2 mentions=[4:1 7:2]
        10 bob in group_dev: received m4 #4
        ",
        "group_dev unread=4 mentions=1 at=[#7:all]",
    );
    check("9 me in group_dev: reported #9 4 read=#2", "group_dev unread=4 mentions=0+ at=[] gaps=[1..9]");
}

#[test]
fn r48_a_report_lists_a_conversation_and_moves_it() {
    check(
        "9 me in c2c_bob: reported 8 3 active=7",
        "c2c_bob unread=3 activity=7 last=none older=yes gaps=[1..8000] first=1..8000",
    );
    check(
        "
        9 me in c2c_bob: reported 8 3
        10 me in c2c_bob: removed 8
        ",
        "unlisted c2c_bob unread=0 gaps=[] older=no",
    );
    check(
        "
        9 me in group_dev: reported #8 0 read=#8
        10 me in group_dev: complete #0 #9
        ",
        "unlisted group_dev unread=0 gaps=[]",
    );
}

#[test]
fn r48_totals_are_lower_bounds_where_a_row_is() {
    let inbox = super::inbox(
        "
        1 bob in group_dev: received m40 #40
        9 me in group_dev: reported #40 37 at-least read=#2
        2 bob in c2c_bob: received m1
        ",
    );
    let totals = inbox.totals();
    assert_eq!((totals.unread, totals.unread_is_lower_bound, totals.badge_is_lower_bound), (38, true, true));
    let mut chats = BadgeRule::default();
    chats.chats = true;
    assert_eq!((inbox.badge(chats), inbox.badge_is_lower_bound(chats)), (2, false));
    let direct = Filter::default().with_kind(Some(ConversationKind::Direct));
    assert!(!inbox.totals_of(&direct).unread_is_lower_bound);
}
