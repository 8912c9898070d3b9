//! R20–R23, R25, R26, R40: what is shown of a conversation and its messages.

use chatfold::id::{ConversationKind, IdError};
use chatfold::{ConversationId, UserId};

use super::check;

#[test]
fn r20_a_conversation_is_one_persons_or_one_groups() {
    let direct: ConversationId = "c2c_bob".parse().unwrap();
    assert_eq!((direct.kind(), direct.target()), (ConversationKind::Direct, "bob"));
    let group: ConversationId = "group_c2c_x".parse().unwrap();
    assert_eq!((group.kind(), group.target()), (ConversationKind::Group, "c2c_x"));
    for bad in ["", "bob", "c2c", "C2C_bob", "group-dev", " c2c_bob"] {
        assert_eq!(bad.parse::<ConversationId>(), Err(IdError::Prefix), "{bad}");
    }
}

#[test]
fn r20_ids_are_1_to_128_bytes_without_control_characters() {
    for (good, len) in [("a", 1), ("李", 3), (" ", 1), ("\u{80}", 2), (&"x".repeat(128), 128)] {
        assert_eq!(good.len(), len);
        assert!(UserId::parse(good).is_ok(), "{good:?}");
        assert!(format!("c2c_{good}").parse::<ConversationId>().is_ok(), "{good:?}");
        assert!(format!("group_{good}").parse::<ConversationId>().is_ok(), "{good:?}");
    }
    for bad in ["", "\0", "a\u{1f}", "a\u{7f}b", "a\nb", &"x".repeat(129), &"李".repeat(43)] {
        assert!(UserId::parse(bad).is_err(), "{bad:?}");
        assert!(format!("c2c_{bad}").parse::<ConversationId>().is_err(), "{bad:?}");
        assert!(format!("group_{bad}").parse::<ConversationId>().is_err(), "{bad:?}");
    }
}

#[test]
fn r20_the_last_to_name_a_group_type_wins() {
    check(
        "
        1 me in group_a: opened work
        2 me in group_a: opened
        1 me in group_b: opened work
        3 eve: group b type=public
        2 me in group_b: opened community
        1 me in group_c: opened meeting
        2 me: group c name='C'
        1 me in group_d: opened
        ",
        "
        group_a type=work
        group_b type=public
        group_c type=meeting
        group_d type=none
        ",
    );
}

#[test]
fn r21_a_group_shows_its_name_else_its_id() {
    check(
        "
        1 me in group_a: opened
        1 me in group_b: opened
        1 me in group_c: opened
        2 eve: group b name='Old'
        3 eve: group b name='New'
        2 eve: group c name='Old'
        3 eve: group c name=''
        ",
        "
        group_a name='a'
        group_b name='New'
        group_c name='c'
        ",
    );
}

#[test]
fn r21_a_friend_shows_by_remark_else_nickname_else_id() {
    check(
        "
        1 me in c2c_a: opened
        1 me in c2c_b: opened
        1 me in c2c_c: opened
        2 b: user b nickname='Bea'
        2 c: user c nickname='Cid'
        2 me: user c remark='My Cid'
        3 c: user c nickname='Sid'
        ",
        "
        c2c_a name='a'
        c2c_b name='Bea'
        c2c_c name='My Cid'
        ",
    );
}

#[test]
fn r21_empty_or_blank_counts_as_absent() {
    check(
        "
        1 me in c2c_a: opened
        1 me in c2c_b: opened
        1 me in c2c_c: opened
        2 a: user a nickname='Ann'
        2 me: user a remark='My Ann'
        3 me: user a remark=''
        2 b: user b nickname='Bea'
        3 me: user b remark=' '
        4 b: user b nickname='\t '
        2 c: user c nickname='Cid'
        3 c: user c face='x'
        ",
        "
        c2c_a name='Ann'
        c2c_b name='b'
        c2c_c name='Cid'
        ",
    );
}

