//! Reads the settings file as a whole and replaces it atomically, so that a reader finds the old or
//! the new content even if the process or the machine crashes.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::process::geteuid;

use super::permissions;
use crate::dir_lock;
use crate::temporary;

/// Maximum size of a settings file, in bytes.
pub(super) const MAX_SIZE: u64 = 1 << 20;

/// Number of attempts to open a file that is replaced meanwhile.
const MAX_ATTEMPTS: u32 = 10;

/// Age at which a temporary file is abandoned: no process writes for that long.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// Tells a replaced or changed file from its previous version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
    /// `ctime` in seconds and nanoseconds: detects a change that keeps size and `mtime`.
    changed: (i64, i64),
    /// User and group.
    pub(super) owner: (u32, u32),
}

impl Stamp {
    fn new(metadata: &Metadata) -> Self {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: metadata.modified().ok(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            owner: (metadata.uid(), metadata.gid()),
        }
    }
}

/// The stamp of the file at `path`, through symbolic links. `None` if it does not exist.
pub(super) fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(Stamp::new(&metadata))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The content of the file at `path`, which is absolute, and its stamp. `None` if it does not
/// exist.
pub(super) fn read(path: &Path) -> io::Result<Option<(String, Stamp)>> {
    for _ in 0..MAX_ATTEMPTS {
        // Checked before it is opened: opening some devices has side effects.
        let Some(checked) = permissions::check(path, geteuid().as_raw())? else {
            return Ok(None);
        };
        if !checked.is_file() {
            return Err(unfit("it is not a file"));
        }
        let (file, metadata) = open(path)?;
        if (metadata.dev(), metadata.ino()) == (checked.dev(), checked.ino()) {
            return read_whole(file, &metadata).map(Some);
        }
        // Replaced since the check.
    }
    Err(unfit("it is replaced again and again"))
}

fn read_whole(file: File, metadata: &Metadata) -> io::Result<(String, Stamp)> {
    // Taken before the read: a write in between changes it.
    let stamp = Stamp::new(metadata);
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(unfit("it is larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| unfit("it is not UTF-8"))?;
    Ok((text, stamp))
}

/// Opens a regular file. `O_NONBLOCK`, because opening a pipe that has replaced the file would
/// block.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata))
    } else {
        Err(unfit("it is not a file"))
    }
}

fn unfit(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

/// The target of `path` through all symbolic links, even if it does not exist.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            // Terminates: a cycle of links is another error (ELOOP).
            Ok(next) => target(&dir_lock::parent(path).join(next)),
            Err(_) => Ok(path.to_owned()),
        },
        found => found,
    }
}

/// Replaces the file at `path`, which is not a symbolic link, with `text`.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<Stamp> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(
            ErrorKind::InvalidInput,
            "the path must name a file; add a name, as in /etc/app/settings.json",
        )
    })?;
    let (temporary, file) = temporary::create(|random| {
        let temporary = path.with_file_name(temporary_name(name, random));
        let file = create_new(&temporary)?;
        Ok((temporary, file))
    })?;
    let replaced =
        write(&file, text, fs::metadata(path).ok()).and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    replaced?;
    // The file is replaced. Some file systems cannot sync a directory.
    let _ = File::open(dir_lock::parent(path)).and_then(|directory| directory.sync_all());
    Ok(Stamp::new(&file.metadata()?))
}

/// Creates a new file with mode 0600.
fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Writes a new file and gives it the mode and, if permitted, the owner of the old one.
fn write(mut file: &File, text: &str, old: Option<Metadata>) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    if let Some(old) = old {
        let mut mode = old.permissions().mode() & 0o777;
        let new = file.metadata()?;
        let (uid, gid) = (old.uid(), old.gid());
        let is_same = (new.uid(), new.gid()) == (uid, gid);
        if !is_same && fchown(file, Some(uid), Some(gid)).is_err() {
            // The group bits would apply to another group.
            mode &= !0o070;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()
}

/// The temporary name of a file called `name`.
fn temporary_name(name: &OsStr, random: u64) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(shortened(name));
    hidden.push(format!(".{random:016x}.new"));
    hidden
}

/// Truncates a file name so that the temporary one has at most 255 bytes.
fn shortened(name: &OsStr) -> &OsStr {
    let bytes = name.as_bytes();
    OsStr::from_bytes(bytes.get(..233).unwrap_or(bytes))
}

