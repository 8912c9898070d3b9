//! Pictures and tables of what was measured: `report` draws the CSV files in `docs/benchmarks` as SVG beside them and
//! puts each as a table into `BENCHMARKS.md`, between `<!-- NAME.csv -->` and `<!-- end -->`. From them it also judges
//! the goals, in `docs/benchmarks/goals.csv`, and picks what stands in `README.md`, `docs/benchmarks/headlines.csv`.
//!
//! Run at the root of the repository; `benches/all` runs it last.

#[path = "report/goals.rs"]
mod goals;

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use self::goals::{goals, headlines};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

const OURS: RGBColor = RGBColor(0x1b, 0x7f, 0x5c);
const THEIRS: RGBColor = RGBColor(0x9a, 0xa5, 0xb1);
const FOLDER: &str = "docs/benchmarks";
const DOCUMENT: &str = "BENCHMARKS.md";

/// A table as it was measured: its head and its rows.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(path: &Path) -> Outcome<Self> {
        let mut reader = csv::Reader::from_path(path)?;
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        let head = cells(reader.headers()?);
        let rows = reader.records().map(|record| Ok(cells(&record?))).collect::<Outcome<_>>()?;
        Ok(Self { head, rows })
    }

    /// The named columns of every row.
    fn columns<const N: usize>(&self, names: [&str; N]) -> Outcome<Vec<[&str; N]>> {
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            let found = self.head.iter().position(|head| head == name);
            *place = found.ok_or_else(|| format!("no column {name}"))?;
        }
        Ok(self.rows.iter().map(|row| places.map(|place| row[place].as_str())).collect())
    }

    fn markdown(&self) -> String {
        let is_number = |cell: &str| cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit());
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = (0..self.head.len()).map(|at| {
            let is_right = at > 0 && self.rows.iter().all(|row| is_number(&row[at]));
            if is_right { "--:|" } else { "---|" }
        });
        let rows = self.rows.iter().map(|row| line(row));
        format!("{}|{}\n{}", line(&self.head), rule.collect::<String>(), rows.collect::<String>())
    }
}

/// A bar and, where there is one, its floor.
struct Bar {
    name: String,
    value: f64,
    floor: Option<f64>,
    is_ours: bool,
}

