//! Notifying: the table of R90 row by row, and quiet hours around every edge.

use chatfold::event::{Body, Fact, GroupType, QuietHours, ReceiveOption, Through, Watermark, ZoneName};
use chatfold::notify::{Notification, NotificationReason, explain, explain_in_zone, judge};
use chatfold::{
    ConversationId, Envelope, Event, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};

use Notification::{Nothing, Push, Silent};
use ReceiveOption as R;

const SENT: i64 = 100_000;
const MESSAGE: MessageId = MessageId::from_bytes([1; 16]);

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn event(n: u8, millis: i64, by: &str, conversation: &str, fact: Fact) -> Event {
    let envelope = Envelope::new(EventId::from_bytes([n; 16]), instant(millis), user(by));
    Event::new(envelope, Body::Conversation(conversation.parse().unwrap(), fact)).unwrap()
}

/// A case: one message in a group (or a direct chat), and what else happened.
struct Case {
    conversation: &'static str,
    by: &'static str,
    message: Message,
    facts: Vec<(&'static str, Fact)>,
    hours: Option<QuietHours>,
}

fn case() -> Case {
    let message = Message::text(MESSAGE, "Lunch?").with_seq(7);
    Case { conversation: "group_g", by: "bob", message, facts: Vec::new(), hours: None }
}

fn direct() -> Case {
    Case { conversation: "c2c_bob", message: Message::text(MESSAGE, "Lunch?"), ..case() }
}

impl Case {
    fn fact(mut self, fact: Fact) -> Self {
        self.facts.push(("alice", fact));
        self
    }

    fn option(self, option: ReceiveOption) -> Self {
        self.fact(Fact::ReceiveOptionSet { option, until: None })
    }

    fn message(mut self, change: impl FnOnce(&mut Message)) -> Self {
        change(&mut self.message);
        self
    }

    fn by(mut self, by: &'static str) -> Self {
        self.by = by;
        self
    }

    fn at_me(self) -> Self {
        self.message(|message| message.mentions.users = vec![user("carol"), user("alice")])
    }

    fn at_all(self) -> Self {
        self.message(|message| message.mentions.all = true)
    }

    fn at_another(self) -> Self {
        self.message(|message| message.mentions.users = vec![user("carol")])
    }

    /// In force when the message comes.
    fn quiet(mut self) -> Self {
        self.hours = Some(QuietHours::Once { start: instant(SENT), duration_s: 60 });
        self
    }

    fn introduced_by(&self, introduction: Option<Fact>) -> Inbox {
        let received = Fact::MessageReceived(Box::new(self.message.clone()));
        let mut inbox = Inbox::new(user("alice"), Policy::default());
        inbox.apply(&event(1, SENT, self.by, self.conversation, introduction.unwrap_or(received)));
        for (n, (by, fact)) in self.facts.iter().enumerate() {
            inbox.apply(&event(10 + n as u8, SENT + 1, by, self.conversation, fact.clone()));
        }
        let envelope = Envelope::new(EventId::from_bytes([9; 16]), instant(SENT), user("alice"));
        inbox.apply(&envelope.quiet_hours_set(self.hours.clone()).unwrap());
        inbox
    }

    fn judged(&self, introduction: Option<Fact>) -> Notification {
        let inbox = self.introduced_by(introduction);
        let before = inbox.digest();
        let conversation = self.conversation.parse().unwrap();
        let found = judge(&inbox, &conversation, MESSAGE, instant(SENT));
        let reason = explain(&inbox, &conversation, MESSAGE, instant(SENT));
        assert_eq!(reason.notification(), found, "{reason:?}");
        assert_eq!(inbox.digest(), before, "asking changes nothing");
        found
    }

    #[track_caller]
    fn gives(&self, expected: Notification) {
        assert_eq!(self.judged(None), expected);
    }

    fn queued(&self) -> Fact {
        Fact::MessageQueued(Box::new(self.message.clone()))
    }

