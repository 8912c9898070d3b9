//! The design with two tables: messages, and conversations with counters kept by code. Both databases run the
//! same statements.

use crate::facts::Fact;
use crate::measure::{Done, Outcome, Peak, Row, Spent, Work, least_cold, median};

/// A value given to a statement or told by it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A number.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// The statements, in PostgreSQL's dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statement {
    Insert,
    Count,
    Read,
    Draft,
    ClearDraft,
    Pin,
    Star,
    Edit,
    Recall,
    Delete,
    Uncount,
    LastAgain,
}

impl Statement {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Insert,
        Self::Count,
        Self::Read,
        Self::Draft,
        Self::ClearDraft,
        Self::Pin,
        Self::Star,
        Self::Edit,
        Self::Recall,
        Self::Delete,
        Self::Uncount,
        Self::LastAgain,
    ];

    /// As text.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Insert => {
                "INSERT INTO message (conversation, id, position, own, author, text)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (conversation, id) DO NOTHING"
            }
            Self::Count => {
                "INSERT INTO conversation AS c (name, unread, active_at, sort_at, last_id, last_position)
                 VALUES ($1, $2, $3, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET
                 unread = c.unread + CASE WHEN excluded.last_position > c.read_through THEN excluded.unread ELSE 0 END,
                 active_at = greatest(c.active_at, excluded.active_at),
                 sort_at = greatest(c.sort_at, excluded.sort_at),
                 last_id = CASE WHEN excluded.last_position >= coalesce(c.last_position, 0)
                           THEN excluded.last_id ELSE c.last_id END,
                 last_position = greatest(coalesce(c.last_position, 0), excluded.last_position)"
            }
            Self::Read => {
                "UPDATE conversation SET read_through = $2, unread = (SELECT count(*) FROM message
                 WHERE conversation = $1 AND position > $2 AND NOT own AND NOT recalled AND NOT deleted)
                 WHERE name = $1 AND read_through < $2"
            }
            Self::Draft => {
                "UPDATE conversation SET draft = $2, sort_at = greatest(active_at, $3) WHERE name = $1"
            }
            Self::ClearDraft => "UPDATE conversation SET draft = NULL, sort_at = active_at WHERE name = $1",
            Self::Pin => "UPDATE conversation SET pinned = $2 WHERE name = $1",
            Self::Star => "UPDATE conversation SET starred = $2 WHERE name = $1",
            Self::Edit => {
                "UPDATE message SET text = $3, version = $4
                 WHERE conversation = $1 AND id = $2 AND version < $4"
            }
            Self::Recall => {
                "UPDATE message SET recalled = true WHERE conversation = $1 AND id = $2 AND NOT recalled
                 RETURNING own OR deleted, position"
            }
            Self::Delete => {
                "UPDATE message SET deleted = true WHERE conversation = $1 AND id = $2 AND NOT deleted
                 RETURNING own OR recalled, position"
            }
            Self::Uncount => {
                "UPDATE conversation SET unread = unread - 1 WHERE name = $1 AND read_through < $2"
            }
            Self::LastAgain => {
                "UPDATE conversation SET (last_id, last_position) = (SELECT id, position FROM message
                 WHERE conversation = $1 AND NOT deleted ORDER BY position DESC LIMIT 1)
                 WHERE name = $1 AND last_id = $2"
            }
        }
    }
}

/// The list: the first rows.
pub const LIST: &str = "SELECT c.name, c.unread, CASE WHEN m.recalled THEN NULL ELSE m.text END
    FROM conversation c LEFT JOIN message m ON m.conversation = c.name AND m.id = c.last_id
    ORDER BY c.pinned DESC, c.sort_at DESC, c.name LIMIT $1";

/// The total.
pub const TOTAL: &str = "SELECT CAST(coalesce(sum(unread), 0) AS bigint) FROM conversation";

