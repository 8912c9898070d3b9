//! A message of the history, with everything known about it.

use anstyle::{AnsiColor, Style};
use chatfold::{ConversationView, MessageView};
use chatfold_words::remarks::remarks;

use super::line_width::room;
use crate::instant::minute;
use crate::list::{DIM, PLAIN};
use crate::text::{Line, Look, wrap};
use crate::words;

/// Where what was said begins.
const COLUMN: usize = 20;

const AUTHOR: Style = AnsiColor::Cyan.on_default();

/// The lines that show `message`: who said what when, and remarks below.
pub fn lines(
    look: Look,
    conversation: ConversationView<'_>,
    message: &MessageView<'_>,
    owner: &str,
    ids: bool,
) -> Vec<String> {
    let wide = Look { width: usize::MAX, ..look };
    let room = room(look, COLUMN);
    let author = match message.recall() {
        Some(_) => String::new(),
        None => format!("{}: ", words::author(message)),
    };
    let said = wrap(&format!("{author}{}", words::content(message, owner)), room);
    let mut lines = Vec::new();
    for (n, part) in said.iter().enumerate() {
        let mut line = Line::new(wide);
        if n == 0 {
            line.to(2).push(DIM, &minute(message.time()));
        }
        line.to(COLUMN);
        // A name so long that it was wrapped is not told apart.
        match part.strip_prefix(author.as_str()).filter(|_| n == 0) {
            Some(text) => line.push(AUTHOR, &author).push(PLAIN, text),
            None => line.push(PLAIN, part),
        };
        lines.push(line.finish());
    }
    let mut remarks = remarks(look, conversation, message, owner);
    if message.seq() > 0 {
        remarks.push(format!("seq {}", message.seq()));
    }
    if ids {
        remarks.push(message.id().to_string());
    }
    if !remarks.is_empty() {
        for part in wrap(&remarks.join(&format!("{} ", look.dot())), room) {
            let mut about = Line::new(wide);
            about.to(COLUMN).push(DIM, &part);
            lines.push(about.finish());
        }
    }
    lines
}
