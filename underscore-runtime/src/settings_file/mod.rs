//! The settings file: what is persistent. It is read before the first request, written by the admin API, and
//! watched, so that whatever rolls out files steers a fleet with it. A thread of its own does all of this,
//! for a disk may take its time.

mod disk;
mod document;
mod permissions;
mod resolved;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use self::disk::Stamp;
use self::document::Document;
use self::resolved::Resolved;
use crate::dir_lock;
use crate::fd;
use crate::routes::{SETTINGS_LOCK, link};
use crate::sync::{Arc, Mutex};

pub(crate) use resolved::{Edit, Place};

/// How often the file is looked at. A change is taken when two looks found the same, so that nothing is read
/// that somebody has not finished writing.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The one thing that can be wrong with the file that a change mends: it makes it again.
const GONE: &str = "it is gone; what it said last is still in force";

/// The one file of this process: settings are those of the process, whoever serves them. `SETTINGS_LOCK` is never taken
/// while this is held.
static KEEPER: Mutex<Option<Keeper>> = Mutex::new(None);

/// The way to the thread that keeps the file.
#[derive(Debug)]
struct Keeper {
    path: PathBuf,
    orders: Sender<Order>,
    state: Arc<Mutex<State>>,
    /// The servers that want it kept.
    users: usize,
}

/// What is known of the file.
#[derive(Clone, Debug)]
struct State {
    /// What is in force: what the file said when it was last valid.
    resolved: Resolved,
    /// Why what the file says now is not in force.
    error: Option<String>,
}

/// A change of the file that somebody waits for.
struct Order {
    edits: Vec<Edit>,
    /// To be done in the moment in which the change is put in force.
    with: Box<dyn FnOnce() + Send>,
    done: oneshot::Sender<Result<(), Refused>>,
}

/// Why a change was not made.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There is no settings file.
    NoFile,
    /// What the file says now is not valid, and is not written over.
    Invalid(String),
    /// The file would not be one that can be read again.
    Unreadable(String),
    /// The file cannot be written.
    Unwritten(String),
}

/// What somebody else made of the file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: String,
    /// What it said before of the routes of which it says something else now, and what it says.
    pub(crate) before: Value,
    pub(crate) after: Value,
    /// The user and the group that it belongs to, if it is there.
    pub(crate) owner: Option<(u32, u32)>,
    /// Why it is not in force, if it is not.
    pub(crate) error: Option<String>,
}

/// A file that was read, and is not in force yet.
#[derive(Debug)]
pub(crate) struct Loaded {
    path: PathBuf,
    resolved: Resolved,
    stamp: Option<Stamp>,
}

