//! What this crate tells the host's log, on a thread of its own. Not where it happens: a subscriber is
//! the host's code and may block, and a log that nobody reads any more blocks every worker that writes
//! to it. That is an incident in which the admin API has to answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::Duration;

use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;

/// Writes one event, or several that belong together.
type Entry = Box<dyn FnOnce() + Send>;

/// Entries that may wait for a log that blocks; those that come after are lost.
const MOST_WAITING: usize = 1024;

/// The way to the thread, once there is something to write; nothing where no thread could be had.
static WRITER: OnceLock<Option<SyncSender<Entry>>> = OnceLock::new();

/// Has `entry` written, in the order of calls, to the log of the calling thread; if that has none, to the log of
/// the process. Never waits.
pub(crate) fn write(entry: impl FnOnce() + Send + 'static) {
    let log = dispatcher::get_default(Clone::clone);
    let entry: Entry = if log.is::<NoSubscriber>() {
        Box::new(entry)
    } else {
        Box::new(move || dispatcher::with_default(&log, entry))
    };
    if let Some(writer) = WRITER.get_or_init(start) {
        let _ = writer.try_send(entry);
    }
}

/// Wraps `work` for another thread so that its events go to the log of the calling one.
pub(crate) fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let log = dispatcher::get_default(Clone::clone);
    move || {
        if log.is::<NoSubscriber>() {
            work()
        } else {
            dispatcher::with_default(&log, work)
        }
    }
}

/// Does `work` without a log: what the libraries under it tell would be written where it happens, by the host's code.
/// For a moment only: meanwhile every event of the process takes longer.
pub(crate) fn without<T>(work: impl FnOnce() -> T) -> T {
    dispatcher::with_default(&Dispatch::none(), work)
}

/// Waits until all that was written so far is in the log, for at most `patience`.
pub(crate) fn flush(patience: Duration) {
    if WRITER.get().is_some() {
        let (done, wait) = channel::<()>();
        // It is dropped when its turn comes, or at once where there is no place for it.
        write(move || drop(done));
        let _ = wait.recv_timeout(patience);
    }
}

fn start() -> Option<SyncSender<Entry>> {
    let (writer, entries) = sync_channel(MOST_WAITING);
    let thread = std::thread::Builder::new().name("underscore-log".into());
    thread.spawn(move || write_all(&entries)).ok()?;
    Some(writer)
}

fn write_all(entries: &Receiver<Entry>) {
    for entry in entries {
        // A subscriber that panics at one entry may be well at the next.
        let _ = catch_unwind(AssertUnwindSafe(entry));
    }
}