/// Bars on a logarithmic axis; a floor is a thin bar in front of it.
fn bars(to: &Path, unit: &str, bars: &[Bar]) -> Outcome<()> {
    let values = || bars.iter().flat_map(|bar| [Some(bar.value), bar.floor]).flatten().filter(|v| *v > 0.0);
    let least = values().fold(f64::INFINITY, f64::min) / 2.0;
    let most = values().fold(0.0, f64::max) * 30.0;
    let root = SVGBackend::new(to, (880, 60 + 26 * bars.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(40)
        .build_cartesian_2d((least..most).log_scale(), 0.0..bars.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc(unit)
        .x_label_formatter(&|value| if *value < 1.0 { format!("{value:.2}") } else { format!("{value:.0}") })
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (n, bar) in bars.iter().enumerate() {
        let low = (bars.len() - n - 1) as f64;
        let color = if bar.is_ours { OURS } else { THEIRS };
        let whole = Rectangle::new([(least, low + 0.15), (bar.value, low + 0.85)], color.filled());
        chart.draw_series([whole])?;
        if let Some(floor) = bar.floor.filter(|floor| *floor > least) {
            let thin = Rectangle::new([(least, low + 0.4), (floor, low + 0.6)], BLACK.mix(0.6).filled());
            chart.draw_series([thin])?;
        }
        let times = bar.floor.map_or(String::new(), |floor| format!(" ({:.1} x floor)", bar.value / floor));
        let value = if bar.value < 10.0 { format!("{:.2}", bar.value) } else { format!("{:.0}", bar.value) };
        let label = format!("{}: {value}{times}", bar.name);
        let end = bar.floor.map_or(bar.value, |floor| floor.max(bar.value));
        chart.draw_series([Text::new(label, (end * 1.15, low + 0.7), ("sans-serif", 13))])?;
    }
    Ok(root.present()?)
}

fn peers(table: &Table, to: &Path) -> Outcome<()> {
    let mut rows = Vec::new();
    for [name, ns] in table.columns(["peer", "ns an event"])? {
        let is_ours = name.starts_with("chatfold");
        rows.push(Bar { name: name.to_owned(), value: ns.parse()?, floor: None, is_ours });
    }
    bars(to, "nanoseconds an event", &rows)
}

/// The rows with this unit of a report beside floors.
fn beside_floors(table: &Table, unit: &str, to: &Path) -> Outcome<()> {
    let mut rows = Vec::new();
    for [workload, what, value, of, floor, floor_name] in
        table.columns(["workload", "what", "value", "unit", "the floor itself", "floor"])?
    {
        if of == unit {
            let on = if floor_name.is_empty() { String::new() } else { format!(" / {floor_name}") };
            let name = format!("{workload}, {what}{on}");
            rows.push(Bar { name, value: value.parse()?, floor: floor.parse().ok(), is_ours: true });
        }
    }
    let unit = if unit == "ns" { "nanoseconds" } else { unit };
    bars(to, &format!("{unit}; thin: the floor"), &rows)
}

const LINES: [(&str, RGBColor); 4] =
    [("live", RED), ("replay", OURS), ("binary log", BLUE), ("floor", THEIRS)];

/// A line a column over what grows; both axes are logarithmic.
fn lines(area: &Area<'_>, title: &str, grows: &str, points: &[(f64, [f64; 4])]) -> Outcome<()> {
    let at = || points.iter().map(|(at, _)| *at);
    let (from, to) = (at().fold(f64::INFINITY, f64::min), at().fold(0.0, f64::max));
    let most = points.iter().flat_map(|(_, values)| *values).fold(0.0, f64::max) * 2.0;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(54)
        .build_cartesian_2d((from..to).log_scale(), (4.0..most).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(grows)
        .y_desc("nanoseconds an event")
        .x_label_formatter(&|at: &f64| format!("{at:.0}"))
        .y_label_formatter(&|ns: &f64| format!("{ns:.0}"))
        .draw()?;
    for (n, (name, color)) in LINES.iter().enumerate() {
        let line: Vec<(f64, f64)> = points.iter().map(|(at, values)| (*at, values[n])).collect();
        chart
            .draw_series(LineSeries::new(line.clone(), color.stroke_width(2)).point_size(3))?
            .label(*name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    label(&mut chart)
}

type Logarithmic = plotters::coord::combinators::LogCoord<f64>;

fn label<'a>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<Logarithmic, Logarithmic>>,
) -> Outcome<()> {
    let labels = chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).draw();
    Ok(labels.map_err(|error| error.to_string())?)
}

fn growth(table: &Table, to: &Path) -> Outcome<()> {
    let mut rows = Vec::new();
    for row in table.columns(["conversations", "events", "live", "replay", "binary log", "floor"])? {
        let mut numbers = [0.0; 6];
        for (number, text) in numbers.iter_mut().zip(row) {
            *number = text.parse::<f64>()?;
        }
        let [conversations, events, values @ ..] = numbers;
        rows.push((conversations, events, values));
    }
    let mut by_events: Vec<_> =
        rows.iter().filter(|row| row.0 == 1_000.0).map(|row| (row.1, row.2)).collect();
    by_events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let by_conversations: Vec<_> =
        rows.iter().filter(|row| row.1 == 1_000_000.0).map(|row| (row.0, row.2)).collect();
    let root = SVGBackend::new(to, (960, 400)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(480);
    lines(&left, "1,000 conversations", "events", &by_events)?;
    lines(&right, "1,000,000 events", "conversations", &by_conversations)?;
    Ok(root.present()?)
}

/// The document with the table in its place.
fn with_table(document: &str, name: &str, table: &str) -> Outcome<String> {
    let begin = format!("<!-- {name} -->");
    let (before, rest) =
        document.split_once(&begin).ok_or_else(|| format!("there is no {begin} to put it"))?;
    let (_, after) = rest.split_once("<!-- end -->").ok_or_else(|| format!("{begin} has no end"))?;
    Ok(format!("{before}{begin}\n\n{table}\n<!-- end -->{after}"))
}

fn main() -> Outcome<()> {
    let mut document = std::fs::read_to_string(DOCUMENT)?;
    std::fs::write(Path::new(FOLDER).join("goals.csv"), goals(Path::new(FOLDER))?)?;
    std::fs::write(Path::new(FOLDER).join("headlines.csv"), headlines(Path::new(FOLDER))?)?;
    let mut paths: Vec<_> =
        std::fs::read_dir(FOLDER)?.map(|entry| Ok(entry?.path())).collect::<Outcome<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    paths.sort();
    for path in paths {
        let table = Table::read(&path)?;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a name that is no text")?;
        if name == "headlines.csv" {
            let readme = std::fs::read_to_string("README.md")?;
            std::fs::write("README.md", with_table(&readme, name, &table.markdown())?)?;
            continue;
        }
        document = with_table(&document, name, &table.markdown())?;
        let to = path.with_extension("svg");
        match name {
            "growth.csv" => growth(&table, &to)?,
            "peers-desk.csv" => peers(&table, &to)?,
            "replay.csv" => beside_floors(&table, "ns an event", &to)?,
            "log.csv" => beside_floors(&table, "bytes an event", &to)?,
            "live.csv" | "page.csv" => beside_floors(&table, "ns", &to)?,
            "snapshot.csv" => beside_floors(&table, "ms", &to)?,
            "memory.csv" => beside_floors(&table, "bytes a message", &to)?,
            _ => {}
        }
    }
    Ok(std::fs::write(DOCUMENT, document)?)
}
