//! Lists, pages, filters and explanations on random histories.

use chatfold::event::{Mark, Membership, ReceiveOption};
use chatfold::id::ConversationKind;
use chatfold::list::{ArchiveFilter, FolderFilter, MarkFilter, MembershipFilter, Totals};
use chatfold::view::Direction;
use chatfold::{ConversationView, Filter, Inbox, MessageId};

use crate::harness::{MANY, MIX, cases, ensure, hold, replay};
use crate::histories::{Rng, folder_id};
use crate::model::shown::Line;
use crate::shown::{history as whole_history, line};

/// A filter drawn at random, each part often left open.
pub fn any_filter(rng: &mut Rng) -> Filter {
    let kinds = [None, None, Some(ConversationKind::Direct), Some(ConversationKind::Group)];
    let folder = match rng.below(6) {
        0 => FolderFilter::InNone,
        n @ 1..=3 => FolderFilter::In(folder_id(n - 1)),
        _ => FolderFilter::Any,
    };
    let mark = match rng.below(5) {
        0 => MarkFilter::Unmarked,
        1 => MarkFilter::With(Mark::STAR),
        2 => MarkFilter::With(Mark::UNREAD),
        _ => MarkFilter::Any,
    };
    let (has_unread, has_mention) = (rng.percent(25), rng.percent(20));
    let archived =
        *rng.pick(&[ArchiveFilter::Any, ArchiveFilter::Any, ArchiveFilter::LeaveOut, ArchiveFilter::Only]);
    let membership = match rng.below(8) {
        0 => MembershipFilter::Unknown,
        1 => MembershipFilter::Is(Membership::Joined),
        2 => MembershipFilter::Is(Membership::Removed),
        _ => MembershipFilter::Any,
    };
    let without_marks = *rng.pick(&[0, 0, 0, 1, 8, 2 | 4 | 1 << 63]);
    let unread_or_marked = rng.percent(15);
    Filter::default()
        .with_kind(*rng.pick(&kinds))
        .with_folder(folder)
        .with_mark(mark)
        .with_has_unread(has_unread)
        .with_has_mention(has_mention)
        .with_unread_or_marked(unread_or_marked)
        .without_marks(without_marks)
        .with_archived(archived)
        .with_membership(membership)
}

/// R52, by definition.
pub fn passes(filter: &Filter, view: &ConversationView<'_>) -> bool {
    filter.kind.is_none_or(|kind| view.kind() == kind)
        && match filter.folder {
            FolderFilter::Any => true,
            FolderFilter::InNone => view.folders().is_empty(),
            FolderFilter::In(id) => view.folders().iter().any(|folder| folder.id == id),
        }
        && match filter.mark {
            MarkFilter::Any => true,
            MarkFilter::Unmarked => view.marks().is_empty(),
            MarkFilter::With(mark) => view.marks().contains(&mark),
        }
        && (!filter.has_unread || view.unread_count() > 0)
        && (!filter.has_mention || view.mention_count() > 0 || !view.mentions().is_empty())
        && (!filter.unread_or_marked || view.unread_count() > 0 || view.marks().contains(&Mark::UNREAD))
        && view.marks().iter().all(|mark| filter.without_marks & mark.bits() == 0)
        && match filter.archived {
            ArchiveFilter::Any => true,
            ArchiveFilter::LeaveOut => !view.is_archived(),
            ArchiveFilter::Only => view.is_archived(),
        }
        && match filter.membership {
            MembershipFilter::Any => true,
            MembershipFilter::Unknown => view.membership().is_none(),
            MembershipFilter::Is(state) => view.membership() == Some(state),
        }
}

/// R53 and R55 by the default rule, by definition.
pub fn totals<'a>(rows: impl IntoIterator<Item = ConversationView<'a>>) -> Totals {
    let mut totals = Totals::default();
    for row in rows {
        let (unread, bounded) = (row.unread_count(), row.unread_is_lower_bound());
        let notifies = row.receive_option() == ReceiveOption::Receive;
        totals.unread_all += unread;
        totals.unread += if notifies { unread } else { 0 };
        totals.unread_all_is_lower_bound |= bounded;
        totals.unread_is_lower_bound |= bounded && notifies;
        let put_away = row.is_archived() || row.marks().contains(&Mark::HIDE);
        let gives = match row.receive_option() {
            ReceiveOption::NotReceive | ReceiveOption::ReceiveNotNotify => continue,
            ReceiveOption::Receive => unread,
            _ => row.mention_count(),
        };
        let bounded = if notifies { bounded } else { row.mention_is_lower_bound() };
        totals.badge_is_lower_bound |= bounded && !put_away;
        let gives = if gives == 0 && row.marks().contains(&Mark::UNREAD) { 1 } else { gives };
        totals.badge += if put_away { 0 } else { gives };
    }
    totals
}

