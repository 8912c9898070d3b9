//! Rust's tokens, as far as the test of the rooms needs them: words, signs, and groups in brackets. Comments, texts,
//! characters, numbers and lifetimes are left out.

/// A token, or what stands between two brackets.
#[derive(Debug)]
pub enum TokenTree {
    Word(String),
    Sign(char),
    /// The opening bracket, and what stands behind it.
    Group(char, Vec<TokenTree>),
}

/// The tokens of a source that compiles.
pub fn tokens(source: &str) -> Vec<TokenTree> {
    let mut open = vec![(' ', Vec::new())];
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let len = skipped(rest);
        if len > 0 {
            rest = &rest[len..];
            continue;
        }
        let mut len = first.len_utf8();
        match first {
            '(' | '[' | '{' => open.push((first, Vec::new())),
            ')' | ']' | '}' => {
                let (bracket, inner) = open.pop().expect("brackets match");
                open.last_mut().expect("brackets match").1.push(TokenTree::Group(bracket, inner));
            }
            _ if is_of_word(first) => {
                len = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                // Numbers are words too, which no path has.
                open.last_mut().expect("brackets match").1.push(TokenTree::Word(rest[..len].to_owned()));
            }
            _ => open.last_mut().expect("brackets match").1.push(TokenTree::Sign(first)),
        }
        rest = &rest[len..];
    }
    assert_eq!(open.len(), 1, "brackets match");
    open.pop().expect("one is left").1
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long what is left out here is, 0 where nothing is.
fn skipped(rest: &str) -> usize {
    let to = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    let space = rest.len() - rest.trim_start().len();
    if space > 0 {
        return space;
    }
    if rest.starts_with("//") {
        return to("\n", 2);
    }
    if rest.starts_with("/*") {
        return to("*/", 2);
    }
    let prefix = if rest.starts_with("br") { 2 } else { usize::from(rest.starts_with(['b', 'r'])) };
    let behind = &rest[prefix..];
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    if rest[..prefix].ends_with('r') && behind[hashes..].starts_with('"') {
        return to(&format!("\"{}", "#".repeat(hashes)), prefix + hashes + 1);
    }
    if !rest[..prefix].ends_with('r') && behind.starts_with('"') {
        return prefix + quoted(behind, '"').unwrap_or(behind.len());
    }
    if !rest[..prefix].ends_with('r') && behind.starts_with('\'') {
        // A lifetime has no second quote behind its first character.
        let lifetime = behind[1..].find(|c| !is_of_word(c)).map_or(behind.len(), |len| 1 + len);
        return match character(behind) {
            Some(len) => prefix + len,
            None => prefix + lifetime,
        };
    }
    0
}

/// How long the text is that begins with this quote.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at + 1)
    })
}

/// How long a character in quotes is, if it is one.
fn character(text: &str) -> Option<usize> {
    let mut chars = text[1..].char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        return quoted(text, '\'');
    }
    let (at, second) = chars.next()?;
    (second == '\'').then_some(1 + at + 1)
}
