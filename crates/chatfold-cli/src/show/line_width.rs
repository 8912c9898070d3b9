//! How much room a line has.

use crate::text::Look;

/// The least room for text beside a column, however narrow the terminal is.
const MIN_ROOM: usize = 20;

/// How many cells are left beside `column`.
pub fn room(look: Look, column: usize) -> usize {
    look.width.saturating_sub(column).max(MIN_ROOM)
}
