//! The house keeps its order: the map names every folder, files stay small.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file under a folder.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn the_map_names_every_folder_and_no_ghost() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(map.lines().count() <= 300, "the map is to be read in one sitting");
    let named: BTreeSet<&str> = map.split('`').filter(|word| word.starts_with("src/")).collect();
    let ghosts: Vec<_> = named.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(ghosts.is_empty(), "the map names what is not there: {ghosts:?}");
    let folders: BTreeSet<String> = sources(&root().join("src"))
        .iter()
        .filter_map(|path| {
            path.parent()?.strip_prefix(root()).ok()?.to_str().map(|folder| format!("{folder}/"))
        })
        .filter(|folder| folder != "src/")
        .collect();
    let missing: Vec<_> = folders.iter().filter(|folder| !named.contains(folder.as_str())).collect();
    assert!(missing.is_empty(), "the map does not name {missing:?}");
}

#[test]
fn files_stay_small_enough_to_be_read() {
    for folder in ["src", "tests", "benches", "crates"] {
        for path in sources(&root().join(folder)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 620, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn the_main_types_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<chatfold::Event>();
    crosses::<chatfold::Inbox>();
    crosses::<chatfold::Replay>();
    crosses::<chatfold::ChangeSet>();
    crosses::<chatfold::ConversationView<'_>>();
    crosses::<chatfold::MessageView<'_>>();
    crosses::<chatfold::Explanation>();
    crosses::<chatfold::ListView>();
    crosses::<chatfold::LiveInbox>();
    crosses::<chatfold::History>();
}
