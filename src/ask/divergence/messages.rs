//! In what the messages of a conversation differ.

use std::collections::{BTreeMap, HashMap};

use crate::ask::divergence::difference::{
    Difference, Differences, MessageDivergence, bytes, number, some_list, yes,
};
use crate::ask::divergence::words;
use crate::inbox::{ConversationView, MessageStatus, MessageView};
use crate::model::id::{MessageId, UserId};

/// What differs of the users seen so far.
#[derive(Default)]
pub(crate) struct Users<'a> {
    /// As they stand beside what they wrote.
    authors: BTreeMap<&'a UserId, Vec<Difference>>,
    /// As they are named where they recalled what others wrote.
    revokers: BTreeMap<&'a UserId, Vec<Difference>>,
}

impl<'a> Users<'a> {
    /// Those of whom anything differs, by id. What a user recalled shows nothing that is not told of the author.
    pub(crate) fn differing(self) -> BTreeMap<&'a UserId, Vec<Difference>> {
        let Self { mut authors, revokers } = self;
        for (user, differences) in revokers {
            authors.entry(user).or_insert(differences);
        }
        authors.retain(|_, differences| !differences.is_empty());
        authors
    }
}

/// The messages that differ, and those that only one can show; notes the users behind those of both.
pub(crate) fn divergences<'a>(
    left: Option<ConversationView<'a>>,
    right: Option<ConversationView<'a>>,
    users: &mut Users<'a>,
) -> Vec<MessageDivergence> {
    let all = |view: Option<ConversationView<'a>>| view.into_iter().flat_map(|view| view.visible_messages());
    let mut others: HashMap<MessageId, MessageView<'a>> =
        all(right).map(|message| (message.id(), message)).collect();
    let mut found = Vec::new();
    let only = |message: &MessageView<'_>, left: bool| {
        let (here, attribute) = (Some(summary(message)), "message");
        let (left, right) = if left { (here, None) } else { (None, here) };
        MessageDivergence { id: message.id(), differences: vec![Difference { attribute, left, right }] }
    };
    for ours in all(left) {
        let Some(theirs) = others.remove(&ours.id()) else {
            found.push(only(&ours, true));
            continue;
        };
        let differences = differences(&ours, &theirs);
        if !differences.is_empty() {
            found.push(MessageDivergence { id: ours.id(), differences });
        }
        if ours.author() == theirs.author() {
            users.authors.entry(ours.author()).or_insert_with(|| user(&ours, &theirs));
        }
        if let Some((ours, theirs)) = ours.recall().zip(theirs.recall())
            && ours.by == theirs.by
        {
            users.revokers.entry(ours.by).or_insert_with(|| revoker(ours.name, theirs.name));
        }
    }
    let rest = all(right).filter(|message| others.contains_key(&message.id()));
    found.extend(rest.map(|message| only(&message, false)));
    found
}

/// A message in one line, such as `"Lunch?" by bob at 2026-03-01T09:00:00.000Z, seq 7`.
pub(crate) fn summary(message: &MessageView<'_>) -> String {
    let said = match (message.status(), message.text()) {
        (MessageStatus::Recalled, _) => "recalled".to_owned(),
        (_, Some(text)) => format!("{text:?}"),
        (_, None) => words::unit(message.kind()),
    };
    let seq = if message.seq() > 0 { format!(", seq {}", message.seq()) } else { String::new() };
    let status = match message.status() {
        MessageStatus::Sent | MessageStatus::Recalled => "",
        MessageStatus::Sending => ", sending",
        MessageStatus::Failed => ", failed",
        MessageStatus::Imported => ", imported",
    };
    let (author, at, id) = (message.author(), message.time(), message.id());
    format!("{said} by {author} at {at}{seq}{status} ({id})")
}

