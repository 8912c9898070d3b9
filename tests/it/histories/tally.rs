//! What the histories contained: a law proven on histories without the hard cases proves nothing, so each
//! hard case is counted, and the laws ask that every one of them occurred.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Body, Fact, GroupType, Membership, ReceiveOption, Through};
use chatfold::id::ConversationKind;
use chatfold::time::Stamp;
use chatfold::{Event, MessageId, UserId};

use crate::histories::History;
use crate::model::bounds::Named;
use crate::model::conversation::{Coverage, covers, has_effect};
use crate::model::message::{DELIVERED, named};
use crate::model::partial::Number;
use crate::model::{self, Conversation, Known, Row, Shown, Terms};

/// How often each case occurred.
#[derive(Default)]
pub struct Tally {
    counts: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// How often `case` occurred.
    pub fn of(&self, case: &str) -> u64 {
        self.counts.get(case).copied().unwrap_or(0)
    }

    /// Every case with its number, a line each.
    pub fn report(&self) -> String {
        self.counts.iter().map(|(case, count)| format!("{count:>8}  {case}\n")).collect()
    }

    fn note(&mut self, case: &'static str, occurred: bool) {
        *self.counts.entry(case).or_default() += u64::from(occurred);
    }

    /// Counts what `history` contains, of which the model shows `shown`.
    pub fn observe(&mut self, history: &History, shown: &Shown) {
        for event in &history.events {
            self.note(event.type_name(), true);
        }
        self.stamps(&history.events);
        self.arrivals(&history.owner, &history.events);
        let terms = Terms { owner: &history.owner, policy: history.policy };
        let distinct = model::distinct(&history.events);
        for conversation in model::conversations(terms, &distinct) {
            let row = &shown.rows[&conversation.id];
            self.messages(&conversation);
            self.reading(&conversation, row);
            self.deletions(&conversation, row);
            self.attributes(&conversation, row);
            self.beside(&conversation, row);
            self.partial(&conversation, row);
        }
        self.lists(shown);
    }

    /// R07 and ties.
    fn stamps(&mut self, events: &[Event]) {
        let mut ids = BTreeMap::new();
        let mut instants = BTreeSet::new();
        for event in events {
            let tied = !instants.insert((event.conversation(), event.type_name(), event.at()));
            self.note("same instant, same type, same conversation", tied);
            if let Some(twin) = ids.insert(event.id(), event) {
                self.note("two events under one id", twin != event);
                let same_stamp = twin != event && twin.stamp() == event.stamp();
                let same_type = same_stamp && twin.type_name() == event.type_name();
                self.note("two events of one type under one stamp", same_type);
                if same_stamp && twin.conversation() == event.conversation() {
                    self.meeting([twin.type_name(), event.type_name()]);
                }
            }
        }
    }

    /// Two facts of unlike types that meet under one stamp.
    fn meeting(&mut self, types: [&str; 2]) {
        let meet = |one: &str, other: &str| types == [one, other] || types == [other, one];
        self.note("a draft under a deletion's stamp", meet("conversation_deleted", "draft_set"));
        self.note("a pin under a deletion's stamp", meet("conversation_deleted", "conversation_pinned"));
        self.note("an opening under a deletion's stamp", meet("conversation_deleted", "conversation_opened"));
        self.note(
            "an archiving under a deletion's stamp",
            meet("conversation_deleted", "conversation_archived"),
        );
        self.note("a read under a mark's stamp", meet("conversation_read", "marked_unread_from"));
        self.note("a queueing under a failure's stamp", meet("message_queued", "message_failed"));
        self.note("a queueing under a deletion's stamp", meet("message_queued", "conversation_deleted"));
        self.note("a folder created and deleted under one stamp", meet("folder_created", "folder_deleted"));
    }

