//! The adaptor: reads the views of a member into the plain values that the model makes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::ReceiveOption;
use chatfold::shared::{Member, MemberMessage, Memberships};
use chatfold::view::{Direction, Draft, Mention, MentionKind};
use chatfold::{ConversationId, MessageId};

use crate::model::badge::rules;
use crate::model::shown::{Begins, Line};
use crate::model::{Row, Shown};
use crate::shown::{self, Names};

/// What the views of a member show as one list.
pub fn shown(member: &Memberships, views: &[Member<'_>], names: &Names) -> Shown {
    let rows: BTreeMap<ConversationId, Row> =
        views.iter().map(|view| (view.id().clone(), row(view, names))).collect();
    let mut list: Vec<&Row> = rows.values().filter(|row| row.listed).collect();
    list.sort_by_key(|row| (Reverse(row.order_key), row.id.clone()));
    let notifying = list.iter().filter(|row| row.receive_option == ReceiveOption::Receive);
    let badge = |rule| views.iter().map(|view| view.badge(rule)).sum::<u64>();
    let shown = Shown {
        unread: notifying.map(|row| row.unread_count).sum(),
        unread_all: list.iter().map(|row| row.unread_count).sum(),
        bounds: [false; 2],
        badge_bounds: [false; 16],
        badges: rules().map(badge),
        folders: member.inbox().folders().into_iter().map(|f| (f.id, f.name.to_string())).collect(),
        quiet_hours: member.quiet_hours(),
        list: list.into_iter().map(|row| row.id.clone()).collect(),
        rows,
    };
    shown.without_void()
}

/// What one view shows.
pub fn row(view: &Member<'_>, names: &Names) -> Row {
    let draft = |draft: Draft<'_>| (draft.stamp, draft.text.to_owned(), draft.replaces);
    let history = history(view, Direction::OldestFirst, 5);
    let mut backwards = self::history(view, Direction::NewestFirst, 3);
    backwards.reverse();
    assert_eq!(history, backwards, "both directions show the same");
    let seen: BTreeSet<MessageId> = history.iter().map(|line| line.id).collect();
    let others = names.messages(view.id()).filter(|id| !seen.contains(id));
    let mut online_only: Vec<_> = others.filter_map(|id| view.message(id)).collect();
    online_only.sort_by_key(|message| message.cursor());
    let unread: Vec<MessageId> = view.unread().map(|message| message.id()).collect();
    let counted = history.iter().filter(|line| view.message(line.id).unwrap().counts_as_unread());
    assert_eq!(unread, counted.map(|line| line.id).collect::<Vec<_>>());
    Row {
        id: view.id().clone(),
        kind: view.kind(),
        listed: view.is_listed(),
        show_name: view.show_name().to_owned(),
        face_url: view.face_url().map(str::to_owned),
        group_type: view.group_type(),
        unread_count: view.unread_count(),
        unread_is_lower_bound: false,
        unread_at_most: None,
        last_is_older: false,
        last: view.last_message().map(line),
        receive_option: view.receive_option(),
        receive_option_until: view.receive_option_until(),
        archived: view.is_archived(),
        stays_archived: view.stays_archived(),
        membership: view.membership(),
        mentions: view.mentions().into_iter().map(mention).collect(),
        mention_count: view.mention_count(),
        mention_is_lower_bound: false,
        mentions_at_most: None,
        gaps: Vec::new(),
        draft: view.draft().map(draft),
        pinned: view.is_pinned(),
        marks: view.marks().iter().map(|mark| mark.bits()).collect(),
        custom_data: view.custom_data().map(|data| data.to_vec()),
        folders: view.folders().into_iter().map(|f| (f.id, f.name.to_string())).collect(),
        read_marker: view.read_marker(),
        peer_read_marker: view.peer_read_marker(),
        activity: view.activity(),
        order_key: view.order_key(),
        first_unread: unread.first().map(|message| Begins::Message(*message)),
        unread,
        drafts_kept: view.drafts_kept().into_iter().map(draft).collect(),
        pinned_messages: view.pinned_messages().iter().map(|message| message.id()).collect(),
        history,
        online_only: online_only.into_iter().map(line).collect(),
    }
}

fn history(view: &Member<'_>, direction: Direction, size: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut from = None;
    loop {
        let page = view.messages(direction, from.as_ref(), size);
        lines.extend(page.messages.into_iter().map(line));
        match page.next {
            Some(next) => from = Some(next),
            None => return lines,
        }
    }
}

fn mention(mention: Mention) -> (Option<MessageId>, u64, u8) {
    let kind = match mention.kind {
        MentionKind::Me => 1,
        MentionKind::All => 2,
        MentionKind::Both => 3,
    };
    (mention.message, mention.seq, kind)
}

fn line(message: MemberMessage<'_>) -> Line {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Line {
        read: message.is_read(),
        peer_read: message.is_peer_read(),
        nickname: owned(message.nickname()),
        remark: owned(message.remark()),
        face_url: owned(message.face_url()),
        ..shown::line(*message)
    }
}