    fn imported(&self, sender: Option<&str>) -> Fact {
        Fact::MessageImported { sender: sender.map(user), message: Box::new(self.message.clone()) }
    }
}

#[test]
fn r90_what_is_received_pushes() {
    case().gives(Push);
    direct().gives(Push);
    case().option(R::Receive).gives(Push);
    case().option(R::NotReceive).option(R::Receive).gives(Push);
}

#[test]
fn r90_options_and_mentions_decide_together() {
    type Change = fn(Case) -> Case;
    let (none, other): (Change, Change) = (|case| case, Case::at_another);
    let (me, all): (Change, Change) = (Case::at_me, Case::at_all);
    for (option, unmentioned, mentioned) in [
        (R::Receive, Push, Push),
        (R::NotReceive, Nothing, Nothing),
        (R::ReceiveNotNotify, Silent, Silent),
        (R::NotNotifyExceptAt, Silent, Push),
        (R::NotReceiveExceptAt, Nothing, Push),
    ] {
        for (change, expected) in
            [(none, unmentioned), (other, unmentioned), (me, mentioned), (all, mentioned)]
        {
            let case = change(case().option(option));
            assert_eq!(case.judged(None), expected, "{option:?}, {:?}", case.message.mentions);
        }
    }
    // A mention in a direct chat is a mention, though its list shows none.
    direct().option(R::NotReceiveExceptAt).at_me().gives(Push);
    direct().option(R::NotReceiveExceptAt).gives(Nothing);
}

#[test]
fn r90_what_cannot_notify_is_silent() {
    let seven = Watermark::Seq(7);
    let six = Watermark::Seq(6);
    let read = |through| Fact::Read { through };
    let deleted = |through, keep_messages| Fact::Deleted { through, keep_messages, also: Vec::new() };
    let opened = |group_type| Fact::Opened { group_type: Some(group_type) };
    let table: Vec<(&str, Case, Notification)> = vec![
        ("own", case().by("alice"), Silent),
        ("online-only", case().message(|m| m.online_only = true), Silent),
        ("deleted", case().fact(Fact::MessagesDeleted { targets: vec![MESSAGE] }), Silent),
        ("cleared", case().fact(Fact::HistoryCleared { through: seven, also: Vec::new() }), Silent),
        ("cleared before it", case().fact(Fact::HistoryCleared { through: six, also: Vec::new() }), Push),
        ("read", case().fact(read(Through::Watermark(seven))), Silent),
        ("read by name", case().fact(read(Through::Message(MESSAGE))), Silent),
        ("read before it", case().fact(read(Through::Watermark(six))), Push),
        ("its conversation deleted", case().fact(deleted(seven, false)), Silent),
        ("its conversation deleted, kept", case().fact(deleted(seven, true)), Silent),
        ("deleted before it", case().fact(deleted(six, false)), Push),
        ("a live room", case().fact(opened(GroupType::AvChatRoom)), Silent),
        ("a meeting, which counts no unread", case().fact(opened(GroupType::Meeting)), Push),
        ("no unread", case().message(|m| m.excluded_from_unread = true), Push),
        ("no last", case().message(|m| m.excluded_from_last = true), Push),
        ("for the owner", case().message(|m| m.recipients = vec![user("alice")]), Push),
        ("for another", case().message(|m| m.recipients = vec![user("carol")]), Nothing),
        ("of neither party", direct().by("carol"), Nothing),
    ];
    for (name, case, expected) in table {
        assert_eq!(case.judged(None), expected, "{name}");
    }
    let mut recalled = case();
    recalled.facts.push(("bob", Fact::MessageRecalled { target: MESSAGE, reason: None }));
    recalled.gives(Silent);
    let unread_again =
        case().fact(read(Through::Watermark(seven))).fact(Fact::MarkedUnreadFrom { target: MESSAGE });
    unread_again.gives(Push);
}

#[test]
fn r90_a_message_without_a_place_from_the_server_is_silent() {
    let mine = case().by("alice");
    assert_eq!(mine.judged(Some(mine.queued())), Silent);
    assert_eq!(mine.judged(Some(mine.imported(Some("bob")))), Silent, "imported, of another");
}

#[test]
fn r90_what_is_not_known_does_not_arrive() {
    let (inbox, bob) = (case().introduced_by(None), ConversationId::direct(&user("bob")));
    let group: ConversationId = "group_g".parse().unwrap();
    assert_eq!(judge(&inbox, &bob, MESSAGE, instant(SENT)), Nothing, "no such conversation");
    let other = MessageId::from_bytes([2; 16]);
    assert_eq!(judge(&inbox, &group, other, instant(SENT)), Nothing, "no such message");
    let waits = Fact::MessageRecalled { target: MESSAGE, reason: None };
    assert_eq!(case().judged(Some(waits)), Nothing, "recalled before it comes");
}

#[test]
fn r90_earlier_rows_come_first() {
    let recall = || vec![("bob", Fact::MessageRecalled { target: MESSAGE, reason: None })];
    // Row 1 before row 2: what does not arrive is not silent either.
    let muted = Case { facts: recall(), ..case() }.option(R::NotReceive);
    muted.gives(Nothing);
    case().by("alice").option(R::NotReceive).gives(Nothing);
    case().by("alice").option(R::NotReceiveExceptAt).gives(Nothing);
    let deleted = case().fact(Fact::MessagesDeleted { targets: vec![MESSAGE] });
    deleted.option(R::NotReceiveExceptAt).gives(Nothing);
    case().message(|m| m.online_only = true).option(R::NotReceive).gives(Nothing);
    // Row 1 before row 4.
    case().option(R::NotReceive).quiet().gives(Nothing);
    case().option(R::NotReceiveExceptAt).quiet().gives(Nothing);
    // A mention takes row 1 away, not rows 2 and 4.
    Case { facts: recall(), ..case() }.option(R::NotReceiveExceptAt).at_me().gives(Silent);
    case().by("alice").option(R::NotReceiveExceptAt).at_all().gives(Silent);
    case().option(R::NotReceiveExceptAt).at_me().quiet().gives(Silent);
    case().option(R::NotNotifyExceptAt).at_all().quiet().gives(Silent);
    // Row 4 alone.
    case().quiet().gives(Silent);
    direct().quiet().gives(Silent);
}

#[test]
fn r90_quiet_hours_are_judged_at_the_instant_and_never_change_unread() {
    let mut quiet = case().quiet();
    let inbox = quiet.introduced_by(None);
    let group: ConversationId = "group_g".parse().unwrap();
    for (millis, expected) in [(-1, Push), (0, Silent), (59_999, Silent), (60_000, Push)] {
        let at = instant(SENT + millis);
        assert_eq!(judge(&inbox, &group, MESSAGE, at), expected, "{millis}");
    }
    assert_eq!(inbox.totals().unread, 1);
    quiet.hours = None;
    quiet.gives(Push);
}

#[test]
fn r90_the_last_writer_sets_the_quiet_hours() {
    let mut inbox = case().quiet().introduced_by(None);
    let off = Envelope::new(EventId::from_bytes([8; 16]), instant(SENT - 1), user("alice"));
    inbox.apply(&off.quiet_hours_set(None).unwrap());
    let group: ConversationId = "group_g".parse().unwrap();
    assert_eq!(judge(&inbox, &group, MESSAGE, instant(SENT)), Silent, "an earlier one");
    let by_bob = Envelope::new(EventId::from_bytes([8; 16]), instant(SENT + 5), user("bob"));
    inbox.apply(&by_bob.quiet_hours_set(None).unwrap());
    assert_eq!(judge(&inbox, &group, MESSAGE, instant(SENT)), Silent, "R17: another's");
    let later = Envelope::new(EventId::from_bytes([8; 16]), instant(SENT + 5), user("alice"));
    inbox.apply(&later.quiet_hours_set(None).unwrap());
    assert_eq!(judge(&inbox, &group, MESSAGE, instant(SENT)), Push, "a later one");
}

/// Asks `hours` one second and one millisecond before, at and after each edge.
fn around(hours: QuietHours, start: &str, end: &str) {
    for (edge, before, from) in [(at(start), false, true), (at(end), true, false)] {
        for (offset_ms, expected) in
            [(-1_000, before), (-1, before), (0, from), (1, from), (999, from), (1_000, from)]
        {
            let at = instant(edge.as_millis() + offset_ms);
            assert_eq!(hours.is_quiet(at), expected, "{hours:?} at {at}");
        }
    }
}

fn daily(start: (u32, u32, u32), duration_s: u32, utc_offset_s: i32) -> QuietHours {
    let start_s = start.0 * 3600 + start.1 * 60 + start.2;
    let hours = QuietHours::Daily { start_s, duration_s, utc_offset_s };
    let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, user("alice"));
    assert!(envelope.quiet_hours_set(Some(hours.clone())).is_ok(), "well-formed");
    hours
}

