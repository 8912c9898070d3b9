//! The rooms of the house: which file uses which, read from every form of path, and that arrows point one way.
//!
//! Read are `use` in all its forms (`crate::{…}`, `super::`, `self::`, globs, renamed), paths in code and in macros, and
//! calls of methods: one that only a room above has is a use of that room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::house::{root, sources};
use crate::tokens::{TokenTree, tokens};

/// The rooms of the library by level: each may use those of lower levels only.
const LEVELS: [&[&str]; 8] = [
    &["model"],
    &["register"],
    &["store"],
    &["inbox"],
    &["decide", "follow", "ask", "foreign", "log"],
    &["shared"],
    &["testing", "api"],
    &["owned"],
];

/// The same for the rooms of the inbox.
const ROOMS: [&[&str]; 9] = [
    &["containers", "effects"],
    &["timeline"],
    &["conversation"],
    &["list"],
    &["state", "route", "registers"],
    &["faults", "views", "check"],
    &["apply", "snapshot"],
    &["merge"],
    &["replay"],
];

/// The types whose methods are written in several rooms.
const SHARED: [&str; 2] = ["Inbox", "Conversation"];

/// What one file says.
#[derive(Debug, Default)]
struct Source {
    /// The paths that it names, from the root of the crate.
    paths: BTreeSet<Vec<String>>,
    /// What it shows of other files, by the name under which it does, and of which files it shows everything.
    shown: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    items: BTreeSet<String>,
    /// The functions of its own, and which of them are methods of [`SHARED`] types.
    functions: BTreeSet<String>,
    methods: BTreeSet<String>,
    called: BTreeSet<String>,
}

/// The files of one crate by module path; that of the root is empty.
type Crate = BTreeMap<Vec<String>, Source>;

fn words(path: &str) -> Vec<String> {
    path.split("::").filter(|word| !word.is_empty() && *word != "crate").map(str::to_owned).collect()
}

/// Reads the files of a crate, given by module path and text.
fn read_all<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Crate {
    let files: Vec<_> = files.into_iter().map(|(module, text)| (words(module), text)).collect();
    let modules: BTreeSet<Vec<String>> = files.iter().map(|(module, _)| module.clone()).collect();
    let mut all = Crate::new();
    for (module, text) in files {
        let mut reader = Reader { module: &module, modules: &modules, inner: 0, source: Source::default() };
        reader.read(&tokens(text), true);
        let source = reader.source;
        all.insert(module, source);
    }
    all
}

struct Reader<'a> {
    module: &'a [String],
    modules: &'a BTreeSet<Vec<String>>,
    /// How many modules written into this file stand around what is read.
    inner: usize,
    source: Source,
}

fn is(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Sign(other)) if *other == sign)
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Word(word)) => Some(word.clone()),
        _ => None,
    }
}

/// What stands between these brackets.
fn group(token: Option<&TokenTree>, bracket: char) -> Option<&[TokenTree]> {
    match token {
        Some(TokenTree::Group(opening, inner)) if *opening == bracket => Some(inner),
        _ => None,
    }
}