    /// What comes before the message it names, and what R17 drops.
    fn arrivals(&mut self, owner: &UserId, events: &[Event]) {
        let mut introduced: BTreeSet<(&str, MessageId)> = BTreeSet::new();
        let mut waiting: BTreeMap<(&str, MessageId), BTreeSet<&'static str>> = BTreeMap::new();
        for event in events {
            let Body::Conversation(id, fact) = event.body() else { continue };
            if !has_effect(owner, id, event, fact) {
                self.note(dropped(fact), true);
                continue;
            }
            let introduces = matches!(
                fact,
                Fact::MessageReceived(_) | Fact::MessageQueued(_) | Fact::MessageImported { .. }
            );
            let names = match fact {
                Fact::Read { through: Through::Message(m) }
                | Fact::PeerRead { through: Through::Message(m) } => {
                    vec![*m]
                }
                Fact::UnreadReported(report) => match report.read {
                    Some(Through::Message(m)) => vec![m],
                    _ => Vec::new(),
                },
                Fact::MarkedUnreadFrom { target } => vec![*target],
                _ => named(fact),
            };
            for message in names {
                let key = (id.as_str(), message);
                if introduces {
                    self.note("introduced again", !introduced.insert(key));
                    for kind in waiting.remove(&key).unwrap_or_default() {
                        self.note(kind, true);
                    }
                } else if !introduced.contains(&key) {
                    waiting.entry(key).or_default().insert(waits(fact));
                }
            }
        }
        self.note("waits for ever", !waiting.is_empty());
    }

    fn messages(&mut self, conversation: &Conversation<'_>) {
        let owner = conversation.terms.owner;
        let has = |m: &Known<'_>, test: fn(&Fact) -> bool| m.facts.iter().any(|(_, fact)| test(fact));
        for m in &conversation.messages {
            let received = has(m, |fact| matches!(fact, Fact::MessageReceived(_)));
            let queued = has(m, |fact| matches!(fact, Fact::MessageQueued(_)));
            let imported = has(m, |fact| matches!(fact, Fact::MessageImported { .. }));
            let sent = m.sent.is_some();
            self.note("queued, then acknowledged", queued && sent && !received && !imported);
            self.note("queued, then echoed", queued && received && !sent);
            self.note("queued, acknowledged and echoed", queued && received && sent);
            self.note("imported and received", imported && received);
            self.note("imported and queued", imported && queued && !received && !sent);
            self.note("imported and acknowledged", imported && sent && !received);
            self.note("failed", m.delivery == 3);
            self.note("failed, then tried again", {
                m.delivery == 1 && has(m, |fact| matches!(fact, Fact::MessageFailed { .. }))
            });
            self.note("targeted at the owner", !m.own && !m.content.recipients.is_empty());
            self.note("targeted by the owner", m.own && !m.content.recipients.is_empty());
            self.note("recalled after an edit", m.recall.is_some() && m.edits().next().is_some());
            let edits: Vec<_> = m.edits().collect();
            let newest = edits.iter().map(|(_, (stamp, _))| *stamp).max();
            let highest = edits.iter().max_by_key(|(version, (stamp, _))| (*version, *stamp));
            let overtaken = highest.is_some_and(|(_, (stamp, _))| Some(*stamp) < newest);
            self.note("an older edit of a greater version", overtaken);
            self.by_name(conversation, m);
            let excluded = m.mention_of(owner).is_some() && m.content.excluded_from_unread;
            self.note("a mention excluded from unread", excluded && !m.own);
        }
        let hidden = conversation.introduced().difference(&conversation.known()).count();
        self.note("hidden by its recipients", hidden > 0);
        let position = |m: &Known<'_>| (m.first_field(), m.rank);
        let tied = conversation.messages.windows(2).any(|pair| position(&pair[0]) == position(&pair[1]));
        self.note("equal first field and rank", tied);
    }

