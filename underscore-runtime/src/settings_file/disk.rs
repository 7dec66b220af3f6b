//! The file on the disk: read whole, and replaced in one step, so that whoever reads it finds the old text or
//! the new one, whenever the process or the machine dies.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::directory;

/// A file that is larger is not one of settings.
const LARGEST: u64 = 1 << 20;

/// By what a file that was replaced or written to is told from what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

/// The stamp of what is at `path` now, links followed; nothing where nothing is.
pub(super) fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The text at `path` and its stamp; nothing where nothing is.
pub(super) fn read(path: &Path) -> io::Result<Option<(String, Stamp)>> {
    let unfit = |why: &str| io::Error::new(ErrorKind::InvalidData, why);
    // Asked before it is opened: opening a pipe would wait for its other end.
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.is_file() => return Err(unfit("it is not a file")),
        Ok(_) => {}
    }
    let file = File::open(path)?;
    // Before it is read: what is written meanwhile has another stamp.
    let stamp = Stamp::of(&file.metadata()?);
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(unfit("it is larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| unfit("it is not UTF-8"))?;
    Ok(Some((text, stamp)))
}

/// What `path` leads to, through all links, also where nothing is yet.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            // This comes to an end: links that lead to each other are another error.
            Ok(next) => target(&directory::of(path).join(next)),
            Err(_) => Ok(path.to_owned()),
        },
        found => found,
    }
}

/// Puts `text` in place of what is at `path`, which is no link.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<Stamp> {
    let temporary = temporary_name(path)?;
    let written = write_new(&temporary, text, mode(path))
        .and_then(|stamp| fs::rename(&temporary, path).map(|()| stamp));
    if written.is_err() {
        // What was made on the way is not left behind.
        let _ = fs::remove_file(&temporary);
    }
    let stamp = written?;
    // From here on the file is the new one. A file system that cannot sync a directory has done what it can.
    let _ = File::open(directory::of(path)).and_then(|directory| directory.sync_all());
    Ok(stamp)
}

/// What the file is readable for stays so; a new one is for its owner.
fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path);
    metadata.map_or(0o600, |metadata| metadata.permissions().mode() & 0o777)
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<Stamp> {
    // A process with this number may have died in the middle.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    Ok(Stamp::of(&file.metadata()?))
}

/// A name beside `path` that no other process uses.
fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(
            ErrorKind::InvalidInput,
            "the path must name a file; add a name, as in /etc/app/settings.json",
        )
    })?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_replaced_keeps_its_mode_and_its_link_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let (link, file) = (directory.path().join("link"), directory.path().join("file"));
        fs::write(&file, "old").expect("written");
        fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("set");
        symlink("file", &link).expect("linked");
        let target = target(&link).expect("it leads somewhere");
        let stamp = replace(&target, "new").expect("replaced");
        let read = read(&link).expect("read");
        assert_eq!(read, Some(("new".to_owned(), stamp)));
        assert!(link.is_symlink());
        assert_eq!(mode(&file), 0o640);
        let left = fs::read_dir(&directory).expect("listed").count();
        assert_eq!(left, 2);
    }

    #[test]
    fn what_a_dead_process_left_is_no_hindrance_and_nothing_there_is_no_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("file");
        assert_eq!(read(&file).expect("read"), None);
        assert_eq!(stamp(&file).expect("asked"), None);
        fs::write(temporary_name(&file).expect("a name"), "torn").expect("written");
        replace(&file, "whole").expect("replaced");
        assert_eq!(mode(&file), 0o600);
        let left = fs::read_dir(&directory).expect("listed").count();
        assert_eq!(left, 1);
    }

    #[test]
    fn a_directory_and_a_file_that_is_too_large_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let error = read(directory.path()).expect_err("a directory");
        assert!(error.to_string().contains("not a file"), "{error}");
        let large = directory.path().join("large");
        fs::write(&large, vec![b' '; 2 << 20]).expect("written");
        let error = read(&large).expect_err("large");
        assert!(error.to_string().contains("larger than"), "{error}");
    }
}
