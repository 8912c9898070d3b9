//! Files written whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use crate::failure::Failure;
use crate::output::named;
use crate::sidecar_files;

/// The size of the buffer in front of a file.
const BUFFER_LEN_BYTES: usize = 64 * 1024;

/// Writes a file whole or not at all: what bore the name before stays until the new one is there and synced, and
/// for ever unless it may be replaced. What is replaced is locked meanwhile, so that no command appends to it. The
/// file gets the mode of the one it replaces, else of the one it is made of, `like`.
pub fn write_whole<T>(
    path: &Path,
    replace: bool,
    like: Option<&Path>,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<T>,
) -> Result<T, Failure> {
    let failed = |error| Failure::Input {
        place: named(path),
        what: "cannot be written".to_owned(),
        source: Some(error),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let replaced = if replace { sidecar_files::lock(path).map_err(failed)? } else { None };
    sidecar_files::sweep(path, folder);
    let file = sidecar_files::temporary(path, folder, replaced.as_ref(), like).map_err(failed)?;
    let mut buffer = BufWriter::with_capacity(BUFFER_LEN_BYTES, file.as_file());
    let filled = fill(&mut buffer).map_err(failed)?;
    buffer.flush().map_err(failed)?;
    drop(buffer);
    file.as_file().sync_all().map_err(failed)?;
    let there = if replaced.is_some() { file.persist(path) } else { file.persist_noclobber(path) };
    sidecar_files::guard::set(None);
    let there = match there {
        // A log that came to be meanwhile.
        Err(error) if replace && error.error.kind() == io::ErrorKind::AlreadyExists => {
            let _meanwhile = sidecar_files::lock(path).map_err(failed)?;
            error.file.persist(path)
        }
        there => there,
    };
    there.map_err(|error| failed(error.error))?;
    sync_folder(path).map_err(failed)?;
    Ok(filled)
}

/// Makes a new name in a folder outlive a crash, where the system can.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
