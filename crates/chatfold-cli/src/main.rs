//! The program `chatfold`.

use std::process::ExitCode;

/// Threads that fold parts of a log allocate side by side without waiting for each other.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    chatfold_cli::main()
}