impl Reader<'_> {
    /// The path from the root of the crate; `None` where it is of another crate or a name at hand.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let above = |count: usize, rest: &[String]| {
            let from = self.module.len().checked_sub(count.saturating_sub(self.inner))?;
            Some([self.module.get(..from)?, rest].concat())
        };
        let child =
            |name: &String| self.modules.contains(&[self.module, std::slice::from_ref(name)].concat());
        match path.split_first()? {
            (first, rest) if first == "crate" => Some(rest.to_vec()),
            (first, rest) if first == "self" => above(0, rest),
            (first, _) if first == "super" => {
                let count = path.iter().take_while(|word| *word == "super").count();
                above(count, path.get(count..)?)
            }
            (first, _) if child(first) => above(0, path),
            _ => None,
        }
    }

    fn read(&mut self, tokens: &[TokenTree], outside: bool) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += match token {
                TokenTree::Sign('#') => self.attribute(tokens, at),
                TokenTree::Sign('.') => {
                    let name = word(tokens.get(at + 1));
                    let called = group(tokens.get(at + 2), '(').is_some() || is(tokens.get(at + 2), ':');
                    self.source.called.extend(name.filter(|_| called));
                    1
                }
                TokenTree::Group(_, inner) => {
                    self.read(inner, false);
                    1
                }
                TokenTree::Word(text) => match text.as_str() {
                    "use" => self.imports(tokens, at),
                    "mod" => self.module(tokens, at),
                    "impl" if outside => {
                        self.methods(tokens, at);
                        1
                    }
                    "fn" => {
                        self.source.functions.extend(word(tokens.get(at + 1)));
                        if outside {
                            self.source.items.extend(word(tokens.get(at + 1)));
                        }
                        1
                    }
                    "struct" | "enum" | "trait" | "type" | "const" | "static" if outside => {
                        self.source.items.extend(word(tokens.get(at + 1)));
                        1
                    }
                    _ => self.path(tokens, at),
                },
                _ => 1,
            };
        }
    }

    /// Skips an attribute, and what it leaves to tests.
    fn attribute(&self, tokens: &[TokenTree], at: usize) -> usize {
        let Some(inner) = group(tokens.get(at + 1), '[') else { return 1 };
        if !is_for_tests(inner) {
            return 2;
        }
        let rest = tokens.get(at + 2..).unwrap_or_default();
        let end = rest.iter().position(|token| is(Some(token), ';') || group(Some(token), '{').is_some());
        2 + end.map_or(rest.len(), |end| end + 1)
    }

    /// Notes the methods of an `impl` of one of the [`SHARED`] types, of no trait.
    fn methods(&mut self, tokens: &[TokenTree], at: usize) {
        let rest = tokens.get(at + 1..).unwrap_or_default();
        let Some(end) = rest.iter().position(|token| group(Some(token), '{').is_some()) else {
            return;
        };
        let head: Vec<String> = rest.iter().take(end).filter_map(|token| word(Some(token))).collect();
        let body = group(rest.get(end), '{').unwrap_or_default();
        if head.first().is_some_and(|name| SHARED.contains(&name.as_str()))
            && !head.contains(&"for".to_owned())
        {
            let names = body.windows(2).filter(|pair| word(pair.first()).is_some_and(|word| word == "fn"));
            self.source.methods.extend(names.filter_map(|pair| word(pair.get(1))));
        }
    }

    fn module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let Some(inner) = group(tokens.get(at + 2), '{') else { return 2 };
        self.inner += 1;
        self.read(inner, false);
        self.inner -= 1;
        3
    }

    fn path(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let mut path: Vec<String> = word(tokens.get(at)).into_iter().collect();
        let mut next = at + 1;
        while is(tokens.get(next), ':') && is(tokens.get(next + 1), ':') {
            let Some(word) = word(tokens.get(next + 2)) else { break };
            path.push(word);
            next += 3;
        }
        if path.len() > 1 {
            self.source.paths.extend(self.absolute(&path));
            self.source.called.extend(path.last().cloned().filter(|_| path.len() == 2));
        }
        next - at
    }

    fn imports(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let rest = tokens.get(at + 1..).unwrap_or_default();
        let end = rest.iter().position(|token| is(Some(token), ';')).unwrap_or(rest.len());
        let mut found = Vec::new();
        tree(rest.get(..end).unwrap_or_default(), &[], &mut found);
        let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
        let public = word(before(1)).is_some_and(|word| word == "pub")
            || group(before(1), '(').is_some() && word(before(2)).is_some_and(|word| word == "pub");
        for (mut path, name) in found {
            if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
                path.pop();
            }
            let Some(path) = self.absolute(&path) else { continue };
            match public {
                true if name == "*" => self.source.globs.push(path),
                true => drop(self.source.shown.insert(name, path)),
                false => drop(self.source.paths.insert(path)),
            }
        }
        end + 2
    }
}

