//! Which segments hold an id or a command: keys of 8 bytes, some dozens in a row.
//!
//! A row a key would take eight times its length here. So the keys of a segment lie by slices of the range of hashes, a row
//! for each; and since an inbox with many segments would have many rows to look at for one id, the rows of eight segments
//! become rows of as many keys in eight times as many slices, those of eight of these again, and so on: a log of n segments
//! has about four rows a slice for each power of eight up to n, and each key was written as often. Which runs of segments
//! there are follows from n alone.
//!
//! The server looks for the first bytes of a key within the rows, so nothing is sent of an id that nobody knows.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chatfold_layout::keys::{MAX_SEGMENT, Wanted, key};
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::rows::{signed, unsigned};
use crate::session::{Prepared, Session, Sql};

/// How many runs become one of the next level.
const FAN: u64 = 8;

/// How many levels there are. Runs of the last stay as many as they are.
const LEVELS: u32 = 5;

/// Into how many slices the runs of the first level are cut, as a power of two; those of each further into `FAN` times as
/// many.
const FIRST_BITS: u32 = 6;

/// Where a slice's number has its level.
const LEVEL_SHIFT: u32 = 24;

/// Rows of an inbox in which keys may stand. The first condition is asked once: most inboxes have none.
const FIND: Sql = Sql {
    text: "SELECT s.keys FROM unnest($2::integer[], $3::bytea[]) AS w (slice, part) \
           CROSS JOIN LATERAL (SELECT keys FROM @chatfold_sealed WHERE inbox = $1 AND slice = w.slice OFFSET 0) AS s \
           WHERE (SELECT sealed FROM @chatfold_inbox WHERE inbox = $1) > 0 AND position(w.part IN s.keys) > 0",
    types: &[Type::TEXT, Type::INT4_ARRAY, Type::BYTEA_ARRAY],
};
const READ: Sql = Sql {
    text: "SELECT keys FROM @chatfold_sealed WHERE inbox = $1 AND slice >= $2 AND slice < $3 AND run = $4",
    types: &[Type::TEXT, Type::INT4, Type::INT4, Type::INT8],
};
const READ_ALL: Sql =
    Sql { text: "SELECT keys FROM @chatfold_sealed WHERE inbox = $1", types: &[Type::TEXT] };
const DELETE: Sql = Sql {
    text: "DELETE FROM @chatfold_sealed WHERE inbox = $1 AND slice >= $2 AND slice < $3 AND run = $4",
    types: &[Type::TEXT, Type::INT4, Type::INT4, Type::INT8],
};
const INSERT: Sql = Sql {
    text: "INSERT INTO @chatfold_sealed (inbox, slice, run, keys) \
           SELECT $1, n.slice, n.run, n.keys FROM unnest($2::integer[], $3::bigint[], $4::bytea[]) AS n (slice, run, keys)",
    types: &[Type::TEXT, Type::INT4_ARRAY, Type::INT8_ARRAY, Type::BYTEA_ARRAY],
};
const EMPTY: Sql = Sql { text: "DELETE FROM @chatfold_sealed WHERE inbox = $1", types: &[Type::TEXT] };

/// Some segments one behind the other whose keys lie together: the level, and how many segments there are up to the last
/// of them.
type Run = (u32, u64);

/// The runs of a log of so many segments.
fn runs(segments: u64) -> BTreeSet<Run> {
    let (mut runs, mut end) = (BTreeSet::new(), 0);
    for level in (0..LEVELS).rev() {
        let span = FAN.pow(level);
        while end + span <= segments {
            end += span;
            runs.insert((level, end));
        }
    }
    runs
}

/// The slices of a level: the first, and the first that is of another level.
fn slices(level: u32) -> (i32, i32) {
    let first = |level: u32| (level << LEVEL_SHIFT).cast_signed();
    (first(level), first(level + 1))
}

/// The slice of a level that a key lies in.
fn slice(level: u32, key: i64) -> i32 {
    let bits = FIRST_BITS + level * FAN.trailing_zeros();
    // No more than 18 bits are left.
    slices(level).0 | (key.cast_unsigned() >> (i64::BITS - bits)) as i32
}

/// What is asked for: the slices that may hold it, and its first bytes, as often.
#[derive(Debug, Default)]
pub(crate) struct Question {
    slices: Vec<i32>,
    parts: Vec<Vec<u8>>,
    wanted: BTreeMap<i64, Vec<Wanted>>,
}

