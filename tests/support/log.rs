//! A subscriber that records events of the library's own targets.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::PATIENCE;

/// The open log of this process, installed on first use.
pub static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::install();
    log.open();
    log
});

/// Serialises tests that read process-wide state, with `LOG` installed.
pub async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    LazyLock::force(&LOG);
    ONE_AT_A_TIME.lock().await
}

/// A log that blocks its writers until it is opened.
#[derive(Clone, Default)]
pub struct Log(Arc<Inside>);

#[derive(Default)]
struct Inside {
    open: AtomicBool,
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Log {
    /// Installs it as the global subscriber, of which there must be no other.
    pub fn install() -> Self {
        let log = Log::default();
        tracing::subscriber::set_global_default(log.clone()).expect("the only one of this binary");
        log
    }

    pub fn open(&self) {
        let _lines = self.locked();
        self.0.open.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }

    /// Waits until `condition` holds of the lines.
    pub fn wait(&self, condition: impl Fn(&[String]) -> bool) -> Vec<String> {
        let lines = self.locked();
        let waited = self
            .0
            .changed
            .wait_timeout_while(lines, PATIENCE, |lines| !condition(lines));
        let (lines, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "{lines:#?}");
        lines.clone()
    }

    /// The lines so far, in order.
    pub fn lines(&self) -> Vec<String> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Without the line that each server logs at its start.
        let is_start = metadata.fields().field("handlers").is_some();
        let target = metadata.target();
        !is_start && (target == "underscore" || target.starts_with("underscore::"))
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {} ", metadata.level(), metadata.target()));
        event.record(&mut line);
        self.wait(|_| self.0.open.load(Ordering::Relaxed));
        let mut lines = self.locked();
        lines.push(line.0);
        self.0.changed.notify_all();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").expect("a string takes all");
    }
}