/// Whether an attribute leaves what follows to tests.
fn is_for_tests(attribute: &[TokenTree]) -> bool {
    let of = |token: Option<&TokenTree>, name: &str| word(token).is_some_and(|word| word == name);
    of(attribute.first(), "cfg")
        && group(attribute.get(1), '(').is_some_and(|inner| inner.len() == 1 && of(inner.first(), "test"))
}

/// The paths of a `use`, each with the name that it gets here.
fn tree(tokens: &[TokenTree], before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    for part in tokens.split(|token| is(Some(token), ',')) {
        let mut path = before.to_vec();
        let mut name = None;
        for (at, token) in part.iter().enumerate() {
            match token {
                TokenTree::Word(text) if text == "as" => {
                    name = word(part.get(at + 1));
                    break;
                }
                TokenTree::Word(text) => path.push(text.clone()),
                TokenTree::Sign('*') => name = Some("*".to_owned()),
                TokenTree::Group(_, inner) => {
                    tree(inner, &path, found);
                    path.clear();
                }
                _ => {}
            }
        }
        if let Some(last) = path.last() {
            let name = name.unwrap_or_else(|| last.clone());
            found.push((path, name));
        }
    }
}

/// The file in which what a path names is written.
fn file_of(all: &Crate, path: &[String], depth: usize) -> Option<Vec<String>> {
    let (file, rest) = (0..=path.len()).rev().find_map(|at| {
        Some((path.get(..at)?, path.get(at..)?)).filter(|(file, _)| all.contains_key(*file))
    })?;
    let source = all.get(file)?;
    let Some(name) = rest.first().filter(|_| depth < 8) else { return Some(file.to_vec()) };
    if let Some(shown) = source.shown.get(name) {
        return file_of(all, &[shown, rest.get(1..)?].concat(), depth + 1);
    }
    let glob = source
        .globs
        .iter()
        .find(|glob| all.get(*glob).is_some_and(|of| of.items.contains(name) || of.shown.contains_key(name)));
    match glob {
        Some(glob) => file_of(all, &[glob, rest].concat(), depth + 1),
        // At the root it is a name of another crate.
        None if file.is_empty() && !source.items.contains(name) => None,
        None => Some(file.to_vec()),
    }
}

/// Which files each file uses, and by what.
fn uses(all: &Crate) -> BTreeMap<&Vec<String>, BTreeMap<Vec<String>, String>> {
    let mut homes: BTreeMap<&String, Vec<&Vec<String>>> = BTreeMap::new();
    for (module, source) in all {
        source.functions.iter().for_each(|name| homes.entry(name).or_default().push(module));
    }
    let mut uses: BTreeMap<_, BTreeMap<Vec<String>, String>> = BTreeMap::new();
    for (module, source) in all {
        let own = uses.entry(module).or_default();
        for path in &source.paths {
            if let Some(file) = file_of(all, path, 0).filter(|file| file != module) {
                own.insert(file, path.join("::"));
            }
        }
        for name in &source.called {
            // A name that other types have too says nothing.
            if let Some([home]) = homes.get(name).map(Vec::as_slice)
                && *home != module
                && all.get(*home).is_some_and(|home| home.methods.contains(name))
            {
                own.entry((*home).clone()).or_insert_with(|| format!(".{name}()"));
            }
        }
    }
    uses
}

fn level(levels: &[&[&str]], room: Option<&String>) -> Option<usize> {
    let room = room?;
    levels.iter().position(|level| level.contains(&room.as_str()))
}

/// Every use of a room that is not below.
fn upward(all: &Crate) -> Vec<String> {
    let mut found = Vec::new();
    for (from, targets) in uses(all) {
        for (to, by) in targets {
            let told = || format!("{} uses {} by {by}", from.join("::"), to.join("::"));
            let (a, b) = (from.first(), to.first());
            if a.is_none() {
                continue;
            }
            if a != b {
                match (level(&LEVELS, a), level(&LEVELS, b)) {
                    (Some(a), Some(b)) if b < a => {}
                    _ => found.push(told()),
                }
            } else if a.is_some_and(|room| room == "inbox") && from.get(1) != to.get(1) {
                match (from.get(1), level(&ROOMS, from.get(1)), level(&ROOMS, to.get(1))) {
                    (None, ..) => {}
                    (_, Some(a), Some(b)) if b < a => {}
                    _ => found.push(told()),
                }
            }
        }
    }
    found
}

