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
    assert!(map.lines().count() <= 250, "the map is to be read in one sitting");
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
fn the_map_explains_forty_words_at_most() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let words = map.split("\n## Words\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let entries: Vec<&str> = words.split("**").skip(1).step_by(2).collect();
    assert!((20..=40).contains(&entries.len()), "{} words", entries.len());
    assert!(entries.is_sorted_by_key(|entry| entry.to_lowercase()), "in order of the alphabet: {entries:?}");
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

/// The names that `pub use` lines of a file bring, each with what stands before it.
fn shown(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join(" ");
    let uses = code.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let names = uses.flat_map(|tree| {
        let last = tree.rsplit("::").next().unwrap_or(tree);
        last.trim_matches(['{', '}', ' ']).split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>()
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_root_shows_what_every_program_needs_and_no_more() {
    let front = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let is_module = |name: &String| name.starts_with(|c: char| c.is_lowercase()) && name != "decide";
    let (modules, mut names): (Vec<_>, Vec<_>) = shown(&front).into_iter().partition(is_module);
    names.sort();
    let expected = "ChangeSet Command Context ConversationId ConversationView Decision Envelope Event EventId Filter \
                    FolderId GroupId Inbox Message MessageId MessageView Policy Replay Timestamp UserId decide";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    let mut public = BTreeSet::new();
    for page in sources(&root().join("src/api")) {
        let name = page.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&page).unwrap();
        assert!(modules.contains(&name), "the root does not show {name}");
        assert!(text.contains("You need this module"), "{name} does not say when one needs it");
        assert!(text.contains("//! ```"), "{name} has no example");
        for item in shown(&text) {
            assert!(!names.contains(&item), "{item} has two paths");
            assert!(public.insert(item.clone()), "{item} stands in two modules");
        }
    }
    assert!(public.len() > 80, "the pages are read: {public:?}");
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
    crosses::<chatfold::explain::Explanation>();
    crosses::<chatfold::live::ListView>();
    crosses::<chatfold::live::LiveInbox>();
    crosses::<chatfold::time_travel::History>();
}
