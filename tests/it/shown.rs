//! The adaptor: reads an inbox through its public face into the plain values that the model makes.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Body, Fact, Through};
use chatfold::list::Folder;
use chatfold::view::{Direction, Draft, FirstUnread, Gap, Mention, MentionKind, MessageStatus};
use chatfold::{ConversationId, ConversationView, Event, Inbox, MessageId, MessageView};

use crate::model::badge::rules;
use crate::model::message::named;
use crate::model::shown::{Begins, Line};
use crate::model::{Row, Shown};

/// Every message id that events name, by conversation: what one may ask an inbox for.
pub struct Names(BTreeMap<ConversationId, BTreeSet<MessageId>>);

impl Names {
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut names: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for event in events {
            if let Body::Conversation(id, fact) = event.body() {
                let messages = names.entry(id.clone()).or_default();
                messages.extend(named(fact));
                match fact {
                    Fact::Read { through: Through::Message(message) }
                    | Fact::PeerRead { through: Through::Message(message) } => {
                        messages.insert(*message);
                    }
                    Fact::UnreadReported(report) => {
                        if let Some(Through::Message(message)) = report.read {
                            messages.insert(message);
                        }
                    }
                    Fact::MarkedUnreadFrom { target } => {
                        messages.insert(*target);
                    }
                    _ => {}
                }
            }
        }
        Self(names)
    }

    pub fn messages(&self, conversation: &ConversationId) -> impl Iterator<Item = MessageId> {
        self.0.get(conversation).into_iter().flatten().copied()
    }
}

/// What `inbox` shows.
pub fn shown(inbox: &Inbox, names: &Names) -> Shown {
    let list: Vec<ConversationId> = inbox.conversations().map(|view| view.id().clone()).collect();
    let rows: BTreeMap<ConversationId, Row> =
        inbox.known_conversations().map(|view| (view.id().clone(), row(view, names))).collect();
    let totals = inbox.totals();
    let summed = rules().map(|rule| inbox.conversations().map(|view| view.badge(rule)).sum::<u64>());
    assert_eq!(summed, rules().map(|rule| inbox.badge(rule)), "a badge is the sum over the list (R55)");
    let bounded = rules().map(|rule| inbox.conversations().any(|view| view.badge_is_lower_bound(rule)));
    assert_eq!(
        bounded,
        rules().map(|rule| inbox.badge_is_lower_bound(rule)),
        "and a bound where one of it is (R48)"
    );
    assert_eq!(totals.badge_is_lower_bound, bounded[0], "the totals have it by the default rule");
    assert_eq!(totals.badge, summed[0], "the totals have it by the default rule");
    let folders = folders(inbox.folders());
    let shown = Shown {
        list,
        unread: totals.unread,
        unread_all: totals.unread_all,
        bounds: [totals.unread_is_lower_bound, totals.unread_all_is_lower_bound],
        badge_bounds: rules().map(|rule| inbox.badge_is_lower_bound(rule)),
        badges: rules().map(|rule| inbox.badge(rule)),
        folders,
        quiet_hours: inbox.quiet_hours(),
        rows,
    };
    shown.without_void()
}

fn folders(folders: Vec<Folder>) -> Vec<(chatfold::FolderId, String)> {
    folders.into_iter().map(|folder| (folder.id, folder.name.to_string())).collect()
}

/// What one conversation shows.
pub fn row(view: ConversationView<'_>, names: &Names) -> Row {
    let draft = |draft: Draft<'_>| (draft.stamp, draft.text.to_owned(), draft.replaces);
    let history = history(view, 5);
    let seen: BTreeSet<MessageId> = history.iter().map(|line| line.id).collect();
    let others = names.messages(view.id()).filter(|id| !seen.contains(id));
    let mut online_only: Vec<_> = others.filter_map(|id| view.message(id)).collect();
    online_only.sort_by_key(|message| position(view, *message));
    Row {
        id: view.id().clone(),
        kind: view.kind(),
        listed: view.is_listed(),
        show_name: view.show_name().to_owned(),
        face_url: view.face_url().map(str::to_owned),
        group_type: view.group_type(),
        unread_count: view.unread_count(),
        unread_is_lower_bound: view.unread_is_lower_bound(),
        unread_at_most: Some(view)
            .filter(|view| view.unread_is_lower_bound())
            .and_then(|view| view.unread_bounds().most),
        last_is_older: view.last_message_is_older(),
        last: view.last_message().map(line),
        receive_option: view.receive_option(),
        receive_option_until: view.receive_option_until(),
        archived: view.is_archived(),
        stays_archived: view.stays_archived(),
        membership: view.membership(),
        mentions: view.mentions().into_iter().map(mention).collect(),
        mention_count: view.mention_count(),
        mention_is_lower_bound: view.mention_is_lower_bound(),
        mentions_at_most: Some(view)
            .filter(|view| view.mention_is_lower_bound())
            .and_then(|view| view.mention_bounds().most),
        gaps: view.gaps().map(gap).collect(),
        draft: view.draft().map(draft),
        pinned: view.is_pinned(),
        marks: view.marks().iter().map(|mark| mark.bits()).collect(),
        custom_data: view.custom_data().map(|data| data.to_vec()),
        folders: folders(view.folders()),
        read_marker: view.read_marker(),
        peer_read_marker: view.peer_read_marker(),
        activity: view.activity(),
        order_key: view.order_key(),
        unread: view.unread().map(|message| message.id()).collect(),
        first_unread: view.first_unread().map(|first| match first {
            FirstUnread::Message(message) => Begins::Message(message.id()),
            FirstUnread::Within(within) => {
                let (from, to, touches) = gap(within);
                Begins::Within(from, to, touches)
            }
            other => panic!("{other:?}"),
        }),
        drafts_kept: view.drafts_kept().into_iter().map(draft).collect(),
        pinned_messages: view.pinned_messages().iter().map(|message| message.id()).collect(),
        history,
        online_only: online_only.into_iter().map(line).collect(),
    }
}