#[test]
fn r21_the_author_of_a_message_is_named_too() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob: user bob nickname='Bob' face='https://x/bob.png'
        2 me: user bob remark='Bobby'
        ",
        "
        group_dev last.nickname='Bob' last.remark='Bobby' last.face='https://x/bob.png'
        ",
    );
}

#[test]
fn r22_the_face_is_the_groups_or_the_peers() {
    check(
        "
        1 me in c2c_bob: opened
        1 me in c2c_eve: opened
        1 me in group_dev: opened
        2 bob: user bob face='old'
        3 bob: user bob face='bob.png'
        3 eve: user eve face='eve.png'
        4 eve: user eve face=''
        3 bob: group dev face='dev.png'
        ",
        "
        c2c_bob face='bob.png'
        c2c_eve face=none
        group_dev face='dev.png'
        ",
    );
}

#[test]
fn r23_unread_counts_what_others_said_after_the_marker() {
    for conversation in ["group_dev", "c2c_bob"] {
        check(
            &"
            1 bob in CONV: received m1 #1
            2 me in CONV: received m2 #2
            3 bob in CONV: received m3 #3
            4 bob in CONV: received m4 #4
            "
            .replace("CONV", conversation),
            &format!("total 3/3\n {conversation} unread=3 first=m1"),
        );
    }
}

#[test]
fn r23_what_does_not_count() {
    check(
        "
        1 bob in group_dev: received read #1
        2 me in group_dev: read #1
        3 bob in group_dev: received deleted #2
        3 bob in group_dev: received recalled #3
        3 bob in group_dev: received online #4 online_only
        3 bob in group_dev: received excluded #5 no_unread
        3 bob in group_dev: received targeted #6 to=[me]
        3 me in group_dev: imported imported #6 from=bob
        3 me in group_dev: received own #7
        3 me in group_dev: queued queued #7
        4 me in group_dev: deleted deleted
        4 bob in group_dev: recalled recalled
        4 bob in group_dev: edited unknown v1 'x'
        ",
        "total 0/0\n group_dev unread=0 first=none",
    );
}

#[test]
fn r23_what_still_counts() {
    check(
        "
        1 bob in group_dev: received m1 #1 no_last
        2 bob in group_dev: received m2 #2 tips
        3 bob in group_dev: received m3 #3 image
        4 me in group_dev: queued m4 #3 'x'
        5 me in group_dev: pinned
        6 me in group_dev: marked 2
        ",
        "group_dev unread=3 first=m1",
    );
}

#[test]
fn r23_by_group_type() {
    for (kind, expected) in [
        ("work", "unread=2 at=[#2:me]"),
        ("public", "unread=2 at=[#2:me]"),
        ("community", "unread=2 at=[#2:me]"),
        ("meeting", "unread=0 first=none at=[#2:me]"),
        ("avchatroom", "unread=0 first=none at=[]"),
    ] {
        let log = format!(
            "
            1 bob in group_g: received m1 #1
            2 bob in group_g: received m2 #2 @me
            3 eve: group g type={kind}
            "
        );
        check(&log, &format!("group_g {expected}"));
    }
}

#[test]
fn r23_a_meeting_counts_if_the_policy_says_so_an_avchatroom_never() {
    check(
        "
        policy meeting_unread
        1 bob in group_a: received m1 #1
        2 eve: group a type=meeting
        1 bob in group_b: received m1 #1 @me
        2 eve: group b type=avchatroom
        ",
        "
        total 1/1
        group_a unread=1
        group_b unread=0 at=[]
        ",
    );
}

#[test]
fn r23_a_change_of_type_counts_anew() {
    check(
        "
        1 me in group_a: opened meeting
        2 bob in group_a: received m1 #1
        3 eve: group a type=work
        ",
        "total 1/1\n group_a unread=1",
    );
}

#[test]
fn r25_the_last_message_is_the_one_that_stands_last() {
    check(
        "
        1 bob in c2c_bob: received m1 'a'
        5 bob in c2c_bob: received m2 'b'
        3 bob in c2c_bob: received m3 'c'
        ",
        "c2c_bob last=m2 last.text='b' last.status=sent last.by=bob",
    );
}

