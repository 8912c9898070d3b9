//! What an invariant rules out: debug builds fail there, release builds take the branch that harms least.
//!
//! A branch that hostile bytes can reach (a forged snapshot, R99) is not of this kind: it stays silent, and a comment says
//! who reaches it.

/// Panics with a sentence in debug builds and does nothing in release builds. The sentence states the invariant.
macro_rules! impossible {
    ($invariant:literal) => {
        if cfg!(debug_assertions) {
            unreachable!("this does not hold: {}", $invariant);
        }
    };
}

pub(crate) use impossible;
