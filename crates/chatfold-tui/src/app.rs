//! The state of the terminal inbox, and how input changes it.

use chatfold::event::Mark;
use chatfold::id::ConversationKind;
use chatfold::list::{ArchiveFilter, FolderFilter, MarkFilter};
use chatfold::view::Direction;
use chatfold::{
    ChangeSet, ConversationId, ConversationView, Event, Filter, Inbox, MessageId, Policy, UserId,
};
use chatfold_words::text::Look;
use ratatui::crossterm::event::{KeyEvent, KeyEventKind, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use crate::areas::Areas;
use crate::desk::{Access, Done, Wish};
use crate::keys::{Action, action};
use crate::past::{Past, Step};
use crate::prompt::{Prompt, Purpose, Typed};
use crate::reasons::{self, Reasons};
use crate::rows::Rows;
use crate::search::Search;

/// How long rows that moved are marked.
const MARKED_MS: u64 = 1_500;

/// Something that happened to the terminal inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// The mouse was pressed, pulled or turned.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has so many columns and rows.
    Resize(u16, u16),
    /// So many milliseconds have passed since the start.
    Tick(u64),
    /// Others appended these events.
    Arrived(Vec<Event>),
    /// What came of a wish.
    Done(Done),
    /// The log could not be read or written, and why.
    Trouble(String),
}

/// What is to be done for the state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// End.
    Quit,
    /// Look for events that others appended.
    Look,
    /// Carry out a wish.
    Act(Wish),
}

/// Where the keys go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Focus {
    /// The list.
    #[default]
    List,
    /// The messages of the conversation.
    Messages,
}

/// What lies over the list and the conversation.
#[derive(Clone, Debug)]
pub(crate) enum Panel {
    /// Why.
    Why(Reasons),
    /// The keys.
    Help,
}

/// What was told last, and whether it is bad news.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) text: String,
    pub(crate) is_alarm: bool,
}

/// The inbox before the last step, until the marks go.
#[derive(Debug)]
struct Before {
    inbox: Inbox,
    until_ms: u64,
}

/// How a row stands compared to before the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was not in the list.
    New,
    /// It stands higher in the list's order.
    Up,
    /// It stands lower.
    Down,
}

/// The terminal inbox: pure, driven by [`Input`], drawn by [`draw`](crate::draw).
#[derive(Debug)]
pub struct App {
    pub(crate) past: Past,
    pub(crate) look: Look,
    pub(crate) access: Access,
    pub(crate) size: Rect,
    pub(crate) focus: Focus,
    pub(crate) panel: Option<Panel>,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) notice: Option<Notice>,
    pub(crate) filter: Filter,
    pub(crate) search: Search,
    pub(crate) is_following: bool,
    pub(crate) has_mouse: bool,
    /// The rows of the list that pass filter and search, in list order.
    pub(crate) rows: Rows,
    pub(crate) selected: Option<ConversationId>,
    /// Where the selected row stood when the rows were read last.
    place: usize,
    /// The first row on the screen.
    pub(crate) top: usize,
    /// The selected message; the newest is shown where there is none.
    pub(crate) message: Option<MessageId>,
    before: Option<Before>,
    now_ms: u64,
    is_stale: bool,
}

impl App {
    /// The inbox of `owner` at the end of a log of these events: see [`App::open`].
    pub fn new(
        owner: UserId,
        policy: Policy,
        events: impl IntoIterator<Item = Event>,
        access: Access,
        look: Look,
    ) -> Self {
        Self::open(Past::new(owner, policy, events), access, look)
    }

    /// The inbox where a log stands, at 80 columns and 24 rows until it is told otherwise.
    pub fn open(past: Past, access: Access, look: Look) -> Self {
        let (filter, search) = (Filter::default(), Search::default());
        let rows = Rows::read(past.inbox(), &filter, &search);
        let mut app = Self {
            past,
            look,
            access,
            size: Rect::new(0, 0, 80, 24),
            focus: Focus::List,
            panel: None,
            prompt: None,
            notice: None,
            filter,
            search,
            is_following: false,
            has_mouse: false,
            rows,
            selected: None,
            place: 0,
            top: 0,
            message: None,
            before: None,
            now_ms: 0,
            is_stale: true,
        };
        app.settle();
        app
    }

    /// The log, and the inbox at the position it stands at.
    pub fn past(&self) -> &Past {
        &self.past
    }

