//! The archive: files below one folder, written as a compressed tar archive in memory. Its size is
//! bounded, and what does not fit is noted.

use std::fmt::Write;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use crate::units::human_bytes;

/// The folder of all files.
const FOLDER: &str = "underscore-bundle";

/// Maximum size of all files together, before compression.
pub(super) const MAX_SIZE: usize = 64 << 20;

/// Maximum size of `errors.txt`, which has a few lines for each file at most.
const MAX_NOTES: usize = 64 << 10;

/// An archive in progress.
pub(super) struct Archive {
    tar: Builder<GzEncoder<Vec<u8>>>,
    /// The time of all files, in seconds since 1970.
    time: u64,
    /// Number of bytes that still fit.
    free: usize,
    /// The lines of `errors.txt`.
    notes: String,
}

impl Archive {
    pub(super) fn new(time: SystemTime, max_size: usize) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Archive {
            // An incident is no time to spend a processor on the last ten percent.
            tar: Builder::new(GzEncoder::new(Vec::new(), Compression::fast())),
            time: since.as_secs(),
            free: max_size,
            notes: String::new(),
        }
    }

    /// Adds a file, or a note if it does not fit.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        match self.free.checked_sub(bytes.len()) {
            Some(free) => {
                self.free = free;
                // Writing to memory fails only for a name that a header cannot have.
                if let Err(error) = self.append(name, bytes) {
                    self.note(name, &error.to_string());
                }
            }
            None => self.note(
                name,
                &format!(
                    "left out: its {} do not fit, the files have at most {} together",
                    human_bytes(bytes.len() as u64),
                    human_bytes(MAX_SIZE as u64)
                ),
            ),
        }
    }

    /// Notes why the file `name` is missing or incomplete.
    pub(super) fn note(&mut self, name: &str, why: &str) {
        if self.notes.len() < MAX_NOTES {
            // Writing to a string does not fail.
            let _ = writeln!(self.notes, "{name}: {why}");
        }
    }

    /// Adds the notes and ends the archive.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        let notes = std::mem::take(&mut self.notes);
        self.append("errors.txt", notes.as_bytes())?;
        self.tar.into_inner()?.finish()
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        self.tar
            .append_data(&mut header, format!("{FOLDER}/{name}"), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn read(bytes: &[u8]) -> Vec<(String, String)> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
        let mut files = Vec::new();
        for entry in archive.entries().expect("an archive") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            files.push((path, text));
        }
        files
    }

    /// Holds 19.6 of docs/admin-api.md.
    #[test]
    fn a_file_that_does_not_fit_is_a_note_and_the_next_one_is_added() {
        let mut archive = Archive::new(UNIX_EPOCH, 10);
        archive.add("a.txt", b"1234567");
        archive.add("b.txt", b"12345678");
        archive.add("process/c.txt", b"123");
        let files = read(&archive.finish().expect("in memory"));
        let names: Vec<&str> = files.iter().map(|(name, _)| &**name).collect();
        assert_eq!(
            names,
            ["a.txt", "process/c.txt", "errors.txt"].map(|name| format!("{FOLDER}/{name}"))
        );
        let (_, notes) = files.last().expect("notes");
        assert!(notes.starts_with("b.txt: left out: its 8b"), "{notes}");
    }
}
