//! From what was typed to a command.

use chatfold::command::{ExtensionWrite, ReadScope, ReadUpTo, Replaces};
use chatfold::event::{Edit, Mentions, QuietHours, ReceiveOption};
use chatfold::{Command, ConversationId, ConversationView, FolderId, Inbox, Message, MessageId, Timestamp};

use crate::args::{DoArgs, FolderWish, MessageArgs, QuietWish, ScopeFlag, SendArgs, Target, Wish};
use crate::failure::Failure;
use crate::inbox::folder;
use crate::show::find::find;

/// What was typed, and what it is about.
struct Typed<'a> {
    inbox: &'a Inbox,
    now: Timestamp,
    seed: [u8; 16],
    /// Whether a conversation that `inbox` does not know may be meant.
    make: bool,
}

/// The command that the arguments stand for in `inbox`.
pub fn command(args: &DoArgs, inbox: &Inbox, now: Timestamp, seed: [u8; 16]) -> Result<Command, Failure> {
    let typed = Typed { inbox, now, seed, make: args.make || inbox.known_conversations().next().is_none() };
    let command = match &args.wish {
        Wish::Open { conversation } => {
            Command::Open { conversation: typed.id(conversation)?, group_type: None }
        }
        Wish::Clear { conversation } => Command::ClearHistory { conversation: typed.id(conversation)? },
        Wish::Read { conversation, message } => {
            let conversation = typed.id(conversation)?;
            let message = message.as_deref().map(|text| typed.message(&conversation, text)).transpose()?;
            let up_to = message.map_or(ReadUpTo::Newest, ReadUpTo::Message);
            Command::MarkRead { conversation, up_to }
        }
        Wish::ReadAll { scope } => Command::MarkAllRead {
            scope: match scope {
                ScopeFlag::Direct => ReadScope::Direct,
                ScopeFlag::Groups => ReadScope::Groups,
                ScopeFlag::Everything => ReadScope::Everything,
            },
        },
        Wish::Pin { conversation } => Command::Pin { conversation: typed.id(conversation)?, on: true },
        Wish::Unpin { conversation } => Command::Pin { conversation: typed.id(conversation)?, on: false },
        Wish::Draft { conversation, text } => Command::SetDraft {
            conversation: typed.id(conversation)?,
            text: text.clone(),
            replaces: Replaces::Shown,
        },
        Wish::Mark { mark, conversations } => {
            Command::Mark { conversations: typed.ids(conversations)?, mark: *mark, on: true }
        }
        Wish::Unmark { mark, conversations } => {
            Command::Mark { conversations: typed.ids(conversations)?, mark: *mark, on: false }
        }
        Wish::Data { text, conversations } => Command::SetCustomData {
            conversations: typed.ids(conversations)?,
            data: text.clone().into_bytes(),
        },
        Wish::ReceiveOption { option, conversations, until } => Command::SetReceiveOption {
            conversations: typed.ids(conversations)?,
            option: (*option).into(),
            until: until.map(|span| span.to),
        },
        Wish::Mute { conversations, until } => Command::SetReceiveOption {
            conversations: typed.ids(conversations)?,
            option: ReceiveOption::NotReceive,
            until: until.map(|span| span.to),
        },
        Wish::EndTimed => Command::EndTimedOptions,
        Wish::Archive { conversations, stay } => {
            Command::Archive { conversations: typed.ids(conversations)?, on: true, stay: *stay }
        }
        Wish::Unarchive { conversations } => {
            Command::Archive { conversations: typed.ids(conversations)?, on: false, stay: false }
        }
        Wish::Quiet(hours) => Command::SetQuietHours { hours: quiet_hours(hours)? },
        Wish::Folder(wish) => typed.about_folder(wish)?,
        Wish::Delete { conversations, keep_messages } => Command::DeleteConversations {
            conversations: typed.ids(conversations)?,
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

/// What was said of a message beside its text.
fn describe(message: &mut Message, about: &MessageArgs) {
    message.kind = about.kind.into();
    message.excluded_from_unread = about.exclude_from_unread;
    message.excluded_from_last = about.exclude_from_last;
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
    /// The conversation that is called so; one that is not known only where it may be made.
    fn id(&self, name: &str) -> Result<ConversationId, Failure> {
        let missing = match find(self.inbox, name) {
            Ok(found) => return Ok(found.id().clone()),
            Err(Failure::NotFound(why)) => why,
            Err(failure) => return Err(failure),
        };
        match (ConversationId::parse(name), self.make) {
            (Ok(id), true) => Ok(id),
            (Ok(_), false) => Err(Failure::NotFound(format!("{missing} (--new makes it)"))),
            (Err(_), _) => Err(Failure::NotFound(format!(
                "{missing} (a new one is named by its id, c2c_USER or group_GROUP)"
            ))),
        }
    }

    fn ids(&self, names: &[String]) -> Result<Vec<ConversationId>, Failure> {
        names.iter().map(|name| self.id(name)).collect()
    }

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
        let conversation = self.id(&target.conversation)?;
        let message = self.message(&conversation, &target.message)?;
        Ok((conversation, message))
    }

    fn folder(&self, text: &str) -> Result<FolderId, Failure> {
        folder(text, self.inbox)
    }

    fn about_folder(&self, wish: &FolderWish) -> Result<Command, Failure> {
        Ok(match wish {
            FolderWish::Create { name, conversations } => {
                Command::CreateFolder { name: name.clone(), conversations: self.ids(conversations)? }
            }
            FolderWish::Rename { folder, name } => {
                Command::RenameFolder { folder: self.folder(folder)?, name: name.clone() }
            }
            FolderWish::Delete { folder } => Command::DeleteFolder { folder: self.folder(folder)? },
            FolderWish::Add { folder, conversations } => {
                Command::AddToFolder { folder: self.folder(folder)?, conversations: self.ids(conversations)? }
            }
            FolderWish::Remove { folder, conversations } => Command::RemoveFromFolder {
                folder: self.folder(folder)?,
                conversations: self.ids(conversations)?,
            },
        })
    }

    fn send(&self, args: &SendArgs) -> Result<Command, Failure> {
        let conversation = self.id(&args.conversation)?;
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
        describe(&mut message, &args.about);
        Ok(Command::Send { conversation, message: Box::new(message) })
    }

    fn about_messages(&self, wish: &Wish) -> Result<Command, Failure> {
        let command = match wish {
            Wish::Send(args) => self.send(args)?,
            Wish::Import { conversation, text, sender, about } => {
                let mut message = Message::text(fresh_message(self.now, self.seed), text.clone());
                describe(&mut message, about);
                let message = Box::new(message);
                Command::Import { conversation: self.id(conversation)?, sender: sender.clone(), message }
            }
            Wish::Forward { from, to, messages, merged } => {
                let (from, to) = (self.id(from)?, self.id(to)?);
                let messages = self.messages(&from, messages)?;
                match merged.clone() {
                    Some(text) => Command::ForwardMerged { from, messages, to, text, custom: None },
                    None => Command::Forward { from, messages, to },
                }
            }
            Wish::DeleteMessages { conversation, messages } => {
                let conversation = self.id(conversation)?;
                let messages = self.messages(&conversation, messages)?;
                Command::DeleteMessages { conversation, messages }
            }
            Wish::ReadMessages { conversation, messages }
            | Wish::UnreadMessages { conversation, messages } => {
                let conversation = self.id(conversation)?;
                let messages = self.messages(&conversation, messages)?;
                let on = matches!(wish, Wish::ReadMessages { .. });
                Command::ReadMessages { conversation, messages, on }
            }
            Wish::Receipt { conversation, messages } => {
                let conversation = self.id(conversation)?;
                let messages = self.messages(&conversation, messages)?;
                Command::SendReceipts { conversation, messages }
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
            Wish::Modify { text, version, mention, mention_all, mention_nobody, .. } => {
                let shown = self.inbox.conversation(&conversation).and_then(|view| view.message(message));
                let next = shown.and_then(|shown| shown.edit_version()).unwrap_or(0).saturating_add(1);
                let version = version.unwrap_or(next);
                let says = *mention_all || *mention_nobody || !mention.is_empty();
                let mentions = says.then(|| Mentions { users: mention.clone(), all: *mention_all });
                let edit = Edit { version, text: Some(text.clone()), mentions, ..Edit::default() };
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
