//! `chatfold notify`: whether a message pushes, arrives silently or does not arrive, and why.

use std::io::Write as _;

use chatfold::notify::{Notification, NotificationReason, explain};
use chatfold::{ConversationView, Inbox, MessageId, Timestamp};
use serde_json::json;

use crate::args::NotifyArgs;
use crate::failure::{Failure, Verdict};
use crate::input::Source;
use crate::log::fold_whole;
use crate::output::{stdout, write_json};
use crate::text::escape;
use crate::words;

/// Runs the command.
pub fn run(args: &NotifyArgs) -> Result<Verdict, Failure> {
    let source = Source::from(args.log.as_path());
    let message: MessageId = args
        .message
        .parse()
        .map_err(|error| Failure::Usage(format!("{:?} is no message id: {error}", args.message)))?;
    let (inbox, tally) = fold_whole(&source, &args.reading.choice(), args.reading.policy())?;
    tally.report_skipped(&source);
    let now = args.now.map(|span| span.to).or(tally.newest).unwrap_or(Timestamp::EPOCH);
    let places = places(&inbox, message, now);
    if places.is_empty() {
        return Err(Failure::NotFound(format!("no message {message}")));
    }
    let mut out = stdout();
    for conversation in places {
        let reason = explain(&inbox, conversation.id(), message, now);
        if args.json {
            let object = json!({
                "conversationID": conversation.id().as_str(),
                "msgID": message.to_string(),
                "now": now.to_string(),
                "notification": name(reason.notification()),
                "reason": why(reason),
            });
            write_json(&mut out, &object)?;
            writeln!(out)?;
        } else {
            let (name, place) = (name(reason.notification()), escape(conversation.id().as_str()));
            writeln!(out, "{name}: {}", why(reason))?;
            writeln!(out, "  in {} ({place}) at {now}", words::name(&conversation))?;
        }
    }
    out.flush()?;
    Ok(tally.verdict())
}

/// Every conversation in which the message is known, deleted or cleared away too: ids of messages belong to their
/// conversation.
fn places(inbox: &Inbox, message: MessageId, now: Timestamp) -> Vec<ConversationView<'_>> {
    let known = inbox.known_conversations();
    known.filter(|view| explain(inbox, view.id(), message, now) != NotificationReason::Unknown).collect()
}

fn name(notification: Notification) -> &'static str {
    match notification {
        Notification::Push => "push",
        Notification::Silent => "silent",
        Notification::Nothing => "nothing",
    }
}

fn why(reason: NotificationReason) -> &'static str {
    match reason {
        NotificationReason::Unknown => "it was for others",
        NotificationReason::NotReceived => "the receive option is not_receive",
        NotificationReason::NotReceivedUnmentioned => {
            "the receive option is not_receive_except_at, and it mentions neither you nor everybody"
        }
        NotificationReason::PutAway => "it is deleted or cleared away",
        NotificationReason::Own => "it is your own",
        NotificationReason::Read => "it is read already",
        NotificationReason::OnlineOnly => "it was for those online only",
        NotificationReason::Recalled => "it is recalled",
        NotificationReason::NotDelivered => "the server did not deliver it",
        NotificationReason::InLiveRoom => "it stands in a live room",
        NotificationReason::NotNotified => "the receive option is receive_not_notify",
        NotificationReason::NotNotifiedUnmentioned => {
            "the receive option is not_notify_except_at, and it mentions neither you nor everybody"
        }
        NotificationReason::QuietHours => "quiet hours are in force",
        NotificationReason::Notifies => "nothing speaks against it",
        _ => "for a reason this program does not know",
    }
}