/// A database that runs them.
pub trait Database {
    /// Runs a statement: how many rows it changed.
    fn run(&mut self, statement: Statement, values: &[Value<'_>]) -> Outcome<u64>;

    /// Runs a statement that tells whether a message did not count, and where it stands.
    fn hide(&mut self, statement: Statement, values: &[Value<'_>]) -> Outcome<Option<(bool, i64)>>;

    /// Begins or ends a transaction.
    fn transaction(&mut self, word: &str) -> Outcome<()>;

    /// The first rows of the list.
    fn list(&mut self, most: i64) -> Outcome<Vec<Row>>;

    /// Unread messages over all.
    fn total(&mut self) -> Outcome<i64>;
}

/// Writes the events, so many in a transaction.
pub fn fold(database: &mut impl Database, work: &Work, in_one: usize) -> Outcome<()> {
    for events in work.events.chunks(in_one) {
        database.transaction("BEGIN")?;
        for event in events {
            let (id, fact) = Fact::of(&work.owner, event).ok_or("an event that no peer models")?;
            write(database, id, &fact)?;
        }
        database.transaction("COMMIT")?;
    }
    Ok(())
}

/// What is told once all is written; `open` opens the database anew.
pub fn done<D: Database>(
    work: &Work,
    mut database: D,
    (fold, peak): (Spent, &Peak),
    mut open: impl FnMut() -> Outcome<D>,
) -> Outcome<Done> {
    let peak_bytes = peak.bytes()?;
    let page = median(|| Ok((database.list(20)?, database.total()?)))?;
    let list = database.list(i64::MAX)?;
    drop(database);
    let (first, cold) = least_cold(|| {
        let mut again = open()?;
        Ok((again.list(20)?, again.total()?))
    })?;
    assert!(list.starts_with(&first.0), "what was written was read");
    let (events, cold, expected) = (work.events.len(), Some(cold), work.expected());
    Ok(Done { fold, events, page, cold, peak_bytes, list, expected })
}

fn write(database: &mut impl Database, name: &str, fact: &Fact<&str>) -> Outcome<()> {
    use Value::{Bool, Bytes, Int, Text};
    let chat = Text(name);
    match fact {
        Fact::Message { id, position, at, own, author, text } => {
            let message = [chat.clone(), Bytes(id), Int(*position), Bool(*own), Text(author), Text(text)];
            if database.run(Statement::Insert, &message)? == 1 {
                let counted = i64::from(!own);
                let values = [chat, Int(counted), Int(*at), Bytes(id), Int(*position)];
                database.run(Statement::Count, &values)?;
            }
        }
        Fact::Read { through } => {
            database.run(Statement::Read, &[chat, Int(*through)])?;
        }
        Fact::Draft { text: Some(text), at } => {
            database.run(Statement::Draft, &[chat, Text(text), Int(*at)])?;
        }
        Fact::Draft { text: None, .. } => {
            database.run(Statement::ClearDraft, &[chat])?;
        }
        Fact::Pin { on } => {
            database.run(Statement::Pin, &[chat, Bool(*on)])?;
        }
        Fact::Star { on } => {
            database.run(Statement::Star, &[chat, Bool(*on)])?;
        }
        Fact::Edit { id, version, text } => {
            database.run(Statement::Edit, &[chat, Bytes(id), Text(text), Int(*version)])?;
        }
        Fact::Recall { id } => hide(database, Statement::Recall, chat, id)?,
        Fact::Delete { id } => {
            hide(database, Statement::Delete, chat.clone(), id)?;
            database.run(Statement::LastAgain, &[chat, Bytes(id)])?;
        }
    }
    Ok(())
}

fn hide(database: &mut impl Database, how: Statement, chat: Value<'_>, id: &[u8]) -> Outcome<()> {
    if let Some((false, position)) = database.hide(how, &[chat.clone(), Value::Bytes(id)])? {
        database.run(Statement::Uncount, &[chat, Value::Int(position)])?;
    }
    Ok(())
}
