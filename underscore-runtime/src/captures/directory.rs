//! The directory of captures: which files of it are captures, how one is written, and which ones
//! are removed for it.

use std::cmp::Reverse;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::name::{Parsed, parse};
use crate::health::Symptom;
use crate::placeholder;
use crate::temporary;

/// The end of the name of a file that is being written.
const TEMPORARY: &str = ".new";

/// Age at which a temporary file is abandoned: no process writes for that long.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// A directory that captures are written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaptureDirectory {
    /// Absolute, because the process may change its working directory.
    path: PathBuf,
}

/// A file of the directory.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) time: SystemTime,
    pub(crate) cause: Symptom,
    pub(crate) size: u64,
    pub(crate) pid: u32,
    /// False for the first file of a capture, which the second one replaces.
    pub(crate) is_complete: bool,
}

impl CaptureDirectory {
    /// The directory at `path`, in which `{pid}` is replaced. Creates it if its parent exists, and
    /// checks that files can be created in it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = placeholder::with_pid(path);
        let directory = std::path::absolute(&path).map(|path| CaptureDirectory { path });
        let checked = directory.and_then(|directory| {
            directory.create()?;
            directory.check()?;
            Ok(directory)
        });
        checked.map_err(|error| {
            let (kind, path) = (error.kind(), path.display());
            let cure = cure(kind);
            io::Error::new(kind, format!("`capture_to` {path}: {error}; {cure}"))
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn create(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            // Such as a directory on a file system that is read-only, which exists all the same.
            Err(_) if self.path.is_dir() => Ok(()),
            created => created,
        }
    }

    /// Creates a file and removes it.
    fn check(&self) -> io::Result<()> {
        if !self.path.is_dir() {
            return Err(io::Error::new(
                ErrorKind::NotADirectory,
                "it is no directory",
            ));
        }
        let (path, _) = self.create_temporary()?;
        fs::remove_file(path)?;
        self.remove_abandoned();
        Ok(())
    }

    /// The captures, the newest first. Other files are left out, and symbolic links.
    pub(crate) fn list(&self) -> io::Result<Vec<Capture>> {
        let mut captures = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let Some(parsed) = parse(&name) else {
                continue;
            };
            // Does not follow links. A file that was removed meanwhile is left out.
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file);
            captures.extend(metadata.map(|metadata| capture(name, &parsed, metadata.len())));
        }
        captures.sort_by(|a, b| (Reverse(a.time), &a.name).cmp(&(Reverse(b.time), &b.name)));
        Ok(captures)
    }

    /// The content of a capture.
    pub(crate) fn read(&self, capture: &Capture) -> io::Result<Vec<u8>> {
        // Neither follows a link nor waits for the writer of a pipe that has replaced the file.
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.path.join(&capture.name))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is no file"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes a capture in place of `replaced`, so that there is always one of the two. Removes the
    /// oldest captures if all together would have more than `max_bytes`.
    pub(crate) fn write(
        &self,
        name: &str,
        bytes: &[u8],
        replaced: Option<&str>,
        max_bytes: u64,
    ) -> io::Result<()> {
        let size = bytes.len() as u64;
        let free = max_bytes.checked_sub(size).ok_or_else(|| {
            io::Error::new(
                ErrorKind::FileTooLarge,
                format!("the bundle has {size} bytes, and all captures may have {max_bytes}"),
            )
        })?;
        self.remove_abandoned();
        self.remove_oldest(free, replaced)?;
        let (temporary, mut file) = self.create_temporary()?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, self.path.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        if let Some(replaced) = replaced {
            let _ = fs::remove_file(self.path.join(replaced));
        }
        // Some file systems cannot sync a directory.
        let _ = File::open(&self.path).and_then(|directory| directory.sync_all());
        Ok(())
    }

    /// Removes the oldest captures until the others have at most `max_bytes`.
    fn remove_oldest(&self, max_bytes: u64, replaced: Option<&str>) -> io::Result<()> {
        let mut kept: u64 = 0;
        for capture in self.list()? {
            if Some(&*capture.name) == replaced {
                continue;
            }
            kept = kept.saturating_add(capture.size);
            if kept > max_bytes {
                // Another process may have removed it.
                let _ = fs::remove_file(self.path.join(&capture.name));
            }
        }
        Ok(())
    }

    fn create_temporary(&self) -> io::Result<(PathBuf, File)> {
        temporary::create(|random| {
            let path = self
                .path
                .join(format!(".underscore.{random:016x}{TEMPORARY}"));
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            Ok((path, file))
        })
    }

    /// Removes temporary files of processes that were killed while they wrote.
    fn remove_abandoned(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_temporary = name.to_str().is_some_and(|name| {
                let random = name.strip_prefix(".underscore.");
                let random = random.and_then(|random| random.strip_suffix(TEMPORARY));
                random.is_some_and(|random| u64::from_str_radix(random, 16).is_ok())
            });
            let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
            if is_temporary && age().is_some_and(|age| age > ABANDONED_AFTER) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn capture(name: String, parsed: &Parsed, size: u64) -> Capture {
    Capture {
        name,
        time: parsed.time,
        cause: parsed.cause,
        size,
        pid: parsed.pid,
        is_complete: !parsed.is_partial,
    }
}

/// What to do about an error.
pub(crate) fn cure(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "create it, as with `mkdir -p`, or mount the volume",
        ErrorKind::NotADirectory => "name a directory",
        ErrorKind::PermissionDenied => {
            "give the user of the service write permission, or name another directory"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "mount it writable, as with an emptyDir, or name another directory"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space on its file system",
        ErrorKind::FileTooLarge => "raise `AdminBuilder::max_capture_bytes`, or the limit of files",
        _ => "name another directory",
    }
}

#[cfg(test)]
mod tests {
    use super::super::name::of_capture;
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::UNIX_EPOCH;

    fn opened() -> (tempfile::TempDir, CaptureDirectory) {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = CaptureDirectory::open(&parent.path().join("captures"));
        (parent, directory.expect("it is created"))
    }

    fn named(second: u64, is_partial: bool) -> String {
        let time = UNIX_EPOCH + Duration::from_secs(second);
        of_capture("app", time, Symptom::Deadlock, is_partial)
    }

    fn names(directory: &CaptureDirectory) -> Vec<String> {
        let list = directory.list().expect("it is read").into_iter();
        list.map(|capture| capture.name).collect()
    }

    fn files(directory: &CaptureDirectory) -> usize {
        fs::read_dir(directory.path()).expect("it is read").count()
    }

    /// Holds 19.13 of docs/admin-api.md.
    #[test]
    fn the_oldest_captures_are_removed_for_a_new_one() {
        let (_parent, directory) = opened();
        for second in 1..=5 {
            let written = directory.write(&named(second, false), &[0; 30], None, 100);
            written.expect("it is written");
        }
        assert_eq!(
            names(&directory),
            [5, 4, 3].map(|second| named(second, false))
        );
        let error = directory.write(&named(6, false), &[0; 101], None, 100);
        let error = error.expect_err("it does not fit");
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(files(&directory), 3, "none was removed for it");
        let whole = directory.write(&named(7, false), &[0; 100], None, 100);
        whole.expect("it is written");
        assert_eq!(names(&directory), [named(7, false)]);
    }

    /// Holds 19.11 of docs/admin-api.md.
    #[test]
    fn the_second_file_of_a_capture_replaces_the_first() {
        let (_parent, directory) = opened();
        let (first, second) = (named(1, true), named(1, false));
        let write = |name: &str, replaced| directory.write(name, &[7; 60], replaced, 100);
        write(&first, None).expect("it is written");
        let listed = directory.list().expect("it is read");
        assert!(!listed[0].is_complete && listed[0].pid == std::process::id());
        let path = directory.path().join(&first);
        let mode = fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        write(&second, Some(&first)).expect("it is written");
        let listed = directory.list().expect("it is read");
        assert!(listed.len() == 1 && listed[0].is_complete);
        assert_eq!(directory.read(&listed[0]).expect("it is read"), [7; 60]);
        assert_eq!(files(&directory), 1);
    }

    /// Holds 19.14 of docs/admin-api.md.
    #[test]
    fn files_of_others_are_neither_listed_nor_removed() {
        let (parent, directory) = opened();
        let secret = parent.path().join("secret");
        fs::write(&secret, "keep me").expect("written");
        symlink(&secret, directory.path().join(named(1, false))).expect("linked");
        fs::create_dir(directory.path().join(named(2, false))).expect("created");
        fs::write(directory.path().join("notes.txt"), [0; 500]).expect("written");
        assert!(names(&directory).is_empty());
        directory
            .write(&named(3, false), &[0; 90], None, 100)
            .expect("it is written");
        assert_eq!(names(&directory), [named(3, false)]);
        assert_eq!(files(&directory), 4);
        let mut listed = directory.list().expect("it is read");
        listed[0].name = named(1, false);
        directory
            .read(&listed[0])
            .expect_err("a link is not followed");
        assert_eq!(fs::read_to_string(secret).expect("there"), "keep me");
    }

    /// Holds 19.15 of docs/admin-api.md.
    #[test]
    fn an_unfit_directory_is_an_error_with_path_and_cure() {
        let parent = tempfile::tempdir().expect("a directory");
        let file = parent.path().join("file");
        fs::write(&file, "").expect("written");
        for (path, kind, cure) in [
            (parent.path().join("a/b"), ErrorKind::NotFound, "mkdir -p"),
            (file, ErrorKind::NotADirectory, "name a directory"),
        ] {
            let error = CaptureDirectory::open(&path).expect_err("unfit");
            assert_eq!(error.kind(), kind);
            let text = error.to_string();
            assert!(text.contains(&path.display().to_string()), "{text}");
            assert!(text.contains(cure), "{text}");
        }
    }

    #[test]
    fn the_pid_in_the_path_is_replaced() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = CaptureDirectory::open(&parent.path().join("captures-{pid}"));
        let expected = format!("captures-{}", std::process::id());
        let directory = directory.expect("it is created");
        assert_eq!(directory.path(), parent.path().join(expected));
    }
}
