//! The ids of events that are derived from what a server said (R113).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use uuid::Uuid;

use crate::foreign::Network;
use crate::model::event::tables::{RECEIVE_OPTIONS, name_of};
use crate::model::event::{Mark, Membership, ReceiveOption, Through, Watermark};
use crate::model::id::{ConversationId, DERIVED_EVENTS, EventId, GroupId, UserId};
use crate::model::json_text::push_text;
use crate::model::time::Timestamp;

/// What a server said that an event is made of: enough of it that other things said have another id (R113).
///
/// Ids of messages are the server's (`foreign`), users are those of this library. An instant is the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKey<'a> {
    /// A message was delivered (`message_received`), or echoed to its sender.
    Introduced(&'a str),
    /// A message was edited (`message_modified`), for the so-manieth time or at an instant that the server counts by.
    Edited(&'a str, u64),
    /// A message was recalled (`message_recalled`).
    Recalled(&'a str),
    /// A reaction was put on or taken away (`reaction_set`).
    Reacted(ReactionKey<'a>),
    /// The actor has read up to there (`conversation_read`).
    Read {
        /// Who read.
        actor: &'a UserId,
        /// Up to where.
        through: Through,
        /// When.
        at: Timestamp,
    },
    /// The peer of a direct chat has read up to there (`peer_read`).
    PeerRead {
        /// Who read.
        actor: &'a UserId,
        /// Up to where.
        through: Through,
        /// When.
        at: Timestamp,
    },
    /// These messages were read one by one, or made unread again (`messages_read`).
    ReadByName {
        /// The messages.
        targets: &'a [&'a str],
        /// Read, or made unread again.
        on: bool,
        /// When.
        at: Timestamp,
    },
    /// These messages were deleted for the owner (`messages_deleted`).
    Deleted {
        /// The messages.
        targets: &'a [&'a str],
        /// When.
        at: Timestamp,
    },
    /// The conversation was pinned or unpinned (`conversation_pinned`).
    Pinned {
        /// Pinned, or unpinned.
        on: bool,
        /// When.
        at: Timestamp,
    },
    /// A mark was set or taken away (`mark_set`).
    Marked {
        /// The mark.
        mark: Mark,
        /// Set, or taken away.
        on: bool,
        /// When.
        at: Timestamp,
    },
    /// The receive option was set (`receive_option_set`).
    ReceiveOption {
        /// The option.
        option: ReceiveOption,
        /// When it ends.
        until: Option<Timestamp>,
        /// When it was set.
        at: Timestamp,
    },
    /// Custom data was set (`custom_data_set`).
    CustomData {
        /// The data.
        data: &'a [u8],
        /// When.
        at: Timestamp,
    },
    /// The conversation was archived or taken out of the archive (`conversation_archived`).
    Archived {
        /// Archived, or taken out.
        on: bool,
        /// New messages leave it archived.
        stay: bool,
        /// When.
        at: Timestamp,
    },
    /// A membership changed (`membership_set`).
    Membership {
        /// Whose; `None` where the group was dissolved.
        user: Option<&'a UserId>,
        /// What it became.
        state: Membership,
        /// When.
        at: Timestamp,
    },
    /// The profile of a user or group changed (`profile_changed`).
    Profile {
        /// Of whom.
        of: Profile<'a>,
        /// The fields that changed, by their keys in the text log.
        changed: &'a BTreeMap<&'a str, &'a str>,
        /// When.
        at: Timestamp,
    },
    /// Anything that has no key of its own here: a report, a draft, a message pinned, a folder.
    Other {
        /// The type of the event in the text log.
        type_name: &'a str,
        /// What the server said, every part of it in a place of its own.
        parts: &'a [&'a str],
        /// When.
        at: Timestamp,
    },
}

/// What tells a reaction from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReactionKey<'a> {
    /// The message.
    pub message: &'a str,
    /// The reaction's name.
    pub reaction: &'a str,
    /// Whose it is.
    pub actor: &'a UserId,
    /// Put on, or taken away.
    pub on: bool,
    /// The server's id of the event, or its instant in milliseconds as text where it has none.
    pub event: &'a str,
}