    /// What names a message beside its conversation's watermarks (R37, R40, R59).
    fn by_name(&mut self, conversation: &Conversation<'_>, m: &Known<'_>) {
        let owner = conversation.terms.owner;
        let said =
            m.facts.iter().filter(|(_, fact)| matches!(fact, Fact::MessagesRead { .. })).collect::<Vec<_>>();
        let on = |fact: &Fact| matches!(fact, Fact::MessagesRead { on: true, .. });
        let beyond = m.first_field() > conversation.read_marker() && m.rank == DELIVERED && !m.own;
        self.note("read by name beyond the marker", beyond && m.read_by_name());
        self.note("read by name, then no longer", {
            !m.read_by_name() && said.iter().any(|(_, fact)| on(fact))
        });
        let first_of =
            |m: &Known<'_>| match (m.content.mentions.users.contains(owner), m.content.mentions.all) {
                (false, false) => None,
                (me, all) => Some(u8::from(me) + 2 * u8::from(all)),
            };
        let (first, now) = (first_of(m), m.mention_of(owner));
        self.note("an edit brought a mention", first.is_none() && now.is_some());
        self.note("an edit took a mention", first.is_some() && now.is_none());
        self.note("an edit changed a mention", first.is_some() && now.is_some() && first != now);
        let reached =
            |coverage: &Coverage| covers(&Coverage { also: BTreeSet::new(), ..coverage.clone() }, m);
        let (cleared, deleted) = (&conversation.cleared, &conversation.deleted);
        let taken = |coverage: &Coverage| covers(coverage, m) && !reached(coverage);
        self.note("cleared by name alone", taken(cleared) && !m.deleted);
        self.note("deleted by name alone", taken(deleted));
        self.note("deleted by name, and kept", taken(deleted) && !covers(cleared, m));
        self.note("queued or imported, cleared by name", taken(cleared) && m.rank != DELIVERED);
    }

    fn reading(&mut self, conversation: &Conversation<'_>, row: &Row) {
        let reads = conversation.reads();
        let marks = conversation.unread_marks();
        let greatest = reads.iter().map(|(_, to)| *to).max().unwrap_or(-1);
        let marker = conversation.read_marker();
        let front = |undominated: &dyn Fn(&(Stamp, i64)) -> bool, all: &[(Stamp, i64)]| {
            all.iter().filter(|one| undominated(one)).collect::<BTreeSet<_>>().len()
        };
        let read_front =
            front(&|read| !reads.iter().any(|r| r != read && r.0 >= read.0 && r.1 >= read.1), &reads);
        let mark_front =
            front(&|mark| !marks.iter().any(|m| m != mark && m.0 >= mark.0 && m.1 <= mark.1), &marks);
        self.note("a front of reads longer than one", read_front > 1);
        self.note("a front of reads longer than two", read_front > 2);
        self.note("a front of marks longer than one", mark_front > 1);
        self.note("a mark set the marker back", marker < greatest);
        let moved_on = marks.iter().any(|(mark, target)| {
            *target <= marker && marker < greatest && reads.iter().any(|(read, _)| read > mark)
        });
        self.note("a later read moved on from a mark", moved_on);
        let old_echo = marks.iter().any(|(mark, target)| {
            *target > marker && reads.iter().any(|(read, to)| read < mark && to >= target)
        });
        self.note("a mark outlived an earlier read", old_echo);
        self.note("a mark stands and a later read moved on", moved_on && old_echo);
        self.note("a mark at the beginning", marks.iter().any(|(_, target)| *target == 0));
        let own = conversation.terms.policy.own_message_reads
            && conversation
                .messages
                .iter()
                .any(|m| m.own && m.rank == DELIVERED && m.first_field() == marker);
        self.note("an own message is the read marker", own);
        self.note("counted unread", row.unread_count > 0);
        self.note("a peer has read", row.history.iter().any(|line| line.peer_read));
    }

    fn deletions(&mut self, conversation: &Conversation<'_>, row: &Row) {
        let messages = &conversation.messages;
        let gone_from = |coverage: &Coverage| messages.iter().any(|m| covers(coverage, m));
        let Some(deletion) = conversation.last_deletion else {
            self.note("cleared", gone_from(&conversation.cleared));
            return;
        };
        self.note("deleted and not listed", !row.listed && !messages.is_empty());
        let came_back = gone_from(&conversation.deleted) && row.listed;
        let by_message = conversation.brought_back_by_message();
        self.note("deleted, then back by a message", came_back && by_message);
        self.note("deleted, then back by a draft", came_back && !by_message && row.draft.is_some());
        self.note("deleted, then back by a pin", came_back && !by_message && row.pinned);
        let opened = conversation.opened().is_some();
        self.note("deleted, then back by an opening", came_back && !by_message && opened);
        self.note("a pin taken by a deletion", {
            !row.pinned && conversation.last_pin().is_some_and(|(stamp, on)| on && stamp <= deletion)
        });
        let kept = messages.iter().any(|m| {
            covers(&conversation.deleted, m) && conversation.is_kept(m) && !m.own && m.rank == DELIVERED
        });
        self.note("kept by a deletion that keeps messages", kept);
        let edge = |m: &&Known<'_>| {
            m.rank != DELIVERED
                && conversation.deleted.reach.is_some_and(|(through, _)| through == m.first_field())
        };
        let at_edge = || messages.iter().filter(edge);
        self.note("queued or imported at the edge, covered", {
            at_edge().any(|m| covers(&conversation.deleted, m))
        });
        self.note("queued or imported at the edge, not covered", {
            at_edge().any(|m| !covers(&conversation.deleted, m))
        });
        let greatest_is_not_latest = conversation.deleted.reach.is_some_and(|(_, stamp)| stamp < deletion);
        self.note("the farthest deletion is not the latest", greatest_is_not_latest);
    }

    fn attributes(&mut self, conversation: &Conversation<'_>, row: &Row) {
        let marker = conversation.read_marker();
        let countable = conversation.countable(marker).count() > 0;
        self.note(
            "nothing counts in a live room",
            countable && row.group_type == Some(GroupType::AvChatRoom),
        );
        let meeting = countable && row.group_type == Some(GroupType::Meeting);
        self.note("nothing counts in a meeting", meeting && row.unread_count == 0);
        self.note("a meeting counts", meeting && row.unread_count > 0);
        self.note("more than one draft kept", row.drafts_kept.len() > 1);
        self.note("the last message is recalled", row.last.as_ref().is_some_and(|line| line.status == 6));
        self.note("no last message, yet listed", row.last.is_none() && row.listed);
        let newest_deleted = conversation.messages.last().is_some_and(|m| m.deleted);
        self.note("the newest is deleted, one before is last", newest_deleted && row.last.is_some());
        for (_, _, kind) in &row.mentions {
            self.note(["", "mentions me", "mentions all", "mentions both"][usize::from(*kind)], true);
        }
        self.note("in two folders of one name", row.folders.windows(2).any(|pair| pair[0].1 == pair[1].1));
        self.note("a message pinned", !row.pinned_messages.is_empty());
        let lines = || row.history.iter();
        self.note("a reaction on", lines().any(|line| !line.reactions.is_empty()));
        self.note("an extension shown", lines().any(|line| !line.extensions.is_empty()));
        self.note("read by somebody", lines().any(|line| !line.readers.is_empty()));
        self.note("online only", !row.online_only.is_empty());
        self.note("a conversation with oneself", row.id.as_str() == "c2c_alice");
        let named = row.show_name != row.id.target();
        self.note("a direct chat with a name", named && row.kind == ConversationKind::Direct);
        self.note("a group with a name", named && row.kind == ConversationKind::Group);
        self.note("marked", !row.marks.is_empty());
    }

    /// The archive, memberships and options that end.
    fn beside(&mut self, conversation: &Conversation<'_>, row: &Row) {
        self.note("archived", row.archived);
        self.note("archived, and stays", row.stays_archived);
        if let Some((stamp, (on, stay))) = conversation.last_archiving() {
            let stands = on && conversation.stands(stamp);
            self.note("an archiving taken by a deletion", on && !conversation.stands(stamp));
            self.note("taken out of the archive by a message", stands && !row.archived);
            let later = row.activity > stamp.at;
            self.note("archived, and a later draft or opening", stands && !stay && row.archived && later);
        }
        self.note("a member no more", matches!(row.membership, Some(Membership::Left | Membership::Removed)));
        self.note("dissolved", row.membership == Some(Membership::Dissolved));
        self.note("an option that ends", row.receive_option_until.is_some());
    }

    /// What a server reported of messages that are not held (R45–R48).
    fn partial(&mut self, conversation: &Conversation<'_>, row: &Row) {
        let Some(held) = conversation.held(Number::Unread) else { return };
        let Some(report) = &held.report else { return };
        let since = |stamp: &Stamp| *stamp > report.stamp;
        self.note("a report", true);
        self.note("a report whose read is unknown", report.read.is_none());
        self.note("a report's number is a lower bound", row.unread_is_lower_bound);
        let gap = row.gaps.iter().any(|(_, last, _)| *last > conversation.read_marker());
        let counted = row.unread_count > 0 && !row.unread_is_lower_bound;
        self.note("an exact number over a gap", counted && gap);
        self.note("the mentions are a lower bound", row.mention_is_lower_bound);
        self.note("a listed mention shows", row.mentions.iter().any(|(message, ..)| message.is_none()));
        self.note("a gap", !row.gaps.is_empty());
        self.note("the last message may be older", row.last_is_older);
        let alone =
            row.listed && !conversation.brought_back_by_message() && !row.pinned && row.draft.is_none();
        self.note("listed by a report alone", alone && conversation.opened().is_none());
        self.note("moved by a report", conversation.reported_activity() == Some(row.activity));
        let removed = |m: &Named<Stamp>| m.removed.as_ref().is_some_and(since);
        self.note("removed since the report", held.named.iter().any(removed));
        let unknown = held.named.iter().any(|m| m.first.is_none() && removed(m));
        self.note("an unknown message removed since the report", unknown);
        self.note("a read waits since the report", held.waiting_reads.iter().any(since));
        self.note("a mark waits since the report", held.waiting_marks.iter().any(since));
        self.note("the marker went back by a report", {
            let greatest = held.reads.iter().map(|(_, to)| *to).max().unwrap_or(-1);
            report.read.is_some() && conversation.read_marker() < greatest && held.marks.is_empty()
        });
    }

    fn lists(&mut self, shown: &Shown) {
        let rows: Vec<&Row> = shown.list.iter().map(|id| &shown.rows[id]).collect();
        self.note("equal order keys", rows.windows(2).any(|pair| pair[0].order_key == pair[1].order_key));
        let silent = |row: &&Row| row.receive_option != ReceiveOption::Receive && row.unread_count > 0;
        self.note("unread but not notifying", rows.iter().any(silent));
        self.note("two live folders of one name", shown.folders.windows(2).any(|two| two[0].1 == two[1].1));
        self.note("quiet hours", shown.quiet_hours.is_some());
    }
}