/// Removes old temporary files of crashed processes from the directory of `path`.
pub(super) fn remove_abandoned(path: &Path) {
    let Some(name) = path.file_name().map(shortened).and_then(OsStr::to_str) else {
        return;
    };
    let Ok(entries) = fs::read_dir(dir_lock::parent(path)) else {
        return;
    };
    for entry in entries.flatten() {
        let left = entry.file_name();
        let left = left.to_str().and_then(|left| left.strip_prefix('.'));
        let random = left
            .and_then(|left| left.strip_prefix(name)?.strip_prefix('.'))
            .and_then(|left| left.strip_suffix(".new"));
        let is_ours = random.is_some_and(|random| u64::from_str_radix(random, 16).is_ok());
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if is_ours && age().is_some_and(|age| age > ABANDONED_AFTER) {
            // A file that cannot be removed is harmless.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings_file::private_directory;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        let metadata = fs::metadata(path).expect("exists");
        metadata.permissions().mode() & 0o777
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_its_link_and_leaves_no_other_file() {
        let directory = private_directory();
        let (link, file) = (directory.path().join("link"), directory.path().join("file"));
        fs::write(&file, "old").expect("written");
        fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("set");
        symlink("file", &link).expect("linked");
        let target = target(&link).expect("a target");
        let stamp = replace(&target, "new").expect("replaced");
        let read = read(&link).expect("read");
        assert_eq!(read, Some(("new".to_owned(), stamp)));
        assert!(link.is_symlink());
        assert_eq!(mode(&file), 0o640);
        let left = fs::read_dir(&directory).expect("listed").count();
        assert_eq!(left, 2);
    }

    #[test]
    fn a_missing_file_is_created_for_its_owner_only() {
        let directory = private_directory();
        let file = directory.path().join("file");
        assert_eq!(read(&file).expect("read"), None);
        assert_eq!(stamp(&file).expect("a stamp"), None);
        let replaced = replace(&file, "whole").expect("replaced");
        assert_eq!(stamp(&file).expect("a stamp"), Some(replaced));
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_file_with_the_longest_name_can_be_replaced() {
        let directory = private_directory();
        let file = directory.path().join("n".repeat(255));
        replace(&file, "new").expect("replaced");
        assert_eq!(fs::read_to_string(&file).expect("read"), "new");
        let name = file.file_name().expect("it has one");
        let left = file.with_file_name(temporary_name(name, u64::MAX));
        let old = SystemTime::now() - 2 * ABANDONED_AFTER;
        let made = File::create(&left).expect("made");
        made.set_modified(old).expect("set");
        remove_abandoned(&file);
        assert!(!left.exists() && file.exists());
    }

    #[test]
    fn abandoned_files_are_removed_and_those_of_others_are_not() {
        let directory = private_directory();
        let file = directory.path().join("file");
        let [dead, alive] =
            [1, 2].map(|random| file.with_file_name(temporary_name("file".as_ref(), random)));
        let others = directory.path().join(".file.swp.new");
        let old = SystemTime::now() - 2 * ABANDONED_AFTER;
        for (path, is_old) in [
            (&file, true),
            (&dead, true),
            (&alive, false),
            (&others, true),
        ] {
            let file = File::create(path).expect("made");
            if is_old {
                file.set_modified(old).expect("set");
            }
        }
        remove_abandoned(&file);
        assert!(file.exists() && alive.exists() && others.exists());
        assert!(!dead.exists());
    }

    /// Only root can change the owner of a file, so the test does nothing for other users.
    #[test]
    fn a_replaced_file_keeps_its_owner() {
        let directory = private_directory();
        let path = directory.path().join("file");
        let file = File::create(&path).expect("made");
        if fchown(&file, Some(65_534), Some(65_534)).is_err() {
            return;
        }
        file.set_permissions(Permissions::from_mode(0o660))
            .expect("set");
        replace(&path, "new").expect("replaced");
        let new = fs::metadata(&path).expect("exists");
        assert_eq!((new.uid(), new.gid(), mode(&path)), (65_534, 65_534, 0o660));
    }

    #[test]
    fn a_pipe_is_refused_at_once_even_if_it_replaces_the_file_after_the_check() {
        let directory = private_directory();
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("it runs").success());
        let (done, opened) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for result in [read(&pipe).map(drop), open(&pipe).map(drop)] {
                let _ = done.send(result);
            }
        });
        for _ in 0..2 {
            let result = opened.recv_timeout(Duration::from_secs(20));
            let error = result.expect("it does not block").expect_err("a pipe");
            assert!(error.to_string().contains("not a file"), "{error}");
        }
    }

    #[test]
    fn a_directory_and_a_file_that_is_too_large_are_refused() {
        let directory = private_directory();
        let error = read(directory.path()).expect_err("a directory");
        assert!(error.to_string().contains("not a file"), "{error}");
        let large = directory.path().join("large");
        fs::write(&large, vec![b' '; 2 << 20]).expect("written");
        fs::set_permissions(&large, Permissions::from_mode(0o600)).expect("set");
        let error = read(&large).expect_err("large");
        assert!(error.to_string().contains("larger than"), "{error}");
    }
}
