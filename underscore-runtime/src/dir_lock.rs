//! Locks a directory against other processes that create or replace files in it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Maximum time to wait for another process.
const PATIENCE: Duration = Duration::from_secs(2);

/// Locks the directory until the returned file is dropped. `None` if the lock cannot be had, for
/// example on a file system without locks; then only the caller's other checks protect it.
pub(crate) fn lock(directory: &Path) -> io::Result<Option<File>> {
    let directory = open(directory)?;
    let begun = Instant::now();
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            // A process that holds it for so long is not creating a file.
            Err(_) => return Ok(None),
        }
    }
}

/// Opens a directory. The error names the directory as its cause.
pub(crate) fn open(directory: &Path) -> io::Result<File> {
    File::open(directory)
        .map_err(|error| io::Error::new(error.kind(), format!("its directory: {error}")))
}

/// The directory of `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