/// The files that use each other in circles: what is left when whatever uses nothing that is left, or is used by
/// nothing that is left, is taken away.
fn circle(all: &Crate) -> Vec<String> {
    let mut left: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> =
        uses(all).into_iter().map(|(from, to)| (from.clone(), to.into_keys().collect())).collect();
    loop {
        let before = left.len();
        let there: BTreeSet<Vec<String>> = left.keys().cloned().collect();
        left.retain(|_, targets| !targets.is_disjoint(&there));
        let used: BTreeSet<Vec<String>> = left.values().flatten().cloned().collect();
        left.retain(|from, _| used.contains(from));
        if left.len() == before {
            return left.keys().map(|module| module.join("::")).collect();
        }
    }
}

fn of_folder(folder: &Path) -> Crate {
    let texts: Vec<(String, String)> = sources(folder)
        .iter()
        .map(|path| {
            let inner = path.strip_prefix(folder).unwrap().with_extension("");
            let module = inner.to_str().unwrap().replace('/', "::");
            let module = if module == "lib" || module == "main" { String::new() } else { module };
            (module, fs::read_to_string(path).unwrap())
        })
        .collect();
    read_all(texts.iter().map(|(module, text)| (module.as_str(), text.as_str())))
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let found = upward(&of_folder(&root().join("src")));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_circle_of_files() {
    let found = circle(&of_folder(&root().join("src")));
    assert!(found.is_empty(), "the library: {found:#?}");
    let mut crates = 0;
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let found = circle(&of_folder(&folder.join("src")));
        assert!(found.is_empty(), "{}: {found:#?}", folder.display());
        crates += 1;
    }
    assert!(crates >= 7, "every crate is looked at");
}

/// Every way to name a room above is found.
#[test]
fn an_arrow_upward_is_seen_in_every_form() {
    let views = "impl Inbox { pub fn glimpse_of(&self) {} } pub struct View; pub fn look() {}";
    let door = "mod views; mod timeline; pub use self::views::page::View;";
    let forms = [
        "use crate::inbox::views::page::View;",
        "use crate::inbox::{timeline::facts, views::page::View};",
        "use crate::{inbox::{views::page}};",
        "use crate::inbox::View;",
        "use super::super::views::page::View as Seen;",
        "use super::super::*;\nfn f() { super::super::views::page::look() }",
        "fn f() { crate::inbox::views::page::look() }",
        "fn f() { assert!(crate::inbox::views::page::look()) }",
        "fn f(inbox: &Inbox) { inbox.glimpse_of() }",
        "fn f() { Inbox::glimpse_of(&inbox) }",
        "mod inner { use super::super::super::views::page::look; }",
    ];
    for form in forms {
        let files = [
            ("inbox", door),
            ("inbox::views::page", views),
            ("inbox::timeline", "mod facts;"),
            ("inbox::timeline::facts", form),
        ];
        assert!(!upward(&read_all(files)).is_empty(), "not seen: {form}");
    }
    let innocent = "#[cfg(test)] mod tests { use crate::inbox::views::page::View; }";
    let files = [("inbox", door), ("inbox::views::page", views), ("inbox::timeline::facts", innocent)];
    assert_eq!(upward(&read_all(files)), Vec::<String>::new());
}

#[test]
fn a_circle_of_files_is_seen() {
    let files =
        [("a", "use crate::b::B; struct A;"), ("b", "fn f() { crate::a::A }"), ("c", "use crate::a::A;")];
    assert!(!circle(&read_all(files)).is_empty());
    let files = [("a", "use crate::b::B;"), ("b", "fn f() {}")];
    assert!(circle(&read_all(files)).is_empty());
}
