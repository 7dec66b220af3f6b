//! A log in memory, written by a layer with a filter whose levels can be changed.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tracing_subscriber::filter::{EnvFilter, Filtered};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::Registry;
use underscore_runtime::LogFilter;

use crate::support::PATIENCE;

#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

/// A layer that writes into a log in memory.
pub type MemoryLayer<S> = Filtered<
    fmt::Layer<S, fmt::format::DefaultFields, fmt::format::Format<fmt::format::Full, ()>, Memory>,
    LogFilter,
    S,
>;

impl Memory {
    /// Installs a log with these directives as that of the process.
    pub fn install(base: &str) -> Self {
        let (memory, layer) = Memory::layer(base);
        let subscriber = Registry::default().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
        memory
    }

    /// A log and its layer.
    #[track_caller]
    pub fn layer<S>(base: &str) -> (Self, MemoryLayer<S>)
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        let memory = Memory::default();
        let filter = underscore_runtime::log_filter(EnvFilter::new(base));
        let layer = fmt::layer().without_time().with_ansi(false);
        let layer = layer.with_writer(memory.clone()).with_filter(filter);
        (memory, layer)
    }

    /// All that was written.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("it is text")
    }

    pub fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// Waits until `text` was written.
    pub async fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.has(text) {
            assert!(Instant::now() < deadline, "no {text}: {}", self.text());
            tokio::task::yield_now().await;
        }
    }
}

impl MakeWriter<'_> for Memory {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
