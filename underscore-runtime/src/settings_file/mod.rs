//! The settings file, which stores `persistent` settings. It is read before the first request,
//! written by the admin API, and watched, so that tools that distribute files can steer a fleet. A
//! thread of its own does all of this, because a disk may block.

mod change;
mod disk;
mod document;
mod permissions;
mod resolved;
mod watcher;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};

use serde_json::Value;
use tokio::sync::oneshot;

use self::change::ChangeRequest;
use self::disk::Stamp;
use self::document::Document;
use self::resolved::Resolved;
use self::watcher::{FileState, FileWatcher, MISSING};
use crate::dir_lock;
use crate::routes::SETTINGS_LOCK;
use crate::sync::{Arc, Mutex};

pub(crate) use change::{ChangeError, Reload};
pub(crate) use resolved::{Edit, SettingsTarget};

/// The settings file of this process, shared by all its servers. `SETTINGS_LOCK` is never taken
/// while this is locked.
static WATCHED: Mutex<Option<WatchedFile>> = Mutex::new(None);

/// A settings file and the channel to the thread that watches it.
#[derive(Debug)]
struct WatchedFile {
    path: PathBuf,
    requests: Sender<ChangeRequest>,
    state: Arc<Mutex<FileState>>,
    /// Number of servers that use the file.
    users: usize,
}

/// A file that was read and is not applied yet.
#[derive(Debug)]
pub(crate) struct Loaded {
    path: PathBuf,
    resolved: Resolved,
    stamp: Option<Stamp>,
}

/// Reads the settings file at `path`. A missing file has no settings.
pub(crate) fn load(path: &Path) -> io::Result<Loaded> {
    let fail = |error: io::Error| {
        let kind = error.kind();
        io::Error::new(kind, format!("settings file {}: {error}", path.display()))
    };
    // Absolute: the working directory may change, and two spellings of a path are one file.
    let path = &std::path::absolute(path).map_err(fail)?;
    if !dir_lock::parent(path).is_dir() {
        let why = "its directory does not exist; create it or choose another path";
        return Err(fail(io::Error::new(ErrorKind::NotFound, why)));
    }
    if let Ok(target) = disk::target(path) {
        disk::remove_abandoned(&target);
    }
    let (resolved, stamp) = match disk::read(path).map_err(fail)? {
        None => (Resolved::default(), None),
        Some((text, stamp)) => {
            let resolved = Document::parse(&text).and_then(Resolved::new);
            let invalid = |error: String| {
                let cure = "fix it, or move it away to start without settings";
                fail(io::Error::new(
                    ErrorKind::InvalidData,
                    format!("{error}; {cure}"),
                ))
            };
            (resolved.map_err(invalid)?, Some(stamp))
        }
    };
    Ok(Loaded {
        path: path.to_owned(),
        resolved,
        stamp,
    })
}

impl Loaded {
    /// Applies the file and watches it. `on_change` is called for each change that was not made
    /// through the admin API.
    pub(crate) fn watch(self, on_change: fn(Reload)) -> io::Result<FileGuard> {
        // Locked first: a change checks under this lock whether there is a file.
        let _changing = SETTINGS_LOCK.lock();
        let mut watched = WATCHED.lock();
        if let Some(watched) = &mut *watched {
            if watched.path != self.path {
                return Err(self.another_file(&watched.path));
            }
            watched.users = watched.users.saturating_add(1);
            return Ok(FileGuard(()));
        }
        let Loaded {
            path,
            resolved,
            stamp,
        } = self;
        resolved.warn_of_unknown();
        let state = Arc::new(Mutex::new(FileState::new(resolved.clone())));
        let (requests, received) = channel();
        let thread = FileWatcher::new(path.clone(), Arc::clone(&state), stamp, on_change);
        std::thread::Builder::new()
            .name("underscore-file".into())
            .spawn(move || thread.run(&received))
            .map_err(|error| {
                let cure = "raise the limit of processes, as with `ulimit -u`";
                let path = path.display();
                let text =
                    format!("settings file {path}: no thread can be started ({error}); {cure}");
                io::Error::new(error.kind(), text)
            })?;
        resolved.apply();
        *watched = Some(WatchedFile {
            path,
            requests,
            state,
            users: 1,
        });
        Ok(FileGuard(()))
    }

