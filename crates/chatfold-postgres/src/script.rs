//! The statements that make the tables, as files of this crate have them.

use crate::session::in_schema;

/// The schema version that this version of the crate works with.
pub(crate) const NEWEST: i32 = 4;

/// What a new database gets.
const TABLES: &str = include_str!("../migrations/tables.sql");

/// What brings version 1 to 2, 2 to 3, and so on.
const STEPS: [&str; NEWEST as usize - 1] = [
    include_str!("../migrations/0002_bytewise_keys.sql"),
    include_str!("../migrations/0003_outbox.sql"),
    include_str!("../migrations/0004_segments.sql"),
];

/// The tables that were partitioned before version 4, whose files name none.
const PARTITIONED: [&str; 2] = ["chatfold_event", "chatfold_snapshot"];

/// The tables that a version made, which is not the first.
pub(crate) const MADE_SINCE: [(i32, &str); 7] = [
    (3, "@chatfold_outbox"),
    (3, "@chatfold_outbox_switch"),
    (3, "@chatfold_outbox_forgotten"),
    (4, "@chatfold_paging"),
    (4, "@chatfold_segment"),
    (4, "@chatfold_sealed"),
    (4, "@chatfold_snapshot_page"),
];

/// When a part of a file is run.
#[derive(Clone, Debug, PartialEq, Eq)]
enum When<'a> {
    Always,
    Plain,
    Partitioned,
    /// Once for each partition of each of these tables.
    EachPartition(Vec<&'a str>),
}

impl<'a> When<'a> {
    fn of(name: &'a str) -> Option<Self> {
        match name.trim() {
            "always" => Some(Self::Always),
            "plain" => Some(Self::Plain),
            "partitioned" => Some(Self::Partitioned),
            "each partition" => Some(Self::EachPartition(PARTITIONED.to_vec())),
            other => {
                let tables = other.strip_prefix("each partition of ")?;
                Some(Self::EachPartition(tables.split(' ').collect()))
            }
        }
    }
}

/// What brings the tables from a version to the newest; 0 is a database without tables. `partitions` is their number,
/// or `None` for tables that are not partitioned.
pub(crate) fn from(version: i32, partitions: Option<u16>, schema: &str) -> String {
    let files = match usize::try_from(version) {
        Ok(0) | Err(_) => &[TABLES][..],
        Ok(version) => STEPS.get(version - 1..).unwrap_or_default(),
    };
    files
        .iter()
        .flat_map(|file| parts(file))
        .map(|(when, part)| run(&when, &part, partitions, schema))
        .collect()
}

/// The parts of a file. What stands before the first of them are remarks.
fn parts(file: &str) -> Vec<(When<'_>, String)> {
    let mut parts: Vec<(When<'_>, String)> = Vec::new();
    for line in file.lines() {
        match (line.strip_prefix("--:").and_then(When::of), parts.last_mut()) {
            (Some(when), _) => parts.push((when, String::new())),
            (None, Some((_, part))) if !line.is_empty() => {
                part.push_str(line);
                part.push('\n');
            }
            (None, _) => {}
        }
    }
    parts
}

/// A part as it is run: as it stands, once for each partition, or not at all.
fn run<'a>(when: &When<'a>, part: &str, partitions: Option<u16>, schema: &str) -> String {
    let part = in_schema(part, schema);
    match (when, partitions) {
        (When::Always, _) | (When::Plain, None) | (When::Partitioned, Some(_)) => part,
        (When::Plain, Some(_)) | (When::Partitioned | When::EachPartition(_), None) => String::new(),
        (When::EachPartition(tables), Some(count)) => {
            let each = |table: &&'a str| {
                let table = *table;
                (0..count).map(move |number| (table, number))
            };
            let filled = |(table, number): (&str, u16)| {
                let part = part.replace("{table}", table).replace("{number}", &number.to_string());
                part.replace("{count}", &count.to_string())
            };
            tables.iter().flat_map(each).map(filled).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_say_nothing_that_is_not_understood() {
        for file in [TABLES].into_iter().chain(STEPS) {
            for line in file.lines().filter_map(|line| line.strip_prefix("--:")) {
                assert!(When::of(line).is_some(), "{line}");
            }
            for partitions in [None, Some(3)] {
                let run: String =
                    parts(file).iter().map(|(when, part)| run(when, part, partitions, "\"a\".")).collect();
                assert!(!run.contains(['@', '{', '}']), "{run}");
                let is_spread = partitions.is_some() && file.contains("each partition");
                assert_eq!(run.contains("_2 "), is_spread, "{run}");
            }
        }
    }

    #[test]
    fn each_file_ends_with_its_version() {
        for (number, file) in [(NEWEST, TABLES)].into_iter().chain((2..).zip(STEPS)) {
            let last = format!("INSERT INTO @chatfold_schema (version) VALUES ({number});");
            assert_eq!(file.trim_end().lines().last(), Some(last.as_str()));
        }
        assert_eq!(from(NEWEST, None, ""), "");
    }
}