/// What differs of the author of a message.
fn user(left: &MessageView<'_>, right: &MessageView<'_>) -> Vec<Difference> {
    let mut found = Differences::default();
    let quoted = |text: Option<&str>| text.map(|text| format!("{text:?}"));
    found.compare("nickname", (left.nickname(), right.nickname()), quoted);
    found.compare("remark", (left.remark(), right.remark()), quoted);
    found.compare("face_url", (left.face_url(), right.face_url()), quoted);
    found.0
}

/// What differs of who recalled a message.
fn revoker(left: &str, right: &str) -> Vec<Difference> {
    let mut found = Differences::default();
    found.compare("name", (left, right), |name| Some(format!("{name:?}")));
    found.0
}

/// What differs of a message that both can show.
fn differences(left: &MessageView<'_>, right: &MessageView<'_>) -> Vec<Difference> {
    let mut found = Differences::default();
    /// The value of both.
    macro_rules! both {
        ($method:ident) => {
            (left.$method(), right.$method())
        };
    }
    let quoted = |text: Option<&str>| text.map(|text| format!("{text:?}"));
    let data = |data: Option<&[u8]>| data.map(bytes);
    found.compare("author", both!(author), |user| Some(user.to_string()));
    found.compare("time", both!(time), |at| Some(at.to_string()));
    found.compare("seq", both!(seq), number);
    found.compare("rank", both!(rank), |rank| Some(rank.to_string()));
    found.compare("status", both!(status), |status| Some(words::unit(status)));
    found.compare("kind", both!(kind), |kind| Some(words::unit(kind)));
    found.compare("text", both!(text), quoted);
    found.compare("custom", both!(custom), data);
    found.compare("cloud_custom", both!(cloud_custom), data);
    found.compare("edit_version", both!(edit_version), |version| version.and_then(number));
    let recall = |message: &MessageView<'_>| {
        let recall = message.recall()?;
        let why = recall.reason.map(|reason| format!(", {reason:?}")).unwrap_or_default();
        Some(format!("by {} at {}{why}", recall.by, words::stamp(recall.stamp)))
    };
    found.compare("recall", (recall(left), recall(right)), |recall| recall);
    found.compare("failure_reason", both!(failure_reason), quoted);
    found.compare("mentions", both!(mentions), |mentions| {
        let all = mentions.all.then(|| "everybody".to_owned());
        some_list(mentions.users.iter().map(ToString::to_string).chain(all).collect())
    });
    found.compare("recipients", both!(recipients), |users| some_list(strings(users)));
    found.compare("reply_to", both!(reply_to), |id| id.map(|id| id.to_string()));
    found.compare("introduced_by", both!(event), |event| Some(event.to_string()));
    more_differences(&mut found, left, right);
    found.0
}

/// What people did with it, and its switches.
fn more_differences(found: &mut Differences, left: &MessageView<'_>, right: &MessageView<'_>) {
    /// The value of both.
    macro_rules! both {
        ($method:ident) => {
            (left.$method(), right.$method())
        };
    }
    found.compare("readers", both!(readers), |users| some_list(strings(users)));
    found.compare("members", both!(members), |members| members.and_then(number));
    found.compare("reactions", both!(reactions), |reactions| {
        let said = |name: &str, users| format!("{name:?} by {}", strings(users).join(" "));
        some_list(reactions.into_iter().map(|reaction| said(reaction.name, reaction.users)).collect())
    });
    found.compare("extensions", both!(extensions), |extensions| {
        let said = extensions.iter().map(|one| format!("{:?}={:?} of seq {}", one.key, one.value, one.seq));
        some_list(said.collect())
    });
    found.compare("read_by_name", both!(is_read_by_name), yes);
    found.compare("pinned", both!(is_pinned), yes);
    found.compare("online_only", both!(is_online_only), yes);
    found.compare("excluded_from_unread", both!(is_excluded_from_unread), yes);
    found.compare("excluded_from_last", both!(is_excluded_from_last), yes);
    found.compare("need_receipt", both!(need_receipt), yes);
    found.compare("supports_extensions", both!(supports_extensions), yes);
}

fn strings(users: Vec<impl ToString>) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}
