//! Standard output and standard error: buffered, quiet when nobody listens, never panicking.

use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};
use std::path::Path;

use anstream::AutoStream;

use crate::text::{Look, escape, escape_lines};

/// Standard output as commands write it.
pub type Output = BufWriter<Quiet<StdoutLock<'static>>>;

/// The size of the buffer in front of standard output.
const BUFFER_LEN_BYTES: usize = 64 * 1024;

/// The width of output that does not go to a terminal.
const DEFAULT_WIDTH: usize = 80;

/// The narrowest width that output is laid out for.
const MIN_WIDTH: usize = 20;

/// A writer that swallows everything once its reader has gone (`| head -1`), so that a command ends with
/// its own exit code and without a word.
#[derive(Debug)]
pub struct Quiet<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> Quiet<W> {
    fn new(inner: W) -> Self {
        Self { inner, closed: false }
    }

    fn unless_closed<T>(&mut self, otherwise: T, result: io::Result<T>) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let result = self.inner.write(bytes);
        self.unless_closed(bytes.len(), result)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.inner.flush();
        self.unless_closed((), result)
    }
}

/// Standard output, locked and buffered. It has to be flushed, so that a failure to write is seen.
pub fn stdout() -> Output {
    BufWriter::with_capacity(BUFFER_LEN_BYTES, Quiet::new(io::stdout().lock()))
}

/// Says `text` on standard error, with this program's name before it and everything harmful escaped. A
/// standard error that is closed or full is nothing to stop for.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "chatfold: {}", escape(text));
}

/// Prints help, or what is wrong with the arguments of this process. An argument that an error repeats is escaped like
/// everything else: the error printed is the one that the escaped arguments have.
pub fn usage<C: clap::Parser>(error: &clap::Error) {
    let escaped = std::env::args_os().map(|argument| escape(&argument.to_string_lossy()).into_owned());
    // Nothing is to be done where neither help nor error can be printed.
    let _ = match C::try_parse_from(escaped) {
        Err(error) => error.print(),
        // Escaping made the arguments valid: no colours then, as these are escape sequences themselves.
        Ok(_) => io::stderr().lock().write_all(escape_lines(&error.render().to_string()).as_bytes()),
    };
}

/// Writes a value as JSON with the controls escaped that JSON itself lets pass: DEL and C1, among which are the
/// beginnings of a terminal's commands.
pub fn write_json(out: &mut (impl Write + ?Sized), value: &impl serde::Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, NoControls);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Compact JSON without DEL and C1 controls in strings.
struct NoControls;

impl serde_json::ser::Formatter for NoControls {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| matches!(c, '\u{7f}'..='\u{9f}')) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = from.chars();
            if let Some(c) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// How standard output looks: `choice` and the environment decide on colour (`NO_COLOR`, `CLICOLOR`), the
/// terminal or `COLUMNS` on width.
pub fn look(choice: clap::ColorChoice, ascii: bool) -> Look {
    let color = match choice {
        clap::ColorChoice::Always => true,
        clap::ColorChoice::Never => false,
        clap::ColorChoice::Auto => AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    };
    Look { color, ascii, width: terminal_width().max(MIN_WIDTH) }
}

fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok());
    if let Some(columns) = columns.filter(|columns| *columns > 0) {
        return columns;
    }
    let stdout = io::stdout();
    let size = if stdout.is_terminal() { terminal_size::terminal_size_of(&stdout) } else { None };
    size.map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
}

/// A path as it is shown.
pub fn named(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone(u32);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn json_holds_no_controls() {
        let mut out = Vec::new();
        write_json(&mut out, &"a\u{9b}2J \u{7f}\u{85}é\n").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\"a\\u009b2J \\u007f\\u0085é\\n\"");
    }

    #[test]
    fn a_reader_that_has_gone_is_asked_once_and_other_failures_are_told() {
        let mut quiet = Quiet::new(Gone(0));
        assert!(quiet.flush().is_err());
        assert!(quiet.write_all(b"one").is_ok() && quiet.write_all(b"two").is_ok() && quiet.flush().is_ok());
        assert_eq!(quiet.inner.0, 1);
    }
}
