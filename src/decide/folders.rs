//! Folders (R54, R71).

use std::collections::BTreeSet;

use crate::decide::desk::{Desk, Verdict, after, at_most};
use crate::decide::rejection::Rejection;
use crate::inbox::FolderRegisters;
use crate::model::event::{AccountFact, Fact};
use crate::model::id::{ConversationId, FolderId};

/// The registers of a folder that is there.
fn live<'a>(desk: &Desk<'a>, folder: FolderId) -> Result<FolderRegisters<'a>, Rejection> {
    let registers = desk.inbox.folder_registers(folder).filter(|registers| registers.name().is_some());
    registers.ok_or(Rejection::UnknownFolder { folder })
}

/// Whether a folder may be called `name`.
fn check_name(desk: &Desk<'_>, own: FolderId, name: &str) -> Verdict {
    let limit = desk.context.limits.folder_name_bytes;
    if name.is_empty() || name.len() > limit {
        return Err(Rejection::FolderNameLength { len_bytes: name.len(), limit });
    }
    match desk.inbox.folders().into_iter().find(|folder| folder.id != own && folder.name == name) {
        Some(folder) => Err(Rejection::FolderNameTaken { name: folder.name, folder: folder.id }),
        None => Ok(()),
    }
}

pub(crate) fn create<'a>(desk: &mut Desk<'a>, name: &str, ids: &'a [ConversationId]) -> Verdict {
    let folder = desk.folder_id();
    let ids = desk.request(ids)?;
    check_members(desk, &ids)?;
    let old = desk.inbox.folder_registers(folder);
    if old.is_none_or(|old| old.name().is_none()) {
        check_name(desk, folder, name)?;
        let others = desk.inbox.folders().iter().filter(|live| live.id != folder).count();
        let refuse = |found, limit| Rejection::TooManyFolders { found, limit };
        at_most(desk.context.limits.folders, others + 1, refuse)?;
        let least = after([old.and_then(|old| old.alive_at()), old.and_then(|old| old.name_at())]);
        desk.put_account(least, AccountFact::FolderCreated { folder, name: name.to_owned() })?;
    }
    put_in(desk, folder, &ids);
    Ok(())
}

pub(crate) fn rename(desk: &mut Desk<'_>, folder: FolderId, name: &str) -> Verdict {
    let registers = live(desk, folder)?;
    if registers.name() == Some(name) {
        return Ok(());
    }
    check_name(desk, folder, name)?;
    let fact = AccountFact::FolderRenamed { folder, name: name.to_owned() };
    desk.put_account(after([registers.name_at()]), fact)
}

pub(crate) fn delete(desk: &mut Desk<'_>, folder: FolderId) -> Verdict {
    let registers = desk.inbox.folder_registers(folder).filter(|registers| registers.was_created());
    let Some(registers) = registers else { return Err(Rejection::UnknownFolder { folder }) };
    if registers.name().is_none() {
        return Ok(());
    }
    desk.put_account(after([registers.alive_at()]), AccountFact::FolderDeleted { folder })
}

pub(crate) fn add<'a>(desk: &mut Desk<'a>, folder: FolderId, ids: &'a [ConversationId]) -> Verdict {
    live(desk, folder)?;
    let ids = desk.request(ids)?;
    check_members(desk, &ids)?;
    put_in(desk, folder, &ids);
    Ok(())
}

pub(crate) fn remove<'a>(desk: &mut Desk<'a>, folder: FolderId, ids: &'a [ConversationId]) -> Verdict {
    let registers = live(desk, folder)?;
    let ids = desk.request(ids)?;
    desk.each_known(&ids, |desk, id| take_out(desk, folder, registers, id));
    Ok(())
}

fn check_members(desk: &Desk<'_>, ids: &[&ConversationId]) -> Verdict {
    let refuse = |found, limit| Rejection::TooManyMembers { found, limit };
    at_most(desk.context.limits.folder_members, ids.len(), refuse)
}

/// Puts conversations into a folder, and takes those added first out where it would hold too many. What the
/// request names is never taken out, so that its outcome holds.
fn put_in(desk: &mut Desk<'_>, folder: FolderId, ids: &[&ConversationId]) {
    let registers = desk.inbox.folder_registers(folder);
    let member = |id: &ConversationId| registers.map_or((false, None), |registers| registers.member(id));
    let mut coming = Vec::new();
    desk.each_known(ids, |_, id| {
        if !member(id).0 {
            coming.push(id.clone());
        }
        Ok(())
    });
    let members =
        registers.filter(|_| !coming.is_empty()).map_or_else(Vec::new, |registers| registers.members());
    let over = (members.len() + coming.len()).saturating_sub(desk.context.limits.folder_members);
    let named: BTreeSet<_> = ids.iter().copied().collect();
    let first = members.iter().map(|(_, id)| id).filter(|id| !named.contains(id)).take(over);
    let first: Vec<&ConversationId> = first.collect();
    // All at one instant, after whatever was said of any of them: what goes makes room for what comes. Only what a clock far
    // ahead said is overtaken alone, so that nothing else is dated by it.
    let coming: Vec<&ConversationId> = coming.iter().collect();
    let alone = |id: &ConversationId| after([member(id).1]);
    let latest = desk.context.latest_ms();
    let others = coming.iter().chain(&first).map(|id| alone(id)).filter(|least| *least <= latest);
    let together = others.max().unwrap_or(0);
    for (ids, on) in [(&coming, true), (&first, false)] {
        desk.each(ids, |desk, id| {
            desk.put(alone(id).max(together), id, Fact::FolderMemberSet { folder, on })
        });
    }
}

fn take_out(
    desk: &mut Desk<'_>,
    folder: FolderId,
    registers: FolderRegisters<'_>,
    id: &ConversationId,
) -> Verdict {
    let (is_in, since) = registers.member(id);
    if !is_in {
        return Ok(());
    }
    desk.put(after([since]), id, Fact::FolderMemberSet { folder, on: false })
}
