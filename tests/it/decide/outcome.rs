//! What must show once a command's events are taken in: the outcome, told without `decide`.

use chatfold::command::{ReadScope, ReadUpTo, Replaces, Role};
use chatfold::event::{Edit, Fact};
use chatfold::view::{Direction, MessageStatus};
use chatfold::{Command, Context, ConversationId, ConversationView, Event, Inbox, Message, MessageView};

use crate::harness::ensure;

fn view<'a>(inbox: &'a Inbox, id: &ConversationId) -> Result<ConversationView<'a>, String> {
    inbox.conversation(id).ok_or_else(|| format!("{id} is not there"))
}

fn message<'a>(
    inbox: &'a Inbox,
    id: &ConversationId,
    message: chatfold::MessageId,
) -> Result<MessageView<'a>, String> {
    view(inbox, id)?.message(message).ok_or_else(|| format!("{message} does not show"))
}

/// Whether what `command`, accepted with `events`, wished for shows in `inbox`.
pub fn check(inbox: &Inbox, command: &Command, context: &Context, events: &[Event]) -> Result<(), String> {
    let shows = |holds: bool, what: &str| ensure(holds, || format!("{what} does not hold"));
    match command {
        Command::Send { conversation, message } => queued(inbox, conversation, message, (context, events)),
        Command::Forward { to, .. } | Command::ForwardMerged { to, .. } => {
            for event in events {
                let chatfold::event::Body::Conversation(_, Fact::MessageQueued(copy)) = event.body() else {
                    return Err(format!("{event:?} is no queueing"));
                };
                shows(message(inbox, to, copy.id)?.status() == MessageStatus::Sending, "sending")?;
            }
            Ok(())
        }
        Command::Acknowledge { conversation, message: id, .. } => {
            let known = view(inbox, conversation)?.message(*id);
            shows(known.is_none_or(|message| message.rank() == 0), "acknowledged")
        }
        Command::Fail { conversation, message: id, .. } => {
            let known = view(inbox, conversation)?.message(*id);
            let failed = |m: MessageView<'_>| m.status() == MessageStatus::Failed || m.recall().is_some();
            shows(known.is_none_or(failed), "failed")
        }
        Command::Retry { conversation, message: id } => {
            let status = message(inbox, conversation, *id)?.status();
            shows(status != MessageStatus::Failed, "queued again")
        }
        Command::Import { conversation, message: imported, .. } if !events.is_empty() => {
            message(inbox, conversation, imported.id).map(drop)
        }
        Command::Modify { conversation, message: id, edit: Edit { text: Some(text), .. } } => {
            let known = view(inbox, conversation)?.message(*id);
            shows(known.is_none_or(|message| message.text() == Some(text)), "the new text")
        }
        Command::Recall { conversation, message: id, .. } => {
            let known = view(inbox, conversation)?.message(*id);
            shows(known.is_none_or(|message| message.recall().is_some()), "recalled")
        }
        Command::DeleteMessages { conversation, messages } => {
            let view = inbox.conversation(conversation);
            let gone = |id: &chatfold::MessageId| view.is_none_or(|view| view.message(*id).is_none());
            shows(messages.iter().all(gone), "deleted")
        }
        _ => social(inbox, command, context, events),
    }
}

fn social(inbox: &Inbox, command: &Command, context: &Context, events: &[Event]) -> Result<(), String> {
    let shows = |holds: bool, what: &str| ensure(holds, || format!("{what} does not hold"));
    match command {
        Command::React { conversation, message: id, reaction, on } => {
            let known = view(inbox, conversation)?.message(*id);
            let given = |message: MessageView<'_>| {
                message.reactions().iter().any(|r| r.name == reaction && r.users.contains(&&context.actor))
            };
            shows(known.is_none_or(|message| given(message) == *on), "the reaction")
        }
        Command::SetExtensions { conversation, message: id, extensions } => {
            let Some(known) = view(inbox, conversation)?.message(*id) else { return Ok(()) };
            let shown = known.extensions();
            let holds = extensions.iter().all(|write| {
                let found = shown.iter().find(|extension| extension.key == write.key);
                found.map(|extension| extension.value) == write.value.as_deref()
            });
            shows(holds, "the extensions")
        }
        Command::ClearExtensions { conversation, message: id } => {
            let known = view(inbox, conversation)?.message(*id);
            shows(known.is_none_or(|message| message.extensions().is_empty()), "no extensions")
        }
        Command::PinMessage { conversation, message: id, on } => {
            shows(context.role >= Role::Admin, "the right to pin")?;
            let known = view(inbox, conversation)?.message(*id);
            shows(known.is_none_or(|message| message.is_pinned() == *on), "the message pin")
        }
        Command::SendReceipts { conversation, messages } => {
            let view = view(inbox, conversation)?;
            let read = |message: MessageView<'_>| {
                *message.author() == context.actor || message.readers().contains(&&context.actor)
            };
            shows(messages.iter().filter_map(|id| view.message(*id)).all(read), "the receipts")
        }
        _ => personal(inbox, command, context, events),
    }
}

