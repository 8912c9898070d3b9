//! Folders: created, renamed, deleted, filled and emptied (R54, R71).

use chatfold::command::{Rejection, Role};
use chatfold::list::Folder;
use chatfold::{Command, ConversationId, FolderId};

use super::kit::{alice, by, conversation, in_alices, received};

fn create(name: &str, ids: &[&str]) -> Command {
    Command::CreateFolder {
        name: name.to_owned(),
        conversations: ids.iter().map(|id| conversation(id)).collect(),
    }
}

fn only(folders: Vec<Folder>) -> FolderId {
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].id
}

fn with(folder: FolderId, ids: &[&str], on: bool) -> Command {
    let conversations: Vec<ConversationId> = ids.iter().map(|id| conversation(id)).collect();
    if on {
        Command::AddToFolder { folder, conversations }
    } else {
        Command::RemoveFromFolder { folder, conversations }
    }
}

#[test]
fn a_folders_life_with_a_slow_clock() {
    let slow = by("alice", Role::Member, -7_200_000);
    let base = in_alices([received(1, "bob", "group_dev"), received(2, "bob", "c2c_bob")]);
    let made = base.when(&create("work", &["group_dev"]), &alice()).then_events(2).and_again_nothing();
    let folder = only(made.inbox().folders());
    assert_eq!(folder.uuid().get_version_num(), 7);
    let rename = Command::RenameFolder { folder, name: "play".to_owned() };
    let renamed = made.when(&rename, &slow).then_events(1).and_again_nothing();
    assert_eq!(renamed.inbox().folders()[0].name, "play");
    let filled = renamed.when(&with(folder, &["c2c_bob", "group_dev"], true), &slow).then_events(1);
    let emptied = filled.and_again_nothing();
    let emptied = emptied.when(&with(folder, &["c2c_bob", "group_dev"], false), &slow).then_events(2);
    let emptied = emptied.and_again_nothing();
    let delete = Command::DeleteFolder { folder };
    let deleted = emptied.when(&delete, &slow).then_events(1).and_again_nothing();
    let gone = Rejection::UnknownFolder { folder };
    assert_eq!(gone.code(), Some(51009));
    let deleted = deleted.when(&rename, &alice()).then(gone.clone());
    let deleted = deleted.when(&with(folder, &["c2c_bob"], true), &alice()).then(gone.clone());
    deleted.when(&with(folder, &["c2c_bob"], false), &alice()).then(gone);
}

#[test]
fn r71_names_are_unique_among_live_folders() {
    let other = |seed| {
        let context = alice();
        chatfold::Context::new(context.actor, context.role, context.time, [seed; 16])
    };
    let made = in_alices([]).when(&create("work", &[]), &other(1)).then_events(1);
    let folder = only(made.inbox().folders());
    let taken = Rejection::FolderNameTaken { name: "work".to_owned(), folder };
    let two = made.when(&create("work", &[]), &other(2)).then(taken.clone());
    let two = two.when(&create("play", &[]), &other(3)).then_events(1);
    let play = two.inbox().folders().into_iter().find(|folder| folder.name == "play").unwrap().id;
    let rename = Command::RenameFolder { folder: play, name: "work".to_owned() };
    let two = two.when(&rename, &alice()).then(taken);
    let free = two.when(&Command::DeleteFolder { folder }, &alice()).then_events(1);
    free.when(&rename, &alice()).then_events(1).and_again_nothing();
}

#[test]
fn a_folder_that_never_was_is_unknown_and_so_is_a_conversation() {
    let folder = FolderId::from_bytes([9; 16]);
    let delete = Command::DeleteFolder { folder };
    in_alices([]).when(&delete, &alice()).then(Rejection::UnknownFolder { folder });
    let when =
        in_alices([received(1, "bob", "group_dev")]).when(&create("a", &["group_dev", "c2c_no"]), &alice());
    let decision = when.decision().clone().unwrap();
    assert_eq!((decision.events.len(), decision.refused.len()), (2, 1));
    when.then_events(2).and_again_nothing();
}
