//! From what was typed to a command.

use chatfold::{
    Command, ConversationId, ConversationView, Edit, ExtensionWrite, FolderId, Inbox, Message, MessageId,
    QuietHours, ReadScope, ReadUpTo, Replaces, Timestamp,
};

use crate::args::{FolderWish, QuietWish, ScopeFlag, SendArgs, Target, Wish};
use crate::failure::Failure;
use crate::inbox::folder;

/// What was typed, and what it is about.
struct Typed<'a> {
    inbox: &'a Inbox,
    now: Timestamp,
    seed: [u8; 16],
}

/// The command that `wish` stands for in `inbox`.
pub fn command(wish: &Wish, inbox: &Inbox, now: Timestamp, seed: [u8; 16]) -> Result<Command, Failure> {
    let typed = Typed { inbox, now, seed };
    let command = match wish {
        Wish::Open { conversation } => Command::Open { conversation: conversation.clone(), group_type: None },
        Wish::Clear { conversation } => Command::ClearHistory { conversation: conversation.clone() },
        Wish::Read { conversation, message } => {
            let message = message.as_deref().map(|text| typed.message(conversation, text)).transpose()?;
            let up_to = message.map_or(ReadUpTo::Newest, ReadUpTo::Message);
            Command::MarkRead { conversation: conversation.clone(), up_to }
        }
        Wish::ReadAll { scope } => Command::MarkAllRead {
            scope: match scope {
                ScopeFlag::Direct => ReadScope::Direct,
                ScopeFlag::Groups => ReadScope::Groups,
                ScopeFlag::Everything => ReadScope::Everything,
            },
        },
        Wish::Pin { conversation } => Command::Pin { conversation: conversation.clone(), on: true },
        Wish::Unpin { conversation } => Command::Pin { conversation: conversation.clone(), on: false },
        Wish::Draft { conversation, text } => Command::SetDraft {
            conversation: conversation.clone(),
            text: text.clone(),
            replaces: Replaces::Shown,
        },
        Wish::Mark { mark, conversations } => {
            Command::Mark { conversations: conversations.clone(), mark: *mark, on: true }
        }
        Wish::Unmark { mark, conversations } => {
            Command::Mark { conversations: conversations.clone(), mark: *mark, on: false }
        }
        Wish::Data { text, conversations } => {
            Command::SetCustomData { conversations: conversations.clone(), data: text.clone().into_bytes() }
        }
        Wish::ReceiveOption { option, conversations } => {
            Command::SetReceiveOption { conversations: conversations.clone(), option: (*option).into() }
        }
        Wish::Quiet(hours) => Command::SetQuietHours { hours: quiet_hours(hours)? },
        Wish::Folder(wish) => typed.about_folder(wish)?,
        Wish::Delete { conversations, keep_messages } => Command::DeleteConversations {
            conversations: conversations.clone(),
            keep_messages: *keep_messages,
        },
        Wish::Remark { user, name } => Command::SetRemark { user: user.clone(), remark: name.clone() },
        wish => typed.about_messages(wish)?,
    };
    Ok(command)
}

/// A fresh message id of the shape of a UUID of version 7: the time, and chance that no other id takes from the
/// seed as it is.
pub fn fresh_message(now: Timestamp, seed: [u8; 16]) -> MessageId {
    let time = u128::from(now.as_millis().unsigned_abs()) & ((1 << 48) - 1);
    let chance = u128::from_be_bytes(seed);
    let (high, low) = (chance >> 116, chance & ((1 << 62) - 1));
    MessageId::from_bytes((time << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low).to_be_bytes())
}

fn quiet_hours(wish: &QuietWish) -> Result<Option<QuietHours>, Failure> {
    let too_long = || Failure::Usage("expected less than a day of minutes".to_owned());
    Ok(match wish {
        QuietWish::Off => None,
        QuietWish::Daily { start, minutes, utc_offset } => Some(QuietHours::Daily {
            start_s: *start,
            duration_s: minutes.checked_mul(60).ok_or_else(too_long)?,
            utc_offset_s: utc_offset.checked_mul(60).ok_or_else(too_long)?,
        }),
        QuietWish::Once { start, minutes } => {
            Some(QuietHours::Once { start: start.from, duration_s: u64::from(*minutes) * 60 })
        }
    })
}

