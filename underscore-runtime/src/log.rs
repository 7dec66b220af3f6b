//! What this crate tells the host's log, on a thread of its own. Not where it happens: a subscriber is
//! the host's code and may block, and a log that nobody reads any more blocks every worker that writes
//! to it. That is an incident in which the admin API has to answer.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tracing::Value;
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;

use crate::visible::{is_all_visible, visible};

/// Writes one event, or several that belong together.
type Write = Box<dyn FnOnce() + Send>;

/// Entries of each kind that may wait for a log that blocks; those that come after are lost, and counted.
const MOST_WAITING: usize = 1024;

static QUEUE: Queue = Queue {
    waiting: Mutex::new(Waiting {
        entries: VecDeque::new(),
        others: 0,
        lost: 0,
        log: None,
    }),
    changed: Condvar::new(),
};

/// Whether there is a thread that writes.
static WRITER: OnceLock<bool> = OnceLock::new();

struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

struct Waiting {
    entries: VecDeque<Entry>,
    /// How many of them are no records of the audit.
    others: usize,
    /// How many were lost since that was said last, and the log in which it is to be said.
    lost: u64,
    log: Option<Dispatch>,
}

struct Entry {
    is_audit: bool,
    write: Write,
    /// Where it is written, if not to the log of the process.
    log: Option<Dispatch>,
}

/// How many entries were lost since the start.
static LOST: AtomicU64 = AtomicU64::new(0);

/// That number.
pub(crate) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Has `entry` written, in the order of calls, to the log of the calling thread; if that has none, to the log of
/// the process. Never waits.
pub(crate) fn write(entry: impl FnOnce() + Send + 'static) {
    push(Box::new(entry), false);
}

/// The same for a record of the audit, which has places of its own: nothing that others have written pushes it out.
pub(crate) fn write_audit(record: impl FnOnce() + Send + 'static) {
    push(Box::new(record), true);
}

fn push(write: Write, is_audit: bool) {
    if !*WRITER.get_or_init(start) {
        return;
    }
    let log = Some(dispatcher::get_default(Clone::clone)).filter(|log| !log.is::<NoSubscriber>());
    let entry = Entry {
        is_audit,
        write,
        log,
    };
    let mut waiting = QUEUE.lock();
    let others = waiting.others;
    let of_kind = if is_audit {
        waiting.entries.len().saturating_sub(others)
    } else {
        others
    };
    if of_kind < MOST_WAITING {
        waiting.others = others.saturating_add(usize::from(!is_audit));
        waiting.entries.push_back(entry);
        drop(waiting);
        QUEUE.changed.notify_one();
    } else {
        waiting.lost = waiting.lost.saturating_add(1);
        waiting.log.clone_from(&entry.log);
        drop(waiting);
        LOST.fetch_add(1, Ordering::Relaxed);
        // What it holds is the host's in part.
        drop(entry);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next entry, and before it how many were lost.
    fn next(&self) -> Entry {
        let mut waiting = self.lock();
        loop {
            if let lost @ 1.. = std::mem::take(&mut waiting.lost) {
                let write = move || {
                    tracing::warn!(
                        target: "underscore",
                        lost,
                        "entries for this log were lost, for it took none"
                    );
                };
                let (write, log) = (Box::new(write), waiting.log.take());
                let is_audit = false;
                return Entry {
                    is_audit,
                    write,
                    log,
                };
            }
            if let Some(entry) = waiting.entries.pop_front() {
                waiting.others = waiting.others.saturating_sub(usize::from(!entry.is_audit));
                return entry;
            }
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
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

/// `text`, which may be anybody's, as the value of a field. Most logs write a text with its control characters escaped,
/// but it is each one's own affair: what is not visible comes to it escaped, and in quotes.
///
/// Imported by its name, for inside the macros of tracing 0.1.41 `log` is the crate, where the host has that feature.
pub(crate) fn log_text(text: &str) -> Box<dyn Value + '_> {
    if is_all_visible(text) {
        Box::new(text)
    } else {
        Box::new(tracing::field::debug(Quoted(text)))
    }
}

/// Written so that nothing in it can be taken for anything else.
struct Quoted<'a>(&'a str);

impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{}\"", visible(&escaped))
    }
}

/// Waits until all that was written so far is in the log, for at most `patience`.
pub(crate) fn flush(patience: Duration) {
    if WRITER.get() == Some(&true) {
        let (done, wait) = channel::<()>();
        // It is dropped when its turn comes, or at once where there is no place for it.
        write_audit(move || drop(done));
        let _ = wait.recv_timeout(patience);
    }
}

fn start() -> bool {
    let thread = std::thread::Builder::new().name("underscore-log".into());
    thread.spawn(write_all).is_ok()
}

fn write_all() {
    loop {
        let Entry { write, log, .. } = QUEUE.next();
        let write = || match &log {
            Some(log) => dispatcher::with_default(log, write),
            None => write(),
        };
        // A subscriber that panics at one entry may be well at the next.
        let _ = catch_unwind(AssertUnwindSafe(write));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_can_be_read_back() {
        let quoted = format!("{:?}", Quoted("a\n\"b\" \\n \u{202e}é"));
        assert_eq!(quoted, r#""a\n\"b\" \\n \u{202e}é""#);
    }
}
