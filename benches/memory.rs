//! How large is an inbox in memory (P9)? Bytes as the allocator counts them, beside the floor: the bytes of what the
//! messages carry. `-- --csv FILE` keeps the figures.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod floor;

use chatfold::event::{Body, Fact};
use chatfold::testing::Workload;
use chatfold::{
    ConversationId, Envelope, Event, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};
use peak_alloc::PeakAlloc;

use self::floor::{Report, has};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The messages among `events`, and the bytes of what they carry.
fn content(events: &[Event]) -> (usize, usize) {
    let texts = events.iter().filter_map(|event| match event.body() {
        Body::Conversation(_, Fact::MessageReceived(message)) => Some(message.text.as_deref()),
        _ => None,
    });
    texts.fold((0, 0), |(count, bytes), text| (count + 1, bytes + text.map_or(0, str::len)))
}

/// The bytes that the inbox of these events holds, and the most that were held while it was made.
fn held(owner: &UserId, events: &[Event]) -> (usize, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let inbox = Inbox::replay(owner.clone(), Policy::default(), events);
    let held = (MEMORY.current_usage() - before, MEMORY.peak_usage() - before);
    drop(inbox);
    held
}

fn measure(report: &mut Report, name: &str, workload: &Workload, events: &[Event]) {
    let (messages, bytes) = content(events);
    let (held, peak) = held(&workload.owner(), events);
    let each = |bytes: usize| bytes as f64 / messages.max(1) as f64;
    let floor = Some(("its content", each(bytes)));
    report.row(name, "held", each(held), "bytes a message", floor);
    report.row(name, "held beyond content", each(held.saturating_sub(bytes)), "bytes a message", floor);
    report.row(name, "held at most while replaying", each(peak), "bytes a message", floor);
    let beyond = each(held.saturating_sub(bytes));
    assert!(messages < 50_000 || beyond <= 72.0, "{beyond} bytes a message");
}

/// A group whose server has no seq, so that those of its messages are instants in milliseconds (R117), of which half a
/// day's worth and more stand in a chunk.
fn instants(report: &mut Report, messages: u64) {
    let owner = UserId::parse("alice").unwrap();
    let authors = ["bob", "carol", "dave"].map(|name| UserId::parse(name).unwrap());
    let group: ConversationId = "group_g".parse().unwrap();
    let said = |n: u64| {
        let id = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
        let at = 1_600_000_000_000 + n as i64 * 601_337;
        let mut message = Message::text(MessageId::from_bytes(id), "thirty-eight bytes of text in a group.");
        message.seq = Some(at.unsigned_abs());
        let author = authors[(n % 3) as usize].clone();
        let at = Timestamp::from_millis(at).unwrap();
        Envelope::new(EventId::from_bytes(id), at, author).message_received(group.clone(), message)
    };
    let events: Vec<Event> = (0..messages).map(|n| said(n).unwrap()).collect();
    let (_, bytes) = content(&events);
    let (held, _) = held(&owner, &events);
    let beyond = held.saturating_sub(bytes) as f64 / messages as f64;
    report.row("seqs of instants", "held beyond content", beyond, "bytes a message", None);
    assert!(beyond <= 64.0, "{beyond} bytes a message");
}

/// Many conversations in each of which one message came.
fn idle(report: &mut Report, conversations: u64) {
    let said = |n: u64| {
        let (id, bob) = (u128::from(n).to_be_bytes(), UserId::parse(&format!("user{n}")).unwrap());
        let at = Timestamp::from_millis(1_700_000_000_000 + n as i64).unwrap();
        let hello = Message::text(MessageId::from_bytes(id), "a line of text");
        Envelope::new(EventId::from_bytes(id), at, bob.clone())
            .message_received(ConversationId::direct(&bob), hello)
    };
    let events: Vec<Event> = (0..conversations).map(|n| said(n).unwrap()).collect();
    let (held, _) = held(&UserId::parse("alice").unwrap(), &events);
    let each = held as f64 / conversations as f64;
    report.row(&format!("{conversations} chats"), "a conversation of one message", each, "bytes", None);
    assert!(each <= 1_024.0, "{each} bytes an idle conversation");
}

fn main() {
    // A smoke run checks that everything runs, and the bounds where few events show them: of one group, of idle
    // conversations. Real runs take the whole workload.
    let is_smoke = has("--test");
    let mut report = Report::new();
    for workload in [Workload::phone(), Workload::desk(), Workload::hall()] {
        let few = if workload.name == "hall" { 64_000 } else { 2_000 };
        let workload = if is_smoke { workload.with_events(few) } else { workload };
        let events: Vec<Event> = workload.iter().collect();
        measure(&mut report, workload.name, &workload, &events);
        drop(events);
        if workload.name == "desk" {
            measure(&mut report, "storm", &workload, &workload.storm());
        }
    }
    instants(&mut report, 64_000);
    idle(&mut report, 10_000);
    report.finish();
}
