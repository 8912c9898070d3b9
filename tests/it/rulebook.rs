//! docs/RULES.md holds every rule that the repository cites, and the tests that it names exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::house::sources;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust source of the repository that may cite a rule or prove one.
fn code() -> Vec<(PathBuf, String)> {
    ["src", "tests", "benches", "examples", "crates"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// Every page for people: those of the root, and those in docs/.
fn pages() -> Vec<(PathBuf, String)> {
    [root(), root().join("docs")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// The numbers of two or three digits that follow `letter` where a word begins, such as 42 in `R42` or `r42_never`.
fn numbers(text: &str, letter: char) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if c == letter && !before.is_alphanumeric() {
            let rest = &text[at + 1..];
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let ends = !rest[digits..].starts_with(char::is_alphabetic);
            if (2..=3).contains(&digits) && ends {
                found.insert(rest[..digits].parse().unwrap());
            }
        }
        before = c;
    }
    found
}

/// The names of the test functions of a source: those of an attribute `#[test]`, or within `proptest!`.
fn test_names(source: &str) -> BTreeSet<String> {
    source
        .lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let name = line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn "))?;
            Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        })
        .collect()
}

/// What an entry names in place of tests if it says that its rule is not built.
const NOT_YET: &str = "not yet";

/// The entries of the page: the number of each rule, and the tests that its entry names.
fn entries(page: &str) -> BTreeMap<u32, Vec<String>> {
    let mut entries: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut rule = None;
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("**R") {
            let number =
                rest.split("**").next().unwrap().parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(entries.insert(number, Vec::new()).is_none(), "R{number:02} has two entries");
            rule = Some(number);
        } else if line.starts_with("Not yet: ") {
            entries
                .get_mut(&rule.unwrap_or_else(|| panic!("no rule: {line}")))
                .unwrap()
                .push(NOT_YET.to_owned());
        } else if let Some(named) = line.strip_prefix("Tests: ") {
            let number = rule.unwrap_or_else(|| panic!("tests of no rule: {line}"));
            entries.get_mut(&number).unwrap().extend(named.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    entries
}

fn page() -> String {
    fs::read_to_string(root().join("docs/RULES.md")).unwrap()
}

#[test]
fn every_rule_that_is_cited_has_an_entry() {
    let entries: BTreeSet<u32> = entries(&page()).into_keys().collect();
    for (path, text) in code().into_iter().chain(pages()) {
        for number in numbers(&text, 'R') {
            assert!(entries.contains(&number), "{} cites R{number:02}, which has no entry", path.display());
        }
    }
}

#[test]
fn every_entry_names_tests_that_are_there() {
    let mut tests: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (path, text) in code() {
        tests.extend(test_names(&text).into_iter().map(|name| (name, path.clone())));
    }
    for (number, named) in entries(&page()) {
        assert!(!named.is_empty(), "R{number:02} names no test");
        for name in named.into_iter().filter(|name| name != NOT_YET) {
            assert!(tests.contains_key(&name), "R{number:02} names {name}, which is no test");
            assert!(names_rule(&name, number), "{name} does not bear the number of R{number:02}");
        }
    }
}

#[test]
fn every_number_in_a_tests_name_has_an_entry() {
    let entries = entries(&page());
    for (path, text) in code() {
        for name in test_names(&text) {
            for number in rules_of(&name) {
                assert!(
                    entries.contains_key(&number),
                    "{name} in {} proves no rule of the page",
                    path.display()
                );
            }
        }
    }
}

/// The numbers of the rules that the name of a test begins with: 2 and 3 in `r02_r03_any_order`.
fn rules_of(name: &str) -> Vec<u32> {
    name.split('_')
        .map_while(|word| {
            let digits = word.strip_prefix('r')?;
            ((2..=3).contains(&digits.len())).then(|| digits.parse().ok()).flatten()
        })
        .collect()
}

/// Whether the name of a test contains the rule's number as a word.
fn names_rule(name: &str, number: u32) -> bool {
    name.split('_').any(|word| word == format!("r{number:02}"))
}

#[test]
fn numbers_are_found_where_words_begin() {
    assert_eq!(
        numbers("R02–R04, (R99) and R96; not RUSTSEC-2026-R1, XR12, R1234 or R12a", 'R'),
        [2, 4, 96, 99].into()
    );
    assert_eq!(rules_of("r51_r52_pages_r53"), [51, 52]);
    assert!(names_rule("r51_r52_pages_r53", 53) && !names_rule("r051_pages", 51));
    let planted = entries("**R07** Text.\nTests: `r07_a`, `r07_b`.\n\n**R08** Text.\nTests: `r08_c`.\n");
    assert_eq!(planted[&7], ["r07_a", "r07_b"]);
    assert_eq!(planted[&8], ["r08_c"]);
}

#[test]
fn the_page_lists_rules_in_order() {
    let numbers: Vec<String> = page()
        .lines()
        .filter_map(|line| line.strip_prefix("**R")?.split("**").next().map(str::to_owned))
        .collect();
    let parsed: Vec<u32> = numbers.iter().map(|number| number.parse().unwrap()).collect();
    assert!(parsed.windows(2).all(|pair| pair[0] < pair[1]), "{parsed:?}");
}

/// A reader of the repository has nothing beside it.
#[test]
fn no_page_points_outside_the_repository() {
    for (path, text) in pages() {
        assert!(!text.contains("shared/spec"), "{} points at what its reader does not have", path.display());
    }
}