/// Whose profile it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile<'a> {
    /// A user's.
    User(&'a UserId),
    /// A group's.
    Group(&'a GroupId),
}

impl EventKey<'_> {
    /// Returns the id of the event: a UUID of version 5 over the network, the conversation, the event's type and the key,
    /// a line feed between each two. No two keys of one type have one text, whatever stands in them.
    /// Pass `None` as conversation for what is said of the account.
    ///
    /// ```
    /// use chatfold::foreign::{EventKey, Network};
    /// let matrix = Network::parse("matrix")?;
    /// let room = chatfold::ConversationId::group(&matrix.group("!r:hs")?.id);
    /// let id = EventKey::Introduced("$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg").id(&matrix, Some(&room));
    /// assert_eq!(id.to_string(), "aac72c3e-7727-596f-817e-e1a4ba3007cf");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(&self, network: &Network, conversation: Option<&ConversationId>) -> EventId {
        let mut text = network.name().to_owned();
        for part in [conversation.map_or("", ConversationId::as_str), self.type_name()] {
            push(&mut text, part);
        }
        self.push_parts(&mut text);
        EventId::new(Uuid::new_v5(&DERIVED_EVENTS, text.as_bytes()))
    }

    /// Returns the type of the event in the text log.
    fn type_name(&self) -> &str {
        match self {
            Self::Introduced(_) => "message_received",
            Self::Edited(..) => "message_modified",
            Self::Recalled(_) => "message_recalled",
            Self::Reacted(_) => "reaction_set",
            Self::Read { .. } => "conversation_read",
            Self::PeerRead { .. } => "peer_read",
            Self::ReadByName { .. } => "messages_read",
            Self::Deleted { .. } => "messages_deleted",
            Self::Pinned { .. } => "conversation_pinned",
            Self::Marked { .. } => "mark_set",
            Self::ReceiveOption { .. } => "receive_option_set",
            Self::CustomData { .. } => "custom_data_set",
            Self::Archived { .. } => "conversation_archived",
            Self::Membership { .. } => "membership_set",
            Self::Profile { .. } => "profile_changed",
            Self::Other { type_name, .. } => type_name,
        }
    }

    /// Writes the parts of the key behind what is there.
    fn push_parts(&self, text: &mut String) {
        match *self {
            Self::Introduced(foreign) | Self::Recalled(foreign) => push(text, foreign),
            Self::Edited(foreign, version) => {
                push(text, foreign);
                push(text, &version.to_string());
            }
            Self::Reacted(ReactionKey { message, reaction, actor, on, event }) => {
                for part in [message, reaction, actor.as_str(), yes_or_no(on), event] {
                    push(text, part);
                }
            }
            Self::Read { actor, through, at } | Self::PeerRead { actor, through, at } => {
                push(text, actor.as_str());
                push(text, &through_text(through));
                push_instant(text, at);
            }
            Self::ReadByName { targets, on, at } => {
                targets.iter().for_each(|target| push(text, target));
                push(text, yes_or_no(on));
                push_instant(text, at);
            }
            Self::Deleted { targets, at } => {
                targets.iter().for_each(|target| push(text, target));
                push_instant(text, at);
            }
            Self::Pinned { on, at } => {
                push(text, yes_or_no(on));
                push_instant(text, at);
            }
            Self::Marked { mark, on, at } => {
                push(text, &mark.bits().to_string());
                push(text, yes_or_no(on));
                push_instant(text, at);
            }
            Self::ReceiveOption { option, until, at } => {
                push(text, name_of(&RECEIVE_OPTIONS, &option));
                push(text, &until.map(|until| until.as_millis().to_string()).unwrap_or_default());
                push_instant(text, at);
            }
            Self::CustomData { data, at } => {
                let mut hexadecimal = String::with_capacity(2 * data.len());
                data.iter().for_each(|byte| {
                    let _ = write!(hexadecimal, "{byte:02x}");
                });
                push(text, &hexadecimal);
                push_instant(text, at);
            }
            Self::Archived { on, stay, at } => {
                push(text, yes_or_no(on));
                push(text, yes_or_no(stay));
                push_instant(text, at);
            }
            Self::Membership { user, state, at } => {
                push(text, user.map_or("", UserId::as_str));
                push(text, state.as_str());
                push_instant(text, at);
            }
            Self::Profile { of, changed, at } => {
                match of {
                    Profile::User(user) => push(text, &format!("user:{user}")),
                    Profile::Group(group) => push(text, &format!("group:{group}")),
                }
                push(text, &canonical_json(changed));
                push_instant(text, at);
            }
            Self::Other { type_name: _, parts, at } => {
                parts.iter().for_each(|part| push(text, part));
                push_instant(text, at);
            }
        }
    }
}

/// Writes a line feed and a part. A part that has a line feed or begins with a quotation mark is written as a JSON string,
/// so that no two lists of parts have one text.
fn push(text: &mut String, part: &str) {
    text.push('\n');
    if part.contains('\n') || part.starts_with('"') {
        push_text(text, part);
    } else {
        text.push_str(part);
    }
}

fn push_instant(text: &mut String, at: Timestamp) {
    push(text, &at.as_millis().to_string());
}

fn yes_or_no(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

/// Returns the position as text: a seq or an instant in milliseconds as a number, a message as its id.
fn through_text(through: Through) -> String {
    match through {
        Through::Watermark(Watermark::Seq(seq)) => seq.to_string(),
        Through::Watermark(Watermark::Time(at)) => at.as_millis().to_string(),
        Through::Message(message) => message.to_string(),
    }
}

/// Returns the fields as one JSON object of strings: keys in byte order, no space between, as few escapes as JSON allows
/// (RFC 8785).
fn canonical_json(fields: &BTreeMap<&str, &str>) -> String {
    let mut json = String::from("{");
    for (key, value) in fields {
        if json.len() > 1 {
            json.push(',');
        }
        push_text(&mut json, key);
        json.push(':');
        push_text(&mut json, value);
    }
    json.push('}');
    json
}