#[test]
fn r90_a_daily_window_has_a_start_and_an_end() {
    let hour = 3_600;
    let cases = [
        // Within a day.
        (daily((13, 0, 0), hour, 0), "2026-03-01T13:00:00.000Z", "2026-03-01T14:00:00.000Z"),
        (daily((13, 30, 15), 90, 0), "2026-03-01T13:30:15.000Z", "2026-03-01T13:31:45.000Z"),
        (daily((0, 0, 0), hour, 0), "2026-03-01T00:00:00.000Z", "2026-03-01T01:00:00.000Z"),
        // Up to midnight, and over it: over a month's and a year's end too.
        (daily((23, 0, 0), hour, 0), "2026-03-01T23:00:00.000Z", "2026-03-02T00:00:00.000Z"),
        (daily((22, 0, 0), 9 * hour, 0), "2026-02-28T22:00:00.000Z", "2026-03-01T07:00:00.000Z"),
        (daily((22, 0, 0), 9 * hour, 0), "2026-12-31T22:00:00.000Z", "2027-01-01T07:00:00.000Z"),
        (daily((23, 59, 59), 2, 0), "2024-02-29T23:59:59.000Z", "2024-03-01T00:00:01.000Z"),
        // All but two seconds of the day.
        (daily((8, 0, 0), 86_398, 0), "2026-03-01T08:00:00.000Z", "2026-03-02T07:59:58.000Z"),
        // East of Greenwich, west of it, by half hours, and as far as goes.
        (daily((22, 0, 0), 9 * hour, 8 * 3600), "2026-03-01T14:00:00.000Z", "2026-03-01T23:00:00.000Z"),
        (daily((1, 0, 0), hour, 8 * 3600), "2026-02-28T17:00:00.000Z", "2026-02-28T18:00:00.000Z"),
        (daily((22, 0, 0), 9 * hour, -5 * 3600), "2026-03-02T03:00:00.000Z", "2026-03-02T12:00:00.000Z"),
        (daily((22, 0, 0), hour, 19_800), "2026-03-01T16:30:00.000Z", "2026-03-01T17:30:00.000Z"),
        (daily((12, 0, 0), hour, 86_399), "2026-03-01T12:00:01.000Z", "2026-03-01T13:00:01.000Z"),
        (daily((12, 0, 0), hour, -86_399), "2026-03-01T11:59:59.000Z", "2026-03-01T12:59:59.000Z"),
    ];
    for (hours, start, end) in cases {
        around(hours, start, end);
    }
}

