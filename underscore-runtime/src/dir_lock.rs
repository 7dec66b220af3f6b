//! Holding a directory against other processes that make or replace files in it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long another process may take for its file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Locks the directory until the file that is given back is dropped. A file system that cannot lock
/// leaves the caller's other checks.
pub(crate) fn lock(directory: &Path) -> io::Result<Option<File>> {
    let directory = open(directory)?;
    let begun = Instant::now();
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Whoever holds it for so long is not making a file.
            Err(_) => return Ok(None),
        }
    }
}

/// Opens a directory; an error says that it is the directory's.
pub(crate) fn open(directory: &Path) -> io::Result<File> {
    File::open(directory)
        .map_err(|error| io::Error::new(error.kind(), format!("its directory: {error}")))
}

/// The directory that `path` is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