#[test]
fn r51_r52_r53_pages_and_filters_are_the_list_by_definition() {
    hold("R51, R52", MIX, cases(500), &|history| {
        let inbox = replay(history, &history.events);
        let mut rng = Rng::new(history.seed ^ 0xf117);
        for size in [1, 2, 3, 100] {
            let filter = any_filter(&mut rng);
            ensure(inbox.listed() == inbox.conversations().count(), || "more or fewer are listed".into())?;
            let latest = inbox.conversations().map(|row| row.activity()).max();
            ensure(inbox.latest_activity() == latest, || "another was active last".into())?;
            let expected: Vec<_> = inbox.conversations().filter(|view| passes(&filter, view)).collect();
            let ids: Vec<_> = expected.iter().map(|view| view.id()).collect();
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let page = inbox.page(&filter, after.as_ref(), size);
                ensure(page.conversations.len() <= size, || "a page too long".to_owned())?;
                found.extend(page.conversations.iter().map(|view| view.id()));
                match page.next {
                    Some(next) if found.len() <= ids.len() => after = Some(next),
                    _ => break,
                }
            }
            ensure(ids == found, || format!("{filter:?} by {size}: expected {ids:?}, found {found:?}"))?;
            let totals = totals(expected.iter().copied());
            let told = inbox.totals_of(&filter);
            ensure(told == totals, || format!("{filter:?}: totals {totals:?}, told {told:?}"))?;
        }
        Ok(())
    });
}

fn newest_first(view: ConversationView<'_>, size: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut from = None;
    loop {
        let page = view.messages(Direction::NewestFirst, from.as_ref(), size);
        lines.extend(page.messages.into_iter().map(line));
        match page.next {
            Some(next) => from = Some(next),
            None => return lines,
        }
    }
}

/// Every way to a message leads to the same line.
fn check_history(inbox: &Inbox, rng: &mut Rng) -> Result<(), String> {
    for view in inbox.known_conversations() {
        let id = view.id();
        let oldest_first = whole_history(view, 100);
        let ids: Vec<MessageId> = oldest_first.iter().map(|line| line.id).collect();
        let mut backwards = newest_first(view, 1 + rng.below(40));
        backwards.reverse();
        ensure(oldest_first == backwards, || format!("{id}: the two directions differ"))?;
        ensure(oldest_first == whole_history(view, 1 + rng.below(7)), || format!("{id}: pages differ"))?;
        let exact = !view.mention_is_lower_bound() && view.gaps().next().is_none();
        let counted = view.mention_count() == view.mentions().len() as u64;
        ensure(!exact || counted, || format!("{id}: mention_count"))?;
        for _ in 0..3.min(ids.len()) {
            let at = rng.below(ids.len());
            let (before, after) = (rng.below(4), rng.below(4));
            let around = view.messages_around(ids[at], before, after).ok_or("nothing around a message")?;
            let around: Vec<_> = around.iter().map(|message| message.id()).collect();
            let expected = &ids[at.saturating_sub(before)..(at + after + 1).min(ids.len())];
            ensure(around == expected, || format!("{id}: around {:?}: {around:?}", ids[at]))?;
            let alone = view.message(ids[at]).map(line);
            ensure(alone.as_ref() == oldest_first.get(at), || format!("{id}: {:?} alone differs", ids[at]))?;
        }
        let mut mention = None;
        for expected in view.mentions().into_iter().filter_map(|mention| mention.message) {
            let next = view.next_mention(mention).map(|message| message.id());
            ensure(next == Some(expected), || format!("{id}: after mention {mention:?}: {next:?}"))?;
            mention = next;
        }
        let beyond = view.next_mention(mention).filter(|_| mention.is_some());
        ensure(beyond.is_none(), || format!("{id}: a mention beyond the last"))?;
    }
    Ok(())
}

#[test]
fn every_way_to_a_message_leads_to_the_same_line() {
    hold("paging", MIX, cases(250), &|history| {
        check_history(&replay(history, &history.events), &mut Rng::new(history.seed))
    });
    hold("paging", MANY, cases(5), &|history| {
        check_history(&replay(history, &history.events), &mut Rng::new(history.seed))
    });
}