#[test]
fn r90_a_daily_window_comes_every_day() {
    let night = daily((22, 0, 0), 9 * 3600, 3600);
    for day in 0..400 {
        let midnight = instant(1_772_323_200_000 + day * 86_400_000);
        let local = |hour: i64| instant(midnight.as_millis() + (hour - 1) * 3_600_000);
        for (hour, expected) in
            [(1, true), (6, true), (7, false), (12, false), (21, false), (22, true), (24, true)]
        {
            assert_eq!(night.is_quiet(local(hour)), expected, "day {day}, hour {hour}");
        }
    }
    // The longest leaves out one second of the day.
    let longest = daily((8, 0, 0), 86_399, 0);
    for (second, expected) in [(0, true), (28_798, true), (28_799, false), (28_800, true), (86_399, true)] {
        assert_eq!(longest.is_quiet(instant(second * 1_000)), expected, "second {second}");
    }
    // In force at the ends of time too.
    assert!(daily((23, 0, 0), 7_200, 0).is_quiet(Timestamp::EPOCH));
    assert!(daily((0, 0, 0), 3_600, 3_600).is_quiet(instant(23 * 3_600_000)));
    assert!(!daily((0, 0, 0), 3_600, 0).is_quiet(Timestamp::MAX));
    assert!(daily((23, 59, 59), 1, 0).is_quiet(Timestamp::MAX));
}