/// The whole history, oldest first, in pages of `size`.
pub fn history(view: ConversationView<'_>, size: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut from = None;
    loop {
        let page = view.messages(Direction::OldestFirst, from.as_ref(), size);
        lines.extend(page.messages.into_iter().map(line));
        match page.next {
            Some(next) => from = Some(next),
            None => return lines,
        }
    }
}

/// R10, as the view tells it.
pub fn position(view: ConversationView<'_>, message: MessageView<'_>) -> (u64, u8, u64, MessageId) {
    let (time, seq) = (message.time().as_millis() as u64, message.seq());
    match view.kind() {
        chatfold::id::ConversationKind::Group => (seq, message.rank(), time, message.id()),
        chatfold::id::ConversationKind::Direct => (time, message.rank(), seq, message.id()),
    }
}

fn gap(gap: Gap) -> (i64, i64, bool) {
    (gap.from.first_field(), gap.through.first_field(), gap.touches_number)
}

fn mention(mention: Mention) -> (Option<MessageId>, u64, u8) {
    let kind = match mention.kind {
        MentionKind::Me => 1,
        MentionKind::All => 2,
        MentionKind::Both => 3,
    };
    (mention.message, mention.seq, kind)
}

/// What one message shows.
pub fn line(view: MessageView<'_>) -> Line {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let readers: Vec<_> = view.readers().into_iter().cloned().collect();
    assert_eq!(view.read_count(), readers.len() as u64, "read_count of {}", view.id());
    let status = match view.status() {
        MessageStatus::Sending => 1,
        MessageStatus::Sent => 2,
        MessageStatus::Failed => 3,
        MessageStatus::Imported => 5,
        MessageStatus::Recalled => 6,
        other => panic!("a status of {other:?}"),
    };
    let reactions = view
        .reactions()
        .into_iter()
        .map(|reaction| (reaction.name.to_owned(), reaction.users.into_iter().cloned().collect()));
    let extensions = view
        .extensions()
        .into_iter()
        .map(|extension| (extension.key.to_owned(), extension.value.to_owned(), extension.seq));
    Line {
        id: view.id(),
        author: view.author().clone(),
        own: view.is_own(),
        time: view.time(),
        seq: view.seq(),
        rank: view.rank(),
        kind: view.kind(),
        text: owned(view.text()),
        custom: view.custom().map(|data| data.to_vec()),
        cloud_custom: view.cloud_custom().map(|data| data.to_vec()),
        mentions: view.mentions(),
        recipients: view.recipients(),
        reply_to: view.reply_to(),
        status,
        recall: view.recall().map(|recall| (recall.by.clone(), owned(recall.reason), recall.stamp)),
        edit_version: view.edit_version(),
        failure_reason: owned(view.failure_reason()),
        read: view.is_read(),
        read_by_name: view.is_read_by_name(),
        peer_read: view.is_peer_read(),
        readers,
        unread_receipts: view.unread_receipts(),
        reactions: reactions.collect(),
        extensions: extensions.collect(),
        pinned: view.is_pinned(),
        online_only: view.is_online_only(),
        excluded_from_unread: view.is_excluded_from_unread(),
        excluded_from_last: view.is_excluded_from_last(),
        need_receipt: view.need_receipt(),
        supports_extensions: view.supports_extensions(),
        members: view.members(),
        event: view.event(),
        nickname: owned(view.nickname()),
        remark: owned(view.remark()),
        face_url: owned(view.face_url()),
    }
}
