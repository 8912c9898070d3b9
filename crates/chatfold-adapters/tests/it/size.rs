//! Adapters are small: what does not fit belongs to what they share.

use std::fs;
use std::path::Path;

/// The lines of code of a file, without comments and empty ones.
fn lines_of_code(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn no_adapter_has_more_than_800_lines_of_code() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for system in ["matrix", "slack", "telegram", "xmpp"] {
        let rooms = fs::read_dir(src.join(system)).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = rooms.chain([src.join(format!("{system}.rs"))]).collect();
        let lines: usize = files.iter().map(|path| lines_of_code(path)).sum();
        assert!(files.len() > 3 && (400..=800).contains(&lines), "{system}: {lines} lines in {files:?}");
    }
}