#[test]
fn r90_a_window_of_no_length_is_never_in_force() {
    for millis in [-1_000, -1, 0, 1, 1_000, 43_200_000] {
        let noon = at("2026-03-01T12:00:00.000Z");
        let at = instant(noon.as_millis() + millis);
        assert!(!daily((12, 0, 0), 0, 0).is_quiet(at), "{at}");
        assert!(!QuietHours::Once { start: noon, duration_s: 0 }.is_quiet(at), "{at}");
    }
}

#[test]
fn r90_a_window_of_its_own_comes_once() {
    let once = |start: &str, duration_s| QuietHours::Once { start: at(start), duration_s };
    around(once("2026-03-01T22:30:00.500Z", 5_400), "2026-03-01T22:30:00.500Z", "2026-03-02T00:00:00.500Z");
    around(
        once("2026-03-01T00:00:00.000Z", 10 * 86_400),
        "2026-03-01T00:00:00.000Z",
        "2026-03-11T00:00:00.000Z",
    );
    around(once("2026-03-01T12:00:00.000Z", 2), "2026-03-01T12:00:00.000Z", "2026-03-01T12:00:02.000Z");
    let noon = once("2026-03-01T12:00:00.000Z", 3_600);
    assert!(!noon.is_quiet(at("2026-03-02T12:30:00.000Z")), "not the day after");
    assert!(!noon.is_quiet(at("2026-02-28T12:30:00.000Z")), "nor the day before");
    let endless = once("2026-03-01T12:00:00.000Z", u64::MAX);
    assert!(endless.is_quiet(Timestamp::MAX) && !endless.is_quiet(at("2026-03-01T11:59:59.999Z")));
}

/// R57: an option that was to end at the instant asked for, or before, is as good as ended.
#[test]
fn r57_r90_an_option_for_a_time_ends_by_itself_where_one_asks_whether_to_push() {
    for (until, expected) in [(SENT - 1, Push), (SENT, Push), (SENT + 1, Nothing)] {
        let until = Some(instant(until));
        case().fact(Fact::ReceiveOptionSet { option: R::NotReceive, until }).gives(expected);
    }
}

/// R57: hours that were set in winter lie in the clock of the summer when it is summer.
#[test]
fn r57_r90_quiet_hours_in_a_zone_follow_its_clock() {
    let zone = ZoneName::parse("Europe/Berlin").unwrap();
    let night = QuietHours::DailyIn { start_s: 22 * 3_600, duration_s: 9 * 3_600, zone: zone.clone() };
    let mut inbox = Inbox::new(user("alice"), Policy::default());
    let set = Envelope::new(EventId::from_bytes([9; 16]), at("2026-01-15T12:00:00.000Z"), user("alice"));
    inbox.apply(&set.quiet_hours_set(Some(night)).unwrap());
    let berlin = |at: Timestamp| {
        move |asked: &ZoneName| {
            assert_eq!(asked.as_str(), "Europe/Berlin");
            if at.to_string().starts_with("2026-07") { 7_200 } else { 3_600 }
        }
    };
    let chat: ConversationId = "c2c_bob".parse().unwrap();
    for (n, (text, quiet)) in [
        // 22:30, 21:59 and 6:59 by Berlin's summer clock, 21:30 and 22:00 by that of its winter.
        ("2026-07-01T20:30:00.000Z", true),
        ("2026-07-01T19:59:59.999Z", false),
        ("2026-07-02T04:59:59.999Z", true),
        ("2026-07-02T05:00:00.000Z", false),
        ("2026-01-20T20:30:00.000Z", false),
        ("2026-01-20T21:00:00.000Z", true),
    ]
    .into_iter()
    .enumerate()
    {
        let (now, message) = (at(text), MessageId::from_bytes([n as u8; 16]));
        let envelope = Envelope::new(EventId::from_bytes([n as u8; 16]), now, user("bob"));
        inbox.apply(&envelope.message_received(chat.clone(), Message::new(message)).unwrap());
        let found = explain_in_zone(&inbox, &chat, message, now, berlin(now));
        assert_eq!(found == NotificationReason::QuietHours, quiet, "{text}: {found:?}");
        #[cfg(feature = "zones")]
        assert_eq!(explain(&inbox, &chat, message, now), found, "{text}");
    }
}
