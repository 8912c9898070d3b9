//! The goals, judged by the measured tables.

use std::path::Path;

use super::{Outcome, Table};

/// The measured tables.
struct Measured<'a> {
    folder: &'a Path,
}

impl Measured<'_> {
    fn table(&self, name: &str) -> Outcome<Table> {
        Table::read(&self.folder.join(format!("{name}.csv")))
    }

    /// A figure of a report, and how many times its floor it is; the floor is one whose name begins so.
    fn figure(&self, name: &str, workload: &str, what: &str, floor: &str) -> Outcome<(f64, f64)> {
        let table = self.table(name)?;
        let rows = table.columns(["workload", "what", "value", "x floor", "floor"])?;
        let is_it =
            |row: &&[&str; 5]| row[0] == workload && row[1].starts_with(what) && row[4].starts_with(floor);
        let [.., value, times, _] =
            rows.iter().find(is_it).ok_or(format!("{name}.csv has no {workload}, {what}"))?;
        Ok((value.parse()?, if times.is_empty() { 0.0 } else { times.parse()? }))
    }

    fn value(&self, name: &str, workload: &str, what: &str) -> Outcome<f64> {
        Ok(self.figure(name, workload, what, "")?.0)
    }

    /// A column of a table whose rows have names.
    fn named(&self, name: &str, key: &str, row: &str, column: &str) -> Outcome<f64> {
        let table = self.table(name)?;
        let found = table.columns([key, column])?.into_iter().find(|cells| cells[0].starts_with(row));
        Ok(found.ok_or(format!("{name}.csv has no {row}"))?[1].parse()?)
    }

    /// Instructions an event, as they are kept beside the bench that counts them.
    fn instructions(&self, row: &str) -> Outcome<f64> {
        let text = std::fs::read_to_string("benches/instructions.txt")?;
        let found = text.lines().find_map(|line| line.strip_prefix(&format!("{row} ")));
        Ok(found.ok_or(format!("instructions.txt has no {row}"))?.trim().parse()?)
    }
}

/// A figure and its goal.
struct Judged {
    told: String,
    is_met: bool,
}

/// At most, in this unit.
fn most(what: &str, value: f64, goal: f64, unit: &str) -> Judged {
    Judged { told: format!("{what} {}{unit} (at most {goal}{unit})", short(value)), is_met: value <= goal }
}

/// At least, in this unit.
fn least(what: &str, value: f64, goal: f64, unit: &str) -> Judged {
    Judged { told: format!("{what} {}{unit} (at least {goal}{unit})", short(value)), is_met: value >= goal }
}

