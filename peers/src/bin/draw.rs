//! Pictures of measured tables: `draw PEERS.csv GROWTH.csv FOLDER` writes `peers.svg` and `growth.svg` there.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

type Outcome<T> = Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

const OURS: RGBColor = RGBColor(0x1b, 0x7f, 0x5c);
const THEIRS: RGBColor = RGBColor(0x9a, 0xa5, 0xb1);

/// The records of a CSV file, and where the named columns are in them.
fn read<const N: usize>(path: &Path, columns: [&str; N]) -> Outcome<Vec<[String; N]>> {
    let mut reader = csv::Reader::from_path(path)?;
    let headers = reader.headers()?.clone();
    let place =
        |name: &str| headers.iter().position(|header| header == name).ok_or(format!("no column {name}"));
    let mut places = [0; N];
    for (place_of, name) in places.iter_mut().zip(columns) {
        *place_of = place(name)?;
    }
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record?;
        records.push(places.map(|place| record.get(place).unwrap_or_default().to_owned()));
    }
    Ok(records)
}

/// Bars of nanoseconds an event, on a logarithmic axis.
fn peers(from: &Path, to: &Path) -> Outcome<()> {
    let mut rows = Vec::new();
    for [name, ns] in read(from, ["peer", "ns"])? {
        rows.push((name, ns.parse::<f64>()?));
    }
    let least = 10_f64;
    let most = rows.iter().map(|(_, ns)| *ns).fold(least, f64::max) * 20.0;
    let root = SVGBackend::new(to, (860, 60 + 30 * rows.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(40)
        .build_cartesian_2d((least..most).log_scale(), 0.0..rows.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc("nanoseconds an event")
        .x_label_formatter(&|ns| format!("{ns:.0}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let count = rows.len();
    for (n, (name, ns)) in rows.iter().enumerate() {
        let low = (count - n - 1) as f64;
        let color = if name.starts_with("chatfold") { OURS } else { THEIRS };
        chart.draw_series([Rectangle::new([(least, low + 0.15), (*ns, low + 0.85)], color.filled())])?;
        let label = format!("{name}: {ns:.0}");
        chart.draw_series([Text::new(label, (ns * 1.15, low + 0.7), ("sans-serif", 14))])?;
    }
    Ok(root.present()?)
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

fn growth(from: &Path, to: &Path) -> Outcome<()> {
    let columns = ["conversations", "events", "live_ns", "replay_ns", "binary_ns", "floor_ns"];
    let mut rows = Vec::new();
    for row in read(from, columns)? {
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

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from_peers, from_growth, folder] = args.as_slice() else {
        return Err("draw PEERS.csv GROWTH.csv FOLDER".into());
    };
    let folder = Path::new(folder);
    peers(Path::new(from_peers), &folder.join("peers.svg"))?;
    growth(Path::new(from_growth), &folder.join("growth.svg"))
}
