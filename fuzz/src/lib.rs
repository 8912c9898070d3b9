//! What the targets share: the laws they assert, which the library's own tests hold too.

#[path = "../../tests/fuzzed/mod.rs"]
pub mod fuzzed;
