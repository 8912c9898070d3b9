//! `chatfold cloud`: what the cloud still holds of an inbox, and what it evicted and why.

use std::io::Write as _;

use chatfold::retention::{CloudConversation, CloudView, Eviction, RetentionPolicy, view_cloud};
use chatfold::{ConversationId, Inbox, Timestamp};
use serde_json::{Value, json};

use crate::args::{CloudArgs, Plan};
use crate::failure::{Failure, Verdict};
use crate::input::Source;
use crate::instant::minute;
use crate::list::{BOLD, DIM, PLAIN};
use crate::log::{count, fold_whole};
use crate::output::{Output, stdout};
use crate::text::{Line, Look, cut, escape, width};
use crate::words;

/// A name takes at most this many cells.
const MAX_NAME: usize = 32;

/// Seconds in a day.
const DAY_S: u64 = 86_400;

/// Runs the command.
pub fn run(args: &CloudArgs) -> Result<Verdict, Failure> {
    let source = Source::from(args.log.as_path());
    let (inbox, tally) = fold_whole(&source, &args.reading.choice(), args.reading.policy())?;
    tally.report_skipped(&source);
    let now = args.now.map(|span| span.to).or(tally.newest).unwrap_or(Timestamp::EPOCH);
    let policy = args.policy();
    let view = view_cloud(&inbox, &policy, now);
    let mut out = stdout();
    if args.json {
        let object = object(&inbox, &policy, now, &view);
        crate::output::write_json(&mut out, &object)?;
        out.write_all(b"\n")?;
    } else {
        let mut report = Report::new(&mut out, args.looks.look(), &inbox, &view);
        report.title(args.plan, &policy, now)?;
        report.rows()?;
    }
    out.flush()?;
    Ok(tally.verdict())
}

fn object(inbox: &Inbox, policy: &RetentionPolicy, now: Timestamp, view: &CloudView) -> Value {
    let held = |held: &CloudConversation| json!({"conversationID": held.id.as_str(), "activity": held.activity.to_string(), "isPinned": held.pinned});
    let evicted = view.evicted.iter().map(|evicted| {
        let mut row = held(&evicted.conversation);
        match evicted.reason {
            Eviction::Count { place } => {
                row["reason"] = json!("count");
                row["place"] = json!(place);
            }
            Eviction::Age { idle_ms } => {
                row["reason"] = json!("age");
                row["idleMilliseconds"] = json!(idle_ms);
            }
        }
        row
    });
    let unread = view.direct_unread.iter();
    json!({
        "owner": inbox.owner().as_str(),
        "now": now.to_string(),
        "policy": {
            "maxConversations": policy.max_conversations,
            "idleSeconds": policy.idle_s,
            "deletesConversations": policy.deletes_conversations,
            "maxUnreadConversations": policy.max_unread_conversations,
            "maxUnreadMessages": policy.max_unread_messages,
            "unreadAgeSeconds": policy.unread_age_s,
        },
        "kept": view.kept.iter().map(held).collect::<Vec<_>>(),
        "evicted": evicted.collect::<Vec<_>>(),
        "localOnly": view.local_only.iter().map(ConversationId::as_str).collect::<Vec<_>>(),
        "directUnread": unread
            .map(|direct| json!({"conversationID": direct.id.as_str(), "unread": direct.unread}))
            .collect::<Vec<_>>(),
    })
}

/// Text for people about what is held.
struct Report<'o, 'i> {
    out: &'o mut Output,
    look: Look,
    inbox: &'i Inbox,
    view: &'i CloudView,
    /// Where the columns after the name begin.
    columns: [usize; 2],
}

impl<'o, 'i> Report<'o, 'i> {
    fn new(out: &'o mut Output, look: Look, inbox: &'i Inbox, view: &'i CloudView) -> Self {
        let mut report = Self { out, look, inbox, view, columns: [0, 0] };
        let held = view.kept.iter().chain(view.evicted.iter().map(|evicted| &evicted.conversation));
        let ids = held.map(|held| &held.id).chain(&view.local_only);
        let widest = ids.map(|id| width(&report.name(id))).max().unwrap_or(0);
        report.columns = [widest + 4, widest + 22];
        report
    }

    /// The name, and the id where that says more.
    fn name(&self, id: &ConversationId) -> String {
        let shown = self.inbox.conversation(id).map(|conversation| words::name(&conversation));
        let name = shown.filter(|name| name != id.target());
        let name = name.map(|name| format!("{}  ", cut(&name, MAX_NAME, self.look.ellipsis())));
        format!("{}{}", name.unwrap_or_default(), escape(id.as_str()))
    }

    fn title(&mut self, plan: Plan, policy: &RetentionPolicy, now: Timestamp) -> Result<(), Failure> {
        let held = self.view.kept.len() + self.view.evicted.len();
        let title = format!("{} of {} kept", self.view.kept.len(), count(held as u64, "conversation"));
        let plan = match plan {
            Plan::Standard => "standard",
            Plan::Ultimate => "ultimate",
        };
        let most = count(policy.max_conversations as u64, "conversation");
        let idle = count(policy.idle_s / DAY_S, "day");
        let dot = self.look.dot();
        let about = format!("{plan} plan: {most}, {idle} without activity{dot} as of {now}");
        writeln!(self.out, "{}", self.look.paint(BOLD, &title))?;
        writeln!(self.out, "{}", self.look.paint(DIM, &about))?;
        Ok(())
    }

    fn section(&mut self, title: &str) -> Result<(), Failure> {
        writeln!(self.out, "\n{}", self.look.paint(BOLD, title))?;
        Ok(())
    }

    fn row(&mut self, name: &str, when: &str, remark: &str) -> Result<(), Failure> {
        let mut line = Line::new(Look { width: usize::MAX, ..self.look });
        let [first, second] = self.columns;
        line.to(2).push(PLAIN, name).to(first).push(DIM, when).to(second).push(PLAIN, remark);
        writeln!(self.out, "{}", line.finish())?;
        Ok(())
    }

    fn rows(&mut self) -> Result<(), Failure> {
        let view = self.view;
        if !view.kept.is_empty() {
            self.section("Kept")?;
        }
        for held in &view.kept {
            let unread = view.direct_unread.iter().find(|direct| direct.id == held.id);
            let unread = unread.map(|direct| format!("{} unread", direct.unread)).unwrap_or_default();
            self.row(&self.name(&held.id), &minute(held.activity), &unread)?;
        }
        if !view.evicted.is_empty() {
            self.section("Evicted")?;
        }
        for evicted in &view.evicted {
            let (held, why) = (&evicted.conversation, reason(evicted.reason, evicted.conversation.activity));
            self.row(&self.name(&held.id), &minute(held.activity), &why)?;
        }
        if !view.local_only.is_empty() {
            self.section("Only on this device")?;
        }
        for id in &view.local_only {
            self.row(&self.name(id), "", "nothing of it was ever sent")?;
        }
        Ok(())
    }
}

fn reason(reason: Eviction, activity: Timestamp) -> String {
    match reason {
        Eviction::Count { place } => format!("too many: number {place} by activity"),
        Eviction::Age { .. } if activity == Timestamp::EPOCH => "too old: never active".to_owned(),
        Eviction::Age { idle_ms } => {
            let seconds = u64::try_from(idle_ms).unwrap_or_default() / 1000;
            let (days, hours) = (seconds / DAY_S, seconds % DAY_S / 3_600);
            format!("too old: idle for {days} d {hours} h")
        }
    }
}