/// Of many conversations, those for which there are events.
fn accepted<'a>(ids: &'a [ConversationId], events: &[Event]) -> impl Iterator<Item = &'a ConversationId> {
    ids.iter().filter(|id| events.iter().any(|event| event.conversation() == Some(id)))
}

fn personal(inbox: &Inbox, command: &Command, context: &Context, events: &[Event]) -> Result<(), String> {
    let shows = |holds: bool, what: &str| ensure(holds, || format!("{what} does not hold"));
    let all = |ids: &[ConversationId], holds: &dyn Fn(ConversationView<'_>) -> bool| {
        accepted(ids, events).all(|id| inbox.conversation(id).is_some_and(holds))
    };
    match command {
        Command::Open { conversation, group_type } => {
            let view = view(inbox, conversation)?;
            shows(view.is_listed() && (group_type.is_none() || view.group_type() == *group_type), "open")
        }
        Command::ClearHistory { conversation } => {
            let Some(view) = inbox.conversation(conversation) else { return Ok(()) };
            let left = view.messages(Direction::NewestFirst, None, 1).messages;
            shows(left.is_empty() && view.last_message().is_none() && view.unread_count() == 0, "cleared")
        }
        Command::MarkRead { conversation, up_to: ReadUpTo::Newest } => {
            let view = inbox.conversation(conversation);
            shows(view.is_none_or(|v| v.unread_count() == 0 && v.mention_count() == 0), "read")
        }
        Command::MarkRead { conversation, up_to: ReadUpTo::Message(id) } => {
            let read = |m: MessageView<'_>| m.is_read() || m.rank() != 0;
            shows(view(inbox, conversation)?.message(*id).is_none_or(read), "read")
        }
        Command::MarkAllRead { scope } => {
            let named = |view: &ConversationView<'_>| match scope {
                ReadScope::Everything => true,
                ReadScope::Direct => view.kind() == chatfold::id::ConversationKind::Direct,
                ReadScope::Groups => view.kind() == chatfold::id::ConversationKind::Group,
            };
            shows(inbox.conversations().filter(named).all(|view| view.unread_count() == 0), "all read")
        }
        Command::MarkUnreadFrom { conversation, message: id } => {
            let message = message(inbox, conversation, *id)?;
            shows(message.is_own() || !message.is_read(), "unread again")?;
            let later =
                view(inbox, conversation)?.messages(Direction::OldestFirst, Some(&message.cursor()), 99);
            let none = later.messages.iter().all(|later| !later.is_read_by_name());
            shows(none, "nothing read by name from there on")
        }
        Command::ReadMessages { conversation, messages, on } => {
            let view = view(inbox, conversation)?;
            let shown = messages.iter().filter_map(|id| view.message(*id));
            let holds = |m: MessageView<'_>| if *on { m.is_read() } else { !m.is_read_by_name() };
            shows(shown.into_iter().all(holds), "read by name")
        }
        Command::Pin { conversation, on } => {
            shows(inbox.conversation(conversation).is_some_and(|v| v.is_pinned()) == *on, "the pin")
        }
        Command::SetDraft { conversation, text, replaces } => {
            let view = inbox.conversation(conversation);
            let draft = view.and_then(|view| view.draft());
            let kept = view.map(|view| view.drafts_kept()).unwrap_or_default();
            // Of a draft that is gone nothing comes back.
            let is_gone =
                matches!(replaces, Replaces::Draft(event) if kept.iter().all(|d| d.stamp.event != *event));
            let stale = events.is_empty() && is_gone;
            shows(stale || draft.map_or("", |draft| draft.text) == text, "the draft")
        }
        Command::Mark { conversations, mark, on } => {
            shows(all(conversations, &|view| view.marks().contains(mark) == *on), "the mark")
        }
        Command::SetCustomData { conversations, data } => {
            let holds = |view: ConversationView<'_>| view.custom_data().unwrap_or_default() == data;
            shows(all(conversations, &holds), "the data")
        }
        Command::SetReceiveOption { conversations, option, until } => {
            let holds = |view: ConversationView<'_>| {
                (view.receive_option(), view.receive_option_until()) == (*option, *until)
            };
            shows(all(conversations, &holds), "the option")
        }
        Command::Archive { conversations, on, stay } => {
            let holds = |view: ConversationView<'_>| {
                view.is_archived() == *on && view.stays_archived() == (*on && *stay)
            };
            shows(all(conversations, &holds), "the archive")
        }
        Command::EndTimedOptions => {
            let due =
                |view: ConversationView<'_>| view.receive_option_until().is_some_and(|at| at <= context.time);
            shows(!inbox.known_conversations().any(due), "the end")
        }
        _ => account(inbox, command, events),
    }
}

