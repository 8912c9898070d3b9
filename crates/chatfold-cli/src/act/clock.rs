//! Clock and chance: read here and nowhere else.

use chatfold::Timestamp;

use crate::failure::Failure;
use crate::instant::Span;

/// The clock's time.
pub fn now() -> Result<Timestamp, Failure> {
    Span::parse_or_now("now").map(|span| span.from).map_err(|why| Failure::Input {
        place: "the clock".to_owned(),
        what: why,
        source: None,
    })
}

/// Chance for one command.
pub fn seed() -> Result<[u8; 16], Failure> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(|error| Failure::Input {
        place: "the system's source of chance".to_owned(),
        what: error.to_string(),
        source: None,
    })?;
    Ok(seed)
}
