//! The thread that watches the settings file: it reads changes of others and writes those of the
//! admin API.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::change::{ChangeError, ChangeRequest, Reload};
use super::disk::{self, Stamp};
use super::document::Document;
use super::resolved::{Edit, Resolved};
use crate::dir_lock;
use crate::fd;
use crate::routes::{SETTINGS_LOCK, link};
use crate::sync::{Arc, Mutex};

/// Interval between two checks of the file. A change is read when two checks have found the same
/// stamp, so that no file is read while it is being written.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// The only error that a change through the admin API resolves, because it creates the file again.
pub(super) const MISSING: &str = "it is missing; its last valid content is still in force";

/// The known state of the file.
#[derive(Clone, Debug)]
pub(super) struct FileState {
    /// The last valid content, which is applied.
    pub(super) resolved: Resolved,
    /// The reason why the current content is not applied, `None` if it is.
    pub(super) error: Option<String>,
}

impl FileState {
    /// The state of a file whose content is applied.
    pub(super) fn new(resolved: Resolved) -> Self {
        FileState {
            resolved,
            error: None,
        }
    }
}

/// State owned by the thread.
pub(super) struct FileWatcher {
    path: PathBuf,
    state: Arc<Mutex<FileState>>,
    /// Stamp of the content that was last read or written, valid or not. `None` after the file
    /// could not be found, so that the same file is read again if it comes back.
    read: Option<Stamp>,
    /// Stamp at the last check.
    seen: Option<Stamp>,
    /// Number of handlers missing from the link table at the last check. One that is found later
    /// may be named in the file.
    missing_handlers: usize,
    on_change: fn(Reload),
}

impl FileWatcher {
    pub(super) fn new(
        path: PathBuf,
        state: Arc<Mutex<FileState>>,
        stamp: Option<Stamp>,
        on_change: fn(Reload),
    ) -> Self {
        FileWatcher {
            path,
            state,
            read: stamp,
            seen: stamp,
            missing_handlers: 0,
            on_change,
        }
    }

    /// Runs until the last sender of `requests` is dropped.
    pub(super) fn run(mut self, requests: &Receiver<ChangeRequest>) {
        loop {
            match requests.recv_timeout(CHECK_EVERY) {
                Ok(ChangeRequest { edits, with, done }) => {
                    // An error means that the caller no longer waits.
                    let _ = done.send(self.change(&edits, with));
                }
                Err(RecvTimeoutError::Timeout) => self.check(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Reads a changed file once its stamp is stable.
    fn check(&mut self) {
        let missing_handlers = link::missing_from_link_table();
        if missing_handlers != self.missing_handlers {
            self.missing_handlers = missing_handlers;
            self.resolve_again();
        }
        let found = match disk::stamp(&self.path) {
            Ok(found) => found,
            Err(error) => {
                (self.read, self.seen) = (None, None);
                return self.report_error(format!("it cannot be checked: {error}"));
            }
        };
        let is_stable = found == self.seen;
        self.seen = found;
        match found {
            None if self.read.is_some() && is_stable => {
                self.read = None;
                self.report_error(MISSING.to_owned());
            }
            Some(_) if found != self.read && is_stable => self.reload(),
            _ => {}
        }
    }

    /// Reads the file and applies it. Invalid content changes nothing.
    fn reload(&mut self) {
        let (text, stamp) = match disk::read(&self.path) {
            Ok(Some(read)) => read,
            // Deleted in between: the next check reports that.
            Ok(None) => return,
            Err(error) => return self.report_error(format!("it cannot be read: {error}")),
        };
        (self.read, self.seen) = (Some(stamp), Some(stamp));
        match Document::parse(&text).and_then(Resolved::new) {
            Err(error) => self.report_error(error),
            Ok(resolved) => {
                let before = self.state.lock().resolved.clone();
                if resolved.document == before.document {
                    self.state.lock().error = None;
                    return;
                }
                resolved.warn_of_unknown();
                self.apply(&resolved, || {});
                self.report(&before.document, &resolved.document, None);
            }
        }
    }

    /// Resolves the names in the file again after a handler was found.
    fn resolve_again(&self) {
        let document = self.state.lock().resolved.document.clone();
        // An error: a name now belongs to several handlers, and keeps meaning the one that it
        // meant.
        if let Ok(resolved) = Resolved::new(document) {
            let _changing = SETTINGS_LOCK.lock();
            resolved.apply();
            self.state.lock().resolved = resolved;
        }
    }

    fn change(
        &mut self,
        edits: &[Edit],
        with: Box<dyn FnOnce() + Send>,
    ) -> Result<(), ChangeError> {
        // Locked, so that of two processes with the same file the second one reads what the first
        // one has written.
        let target = disk::target(&self.path);
        let target = target.map_err(|error| ChangeError::Invalid(error.to_string()))?;
        let _lock = match dir_lock::lock(dir_lock::parent(&target)) {
            // Without a descriptor the file could not be written either, or only without the lock.
            Err(error) if fd::is_exhausted(&error) => return Err(self.unwritten(&error)),
            lock => lock,
        };
        let found =
            disk::stamp(&self.path).map_err(|error| ChangeError::Invalid(error.to_string()))?;
        if found.is_some() && found != self.read {
            self.seen = found;
            self.reload();
        }
        let FileState { resolved, error } = self.state.lock().clone();
        if let (Some(error), true) = (error, found.is_some()) {
            return Err(ChangeError::Invalid(error));
        }
        let document = resolved.edited(edits);
        let changed = Resolved::new(document).map_err(ChangeError::Invalid)?;
        if changed.document != resolved.document || found.is_none() {
            let text = changed.document.to_file();
            let text = text.map_err(ChangeError::Unreadable)?;
            let written = disk::replace(&target, &text);
            self.read = Some(written.map_err(|error| self.unwritten(&error))?);
            self.seen = self.read;
        }
        self.apply(&changed, with);
        Ok(())
    }

    fn unwritten(&self, error: &io::Error) -> ChangeError {
        ChangeError::Unwritten(format!("{}: {error}", self.path.display()))
    }

    /// Applies the settings and calls `with`, both under one lock.
    fn apply(&self, resolved: &Resolved, with: impl FnOnce()) {
        {
            let _changing = SETTINGS_LOCK.lock();
            with();
            resolved.apply();
        }
        *self.state.lock() = FileState::new(resolved.clone());
    }

    /// Reports once why the content of the file is not applied.
    fn report_error(&self, error: String) {
        let document = {
            let mut state = self.state.lock();
            if state.error.as_ref() == Some(&error) {
                return;
            }
            state.error = Some(error.clone());
            state.resolved.document.clone()
        };
        self.report(&document, &document, Some(error));
    }

    fn report(&self, before: &Document, after: &Document, error: Option<String>) {
        (self.on_change)(Reload {
            path: self.path.display().to_string(),
            before: before.without(after).to_json(),
            after: after.without(before).to_json(),
            owner: self.seen.map(|stamp| stamp.owner),
            error,
        });
    }
}
