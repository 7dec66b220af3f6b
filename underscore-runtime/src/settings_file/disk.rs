//! The file on the disk: read whole, and replaced in one step, so that whoever reads it finds the old text or
//! the new one, whenever the process or the machine dies.

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

/// A file that is larger is not one of settings.
pub(super) const LARGEST: u64 = 1 << 20;

/// How often a file may be replaced while it is opened.
const MOST_SWAPS: u32 = 10;

/// Nobody takes so long to write a file of settings.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// By what a file that was replaced or written to is told from what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
    /// Of the file's own data, in nanoseconds: it tells a change that keeps length and time.
    changed: (i64, i64),
    /// The user and the group that it belongs to.
    pub(super) owner: (u32, u32),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
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

/// The stamp of what is at `path` now, links followed; nothing where nothing is.
pub(super) fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The text at `path`, which is one from the root, and its stamp; nothing where nothing is.
pub(super) fn read(path: &Path) -> io::Result<Option<(String, Stamp)>> {
    for _ in 0..MOST_SWAPS {
        // Asked before it is opened: there are devices that do something when they are.
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
        // Another one took its place since it was checked.
    }
    Err(unfit("it is replaced again and again"))
}

fn read_whole(file: File, metadata: &Metadata) -> io::Result<(String, Stamp)> {
    // Before it is read: what is written meanwhile has another stamp.
    let stamp = Stamp::of(metadata);
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(unfit("it is larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| unfit("it is not UTF-8"))?;
    Ok((text, stamp))
}

/// Opens what must be a file. Opening a pipe would wait for its other end: here it does not, whatever took the
/// file's place in this moment.
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

/// What `path` leads to, through all links, also where nothing is yet.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            // This comes to an end: links that lead to each other are another error.
            Ok(next) => target(&dir_lock::parent(path).join(next)),
            Err(_) => Ok(path.to_owned()),
        },
        found => found,
    }
}

/// Puts `text` in place of what is at `path`, which is no link.
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
        // What was made on the way is not left behind.
        let _ = fs::remove_file(&temporary);
    }
    replaced?;
    // From here on the file is the new one. A file system that cannot sync a directory has done what it can.
    let _ = File::open(dir_lock::parent(path)).and_then(|directory| directory.sync_all());
    Ok(Stamp::of(&file.metadata()?))
}

/// Makes a file that is not there yet, for its owner.
fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Writes a new file. What the old one was readable and writable for, and whose it was, stays so as
/// far as it can.
fn write(mut file: &File, text: &str, old: Option<Metadata>) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    if let Some(old) = old {
        let mut mode = old.permissions().mode() & 0o777;
        let new = file.metadata()?;
        let (uid, gid) = (old.uid(), old.gid());
        let is_same = (new.uid(), new.gid()) == (uid, gid);
        if !is_same && fchown(file, Some(uid), Some(gid)).is_err() {
            // It would be another group's.
            mode &= !0o070;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()
}

/// The name that a file called `name` is written under first.
fn temporary_name(name: &OsStr, random: u64) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(shortened(name));
    hidden.push(format!(".{random:016x}.new"));
    hidden
}

/// As much of a file's name as leaves room for what is put around it: a name has at most 255 bytes.
fn shortened(name: &OsStr) -> &OsStr {
    let bytes = name.as_bytes();
    OsStr::from_bytes(bytes.get(..233).unwrap_or(bytes))
}

/// Removes what processes left beside `path` that died in the middle, if it is old enough to be nobody's.
pub(super) fn tidy(path: &Path) {
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
            // What cannot be removed does no harm.
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
        let metadata = fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    }

    #[test]
    fn what_is_replaced_keeps_its_mode_and_its_link_and_leaves_nothing_beside_it() {
        let directory = private_directory();
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
    fn where_nothing_is_a_file_for_its_owner_is_made() {
        let directory = private_directory();
        let file = directory.path().join("file");
        assert_eq!(read(&file).expect("read"), None);
        assert_eq!(stamp(&file).expect("asked"), None);
        let replaced = replace(&file, "whole").expect("replaced");
        assert_eq!(stamp(&file).expect("asked"), Some(replaced));
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn the_longest_name_that_a_file_can_have_can_be_replaced() {
        let directory = private_directory();
        let file = directory.path().join("n".repeat(255));
        replace(&file, "new").expect("replaced");
        assert_eq!(fs::read_to_string(&file).expect("read"), "new");
        let name = file.file_name().expect("it has one");
        let left = file.with_file_name(temporary_name(name, u64::MAX));
        let old = SystemTime::now() - 2 * ABANDONED_AFTER;
        let made = File::create(&left).expect("made");
        made.set_modified(old).expect("set");
        tidy(&file);
        assert!(!left.exists() && file.exists());
    }

    #[test]
    fn what_dead_processes_left_is_removed_and_what_others_have_there_is_not() {
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
        tidy(&file);
        assert!(file.exists() && alive.exists() && others.exists());
        assert!(!dead.exists());
    }

    /// Only root can make a file another user's; for anybody else the owner is the one who replaces it.
    #[test]
    fn what_is_replaced_stays_its_owners() {
        let directory = private_directory();
        let path = directory.path().join("file");
        let file = File::create(&path).expect("made");
        if fchown(&file, Some(65_534), Some(65_534)).is_err() {
            return;
        }
        file.set_permissions(Permissions::from_mode(0o660))
            .expect("set");
        replace(&path, "new").expect("replaced");
        let new = fs::metadata(&path).expect("it is there");
        assert_eq!((new.uid(), new.gid(), mode(&path)), (65_534, 65_534, 0o660));
    }

    #[test]
    fn a_pipe_is_refused_at_once_even_if_it_took_the_files_place_just_now() {
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
            let error = result.expect("nothing waits").expect_err("a pipe");
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