    /// Whether anything changed since this was last asked.
    pub fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.is_stale)
    }

    /// Takes an input. Returns what is to be done for it, if anything.
    pub fn on(&mut self, input: Input) -> Option<Effect> {
        match input {
            Input::Tick(now_ms) => return self.tick(now_ms),
            Input::Key(key) if key.kind == KeyEventKind::Release => return None,
            Input::Mouse(event) if event.kind == MouseEventKind::Moved => return None,
            _ => self.is_stale = true,
        }
        match input {
            Input::Key(key) => {
                self.notice = None;
                return if self.prompt.is_some() { self.typed(key) } else { self.pressed(action(key)?) };
            }
            Input::Mouse(event) => self.moused(event),
            Input::Paste(text) => self.pasted(&text),
            Input::Resize(width, height) => {
                let size = Rect::new(0, 0, width, height);
                // The list may stand where the wheel put it.
                if std::mem::replace(&mut self.size, size) != size {
                    self.fit();
                }
            }
            Input::Arrived(events) => self.arrived(events),
            Input::Done(done) => self.done(done),
            Input::Trouble(text) => {
                // It would be told again at every look.
                self.is_following = false;
                self.alarm(text);
            }
            Input::Tick(_) => {}
        }
        None
    }

    fn tick(&mut self, now_ms: u64) -> Option<Effect> {
        self.now_ms = now_ms;
        if self.before.as_ref().is_some_and(|before| before.until_ms <= now_ms) {
            self.before = None;
            self.is_stale = true;
        }
        self.is_following.then_some(Effect::Look)
    }

    pub(crate) fn tell(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), is_alarm: false });
    }

    pub(crate) fn alarm(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), is_alarm: true });
    }

    fn pressed(&mut self, action: Action) -> Option<Effect> {
        if self.panel.is_some() && self.in_panel(action) {
            return None;
        }
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Up => self.move_by(-1),
            Action::Down => self.move_by(1),
            Action::PageUp => self.move_by(-self.page()),
            Action::PageDown => self.move_by(self.page()),
            Action::Switch => self.switch(),
            Action::Enter => self.enter(),
            Action::Escape => self.escape(),
            Action::Go(step) => self.step(step),
            Action::Search => self.prompt = Some(Prompt::search(self.search.text())),
            Action::Older => self.find(Direction::NewestFirst),
            Action::Newer => self.find(Direction::OldestFirst),
            Action::Why => self.why(),
            Action::Help => self.panel = Some(Panel::Help),
            Action::Follow => return self.follow(),
            Action::Unread
            | Action::Mentions
            | Action::Direct
            | Action::Groups
            | Action::Folder
            | Action::Mark
            | Action::Archived
            | Action::Clear => self.set_filter(action),
            act => return self.wish(act),
        }
        None
    }

    /// What a key does while a panel is open. Returns whether that was all.
    fn in_panel(&mut self, action: Action) -> bool {
        let page = self.page();
        let Some(panel) = &mut self.panel else { return false };
        match (panel, action) {
            (Panel::Why(reasons), Action::Up) => reasons.step(-1),
            (Panel::Why(reasons), Action::Down) => reasons.step(1),
            (Panel::Why(reasons), Action::PageUp) => reasons.step(-page),
            (Panel::Why(reasons), Action::PageDown) => reasons.step(page),
            (Panel::Why(reasons), Action::Enter) => {
                if let Some(position) = reasons.position() {
                    self.panel = None;
                    self.go(position);
                } else if let Some(id) = reasons.conversation().cloned() {
                    self.why_of(&id);
                }
            }
            (_, Action::Quit | Action::Go(_)) => {
                self.panel = None;
                return false;
            }
            _ => self.panel = None,
        }
        true
    }

    // The list.

    /// The conversation that is selected, as it shows.
    pub(crate) fn conversation(&self) -> Option<ConversationView<'_>> {
        self.past.inbox().conversation(self.selected.as_ref()?)
    }

    /// The selected message, or the newest where none is.
    pub(crate) fn message(&self) -> Option<MessageId> {
        self.message.or_else(|| {
            let page = self.conversation()?.messages(Direction::NewestFirst, None, 1);
            page.messages.first().map(|message| message.id())
        })
    }

    /// Where the selected row stands among the rows.
    pub(crate) fn index(&self) -> Option<usize> {
        self.rows.index(self.past.inbox(), self.selected.as_ref()?)
    }

    /// Reads the rows anew.
    pub(crate) fn refresh(&mut self) {
        self.rows = Rows::read(self.past.inbox(), &self.filter, &self.search);
        self.settle();
    }

    /// Fits selection and screen to the rows. The selection stays with its conversation; where that is gone, with its
    /// place.
    fn settle(&mut self) {
        if self.index().is_none() {
            let place = self.place.min(self.rows.len().saturating_sub(1));
            self.select(self.rows.get(place).cloned());
        }
        let shows = |id| self.conversation().is_some_and(|row| row.message(id).is_some());
        if self.message.is_some_and(|id| !shows(id)) {
            self.message = None;
        }
        self.fit();
    }

    pub(crate) fn select(&mut self, id: Option<ConversationId>) {
        if self.selected != id {
            self.message = None;
            self.focus = Focus::List;
            self.selected = id;
        }
    }

    /// Moves what is on the screen so that the selected row is.
    fn fit(&mut self) {
        let fits = Areas::of(self.size).rows();
        let index = self.index().unwrap_or(0);
        self.place = index;
        self.top = self.top.min(index).max((index + 1).saturating_sub(fits));
        self.top = self.top.min(self.rows.len().saturating_sub(fits));
    }

    fn page(&self) -> isize {
        isize::try_from(Areas::of(self.size).rows()).unwrap_or(1).max(1)
    }

    fn move_by(&mut self, by: isize) {
        if self.focus == Focus::Messages {
            return self.move_message(by);
        }
        let last = self.rows.len().saturating_sub(1);
        let index = self.index().unwrap_or(0).saturating_add_signed(by).min(last);
        self.select(self.rows.get(index).cloned());
        self.fit();
    }

    pub(crate) fn move_message(&mut self, by: isize) {
        let Some(row) = self.conversation() else { return };
        let cursor = self.message.and_then(|id| row.message(id)).map(|message| message.cursor());
        let direction = if by < 0 { Direction::NewestFirst } else { Direction::OldestFirst };
        let page = row.messages(direction, cursor.as_ref(), by.unsigned_abs());
        if let Some(last) = page.messages.last() {
            self.message = Some(last.id());
        }
    }

    fn switch(&mut self) {
        match self.focus {
            Focus::List => self.enter(),
            Focus::Messages => self.escape(),
        }
    }

    pub(crate) fn enter(&mut self) {
        if self.focus == Focus::List && self.conversation().is_some() {
            self.focus = Focus::Messages;
            self.message = self.message();
        }
    }

    fn escape(&mut self) {
        if self.focus == Focus::Messages {
            self.focus = Focus::List;
            self.message = None;
        } else if !self.search.is_empty() {
            self.search.set("");
            self.refresh();
        } else {
            self.filter = Filter::default();
            self.refresh();
        }
    }

    fn set_filter(&mut self, action: Action) {
        let other = |kind: Option<ConversationKind>, wanted| (kind != Some(wanted)).then_some(wanted);
        match action {
            Action::Unread => self.filter.has_unread = !self.filter.has_unread,
            Action::Mentions => self.filter.has_mention = !self.filter.has_mention,
            Action::Direct => self.filter.kind = other(self.filter.kind, ConversationKind::Direct),
            Action::Groups => self.filter.kind = other(self.filter.kind, ConversationKind::Group),
            Action::Folder => self.filter.folder = self.next_folder(),
            Action::Mark => self.filter.mark = self.next_mark(),
            Action::Archived => {
                self.filter.archived = match self.filter.archived {
                    ArchiveFilter::Any => ArchiveFilter::LeaveOut,
                    ArchiveFilter::LeaveOut => ArchiveFilter::Only,
                    ArchiveFilter::Only => ArchiveFilter::Any,
                }
            }
            _ => {
                self.filter = Filter::default();
                self.search.set("");
            }
        }
        self.refresh();
    }

    /// Any folder, each live folder by name, none, and any again.
    fn next_folder(&self) -> FolderFilter {
        let folders = self.past.inbox().folders();
        let after =
            |index: usize| folders.get(index).map_or(FolderFilter::InNone, |f| FolderFilter::In(f.id));
        match self.filter.folder {
            FolderFilter::Any => after(0),
            FolderFilter::In(id) => {
                folders.iter().position(|f| f.id == id).map_or(after(0), |at| after(at + 1))
            }
            FolderFilter::InNone => FolderFilter::Any,
        }
    }

    /// Any mark, each that a row bears, none, and any again.
    fn next_mark(&self) -> MarkFilter {
        let mut marks: Vec<Mark> = self.past.inbox().conversations().flat_map(|row| row.marks()).collect();
        marks.sort_unstable();
        marks.dedup();
        let after =
            |index: usize| marks.get(index).map_or(MarkFilter::Unmarked, |mark| MarkFilter::With(*mark));
        match self.filter.mark {
            MarkFilter::Any => after(0),
            MarkFilter::With(mark) => {
                marks.iter().position(|m| *m == mark).map_or(after(0), |at| after(at + 1))
            }
            MarkFilter::Unmarked => MarkFilter::Any,
        }
    }

    fn find(&mut self, direction: Direction) {
        if self.search.is_empty() {
            return self.tell("nothing is searched for: / begins a search");
        }
        let Some(row) = self.conversation() else { return };
        match self.search.find(row, self.message, direction) {
            Some(found) => {
                self.message = Some(found);
                self.focus = Focus::Messages;
            }
            None => self.tell("no such message further that way"),
        }
    }

    // Time.

    pub(crate) fn step(&mut self, step: Step) {
        self.go(self.past.target(step));
    }

    /// Moves to a position of the log; the rows that moved are marked for a moment.
    pub(crate) fn go(&mut self, position: usize) {
        if position == self.past.position() {
            return;
        }
        let inbox = self.past.inbox().clone();
        let changes = self.past.go(position);
        self.moved_from(inbox, changes.as_ref());
        if self.past.position() != position.min(self.past.end()) {
            self.alarm(format!("event {} cannot be read", self.past.position() + 1));
        }
    }

    /// Carries the rows over from another inbox, by what changed where that is known.
    fn moved_from(&mut self, inbox: Inbox, changes: Option<&ChangeSet>) {
        self.before = Some(Before { inbox, until_ms: self.now_ms.saturating_add(MARKED_MS) });
        match changes {
            Some(changes) => {
                self.rows.follow(self.past.inbox(), changes, &self.search);
                self.settle();
            }
            None => self.refresh(),
        }
    }

    /// How a row stands compared to before the last step, for a moment after it.
    pub(crate) fn change(&self, row: &ConversationView<'_>) -> Option<Change> {
        let before = &self.before.as_ref()?.inbox;
        let was = before.conversation(row.id()).filter(ConversationView::is_listed);
        let Some(was) = was else { return Some(Change::New) };
        match row.order_key().cmp(&was.order_key()) {
            std::cmp::Ordering::Greater => Some(Change::Up),
            std::cmp::Ordering::Less => Some(Change::Down),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Follows the log, or no longer; says why where it cannot be followed.
    pub fn follow(&mut self) -> Option<Effect> {
        if let Some(why) = self.access.no_following() {
            let text = format!("this log cannot be followed: {why}");
            self.alarm(text);
            return None;
        }
        self.is_following = !self.is_following;
        if !self.is_following {
            return None;
        }
        self.step(Step::End);
        Some(Effect::Look)
    }

    fn arrived(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let was_present = self.past.is_present();
        let inbox = self.past.inbox().clone();
        self.past.append(events);
        if was_present {
            let changes = self.past.go(self.past.end());
            self.moved_from(inbox, changes.as_ref());
        }
    }

    pub(crate) fn done(&mut self, done: Done) {
        self.arrived(done.events);
        self.is_stale = true;
        self.report(done.judged, done.note);
    }

    // Panels and prompts.

    fn why(&mut self) {
        let Some(id) = &self.selected else { return };
        let reasons = match (self.focus, self.message) {
            (Focus::Messages, Some(message)) => Some(reasons::of_message(&self.past, id, message)),
            _ => reasons::of_conversation(&self.past, id, self.look.ellipsis()),
        };
        self.panel = reasons.map(Panel::Why);
    }

    /// Says why another conversation stands as it does, and selects it if it is in the list.
    fn why_of(&mut self, id: &ConversationId) {
        let reasons = reasons::of_conversation(&self.past, id, self.look.ellipsis());
        self.panel = reasons.map(Panel::Why);
        if self.rows.index(self.past.inbox(), id).is_some() {
            self.select(Some(id.clone()));
            self.fit();
        }
    }

    fn pasted(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt
            && !prompt.purpose.is_yes_or_no()
        {
            prompt.text.push_str(text);
            self.searched();
        }
    }

    fn typed(&mut self, key: KeyEvent) -> Option<Effect> {
        let prompt = self.prompt.as_mut()?;
        match prompt.on(key) {
            Typed::On => self.searched(),
            Typed::Left => {
                if self.prompt.take()?.purpose == Purpose::Search {
                    self.search.set("");
                    self.refresh();
                }
            }
            Typed::Entered => {
                let entered = self.prompt.take()?;
                if entered.purpose != Purpose::Search {
                    return self.entered(entered);
                }
                self.search.set(&entered.text);
                self.search.enter(self.past.inbox());
                self.refresh();
            }
        }
        None
    }

    /// Narrows the list while the search is typed.
    fn searched(&mut self) {
        if let Some(prompt) = self.prompt.as_ref().filter(|prompt| prompt.purpose == Purpose::Search) {
            self.search.set(&prompt.text.clone());
            self.refresh();
        }
    }
}