fn dropped(fact: &Fact) -> &'static str {
    match fact {
        Fact::MessageReceived(_) => "received from neither party",
        Fact::MessageImported { .. } => "imported by another, or from neither party",
        Fact::PeerRead { .. } => "peer_read by another than the peer",
        _ => "a personal fact by another",
    }
}

fn waits(fact: &Fact) -> &'static str {
    match fact {
        Fact::MessageModified { .. } => "an edit waited",
        Fact::MessageRecalled { .. } => "a recall waited",
        Fact::MessageReadBy { .. } => "a receipt waited",
        Fact::PeerRead { .. } => "a peer read waited",
        Fact::Read { .. } => "a read waited",
        Fact::UnreadReported(_) => "a report's read waited",
        Fact::MarkedUnreadFrom { .. } => "a mark waited",
        Fact::MessageSent { .. } => "an acknowledgement waited",
        Fact::MessageFailed { .. } => "a failure waited",
        Fact::MessagesDeleted { .. } => "a deletion of a message waited",
        Fact::ReactionSet { .. } => "a reaction waited",
        Fact::MessagePinned { .. } => "a pin of a message waited",
        Fact::MessagesRead { .. } => "a read by name waited",
        Fact::HistoryCleared { .. } | Fact::Deleted { .. } => "a clearing by name waited",
        _ => "an extension waited",
    }
}