impl Question {
    pub(crate) fn new(wanted: impl IntoIterator<Item = Wanted>) -> Self {
        let mut question = Self::default();
        for wanted in wanted {
            let key = key(0, wanted);
            for level in 0..LEVELS {
                question.slices.push(slice(level, key));
                question.parts.push(key.to_be_bytes().iter().take(4).copied().collect());
            }
            question.wanted.entry(key).or_default().push(wanted);
        }
        question
    }

    pub(crate) fn slices(&self) -> &[i32] {
        &self.slices
    }

    pub(crate) fn parts(&self) -> &[Vec<u8>] {
        &self.parts
    }

    /// Those of the segments that a row names which may hold something of what is asked for.
    pub(crate) fn answer(&self, keys: &[u8], found: &mut BTreeSet<u64>) -> Result<(), PostgresError> {
        for key in decoded(keys)? {
            if self.wanted.contains_key(&(key & !MAX_SEGMENT)) {
                found.insert(unsigned(key & MAX_SEGMENT)?);
            }
        }
        Ok(())
    }
}

fn decoded(keys: &[u8]) -> Result<Vec<i64>, PostgresError> {
    let (keys, rest) = keys.as_chunks::<8>();
    if rest.is_empty() {
        return Ok(keys.iter().map(|key| i64::from_be_bytes(*key)).collect());
    }
    Err(PostgresError::Damaged("the keys of sealed events are no multiple of 8 bytes".into()))
}

/// The statement that a question is asked with.
pub(crate) async fn prepare(session: &Session<'_>) -> Result<Prepared, tokio_postgres::Error> {
    session.prepare(&FIND).await
}

/// The rows that may answer a question; none is asked for where nothing is wanted.
pub(crate) async fn rows(
    session: &Session<'_>,
    find: &Prepared,
    owner: &str,
    question: &Question,
) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
    if question.slices.is_empty() {
        return Ok(Vec::new());
    }
    session.query(find, &[&owner, &question.slices, &question.parts]).await
}

/// The segments, by the position of their last event, that may hold something of what is asked for.
pub(crate) fn segments(
    question: &Question,
    rows: &[tokio_postgres::Row],
) -> Result<BTreeSet<u64>, PostgresError> {
    let mut found = BTreeSet::new();
    for row in rows {
        question.answer(row.try_get(0)?, &mut found)?;
    }
    Ok(found)
}

/// The same by all keys of an inbox, for who asks for much of a log.
pub(crate) async fn among_all(
    session: &Session<'_>,
    owner: &str,
    wanted: impl Iterator<Item = Wanted>,
) -> Result<BTreeSet<u64>, PostgresError> {
    let wanted: HashSet<i64> = wanted.map(|wanted| key(0, wanted)).collect();
    let mut found = BTreeSet::new();
    for key in all(session, owner).await? {
        if wanted.contains(&(key & !MAX_SEGMENT)) {
            found.insert(unsigned(key & MAX_SEGMENT)?);
        }
    }
    Ok(found)
}

/// What becomes of the rows of keys when segments are added to a log.
#[derive(Debug, Default)]
pub(crate) struct Change {
    removed: Vec<Run>,
    slices: Vec<i32>,
    runs: Vec<i64>,
    keys: Vec<Vec<u8>>,
}

impl Change {
    /// What adding segments with these keys changes in a log that has `before` segments.
    pub(crate) async fn read(
        session: &Session<'_>,
        owner: &str,
        before: u64,
        new: &[Vec<i64>],
    ) -> Result<Self, PostgresError> {
        let (old, then) = (runs(before), runs(before + new.len() as u64));
        let mut change = Self { removed: old.difference(&then).copied().collect(), ..Self::default() };
        // Whatever is taken from runs that end before a new one ends is that one's: they are dense.
        let mut pending: BTreeMap<u64, Vec<i64>> =
            (before + 1..).zip(new).map(|(ordinal, keys)| (ordinal, keys.clone())).collect();
        for (level, end) in &change.removed {
            let keys = change_keys(session, owner, (*level, *end)).await?;
            pending.entry(*end).or_default().extend(keys);
        }
        let mut added: Vec<_> = then.difference(&old).copied().collect();
        added.sort_unstable_by_key(|(_, end)| *end);
        for (level, end) in added {
            let later = pending.split_off(&(end + 1));
            let mut keys: Vec<i64> = std::mem::replace(&mut pending, later).into_values().flatten().collect();
            // Hashes are compared without a sign, as their first bits name the slice.
            keys.sort_unstable_by_key(|key| key.cast_unsigned());
            change.put((level, end), &keys);
        }
        Ok(change)
    }