fn account(inbox: &Inbox, command: &Command, events: &[Event]) -> Result<(), String> {
    let shows = |holds: bool, what: &str| ensure(holds, || format!("{what} does not hold"));
    let all = |ids: &[ConversationId], holds: &dyn Fn(ConversationView<'_>) -> bool| {
        accepted(ids, events).all(|id| inbox.conversation(id).is_some_and(holds))
    };
    match command {
        Command::SetQuietHours { hours } => shows(inbox.quiet_hours() == *hours, "the hours"),
        Command::DeleteConversations { conversations, keep_messages } => {
            let gone = |view: ConversationView<'_>| {
                let left = view.messages(Direction::NewestFirst, None, 1).messages;
                !view.is_listed() && (*keep_messages || left.is_empty())
            };
            shows(all(conversations, &gone), "deleted")
        }
        Command::CreateFolder { name, .. } => {
            shows(inbox.folders().iter().any(|folder| folder.name == *name), "the folder")
        }
        Command::RenameFolder { folder, name } => {
            let named = inbox.folders().into_iter().find(|live| live.id == *folder);
            shows(named.is_some_and(|live| live.name == *name), "the name")
        }
        Command::DeleteFolder { folder } => {
            shows(inbox.folders().iter().all(|live| live.id != *folder), "no folder")
        }
        Command::AddToFolder { folder, conversations } => {
            let holds = |view: ConversationView<'_>| view.folders().iter().any(|f| f.id == *folder);
            shows(all(conversations, &holds), "in the folder")
        }
        Command::RemoveFromFolder { folder, conversations } => {
            let out = |view: ConversationView<'_>| view.folders().iter().all(|f| f.id != *folder);
            shows(all(conversations, &out), "out of the folder")
        }
        _ => Ok(()),
    }
}

/// R66: whether a message is ahead of the context's clock by more than clocks may differ.
pub fn is_outlier(message: MessageView<'_>, context: &Context) -> bool {
    let millis = match message.in_group() {
        true if !context.seqs_are_instants => return false,
        true => message.seq() as i64,
        false => message.time().as_millis(),
    };
    millis > context.time.as_millis() + 1_000 * context.limits.clock_tolerance_s as i64
}

/// R12, R65: what was sent now stands last, outliers apart, at the highest seq known, and the draft is gone.
fn queued(
    inbox: &Inbox,
    id: &ConversationId,
    sent: &Message,
    (context, events): (&Context, &[Event]),
) -> Result<(), String> {
    let view = view(inbox, id)?;
    if events.is_empty() {
        return Ok(());
    }
    let message = message(inbox, id, sent.id)?;
    ensure(message.status() == MessageStatus::Sending, || format!("it is {:?}", message.status()))?;
    ensure(view.draft().is_none(), || "the draft is still there".to_owned())?;
    let newest = view.messages(Direction::NewestFirst, None, usize::MAX).messages;
    let last = newest.iter().find(|m| m.id() == sent.id || !is_outlier(**m, context)).map(MessageView::id);
    ensure(sent.online_only || last == Some(sent.id), || format!("{last:?} stands last"))?;
    ensure(sent.online_only || view.is_listed(), || "it is not listed".to_owned())
}