    fn another_file(&self, watched: &Path) -> io::Error {
        let (path, watched) = (self.path.display(), watched.display());
        io::Error::new(
            ErrorKind::AlreadyExists,
            format!("settings file {path}: this process has the settings file {watched} already"),
        )
    }
}

/// Keeps the file watched. The watcher ends with the last guard.
#[derive(Debug)]
pub(crate) struct FileGuard(());

impl Drop for FileGuard {
    fn drop(&mut self) {
        let mut watched = WATCHED.lock();
        let last = watched.as_mut().is_none_or(|watched| {
            watched.users = watched.users.saturating_sub(1);
            watched.users == 0
        });
        if last {
            // The thread ends when the last sender is dropped.
            *watched = None;
        }
    }
}

/// True if this process has a settings file.
pub(crate) fn is_configured() -> bool {
    WATCHED.lock().is_some()
}

/// Checks that the file can be changed in this way, without writing it.
pub(crate) fn check(edits: &[Edit]) -> Result<(), ChangeError> {
    let state = WATCHED
        .lock()
        .as_ref()
        .map(|watched| watched.state.lock().clone());
    let FileState { resolved, error } = state.ok_or(ChangeError::NoFile)?;
    if let Some(error) = error.filter(|error| error != MISSING) {
        return Err(ChangeError::Invalid(error));
    }
    let text = resolved.edited(edits).to_file();
    text.map(drop).map_err(ChangeError::Unreadable)
}

/// The path of the file, and the reason if its content is not applied. `None` without a file.
pub(crate) fn path_and_error() -> Option<(String, Option<String>)> {
    let watched = WATCHED.lock();
    let watched = watched.as_ref()?;
    let error = watched.state.lock().error.clone();
    Some((watched.path.display().to_string(), error))
}

/// The sections of routes that are not listed, each with its name in the file: routes that this
/// build does not have (`false`), and mounts without requests of handlers that it has (`true`).
pub(crate) fn unlisted_routes() -> Vec<(String, Value, bool)> {
    let resolved = match &*WATCHED.lock() {
        Some(watched) => watched.state.lock().resolved.clone(),
        None => return Vec::new(),
    };
    let unlisted = |(name, section): (&String, &Value)| {
        let is_known = match resolved.target(name) {
            None => false,
            Some(target) if target.settings().is_none() => true,
            Some(_) => return None,
        };
        Some((name.clone(), section.clone(), is_known))
    };
    let routes = resolved.document.routes.iter();
    routes.filter_map(unlisted).collect()
}

/// Changes the file and then the applied settings, together with the effect of `with`: all or none.
///
/// # Cancel safety
///
/// A dropped future does not undo the change: it is made completely or not at all.
pub(crate) async fn change(
    edits: Vec<Edit>,
    with: impl FnOnce() + Send + 'static,
) -> Result<(), ChangeError> {
    let (done, answer) = oneshot::channel();
    let request = ChangeRequest {
        edits,
        with: Box::new(with),
        done,
    };
    let requests = WATCHED
        .lock()
        .as_ref()
        .map(|watched| watched.requests.clone());
    let sent = requests.and_then(|requests| requests.send(request).ok());
    sent.ok_or(ChangeError::NoFile)?;
    answer.await.unwrap_or(Err(ChangeError::NoFile))
}

/// A temporary directory that only its owner can write to, independent of the umask.
#[cfg(test)]
fn private_directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let private = std::fs::Permissions::from_mode(0o700);
    let directory = tempfile::Builder::new().permissions(private).tempdir();
    directory.expect("a directory")
}
