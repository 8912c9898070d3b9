//! docs/LOG.md describes every type and every key of the text log, with examples that decode.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use chatfold::jsonl::{self, LoggedEvent};

use crate::house::sources;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/LOG.md")).unwrap()
}

/// The lines of the page's blocks of examples, each with the heading that it stands under.
fn examples(page: &str) -> Vec<(String, String)> {
    let (mut heading, mut inside, mut found) = (String::new(), false, Vec::new());
    for line in page.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            inside = fence == "jsonl";
        } else if inside {
            found.push((heading.clone(), line.to_owned()));
        } else if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().trim_matches('`').to_owned();
        }
    }
    found
}

/// The string literals that follow `before` on a line of the sources of the text log and the events.
fn literals(before: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in sources(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.contains("fn type_name") && !path.ends_with("jsonl/key.rs") {
            continue;
        }
        for line in text.lines() {
            if let Some((_, rest)) = line.split_once(before) {
                found.extend(rest.split('"').next().map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn every_example_decodes_and_is_written_as_it_stands() {
    let page = page();
    let mut events = 0;
    let log: String = examples(&page).into_iter().map(|(_, line)| line + "\n").collect();
    for (record, (heading, line)) in
        jsonl::Reader::new(log.as_bytes()).unwrap().zip(examples(&page).into_iter().skip(1))
    {
        let record = record.unwrap_or_else(|fault| panic!("under {heading}: {fault}"));
        let LoggedEvent::Known(event) = record.event else { panic!("under {heading}: not known: {line}") };
        assert_eq!(jsonl::encode_event(&event), line, "under {heading}");
        assert!(
            heading == event.type_name() || heading == "The envelope",
            "{heading} shows {}",
            event.type_name()
        );
        events += 1;
    }
    assert_eq!(events + 1, examples(&page).len(), "an example was not read");
}

#[test]
fn every_type_has_an_example() {
    let shown: BTreeSet<String> = examples(&page()).into_iter().map(|(heading, _)| heading).collect();
    let types = literals(" } => \"");
    assert!(types.len() > 20, "the names of the types were not found: {types:?}");
    for name in types.union(&literals("(_) => \"")) {
        assert!(shown.contains(name), "{name} has no example");
    }
}

#[test]
fn every_key_is_described() {
    let page = page();
    let keys = literals(" = \"");
    assert!(keys.len() > 50, "the keys were not found: {keys:?}");
    for key in keys {
        // The name that version 0 had for `by`.
        let old = key == "actor";
        assert!(
            old || page.contains(&format!("`{key}`")) || page.contains(&format!("\"{key}\"")),
            "{key} is not described"
        );
    }
}