/// Every case that must occur, over all histories of a run.
pub const EVERY_CASE: &[&str] = &[
    // types
    "conversation_opened",
    "message_received",
    "message_modified",
    "message_recalled",
    "message_read_by",
    "peer_read",
    "reaction_set",
    "extension_set",
    "extensions_cleared",
    "message_pinned",
    "message_queued",
    "message_sent",
    "message_failed",
    "message_imported",
    "messages_deleted",
    "history_cleared",
    "conversation_read",
    "marked_unread_from",
    "conversation_pinned",
    "draft_set",
    "mark_set",
    "custom_data_set",
    "receive_option_set",
    "folder_member_set",
    "conversation_deleted",
    "profile_changed",
    "folder_created",
    "folder_renamed",
    "folder_deleted",
    "quiet_hours_set",
    "conversation_archived",
    "membership_set",
    "unread_reported",
    "history_complete",
    "history_window",
    // stamps
    "same instant, same type, same conversation",
    "two events under one id",
    "two events of one type under one stamp",
    "a draft under a deletion's stamp",
    "a pin under a deletion's stamp",
    "an opening under a deletion's stamp",
    "an archiving under a deletion's stamp",
    "a read under a mark's stamp",
    "a queueing under a failure's stamp",
    "a queueing under a deletion's stamp",
    "a folder created and deleted under one stamp",
    // arrivals
    "introduced again",
    "waits for ever",
    "an edit waited",
    "a recall waited",
    "a receipt waited",
    "a peer read waited",
    "a read waited",
    "a report's read waited",
    "a mark waited",
    "an acknowledgement waited",
    "a failure waited",
    "a deletion of a message waited",
    "a reaction waited",
    "a pin of a message waited",
    "a read by name waited",
    "a clearing by name waited",
    "an extension waited",
    "received from neither party",
    "imported by another, or from neither party",
    "peer_read by another than the peer",
    "a personal fact by another",
    // messages
    "queued, then acknowledged",
    "queued, then echoed",
    "queued, acknowledged and echoed",
    "imported and received",
    "imported and queued",
    "imported and acknowledged",
    "failed",
    "failed, then tried again",
    "targeted at the owner",
    "targeted by the owner",
    "hidden by its recipients",
    "recalled after an edit",
    "an older edit of a greater version",
    "a mention excluded from unread",
    "equal first field and rank",
    // by name
    "read by name beyond the marker",
    "read by name, then no longer",
    "an edit brought a mention",
    "an edit took a mention",
    "an edit changed a mention",
    "cleared by name alone",
    "deleted by name alone",
    "deleted by name, and kept",
    "queued or imported, cleared by name",
    // reading
    "a front of reads longer than one",
    "a front of reads longer than two",
    "a front of marks longer than one",
    "a mark set the marker back",
    "a later read moved on from a mark",
    "a mark outlived an earlier read",
    "a mark stands and a later read moved on",
    "a mark at the beginning",
    "an own message is the read marker",
    "counted unread",
    "a peer has read",
    // deletions
    "cleared",
    "deleted and not listed",
    "deleted, then back by a message",
    "deleted, then back by a draft",
    "deleted, then back by a pin",
    "deleted, then back by an opening",
    "a pin taken by a deletion",
    "kept by a deletion that keeps messages",
    "queued or imported at the edge, covered",
    "queued or imported at the edge, not covered",
    "the farthest deletion is not the latest",
    // attributes
    "nothing counts in a live room",
    "nothing counts in a meeting",
    "a meeting counts",
    "more than one draft kept",
    "the last message is recalled",
    "no last message, yet listed",
    "the newest is deleted, one before is last",
    "mentions me",
    "mentions all",
    "mentions both",
    "in two folders of one name",
    "a message pinned",
    "a reaction on",
    "an extension shown",
    "read by somebody",
    "online only",
    "a conversation with oneself",
    "a direct chat with a name",
    "a group with a name",
    "marked",
    "equal order keys",
    "unread but not notifying",
    "two live folders of one name",
    "quiet hours",
    // archive, membership, options that end
    "archived",
    "archived, and stays",
    "an archiving taken by a deletion",
    "taken out of the archive by a message",
    "archived, and a later draft or opening",
    "a member no more",
    "dissolved",
    "an option that ends",
    // what a server reported
    "a report",
    "a report whose read is unknown",
    "a report's number is a lower bound",
    "an exact number over a gap",
    "the mentions are a lower bound",
    "a listed mention shows",
    "a gap",
    "the last message may be older",
    "listed by a report alone",
    "moved by a report",
    "removed since the report",
    "an unknown message removed since the report",
    "a read waits since the report",
    "a mark waits since the report",
    "the marker went back by a report",
];
