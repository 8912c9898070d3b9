//! The program `chatfold`.

use std::process::ExitCode;

fn main() -> ExitCode {
    chatfold_cli::main()
}