#[test]
fn r25_what_is_never_the_last_message() {
    check(
        "
        1 bob in c2c_bob: received m1 'a'
        2 bob in c2c_bob: received m2 online_only
        3 bob in c2c_bob: received m3 no_last
        4 me in c2c_bob: queued m4 no_last
        5 bob in c2c_bob: received m5
        6 me in c2c_bob: deleted m5
        ",
        "c2c_bob last=m1",
    );
    check("1 bob in c2c_bob: received m1 no_last", "c2c_bob last=none");
}

#[test]
fn r25_a_recalled_one_stays_and_tells_who_and_why_but_not_what() {
    check(
        "
        1 bob in c2c_bob: received m1 'a'
        2 bob in c2c_bob: received m2 'b' custom='x' cloud='y'
        5 eve in c2c_bob: recalled m2 'late'
        4 bob in c2c_bob: recalled m2 'early'
        ",
        "
        c2c_bob last=m2 last.status=recalled last.text=none last.custom=none last.cloud=none
          m2 recalled-by=bob why='early' recalled-at=4
        ",
    );
    check(
        "
        2 bob in c2c_bob: received m2 'b'
        4 bob in c2c_bob: recalled m2
        5 bob in c2c_bob: recalled m2 'late'
        ",
        "
        c2c_bob
          m2 recalled-by=bob why=none
        ",
    );
}

#[test]
fn r25_own_queued_and_failed_ones_count_with_their_status() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: queued m2 'x'
        ",
        "c2c_bob last=m2 last.status=sending last.text='x' last.own=yes",
    );
    check(
        "
        1 bob in group_dev: received m1 #1
        2 me in group_dev: queued m2 #1
        3 me in group_dev: failed m2 'blocked'
        ",
        "group_dev last=m2 last.status=failed last.failure='blocked'",
    );
}

#[test]
fn r25_when_the_last_is_deleted_the_one_before_takes_its_place() {
    let log = "
        1 bob in c2c_bob: received m1 'a'
        2 bob in c2c_bob: received m2 'b'
        3 bob in c2c_bob: received m3 'c'
        4 bob in c2c_bob: received m4 'd'
        5 bob in c2c_bob: edited m2 v1 'B'
    ";
    check(&format!("{log}\n 6 me in c2c_bob: deleted m4"), "c2c_bob last=m3 last.text='c' activity=4");
    check(&format!("{log}\n 6 me in c2c_bob: deleted m4 m3"), "c2c_bob last=m2 last.text='B'");
    check(
        &format!("{log}\n 6 me in c2c_bob: deleted m1 m3 m4\n 7 bob in c2c_bob: recalled m2"),
        "c2c_bob last=m2 last.status=recalled",
    );
    check(&format!("{log}\n 6 me in c2c_bob: deleted m4 m3 m2 m1"), "c2c_bob last=none unread=0");
}

#[test]
fn r25_deletion_of_one_in_the_middle_leaves_the_last() {
    check(
        "
        1 bob in group_dev: received m1 #1
        2 bob in group_dev: received m2 #2
        3 me in group_dev: deleted m1
        ",
        "group_dev last=m2 unread=1 history=[m2]",
    );
}

#[test]
fn r26_mentions_of_the_owner_of_all_and_of_both() {
    check(
        "
        1 bob in group_dev: received m1 #1 @me
        2 bob in group_dev: received m2 #2 @all
        3 bob in group_dev: received m3 #3 @carol @me @all
        4 bob in group_dev: received m4 #4 @carol
        5 bob in group_dev: received m5 #5
        ",
        "group_dev unread=5 at=[#1:me #2:all #3:both]",
    );
}