/// Reads the settings file at `path`. One that is not there says nothing yet.
pub(crate) fn load(path: &Path) -> io::Result<Loaded> {
    let fail = |error: io::Error| {
        let kind = error.kind();
        io::Error::new(kind, format!("settings file {}: {error}", path.display()))
    };
    // The process may go to another directory, and two ways of writing one path are one file.
    let path = &std::path::absolute(path).map_err(fail)?;
    if !dir_lock::parent(path).is_dir() {
        let why = "its directory does not exist; make it or choose another path";
        return Err(fail(io::Error::new(ErrorKind::NotFound, why)));
    }
    if let Ok(target) = disk::target(path) {
        disk::tidy(&target);
    }
    let (resolved, stamp) = match disk::read(path).map_err(fail)? {
        None => (Resolved::default(), None),
        Some((text, stamp)) => {
            let resolved = Document::parse(&text).and_then(Resolved::of);
            let invalid = |error: String| {
                let cure = "mend it, or move it away to start without settings";
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
    /// Puts the file in force, and keeps it: `told` hears what others make of it.
    pub(crate) fn keep(self, told: fn(Found)) -> io::Result<Keeping> {
        // First: whoever makes a change asks, with this held, whether there is a file.
        let _changing = SETTINGS_LOCK.lock();
        let mut keeper = KEEPER.lock();
        if let Some(keeper) = &mut *keeper {
            if keeper.path != self.path {
                return Err(io::Error::new(
                    ErrorKind::AlreadyExists,
                    format!(
                        "settings file {}: this process keeps its settings in {} already",
                        self.path.display(),
                        keeper.path.display()
                    ),
                ));
            }
            keeper.users = keeper.users.saturating_add(1);
            return Ok(Keeping(()));
        }
        let Loaded {
            path,
            resolved,
            stamp,
        } = self;
        resolved.warn_of_unknown();
        let state = Arc::new(Mutex::new(State {
            resolved: resolved.clone(),
            error: None,
        }));
        let (orders, received) = channel();
        let watch = Watch {
            path: path.clone(),
            state: Arc::clone(&state),
            taken: stamp,
            seen: stamp,
            lost: 0,
            told,
        };
        std::thread::Builder::new()
            .name("underscore-file".into())
            .spawn(move || watch.run(&received))
            .map_err(|error| {
                let cure = "raise the limit of processes, as with `ulimit -u`";
                let path = path.display();
                let text = format!("settings file {path}: no thread can be had ({error}); {cure}");
                io::Error::new(error.kind(), text)
            })?;
        resolved.apply();
        *keeper = Some(Keeper {
            path,
            orders,
            state,
            users: 1,
        });
        Ok(Keeping(()))
    }
}

/// The file is kept for as long as there is one of these.
#[derive(Debug)]
pub(crate) struct Keeping(());

impl Drop for Keeping {
    fn drop(&mut self) {
        let mut keeper = KEEPER.lock();
        let last = keeper.as_mut().is_none_or(|keeper| {
            keeper.users = keeper.users.saturating_sub(1);
            keeper.users == 0
        });
        if last {
            // The thread ends when nobody can send it an order any more.
            *keeper = None;
        }
    }
}

/// Whether there is a file.
pub(crate) fn is_kept() -> bool {
    KEEPER.lock().is_some()
}

/// Whether the file could be changed so now, as far as that can be said without writing it.
pub(crate) fn check(edits: &[Edit]) -> Result<(), Refused> {
    let state = KEEPER
        .lock()
        .as_ref()
        .map(|keeper| keeper.state.lock().clone());
    let State { resolved, error } = state.ok_or(Refused::NoFile)?;
    if let Some(error) = error.filter(|error| error != GONE) {
        return Err(Refused::Invalid(error));
    }
    let text = resolved.edited(edits).to_file();
    text.map(drop).map_err(Refused::Unreadable)
}

/// The path of the file, if there is one, and why it is not in force, if it is not.
pub(crate) fn path_and_error() -> Option<(String, Option<String>)> {
    let keeper = KEEPER.lock();
    let keeper = keeper.as_ref()?;
    let error = keeper.state.lock().error.clone();
    Some((keeper.path.display().to_string(), error))
}

/// What the file says of routes that are not listed, each under its name there: of those that this build does not
/// have, and, which is `true`, of known mounts that no request has come to.
pub(crate) fn of_unlisted_routes() -> Vec<(String, Value, bool)> {
    let resolved = match &*KEEPER.lock() {
        Some(keeper) => keeper.state.lock().resolved.clone(),
        None => return Vec::new(),
    };
    let unlisted = |(name, section): (&String, &Value)| {
        let is_known = match resolved.place(name) {
            None => false,
            Some(place) if place.settings().is_none() => true,
            Some(_) => return None,
        };
        Some((name.clone(), section.clone(), is_known))
    };
    let routes = resolved.document.routes.iter();
    routes.filter_map(unlisted).collect()
}

/// Changes the file, and then what is in force, together with what `with` does: all of it or nothing.
///
/// # Cancel safety
///
/// Whoever stops waiting does not learn whether it was done; it is done or not done all the same.
pub(crate) async fn change(
    edits: Vec<Edit>,
    with: impl FnOnce() + Send + 'static,
) -> Result<(), Refused> {
    let (done, answer) = oneshot::channel();
    let order = Order {
        edits,
        with: Box::new(with),
        done,
    };
    let orders = KEEPER.lock().as_ref().map(|keeper| keeper.orders.clone());
    let sent = orders.and_then(|orders| orders.send(order).ok());
    sent.ok_or(Refused::NoFile)?;
    answer.await.unwrap_or(Err(Refused::NoFile))
}

/// What the thread knows.
struct Watch {
    path: PathBuf,
    state: Arc<Mutex<State>>,
    /// What was there when the file was last read or written, valid or not. Nothing once it was not to be seen: if
    /// the same comes back, it is read again.
    taken: Option<Stamp>,
    /// What was there at the last look.
    seen: Option<Stamp>,
    /// How many handlers the linker had lost then: one that turns up may be in the file.
    lost: usize,
    told: fn(Found),
}

impl Watch {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            match orders.recv_timeout(LOOK_EVERY) {
                Ok(Order { edits, with, done }) => {
                    // Who does not wait any more needs no answer.
                    let _ = done.send(self.change(&edits, with));
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Takes what somebody else made of the file, once it has stayed the same for a moment.
    fn look(&mut self) {
        let lost = link::missing_from_link_table();
        if lost != self.lost {
            self.lost = lost;
            self.resolve_again();
        }
        let found = match disk::stamp(&self.path) {
            Ok(found) => found,
            Err(error) => {
                (self.taken, self.seen) = (None, None);
                return self.fault(format!("it cannot be looked at: {error}"));
            }
        };
        let settled = found == self.seen;
        self.seen = found;
        match found {
            None if self.taken.is_some() && settled => {
                self.taken = None;
                self.fault(GONE.to_owned());
            }
            Some(_) if found != self.taken && settled => self.take(),
            _ => {}
        }
    }

    /// Reads the file and puts what it says in force; what is not valid leaves everything as it is.
    fn take(&mut self) {
        let (text, stamp) = match disk::read(&self.path) {
            Ok(Some(read)) => read,
            // It was taken away in this moment: the next look finds that.
            Ok(None) => return,
            Err(error) => return self.fault(format!("it cannot be read: {error}")),
        };
        (self.taken, self.seen) = (Some(stamp), Some(stamp));
        match Document::parse(&text).and_then(Resolved::of) {
            Err(error) => self.fault(error),
            Ok(resolved) => {
                let before = self.state.lock().resolved.clone();
                if resolved.document == before.document {
                    self.state.lock().error = None;
                    return;
                }
                resolved.warn_of_unknown();
                self.apply(&resolved, || {});
                self.tell(&before.document, &resolved.document, None);
            }
        }
    }

    /// Looks up the routes of what is in force once more, for there are more of them now.
    fn resolve_again(&self) {
        let document = self.state.lock().resolved.document.clone();
        // A name that is now that of several handlers stays the one's that it was.
        if let Ok(resolved) = Resolved::of(document) {
            let _changing = SETTINGS_LOCK.lock();
            resolved.apply();
            self.state.lock().resolved = resolved;
        }
    }

    fn change(&mut self, edits: &[Edit], with: Box<dyn FnOnce() + Send>) -> Result<(), Refused> {
        // Of two processes that share the file, the second one to change it sees what the first one wrote.
        let target = disk::target(&self.path);
        let target = target.map_err(|error| Refused::Invalid(error.to_string()))?;
        let _lock = match dir_lock::lock(dir_lock::parent(&target)) {
            // Then it could not be written either, or only while nobody is held off.
            Err(error) if fd::is_exhausted(&error) => return Err(self.unwritten(&error)),
            lock => lock,
        };
        let found = disk::stamp(&self.path).map_err(|error| Refused::Invalid(error.to_string()))?;
        if found.is_some() && found != self.taken {
            self.seen = found;
            self.take();
        }
        let State { resolved, error } = self.state.lock().clone();
        if let (Some(error), true) = (error, found.is_some()) {
            return Err(Refused::Invalid(error));
        }
        let document = resolved.edited(edits);
        let changed = Resolved::of(document).map_err(Refused::Invalid)?;
        if changed.document != resolved.document || found.is_none() {
            let text = changed.document.to_file().map_err(Refused::Unreadable)?;
            let written = disk::replace(&target, &text);
            self.taken = Some(written.map_err(|error| self.unwritten(&error))?);
            self.seen = self.taken;
        }
        self.apply(&changed, with);
        Ok(())
    }

    fn unwritten(&self, error: &io::Error) -> Refused {
        Refused::Unwritten(format!("{}: {error}", self.path.display()))
    }

    /// `with` is done in the same moment.
    fn apply(&self, resolved: &Resolved, with: impl FnOnce()) {
        {
            let _changing = SETTINGS_LOCK.lock();
            with();
            resolved.apply();
        }
        *self.state.lock() = State {
            resolved: resolved.clone(),
            error: None,
        };
    }

    /// Says once why the file is not in force.
    fn fault(&self, error: String) {
        let document = {
            let mut state = self.state.lock();
            if state.error.as_ref() == Some(&error) {
                return;
            }
            state.error = Some(error.clone());
            state.resolved.document.clone()
        };
        self.tell(&document, &document, Some(error));
    }

    fn tell(&self, before: &Document, after: &Document, error: Option<String>) {
        (self.told)(Found {
            path: self.path.display().to_string(),
            before: before.without(after).to_json(),
            after: after.without(before).to_json(),
            owner: self.seen.map(|stamp| stamp.owner),
            error,
        });
    }
}

/// A temporary directory that only its owner can write to, independent of the umask.
#[cfg(test)]
fn private_directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let private = std::fs::Permissions::from_mode(0o700);
    let directory = tempfile::Builder::new().permissions(private).tempdir();
    directory.expect("a directory")
}
