//! R52, R55–R58: the badge, filters that leave out, the archive, options that end, memberships.

use chatfold::Filter;
use chatfold::event::{Mark, Membership};
use chatfold::list::{BadgeRule, MembershipFilter};

use super::{check, inbox};

const BADGES: &str = "
    1 bob in c2c_bob: received m1
    1 bob in c2c_bob: received m2
    2 me in c2c_eve: opened
    2 me in c2c_eve: marked 2
    1 joe in c2c_joe: received m1
    2 me in c2c_joe: option not_receive
    2 me in c2c_joe: marked 2
    1 kim in c2c_kim: received m1
    2 me in c2c_kim: marked 8
    1 lea in c2c_lea: received m1
    2 me in c2c_lea: archived
    1 bob in group_a: received m1 #1 @me
    1 bob in group_a: received m2 #2 @all no_unread
    1 bob in group_a: received m3 #3
    2 me in group_a: option not_notify_except_at
    2 me in group_a: marked 2
    1 bob in group_b: received m1 #1
    2 me in group_b: option not_receive_except_at
    2 me in group_b: marked 2
    1 bob in group_c: received m1 #1
    2 me in group_c: option not_receive_except_at
    3 me in c2c_mia: marked 2
";

#[test]
fn r55_r29_each_conversation_gives_to_the_badge_by_its_option_marks_and_archive() {
    check(
        BADGES,
        "
        total 4/9
        c2c_eve badge=1 unread=0
        c2c_bob badge=2
        c2c_joe badge=0
        c2c_kim badge=0
        c2c_lea badge=0
        group_a badge=2
        group_b badge=1
        group_c badge=0
        ",
    );
    assert_eq!(inbox(BADGES).totals().badge, 6);
}

#[test]
fn r55_a_rule_is_the_readers_own() {
    let inbox = inbox(BADGES);
    let rule = BadgeRule::default();
    for (rule, badge) in [
        (rule, 6),
        (rule.with_chats(true), 4),
        (rule.with_archived(true), 7),
        (rule.with_hidden(true), 7),
        // What is muted and marked UNREAD gives 1 all the same, be it mentioned or not.
        (rule.without_muted_mentions(true), 5),
        (
            BadgeRule::default()
                .with_chats(true)
                .with_archived(true)
                .with_hidden(true)
                .without_muted_mentions(true),
            6,
        ),
    ] {
        assert_eq!(inbox.badge(rule), badge, "{rule:?}");
    }
}

/// Only what shows changes: a mark on what gives already, or on what never gives, is none of the badge's.
#[test]
fn r55_r60_the_badge_is_told_with_the_totals() {
    let told = |log: &str| {
        let given = super::notation::given(log);
        let (last, before) = given.events.split_last().unwrap();
        let mut inbox = chatfold::Inbox::new(super::user(super::OWNER), given.policy);
        inbox.apply_batch(before);
        inbox.apply(last).totals.map(|change| (change.before.badge, change.after.badge))
    };
    assert_eq!(told("1 bob in c2c_bob: received m1\n 2 me in c2c_bob: marked 8"), Some((1, 0)));
    assert_eq!(told("1 bob in c2c_bob: received m1\n 2 me in c2c_bob: archived"), Some((1, 0)));
    assert_eq!(told("1 me in c2c_bob: opened\n 2 me in c2c_bob: marked 2"), Some((0, 1)));
    assert_eq!(told("1 bob in c2c_bob: received m1\n 2 me in c2c_bob: marked 2"), None);
}

#[test]
fn r52_filters_leave_out_marks_and_the_archive_and_know_memberships() {
    let log = "
        8 me in group_a: marked 2
        8 bob in group_a: member removed me
        8 bob in group_a: received m1 #1
        7 bob in group_a: received m2 #2
        7 bob in group_b: received m1 #1
        7 me in group_b: read #1
        7 bob in group_b: member joined me
        6 bob in c2c_bob: received m1
        6 me in c2c_bob: archived
        5 me in c2c_eve: opened
        5 me in c2c_eve: marked 2
        5 me in c2c_eve: marked 8
        4 me in c2c_joe: opened
        4 me in c2c_joe: marked 4294967296
    ";
    let inbox = inbox(log);
    let all = Filter::default();
    let is = |state| all.with_membership(MembershipFilter::Is(state));
    for (filter, rows) in [
        (all.leaving_out_archived(), &["group_a", "group_b", "c2c_eve", "c2c_joe"] as &[&str]),
        (all.only_archived(), &["c2c_bob"]),
        (all.without_mark(Mark::HIDE), &["group_a", "group_b", "c2c_bob", "c2c_joe"]),
        (all.without_mark(Mark::HIDE).without_mark(Mark::UNREAD), &["group_b", "c2c_bob", "c2c_joe"]),
        (all.without_marks(1 << 32), &["group_a", "group_b", "c2c_bob", "c2c_eve"]),
        (all.with_unread_or_marked(true), &["group_a", "c2c_bob", "c2c_eve"]),
        (all.with_unread_or_marked(true).with_has_unread(true), &["group_a", "c2c_bob"]),
        (is(Membership::Removed), &["group_a"]),
        (is(Membership::Joined), &["group_b"]),
        (all.with_membership(MembershipFilter::Unknown), &["c2c_bob", "c2c_eve", "c2c_joe"]),
    ] {
        let page = inbox.page(&filter, None, 9);
        let found: Vec<_> = page.conversations.iter().map(|row| row.id().as_str()).collect();
        assert_eq!(found, rows, "{filter:?}");
    }
}

