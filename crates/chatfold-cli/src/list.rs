//! Rows of the conversation list, laid out in columns.

use anstyle::{AnsiColor, Style};
use chatfold::ConversationView;
use chatfold::event::ReceiveOption;
use chatfold_words::preview::{Tone, mention, preview};

use crate::text::{Line, Look, cut_names, width};
use crate::words::{self, Signs};

/// Spaces between two columns.
const GAP: usize = 2;

/// A name takes at most a quarter of the line, within these bounds.
const NAME_WIDTHS: (usize, usize) = (8, 32);

/// No style.
pub const PLAIN: Style = Style::new();
/// What stands out.
pub const BOLD: Style = Style::new().bold();
/// What steps back.
pub const DIM: Style = Style::new().dimmed();
const COUNTED: Style = AnsiColor::Green.on_default().bold();
const MENTION: Style = AnsiColor::Yellow.on_default().bold();
const DRAFT: Style = AnsiColor::Red.on_default();
const SENDER: Style = AnsiColor::Cyan.on_default();

/// One conversation, every cell ready to be printed.
#[derive(Debug)]
struct ListRow {
    pinned: bool,
    muted: bool,
    marks: String,
    name: String,
    unread: String,
    mention: &'static str,
    when: String,
    preview: Vec<(Tone, String)>,
}

/// Where a column begins, and how wide it is. An empty column takes no room.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    start: usize,
    width: usize,
}

impl Column {
    fn end(self) -> usize {
        self.start + self.width
    }

    /// The column of this width that stands right of this one.
    fn next(self, width: usize) -> Self {
        Self { start: if self.width == 0 { self.start } else { self.end() + GAP }, width }
    }
}

/// The columns of a list; the preview takes the rest of the line.
#[derive(Clone, Copy, Debug)]
struct Columns {
    mute: Column,
    marks: Column,
    name: Column,
    unread: Column,
    mention: Column,
    when: Column,
    preview: Column,
}

impl Columns {
    fn measure(look: Look, signs: &Signs, rows: &[ListRow]) -> Self {
        let widest = |cell: &dyn Fn(&ListRow) -> usize| rows.iter().map(cell).max().unwrap_or(0);
        let pinned = widest(&|row| if row.pinned { width(signs.pinned) } else { 0 });
        let muted = widest(&|row| if row.muted { width(signs.muted) } else { 0 });
        let mute = Column { start: pinned, width: muted };
        let marks = Column { start: mute.end(), width: widest(&|row| width(&row.marks)) };
        let name_limit = (look.width / 4).clamp(NAME_WIDTHS.0, NAME_WIDTHS.1);
        let name = widest(&|row| width(&row.name)).max(width(CONVERSATION)).min(name_limit);
        let name = Column { start: 0, width: marks.end() }.next(name);
        let unread = name.next(widest(&|row| row.unread.len()).max(width(UNREAD)));
        let mention = unread.next(widest(&|row| row.mention.len()));
        let when = mention.next(widest(&|row| width(&row.when)).max(width(WHEN)));
        Self { mute, marks, name, unread, mention, when, preview: when.next(1) }
    }
}

const CONVERSATION: &str = "Conversation";
const UNREAD: &str = "Unread";
const WHEN: &str = "When";
const LAST_MESSAGE: &str = "Last message";

/// The rows of a list.
#[derive(Debug)]
pub struct List {
    look: Look,
    signs: Signs,
    rows: Vec<ListRow>,
    columns: Columns,
}

impl List {
    /// Lays out `conversations`, saying when each was active with `when`.
    pub fn new<'a>(
        look: Look,
        owner: &str,
        conversations: impl IntoIterator<Item = ConversationView<'a>>,
        when: impl Fn(&ConversationView<'a>) -> String,
    ) -> Self {
        let signs = Signs::of(look.ascii);
        let mut rows: Vec<ListRow> = conversations
            .into_iter()
            .map(|conversation| ListRow::new(look, &signs, &conversation, owner, when(&conversation)))
            .collect();
        let columns = Columns::measure(look, &signs, &rows);
        let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
        let names = cut_names(&names, columns.name.width, look.ellipsis());
        rows.iter_mut().zip(names).for_each(|(row, name)| row.name = name);
        Self { look, signs, rows, columns }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The headings and the rows, one line each; nothing without rows.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let heading = (!self.rows.is_empty()).then(|| self.heading());
        heading.into_iter().chain(self.rows.iter().map(|row| self.row(row)))
    }

    fn heading(&self) -> String {
        let mut line = Line::new(self.look);
        let columns = &self.columns;
        line.to(columns.name.start).push(DIM, CONVERSATION);
        line.right(columns.unread.end(), DIM, UNREAD);
        line.right(columns.when.end(), DIM, WHEN);
        line.to(columns.preview.start).push(DIM, LAST_MESSAGE);
        line.finish()
    }

    fn row(&self, row: &ListRow) -> String {
        let mut line = Line::new(self.look);
        let columns = &self.columns;
        line.push(PLAIN, if row.pinned { self.signs.pinned } else { "" });
        line.to(columns.mute.start).push(PLAIN, if row.muted { self.signs.muted } else { "" });
        line.to(columns.marks.start).push(PLAIN, &row.marks);
        line.to(columns.name.start).push(if row.unread.is_empty() { PLAIN } else { BOLD }, &row.name);
        line.right(columns.unread.end(), if row.muted { DIM } else { COUNTED }, &row.unread);
        line.to(columns.mention.start).push(MENTION, row.mention);
        line.right(columns.when.end(), DIM, &row.when).to(columns.preview.start);
        for (tone, part) in &row.preview {
            line.push(style(*tone), part);
        }
        line.finish()
    }
}

impl ListRow {
    fn new(
        look: Look,
        signs: &Signs,
        conversation: &ConversationView<'_>,
        owner: &str,
        when: String,
    ) -> Self {
        Self {
            pinned: conversation.is_pinned(),
            muted: conversation.receive_option() != ReceiveOption::Receive,
            marks: signs.marks(conversation),
            name: words::name(conversation),
            unread: words::unread(conversation),
            mention: mention(conversation),
            when,
            preview: preview(signs, look.ellipsis(), conversation, owner, look.width / 2),
        }
    }
}

/// How a part of a preview is painted.
fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => PLAIN,
        Tone::Faint => DIM,
        Tone::Sender => SENDER,
        Tone::Alarm => DRAFT,
    }
}
