//! Writes this crate's events to the host's log, on a separate thread. A subscriber is code of the
//! host and may block: a full pipe whose reader has stopped blocks every worker that logs to it,
//! and the admin API must answer in that incident.

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

/// Writes one event, or several related ones.
type WriteFn = Box<dyn FnOnce() + Send>;

/// Maximum number of queued entries of each kind. Further entries are dropped and counted.
const MAX_QUEUED: usize = 1024;

static QUEUE: LogQueue = LogQueue {
    state: Mutex::new(QueueState {
        entries: VecDeque::new(),
        others: 0,
        lost: 0,
        log: None,
    }),
    changed: Condvar::new(),
};

/// True if the writer thread was started.
static WRITER: OnceLock<bool> = OnceLock::new();

struct LogQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

struct QueueState {
    entries: VecDeque<LogEntry>,
    /// Number of queued entries that are not audit records.
    others: usize,
    /// Entries lost since the last warning, and the subscriber that gets the next warning.
    lost: u64,
    log: Option<Dispatch>,
}

struct LogEntry {
    is_audit: bool,
    write: WriteFn,
    /// The caller's subscriber, `None` for the global one.
    log: Option<Dispatch>,
}

/// Entries lost since the process started.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Number of entries lost since the process started.
pub(crate) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Queues `entry` for the subscriber of the calling thread, or the global one if it has none.
/// Entries are written in the order of calls. Never blocks.
pub(crate) fn write(entry: impl FnOnce() + Send + 'static) {
    push(Box::new(entry), false);
}

/// [`write`] for an audit record. Audit records have their own limit, so that other entries cannot
/// displace them.
pub(crate) fn write_audit(record: impl FnOnce() + Send + 'static) {
    push(Box::new(record), true);
}

fn push(write: WriteFn, is_audit: bool) {
    if !*WRITER.get_or_init(start) {
        return;
    }
    let log = Some(dispatcher::get_default(Clone::clone)).filter(|log| !log.is::<NoSubscriber>());
    let entry = LogEntry {
        is_audit,
        write,
        log,
    };
    let mut state = QUEUE.lock();
    let others = state.others;
    let of_kind = if is_audit {
        state.entries.len().saturating_sub(others)
    } else {
        others
    };
    if of_kind < MAX_QUEUED {
        state.others = others.saturating_add(usize::from(!is_audit));
        state.entries.push_back(entry);
        drop(state);
        QUEUE.changed.notify_one();
    } else {
        state.lost = state.lost.saturating_add(1);
        let before = std::mem::replace(&mut state.log, entry.log.clone());
        drop(state);
        LOST.fetch_add(1, Ordering::Relaxed);
        // Dropped without the lock: they may hold values of the host, and `before` may be the last
        // reference to a subscriber.
        drop((entry, before));
    }
}

impl LogQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next entry. A warning about lost entries comes first.
    fn next(&self) -> LogEntry {
        let mut state = self.lock();
        loop {
            if let lost @ 1.. = std::mem::take(&mut state.lost) {
                let write = move || {
                    tracing::warn!(
                        target: "underscore",
                        lost,
                        "log entries were lost because the subscriber was blocked"
                    );
                };
                let (write, log) = (Box::new(write), state.log.take());
                let is_audit = false;
                return LogEntry {
                    is_audit,
                    write,
                    log,
                };
            }
            if let Some(entry) = state.entries.pop_front() {
                state.others = state.others.saturating_sub(usize::from(!entry.is_audit));
                return entry;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Wraps `work` for another thread so that its events go to the subscriber of the calling one.
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

/// Does `work` without a subscriber, because the events of the libraries below would run code of
/// the host on this thread. For short work only: meanwhile every event in the process takes longer.
pub(crate) fn without<T>(work: impl FnOnce() -> T) -> T {
    dispatcher::with_default(&Dispatch::none(), work)
}

/// Untrusted text as a field value. Not every subscriber escapes strings, so text with invisible
/// characters is recorded as an escaped and quoted `Debug` value.
///
/// Import it by name instead of writing `log::field_text`: with the feature `log` of tracing, its
/// macros bring a crate of that name into the scope of their arguments.
pub(crate) fn field_text(text: &str) -> Box<dyn Value + '_> {
    if is_all_visible(text) {
        Box::new(text)
    } else {
        Box::new(tracing::field::debug(QuotedText(text)))
    }
}

/// Writes text as a quoted string literal.
struct QuotedText<'a>(&'a str);

impl fmt::Debug for QuotedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{}\"", visible(&escaped))
    }
}

/// Waits until all entries queued so far are written, for at most `patience`.
pub(crate) fn flush(patience: Duration) {
    if WRITER.get() == Some(&true) {
        let (done, wait) = channel::<()>();
        // Dropped when the entry is written, or at once if the queue is full.
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
        let LogEntry { write, log, .. } = QUEUE.next();
        let write = || match &log {
            Some(log) => dispatcher::with_default(log, write),
            None => write(),
        };
        // A subscriber that panics at one entry may write the next.
        let _ = catch_unwind(AssertUnwindSafe(write));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_can_be_read_back() {
        let quoted = format!("{:?}", QuotedText("a\n\"b\" \\n \u{202e}é"));
        assert_eq!(quoted, r#""a\n\"b\" \\n \u{202e}é""#);
    }
}