#[test]
fn r56_an_archived_conversation_stays_until_a_message_comes() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: archived
        1 eve in c2c_eve: received m1
        2 me in c2c_eve: archived
        3 eve in c2c_eve: received m2
        1 joe in c2c_joe: received m1
        2 me in c2c_joe: archived stay
        3 joe in c2c_joe: received m2
        ",
        "
        total 5/5
        c2c_eve archived=no unread=2 activity=3
        c2c_joe archived=stays unread=2 activity=3
        c2c_bob archived=yes unread=1 activity=1
        ",
    );
}

/// At the very instant of the archiving it stays: later is later than its `at`.
#[test]
fn r56_only_what_is_later_than_the_archiving_takes_it_out() {
    check(
        "
        2.000 me in c2c_bob: archived
        2.000~z bob in c2c_bob: received m1
        2.000 me in c2c_eve: archived
        2.001 eve in c2c_eve: received m1
        ",
        "
        c2c_eve archived=no
        c2c_bob archived=yes
        ",
    );
}

#[test]
fn r56_whatever_gives_messages_activity_counts_and_nothing_else() {
    check(
        "
        2 me in c2c_own: archived
        3 me in c2c_own: queued m1
        2 me in c2c_imp: archived
        3 me in c2c_imp: imported m1 from=imp
        2 me in c2c_late: archived
        1 me in c2c_late: queued m1
        1 me in c2c_late: sent m1 3
        2 me in c2c_draft: archived
        3 me in c2c_draft: draft 'x'
        2 me in c2c_open: archived
        3 me in c2c_open: opened
        2 me in c2c_hidden: archived
        3 hidden in c2c_hidden: received m1 online_only
        4 hidden in c2c_hidden: received m2 no_last
        5 me in c2c_hidden: opened
        2 me in c2c_gone: archived
        3 gone in c2c_gone: received m1
        4 gone in c2c_gone: recalled m1
        ",
        "
        c2c_hidden archived=yes
        c2c_draft archived=yes
        c2c_gone archived=no
        c2c_imp archived=no
        c2c_late archived=no
        c2c_open archived=yes
        c2c_own archived=no
        ",
    );
}

#[test]
fn r56_the_last_writer_decides_and_a_deletion_takes_it() {
    check(
        "
        2 me in c2c_bob: archived
        3 me in c2c_bob: unarchived
        1 bob in c2c_bob: received m1
        3 me in c2c_eve: unarchived
        4 me in c2c_eve: archived
        1 eve in c2c_eve: received m1
        2 me in c2c_joe: archived stay
        3~d me in c2c_joe: removed 2
        4 joe in c2c_joe: received m1
        3~e me in c2c_kim: removed 2
        3~f me in c2c_kim: archived stay
        4 kim in c2c_kim: received m1
        3~d me in c2c_lea: removed 2
        3~d me in c2c_lea: archived stay
        4 lea in c2c_lea: received m1
        2 eve in c2c_mia: archived
        1 mia in c2c_mia: received m1
        ",
        "
        c2c_joe archived=no
        c2c_kim archived=stays
        c2c_lea archived=no
        c2c_bob archived=no
        c2c_eve archived=yes
        c2c_mia archived=no
        ",
    );
}

#[test]
fn r57_an_option_has_its_end_until_another_is_written() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me in c2c_bob: option not_receive until=60
        1 eve in c2c_eve: received m1
        2 me in c2c_eve: option not_receive until=60
        3 me in c2c_eve: option receive_not_notify
        1 joe in c2c_joe: received m1
        2~o me in c2c_joe: option not_receive
        2~o me in c2c_joe: option not_receive until=60
        2~o me in c2c_joe: option not_receive until=50
        900 me in c2c_joe: draft 'long after'
        ",
        "
        total 0/3
        c2c_joe option=not_receive until=60
        c2c_bob option=not_receive until=60
        c2c_eve option=receive_not_notify until=none
        ",
    );
}

#[test]
fn r58_a_membership_is_the_last_that_names_the_owner_or_all() {
    check(
        "
        1 bob in group_a: received m1 #1
        2 bob in group_a: member joined me
        4 bob in group_a: member removed me
        3 me in group_a: member left me
        5 bob in group_a: member joined carol
        1 bob in group_b: received m1 #1
        2 bob in group_b: member joined me
        3 bob in group_b: dissolved
        1 bob in group_c: received m1 #1
        2 bob in group_c: member left carol
        1 bob in group_d: received m1 #1
        2~m bob in group_d: member joined me
        2~m bob in group_d: dissolved
        2~m bob in group_d: member removed me
        ",
        "
        group_a membership=removed unread=1 activity=1
        group_b membership=dissolved unread=1
        group_c membership=none
        group_d membership=dissolved
        ",
    );
}

/// A membership neither lists nor moves a conversation.
#[test]
fn r58_a_membership_lists_nothing() {
    check("1 bob in group_a: member joined me", "");
}

#[test]
fn r21_what_shows_nothing_is_no_name() {
    check(
        "
        1 bob in c2c_bob: received m1
        2 me: user bob nickname='\u{200b}\u{2800}' remark='\u{3164}\u{e0041}'
        1 eve in c2c_eve: received m1
        2 me: user eve nickname='\u{feff}Eve' remark='\u{ad} \u{2060}'
        1 bob in group_g: received m1 #1
        2 bob: group g name='\u{180e}\u{fe0f}'
        ",
        "
        c2c_bob name='bob'
        c2c_eve name='\u{feff}Eve'
        group_g name='g'
        ",
    );
}
