//! A message of the history, with everything known about it.

use anstyle::{AnsiColor, Style};
use chatfold::{ConversationView, MessageView};
use chatfold_words::remarks::remarks;

use crate::instant::minute;
use crate::list::{DIM, PLAIN};
use crate::text::{Line, Look};
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
) -> Vec<String> {
    let look = Look { width: usize::MAX, ..look };
    let mut said = Line::new(look);
    said.to(2).push(DIM, &minute(message.time())).to(COLUMN);
    if message.recall().is_none() {
        said.push(AUTHOR, &format!("{}: ", words::author(message)));
    }
    said.push(PLAIN, &words::content(message, owner));
    let mut remarks = remarks(look, conversation, message, owner);
    if message.seq() > 0 {
        remarks.push(format!("seq {}", message.seq()));
    }
    remarks.push(message.id().to_string());
    let mut about = Line::new(look);
    about.to(COLUMN).push(DIM, &remarks.join(&format!("{} ", look.dot())));
    vec![said.finish(), about.finish()]
}