#[test]
fn r26_in_position_order_whatever_the_arrival() {
    check(
        "
        1 bob in group_dev: received m9 #9 @me
        2 bob in group_dev: received m2 #2 @all
        3 bob in group_dev: received m5 #5 @me
        ",
        "group_dev at=[#2:all #5:me #9:me]",
    );
}

#[test]
fn r26_what_does_not_mention() {
    check(
        "
        1 bob in group_dev: received read #1 @me
        2 me in group_dev: read #1
        3 me in group_dev: received own #2 @me @all
        3 bob in group_dev: received deleted #3 @me
        3 bob in group_dev: received recalled #4 @me
        3 bob in group_dev: received online #5 @me online_only
        3 me in group_dev: imported imported #5 @me from=bob
        4 me in group_dev: deleted deleted
        4 bob in group_dev: recalled recalled
        ",
        "group_dev at=[]",
    );
    check("1 bob in c2c_bob: received m1 @me @all", "c2c_bob unread=1 at=[]");
}

#[test]
fn r26_exclusion_from_unread_or_last_is_no_exclusion_here() {
    check(
        "
        1 bob in group_dev: received m1 #1 @me no_unread
        2 bob in group_dev: received m2 #2 @me no_last
        ",
        "group_dev unread=1 at=[#1:me #2:me]",
    );
}

#[test]
fn r26_a_meeting_mentions_an_avchatroom_does_not() {
    check(
        "
        1 me in group_a: opened meeting
        1 me in group_b: opened avchatroom
        2 bob in group_a: received m1 #1 @all
        2 bob in group_b: received m1 #1 @all
        ",
        "
        group_a unread=0 at=[#1:all]
        group_b unread=0 at=[]
        ",
    );
}

#[test]
fn r40_an_edit_replaces_each_field_it_names() {
    check(
        "
        1 bob in c2c_bob: received m1 'a' custom='b' cloud='c'
        2 bob in c2c_bob: edited m1 v1 'A'
        3 bob in c2c_bob: edited m1 v2 custom='B'
        4 bob in c2c_bob: edited m1 v3 cloud='C'
        ",
        "
        c2c_bob
          m1 text='A' custom='B' cloud='C' version=3
        ",
    );
}

#[test]
fn r40_the_greatest_version_wins_then_the_stamp() {
    check(
        "
        1 bob in c2c_bob: received m1 'a'
        9 bob in c2c_bob: edited m1 v1 'late but old'
        5 bob in c2c_bob: edited m1 v2 'newer'
        1 bob in c2c_bob: received m2 'a'
        3~a bob in c2c_bob: edited m2 v1 'first'
        3~b bob in c2c_bob: edited m2 v1 'second'
        1 bob in c2c_bob: received m3 'a'
        3 bob in c2c_bob: edited m3 v1 'text'
        4 bob in c2c_bob: edited m3 v2 cloud='x'
        ",
        "
        c2c_bob
          m1 text='newer' version=2
          m2 text='second'
          m3 text='text' cloud='x' version=2
        ",
    );
}

#[test]
fn r40_an_edit_moves_and_counts_nothing() {
    check(
        "
        1 bob in group_dev: received m1 #1 'a'
        2 bob in group_dev: received m2 #2 'b'
        3 me in group_dev: read #2
        9 bob in group_dev: edited m1 v1 '@me!'
        ",
        "
        group_dev unread=0 at=[] last=m2 activity=2 history=[m1 m2]
          m1 text='@me!' time=1
        ",
    );
}

#[test]
fn r40_editing_a_recalled_or_deleted_message_shows_nothing() {
    check(
        "
        1 bob in c2c_bob: received m1 'a'
        2 bob in c2c_bob: received m2 'b'
        3 bob in c2c_bob: recalled m2
        3 me in c2c_bob: deleted m1
        4 bob in c2c_bob: edited m2 v1 'B' cloud='B'
        4 bob in c2c_bob: edited m1 v1 'A'
        ",
        "
        c2c_bob last=m2 last.text=none last.cloud=none history=[m2]
          m1 gone
        ",
    );
}
