//! The picture in the README, from a real run of the terminal inbox on a log of the repository:
//!
//! ```sh
//! cargo run -p chatfold-tui --example picture > docs/tui.svg
//! ```

mod svg;

use std::io::Write as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let picture = svg::picture()?;
    std::io::stdout().lock().write_all(picture.as_bytes())?;
    Ok(())
}
