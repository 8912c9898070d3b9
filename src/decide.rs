//! Commands are judged here: a pure function from inbox, command and context to events or a rejection.

pub(crate) mod command;
mod conversation;
pub(crate) mod decision;
mod desk;
mod folders;
mod fresh_ids;
pub(crate) mod limits;
mod messages;
mod reading;
mod rejection;
mod sending;
mod social;

pub use self::rejection::{Action, Rejection};

use self::desk::{Desk, Verdict};
use crate::decide::command::{Command, Context};
use crate::decide::decision::Decision;
use crate::inbox::Inbox;

/// Judges a command against what the inbox shows: events to append, or why not.
///
/// Pure: the inbox stays as it is, time and chance come from the context, and the same call makes the same
/// events. They are not applied; append them, then [`Inbox::apply_batch`] them. What holds of them:
///
/// - A command whose outcome is already true yields none; so does the same command once they are applied.
/// - They win over everything the inbox has seen, even if the actor's clock is slow: each happens at the
///   context's time or, where that is not enough, 1 ms after what it overtakes (R65).
/// - They read and clear no further than the greatest position known, even if the clock is fast, and no further than the
///   actor's clock, with some tolerance, even if another's is: what is ahead of it is named (R66).
///
/// # Errors
///
/// A [`Rejection`] names what is wrong with the command as a whole, with the offending value and the limit. A
/// command over many conversations refuses single ones in [`Decision::refused`] instead. Whatever concerns a
/// conversation whose history is corrupt is refused: its events would only wait (R99).
///
/// ```
/// use chatfold::command::{Rejection, Role};
/// use chatfold::{Command, Context, ConversationId, Inbox, Policy, Timestamp, UserId};
/// use chatfold::command::Limits;
/// use chatfold::decide;
///
/// let alice = UserId::parse("alice")?;
/// let mut inbox = Inbox::new(alice.clone(), Policy::default());
/// let context = Context::new(alice, Role::Member, Timestamp::from_millis(1_772_355_605_250)?, [7; 16]);
/// let pin = Command::Pin { conversation: "c2c_bob".parse()?, on: true };
///
/// let decision = decide(&inbox, &pin, &context)?;
/// inbox.apply_batch(&decision.events);
/// assert!(inbox.conversations().all(|row| row.is_pinned()));
/// assert!(decide(&inbox, &pin, &context)?.events.is_empty(), "it is pinned already");
///
/// let strict = context.with_limits(Limits::default().with_pinned_conversations(1));
/// let another = Command::Pin { conversation: "group_dev".parse()?, on: true };
/// let refused = decide(&inbox, &another, &strict);
/// assert_eq!(refused, Err(Rejection::TooManyPins { found: 2, limit: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decide(inbox: &Inbox, command: &Command, context: &Context) -> Result<Decision, Rejection> {
    let (actor, owner) = (&context.actor, inbox.owner());
    if command.is_personal() && actor != owner {
        return Err(Rejection::NotTheOwner { actor: actor.clone(), owner: owner.clone() });
    }
    let mut desk = Desk::new(inbox, context);
    let verdict = judge(&mut desk, command);
    // Judging looks into histories: only now is known whether what it saw can be trusted.
    command.depends_on().try_for_each(|conversation| desk.is_sound(conversation))?;
    verdict?;
    Ok(desk.decision())
}

fn judge<'a>(desk: &mut Desk<'a>, command: &'a Command) -> Verdict {
    use Command as C;
    match command {
        C::Send { conversation, message } => sending::send(desk, conversation, message),
        C::Forward { from, messages, to } => sending::forward(desk, from, messages, to),
        C::ForwardMerged { from, messages, to, text, custom } => {
            sending::forward_merged(desk, from, messages, to, (text, custom.as_deref()))
        }
        C::Acknowledge { conversation, message, sent_at, seq, members } => {
            sending::acknowledge(desk, conversation, *message, (*sent_at, *seq, *members))
        }
        C::Fail { conversation, message, reason } => {
            sending::fail(desk, conversation, *message, reason.as_deref())
        }
        C::Retry { conversation, message } => sending::retry(desk, conversation, *message),
        C::Import { conversation, sender, message } => {
            sending::import(desk, conversation, sender.as_ref(), message)
        }
        C::Modify { conversation, message, edit } => messages::modify(desk, conversation, *message, edit),
        C::Recall { conversation, message, reason } => {
            messages::recall(desk, conversation, *message, reason.as_deref())
        }
        C::DeleteMessages { conversation, messages } => messages::delete(desk, conversation, messages),
        C::React { conversation, message, reaction, on } => {
            social::react(desk, conversation, *message, reaction, *on)
        }
        C::SetExtensions { conversation, message, extensions } => {
            social::set_extensions(desk, conversation, *message, extensions)
        }
        C::ClearExtensions { conversation, message } => {
            social::clear_extensions(desk, conversation, *message)
        }
        C::PinMessage { conversation, message, on } => social::pin(desk, conversation, *message, *on),
        C::SendReceipts { conversation, messages } => social::send_receipts(desk, conversation, messages),
        C::ClearHistory { conversation } => reading::clear(desk, conversation),
        C::MarkRead { conversation, up_to } => reading::read(desk, conversation, *up_to),
        C::MarkAllRead { scope } => reading::read_all(desk, *scope),
        C::ReadMessages { conversation, messages, on } => {
            reading::read_by_name(desk, conversation, messages, *on)
        }
        C::MarkUnreadFrom { conversation, message } => reading::unread_from(desk, conversation, *message),
        C::DeleteConversations { conversations, keep_messages } => {
            reading::delete(desk, conversations, *keep_messages)
        }
        C::Open { conversation, group_type } => conversation::open(desk, conversation, *group_type),
        C::Pin { conversation, on } => conversation::pin(desk, conversation, *on),
        C::SetDraft { conversation, text, replaces } => {
            conversation::set_draft(desk, conversation, text, *replaces)
        }
        C::Mark { conversations, mark, on } => conversation::mark(desk, conversations, *mark, *on),
        C::SetCustomData { conversations, data } => conversation::set_custom_data(desk, conversations, data),
        C::SetReceiveOption { conversations, option, until } => {
            conversation::set_receive_option(desk, conversations, (*option, *until))
        }
        C::EndTimedOptions => {
            conversation::end_timed_options(desk);
            Ok(())
        }
        C::Archive { conversations, on, stay } => conversation::archive(desk, conversations, (*on, *stay)),
        C::SetQuietHours { hours } => conversation::set_quiet_hours(desk, hours.as_ref()),
        C::SetRemark { user, remark } => conversation::set_remark(desk, user, remark),
        C::CreateFolder { name, conversations } => folders::create(desk, name, conversations),
        C::RenameFolder { folder, name } => folders::rename(desk, *folder, name),
        C::DeleteFolder { folder } => folders::delete(desk, *folder),
        C::AddToFolder { folder, conversations } => folders::add(desk, *folder, conversations),
        C::RemoveFromFolder { folder, conversations } => folders::remove(desk, *folder, conversations),
    }
}