fn short(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The table of goals as CSV.
pub fn goals(folder: &Path) -> Outcome<String> {
    let m = Measured { folder };
    let goals = [
        ("P1", "replay of the segments of a log", decoded(&m)?),
        ("P2", "replay of a binary log", binary(&m)?),
        ("P3", "the other workloads from their logs", workloads(&m)?),
        ("P4", "two cores", {
            let times = |row| m.named("two-cores", "time", row, "times as fast");
            vec![
                least("of processor time", times("processor")?, 1.8, " x"),
                least("on the wall", times("on the wall")?, 1.8, " x"),
            ]
        }),
        ("P5", "live", live(&m)?),
        ("P6", "frozen copies", {
            let kept = m.figure("frozen", "desk", "live with", "none kept")?.1;
            vec![
                most("a copy", m.value("frozen", "desk", "a frozen copy (median)")?, 100.0, " ns"),
                most("a thousand kept cost", kept, 2.0, " x"),
            ]
        }),
        ("P7", "reading the list", page(&m)?),
        ("P8", "cold start", cold(&m)?),
        ("P9", "memory", {
            vec![
                most(
                    "beyond its content a message holds",
                    m.value("memory", "desk", "held beyond")?,
                    64.0,
                    " bytes",
                ),
                most("an idle conversation", m.value("memory", "10000 chats", "a conv")?, 1024.0, " bytes"),
            ]
        }),
        ("P10", "sizes", sizes(&m)?),
    ];
    let mut csv = "goal,what,measured,met\n".to_owned();
    for (goal, what, judged) in goals {
        let told: Vec<_> = judged
            .iter()
            .map(|one| if one.is_met { one.told.clone() } else { format!("**{}**", one.told) })
            .collect();
        let met = match judged.iter().filter(|one| one.is_met).count() {
            0 => "no",
            met if met == judged.len() => "yes",
            _ => "in part",
        };
        csv.push_str(&format!("{goal},{what},{},{met}\n", told.join("; ")));
    }
    Ok(csv)
}

/// The figures that people ask for first, as CSV.
pub fn headlines(folder: &Path) -> Outcome<String> {
    let m = Measured { folder };
    let replay = |workload, what| m.figure("replay", workload, what, "");
    let live = |what| m.value("live", "1000 conversations", what);
    let (desk, times) = replay("desk", "decoded events")?;
    let million = |ns: f64| format!("{ns:.0} ns an event: {:.1} million a second", 1e3 / ns);
    let ms = |workload, what: &str| {
        Ok::<_, Box<dyn std::error::Error>>(short(m.value("snapshot", workload, what)?))
    };
    let (bench, same) = (|name: &str| format!("`cargo bench --bench {name}`"), || "the same".to_owned());
    let table = m.table("page")?;
    let page = table.columns(["what", "value"])?;
    let page = |what: &str| page.iter().find(|row| row[0].starts_with(what)).map_or("", |row| row[1]);
    let rows = [
        (
            "replay of decoded events: a thousand conversations and a million events",
            format!("{}; {times:.1} times a hash map that only counts", million(desk)),
            bench("replay"),
        ),
        ("the same from a binary log", million(replay("desk", "a binary log")?.0), same()),
        ("the same from a text log", million(replay("desk", "a text log")?.0), same()),
        (
            "one group of a million with recalls and deletes all over",
            million(replay("hall", "decoded")?.0),
            same(),
        ),
        (
            "a thousand conversations shuffled with a tenth twice",
            million(replay("storm", "decoded")?.0),
            same(),
        ),
        (
            "memory beyond content",
            format!("{} bytes a message", short(m.value("memory", "desk", "held beyond")?)),
            bench("memory"),
        ),
        (
            "cold start from a snapshot to first page and totals: a thousand conversations and a million events",
            format!("{} ms (replay of the same {} ms)", ms("desk", "cold start")?, ms("desk", "replay")?),
            bench("snapshot"),
        ),
        (
            "the same with 100000 conversations and ten million events",
            format!("{} ms (replay of the same {} ms)", ms("whale", "cold start")?, ms("whale", "replay")?),
            "`cargo bench --bench snapshot -- --whale`".to_owned(),
        ),
        (
            "an event applied live with order and totals and change set: median and 99 of 100",
            format!("{:.0} ns; {:.0} ns", live("an event applied (median)")?, live("an event applied (99")?),
            bench("live"),
        ),
        (
            "the first page of 20 rows of nearly 100000; the total; the total by a subscribed filter",
            format!(
                "{} ns; {} ns; {} ns",
                page("the first page of 20"),
                page("the total ("),
                page("the total by a sub")
            ),
            bench("page"),
        ),
        (
            "a frozen copy of a million messages",
            format!("{:.0} ns", m.value("frozen", "desk", "a frozen copy (")?),
            bench("frozen"),
        ),
        (
            "500000 events applied live with a thousand frozen copies kept against none",
            format!("{:.2} times", m.figure("frozen", "desk", "live with", "none")?.1),
            same(),
        ),
    ];
    let line = |(what, figure, how): &(&str, String, String)| format!("{what},{figure},{how}\n");
    Ok("what,figure,how\n".to_owned() + &rows.iter().map(line).collect::<String>())
}

fn decoded(m: &Measured<'_>) -> Outcome<Vec<Judged>> {
    // What P1 means are events as a segment of a log lends them, not owned ones.
    let (ns, times) = m.figure("replay", "desk", "segments of a log", "counting")?;
    Ok(vec![
        least("desk", 1e3 / ns, 20.0, " M events/s"),
        most("times counting in a hash map:", times, 3.0, ""),
    ])
}

fn binary(m: &Measured<'_>) -> Outcome<Vec<Judged>> {
    let (ns, times) = m.figure("replay", "desk", "a binary log", "decoding")?;
    let peer = |row| m.named("peers-desk", "peer", row, "ns an event");
    let ours = peer("chatfold binary log")?;
    Ok(vec![
        least("desk", 1e3 / ns, 20.0, " M events/s"),
        most("times decoding rows with bincode:", times, 1.0, ""),
        least("SQLite with 10000 a transaction takes", peer("SQLite 10000")? / ours, 200.0, " x"),
        least("cqrs-es rehydrating takes", peer("cqrs-es rehydrated")? / ours, 15.0, " x"),
    ])
}

fn workloads(m: &Measured<'_>) -> Outcome<Vec<Judged>> {
    let of = |workload| m.value("replay", workload, "a binary log");
    let desk = of("desk")?;
    let grown = |events| m.named("growth", "events", events, "replay");
    let (phone, desk_count) = (m.instructions("phone/decoded")?, m.instructions("desk/decoded")?);
    let apart = phone.max(desk_count) / phone.min(desk_count);
    Ok(vec![
        most("whale", of("whale")? / desk, 2.5, " x desk"),
        most("hall", of("hall")? / desk, 1.5, " x desk"),
        most("storm", of("storm")? / desk, 4.0, " x desk"),
        most("phone and desk apart in instructions", apart, 1.3, " x"),
        most("ten times the events in time", grown("2000000")? / grown("200000")?, 1.3, " x"),
    ])
}

fn live(m: &Measured<'_>) -> Outcome<Vec<Judged>> {
    let of = |workload, what| m.value("live", workload, what);
    let (small, large) = ("1000 conversations", "100000 conversations");
    let median = of(small, "an event applied (median)")?;
    Ok(vec![
        most("median", median, 500.0, " ns"),
        most("99 of 100", of(small, "an event applied (99")?, 2_000.0, " ns"),
        most("with 100000 conversations", of(large, "an event applied (median)")? / median, 2.0, " x"),
        most("into a cold history", of("a million messages", "the first event")? / 1e3, 100.0, " µs"),
    ])
}

fn page(m: &Measured<'_>) -> Outcome<Vec<Judged>> {
    let table = m.table("page")?;
    let rows = table.columns(["what", "value"])?;
    let of = |what: &str| -> Outcome<f64> {
        let found = rows.iter().find(|row| row[0].starts_with(what));
        Ok(found.ok_or(format!("page.csv has no {what}"))?[1].parse()?)
    };
    Ok(vec![
        most("the first page", of("the first page of 20 rows")? / 1e3, 5.0, " µs"),
        // O(1) is no figure: what takes some nanoseconds with 100,000 rows looks at none of them.
        most("the total", of("the total (")?, 100.0, " ns"),
        most("by a subscribed filter", of("the total by a subscribed")?, 100.0, " ns"),
    ])
}

fn cold(m: &Measured<'_>) -> Outcome<Vec<Judged>> {
    let of = |workload| m.value("snapshot", workload, "cold start");
    let times = m.figure("snapshot", "whale", "replay of the same", "the cold start")?.1;
    Ok(vec![
        most("whale", of("whale")?, 50.0, " ms"),
        most("with ten times the messages", of("a fifth")? / of("a fifth/10")?, 1.2, " x"),
        least("replay takes", times, 50.0, " x"),
    ])
}

fn sizes(m: &Measured<'_>) -> Outcome<Vec<Judged>> {
    let table = m.table("log")?;
    let rows = table.columns(["workload", "what", "value", "the floor itself"])?;
    let exact = |what: &str| -> Outcome<(f64, f64)> {
        let found = rows.iter().find(|row| row[0] == "desk" && row[1] == what);
        let row = found.ok_or(format!("log.csv has no {what}"))?;
        Ok((row[2].parse()?, row[3].parse()?))
    };
    let (binary, content) = exact("binary log")?;
    Ok(vec![
        most("beyond texts and random ids", binary - content, 16.0, " bytes an event"),
        most("of the text log", binary / exact("text log")?.0 * 100.0, 40.0, " %"),
        most("the snapshot", exact("snapshot")?.0 / binary, 1.0, " x the log"),
    ])
}
