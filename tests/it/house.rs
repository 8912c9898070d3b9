//! The house keeps its order: arrows between modules point one way, and the map names every module.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library by level: each may use those of lower levels only.
const LEVELS: [&[&str]; 6] =
    [&["model"], &["register"], &["store"], &["inbox"], &["decide", "follow", "ask", "log"], &["testing"]];

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&module))
}

fn root() -> PathBuf {
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

/// The top-level module that a file belongs to.
fn module(path: &Path) -> String {
    let inner = path.strip_prefix(root().join("src")).unwrap();
    let first = inner.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that `crate::` paths of a source name, comments and docs apart.
fn used(source: &str) -> BTreeSet<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut used = BTreeSet::new();
    for line in code {
        for part in line.split("crate::").skip(1) {
            let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            used.insert(name);
        }
    }
    used
}

#[test]
fn arrows_point_one_way() {
    for path in sources(&root().join("src")) {
        let own = module(&path);
        if own == "lib" {
            continue;
        }
        let from = level(&own).unwrap_or_else(|| panic!("{own} has no level: say where it belongs"));
        for name in used(&fs::read_to_string(&path).unwrap()) {
            let Some(to) = level(&name) else {
                // In a macro or a path of the root's own re-exports: the root is above everything.
                assert!(name.is_empty(), "{} names crate::{name} at the root", path.display());
                continue;
            };
            assert!(name == own || to < from, "{} uses {name}, which is not below {own}", path.display());
        }
    }
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