    fn put(&mut self, (level, end): Run, keys: &[i64]) {
        for keys in keys.chunk_by(|a, b| slice(level, *a) == slice(level, *b)) {
            if let Some(first) = keys.first() {
                self.slices.push(slice(level, *first));
                self.runs.push(signed(end));
                self.keys.push(keys.iter().flat_map(|key| key.to_be_bytes()).collect());
            }
        }
    }

    /// Writes it within the transaction that is open.
    pub(crate) async fn write(&self, session: &Session<'_>, owner: &str) -> Result<(), PostgresError> {
        for (level, end) in &self.removed {
            let (from, to) = slices(*level);
            session.execute_once(&DELETE, &[&owner, &from, &to, &signed(*end)]).await?;
        }
        if !self.slices.is_empty() {
            session.execute_once(&INSERT, &[&owner, &self.slices, &self.runs, &self.keys]).await?;
        }
        Ok(())
    }
}

/// The keys of a run.
async fn change_keys(
    session: &Session<'_>,
    owner: &str,
    (level, end): Run,
) -> Result<Vec<i64>, PostgresError> {
    let (from, to) = slices(level);
    let mut keys = Vec::new();
    for row in session.query_once(&READ, &[&owner, &from, &to, &signed(end)]).await? {
        keys.extend(decoded(row.try_get(0)?)?);
    }
    Ok(keys)
}

/// Writes the keys of all segments of a log anew, one behind the other, in the place of those that are there.
pub(crate) async fn write_anew(
    session: &Session<'_>,
    owner: &str,
    segments: &[Vec<i64>],
) -> Result<(), PostgresError> {
    remove_all(session, owner).await?;
    Change::read(session, owner, 0, segments).await?.write(session, owner).await
}

/// All keys of an inbox.
pub(crate) async fn all(session: &Session<'_>, owner: &str) -> Result<HashSet<i64>, PostgresError> {
    let mut keys = HashSet::new();
    for row in session.query_once(&READ_ALL, &[&owner]).await? {
        keys.extend(decoded(row.try_get(0)?)?);
    }
    Ok(keys)
}

/// Removes all keys of an inbox.
pub(crate) async fn remove_all(session: &Session<'_>, owner: &str) -> Result<(), PostgresError> {
    session.execute_once(&EMPTY, &[&owner]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chatfold::EventId;

    use super::*;

    #[test]
    fn runs_are_dense_few_and_follow_from_their_number() {
        for segments in (0..700).chain([4_095, 4_096, 4_097, 40_000]) {
            let mut runs: Vec<_> = runs(segments).into_iter().collect();
            runs.sort_unstable_by_key(|(_, end)| *end);
            let mut end = 0;
            for (level, until) in &runs {
                assert_eq!(*until - end, FAN.pow(*level), "{segments}: one begins where the other ends");
                end = *until;
            }
            assert_eq!(end, segments);
            for level in 0..LEVELS - 1 {
                assert!((runs.iter().filter(|run| run.0 == level).count() as u64) < FAN, "{segments}");
            }
        }
    }

    #[test]
    fn a_question_finds_what_was_put_on_any_level_and_nothing_else() {
        let id = |n: u64| EventId::from_bytes((u128::from(n) * 0x1234_5678_9abc_def1).to_be_bytes());
        for level in 0..LEVELS {
            let mut change = Change::default();
            let mut keys: Vec<i64> =
                (0..500).map(|n| key(0, Wanted::Event(id(n))) | (n as i64 % 7 + 1)).collect();
            keys.sort_unstable_by_key(|key| key.cast_unsigned());
            change.put((level, 8), &keys);
            assert_eq!(change.keys.iter().map(Vec::len).sum::<usize>(), 500 * 8);
            for n in 0..600 {
                let question = Question::new([Wanted::Event(id(n))]);
                let mut found = BTreeSet::new();
                for (slice, keys) in change.slices.iter().zip(&change.keys) {
                    let asked =
                        question.slices.iter().zip(&question.parts).find(|(asked, _)| *asked == slice);
                    let holds = |part: &Vec<u8>| keys.windows(4).any(|four| four == part.as_slice());
                    if asked.is_some_and(|(_, part)| holds(part)) {
                        question.answer(keys, &mut found).unwrap();
                    }
                }
                let expected: BTreeSet<u64> = if n < 500 { [n % 7 + 1].into() } else { BTreeSet::new() };
                assert_eq!(found, expected, "level {level}, {n}");
            }
        }
    }
}