impl<'a> Typed<'a> {
    fn view(&self, id: &ConversationId) -> Result<ConversationView<'a>, Failure> {
        self.inbox.conversation(id).ok_or_else(|| Failure::NotFound(format!("no conversation {id}")))
    }

    /// A message by its id, or the last one shown.
    fn message(&self, conversation: &ConversationId, text: &str) -> Result<MessageId, Failure> {
        if text == "last" {
            let last = self.view(conversation)?.last_message().map(|message| message.id());
            return last.ok_or_else(|| Failure::NotFound(format!("{conversation} has no last message")));
        }
        text.parse().map_err(|error| Failure::Usage(format!("{text:?} is no message id: {error}")))
    }

    fn messages(&self, conversation: &ConversationId, texts: &[String]) -> Result<Vec<MessageId>, Failure> {
        texts.iter().map(|text| self.message(conversation, text)).collect()
    }

    fn target(&self, target: &Target) -> Result<(ConversationId, MessageId), Failure> {
        Ok((target.conversation.clone(), self.message(&target.conversation, &target.message)?))
    }

    fn folder(&self, text: &str) -> Result<FolderId, Failure> {
        folder(text, self.inbox)
    }

    fn about_folder(&self, wish: &FolderWish) -> Result<Command, Failure> {
        Ok(match wish {
            FolderWish::Create { name, conversations } => {
                Command::CreateFolder { name: name.clone(), conversations: conversations.clone() }
            }
            FolderWish::Rename { folder, name } => {
                Command::RenameFolder { folder: self.folder(folder)?, name: name.clone() }
            }
            FolderWish::Delete { folder } => Command::DeleteFolder { folder: self.folder(folder)? },
            FolderWish::Add { folder, conversations } => {
                Command::AddToFolder { folder: self.folder(folder)?, conversations: conversations.clone() }
            }
            FolderWish::Remove { folder, conversations } => Command::RemoveFromFolder {
                folder: self.folder(folder)?,
                conversations: conversations.clone(),
            },
        })
    }

    fn send(&self, args: &SendArgs) -> Result<Command, Failure> {
        let conversation = args.conversation.clone();
        let id = args.id.as_deref().map(|id| self.message(&conversation, id)).transpose()?;
        let mut message =
            Message::text(id.unwrap_or_else(|| fresh_message(self.now, self.seed)), args.text.clone());
        message.mentions.users = args.mention.clone();
        message.mentions.all = args.mention_all;
        message.recipients = args.to.clone();
        let reply_to = args.reply_to.as_deref();
        message.reply_to = reply_to.map(|target| self.message(&conversation, target)).transpose()?;
        message.online_only = args.online_only;
        message.need_receipt = args.need_receipt;
        message.supports_extensions = args.extensible;
        Ok(Command::Send { conversation, message: Box::new(message) })
    }

    fn about_messages(&self, wish: &Wish) -> Result<Command, Failure> {
        let command = match wish {
            Wish::Send(args) => self.send(args)?,
            Wish::Import { conversation, text, sender } => {
                let message = Box::new(Message::text(fresh_message(self.now, self.seed), text.clone()));
                Command::Import { conversation: conversation.clone(), sender: sender.clone(), message }
            }
            Wish::Forward { from, to, messages, merged } => {
                let (messages, from, to) = (self.messages(from, messages)?, from.clone(), to.clone());
                match merged.clone() {
                    Some(text) => Command::ForwardMerged { from, messages, to, text, custom: None },
                    None => Command::Forward { from, messages, to },
                }
            }
            Wish::DeleteMessages { conversation, messages } => {
                let messages = self.messages(conversation, messages)?;
                Command::DeleteMessages { conversation: conversation.clone(), messages }
            }
            Wish::Receipt { conversation, messages } => {
                let messages = self.messages(conversation, messages)?;
                Command::SendReceipts { conversation: conversation.clone(), messages }
            }
            wish => self.about_a_message(wish)?,
        };
        Ok(command)
    }

    fn about_a_message(&self, wish: &Wish) -> Result<Command, Failure> {
        let target = match wish {
            Wish::Sent { target, .. }
            | Wish::Fail { target, .. }
            | Wish::Retry { target }
            | Wish::Modify { target, .. }
            | Wish::Recall { target, .. }
            | Wish::Unread { target }
            | Wish::React { target, .. }
            | Wish::Unreact { target, .. }
            | Wish::Extend { target, .. }
            | Wish::ClearExtensions { target }
            | Wish::PinMessage { target }
            | Wish::UnpinMessage { target } => target,
            _ => return Err(Failure::Usage("there is no such command".to_owned())),
        };
        let (conversation, message) = self.target(target)?;
        Ok(match wish {
            Wish::Sent { seq, sent_at, members, .. } => {
                let (sent_at, seq, members) = (sent_at.map_or(self.now, |span| span.from), *seq, *members);
                Command::Acknowledge { conversation, message, sent_at, seq, members }
            }
            Wish::Fail { reason, .. } => Command::Fail { conversation, message, reason: reason.clone() },
            Wish::Retry { .. } => Command::Retry { conversation, message },
            Wish::Modify { text, version, .. } => {
                let shown = self.inbox.conversation(&conversation).and_then(|view| view.message(message));
                let next = shown.and_then(|shown| shown.edit_version()).unwrap_or(0).saturating_add(1);
                let version = version.unwrap_or(next);
                let edit = Edit { version, text: Some(text.clone()), ..Edit::default() };
                Command::Modify { conversation, message, edit }
            }
            Wish::Recall { reason, .. } => Command::Recall { conversation, message, reason: reason.clone() },
            Wish::React { reaction, .. } => {
                Command::React { conversation, message, reaction: reaction.clone(), on: true }
            }
            Wish::Unreact { reaction, .. } => {
                Command::React { conversation, message, reaction: reaction.clone(), on: false }
            }
            Wish::Extend { key, value, seen, .. } => {
                let seen = seen.unwrap_or_else(|| self.seen(&conversation, message, key));
                let extensions = vec![ExtensionWrite { key: key.clone(), value: value.clone(), seen }];
                Command::SetExtensions { conversation, message, extensions }
            }
            Wish::ClearExtensions { .. } => Command::ClearExtensions { conversation, message },
            Wish::PinMessage { .. } => Command::PinMessage { conversation, message, on: true },
            Wish::UnpinMessage { .. } => Command::PinMessage { conversation, message, on: false },
            _ => Command::MarkUnreadFrom { conversation, message },
        })
    }

    /// The number of the write of an extension that shows, 0 for none.
    fn seen(&self, conversation: &ConversationId, message: MessageId, key: &str) -> u64 {
        let shown = self.inbox.conversation(conversation).and_then(|view| view.message(message));
        let extensions = shown.map(|shown| shown.extensions()).unwrap_or_default();
        extensions.iter().find(|extension| extension.key == key).map_or(0, |extension| extension.seq)
    }
}
