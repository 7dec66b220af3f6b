//! Captures: bundles that the service writes by itself when its health turns red, so that the
//! evidence outlives the process. This is their directory, and when one is due; what is in them, the
//! admin API knows.

mod directory;
mod due;
mod name;

use std::io::{self, ErrorKind};
use std::sync::mpsc::{Sender, channel};

use crate::clock::Instant;
use crate::health::{self, Finding, Symptom};
use crate::log;
use crate::sync::{Mutex, contained};
use due::Due;

pub(crate) use directory::{Capture, CaptureDirectory, cure};
pub(crate) use name::{of_bundle, of_capture};

/// The captures of this process, shared by all its servers.
static CAPTURES: Mutex<Option<Captures>> = Mutex::new(None);

/// The limits of captures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CaptureLimits {
    pub(crate) per_hour: u32,
    /// The size of all files together.
    pub(crate) bytes: u64,
}

impl Default for CaptureLimits {
    fn default() -> Self {
        CaptureLimits {
            per_hour: 4,
            bytes: 64 << 20,
        }
    }
}

/// The directory, and the thread that writes to it.
#[derive(Debug)]
struct Captures {
    directory: CaptureDirectory,
    due: Due,
    triggers: Sender<Trigger>,
    /// Number of servers that were built with the directory.
    users: usize,
}

/// A finding that has turned red.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    pub(crate) symptom: Symptom,
    pub(crate) subject: String,
    pub(crate) evidence: String,
}

/// Keeps the thread running. It ends with the last guard.
#[derive(Debug)]
pub(crate) struct CaptureGuard(());

/// Starts the thread that calls `write` for each capture that is due. If it runs already, its
/// directory must be the same one.
pub(crate) fn start(
    directory: CaptureDirectory,
    limits: CaptureLimits,
    mut write: impl FnMut(&CaptureDirectory, &Trigger) + Send + 'static,
) -> io::Result<CaptureGuard> {
    let mut captures = CAPTURES.lock();
    if let Some(captures) = &mut *captures {
        if captures.directory != directory {
            return Err(another_directory(&directory, &captures.directory));
        }
        captures.users = captures.users.saturating_add(1);
        return Ok(CaptureGuard(()));
    }
    let (triggers, received) = channel::<Trigger>();
    let of_thread = directory.clone();
    let run = log::carried(move || {
        for trigger in received {
            // One that panics must not be the last one.
            contained(|| write(&of_thread, &trigger));
            if let Some(captures) = &mut *CAPTURES.lock() {
                captures.due.end();
            }
        }
    });
    // Started now, because the system may refuse a thread later.
    let thread = std::thread::Builder::new().name("underscore-capture".into());
    thread.spawn(run).map_err(|error| {
        let path = directory.path().display();
        let cure = "raise the limit of processes, as with `ulimit -u`";
        let text = format!("`capture_to` {path}: no thread can be started ({error}); {cure}");
        io::Error::new(error.kind(), text)
    })?;
    *captures = Some(Captures {
        directory,
        due: Due::new(limits.per_hour),
        triggers,
        users: 1,
    });
    health::on_red(offer);
    Ok(CaptureGuard(()))
}

fn another_directory(new: &CaptureDirectory, known: &CaptureDirectory) -> io::Error {
    let (new, known) = (new.path().display(), known.path().display());
    io::Error::new(
        ErrorKind::AlreadyExists,
        format!(
            "`capture_to` {new}: this process captures to {known} already; name the same directory \
             for each server"
        ),
    )
}

impl Drop for CaptureGuard {
    fn drop(&mut self) {
        let mut captures = CAPTURES.lock();
        let is_last = captures.as_mut().is_none_or(|captures| {
            captures.users = captures.users.saturating_sub(1);
            captures.users == 0
        });
        if is_last {
            // The thread ends when the sender is dropped.
            *captures = None;
        }
    }
}

/// The directory of captures, `None` if the service has none.
pub(crate) fn directory() -> Option<CaptureDirectory> {
    let captures = CAPTURES.lock();
    Some(captures.as_ref()?.directory.clone())
}

/// Takes the red findings of a look, and wakes the thread if a capture is due.
fn offer(red: &[Finding], now: Instant) {
    let mut captures = CAPTURES.lock();
    let Some(captures) = &mut *captures else {
        return;
    };
    let due = captures.due.take(red, now);
    if let Some(finding) = due {
        let trigger = Trigger {
            symptom: finding.symptom(),
            subject: finding.subject.clone(),
            evidence: finding.evidence.clone(),
        };
        // Fails if the thread has ended, which it does only with the last guard.
        let _ = captures.triggers.send(trigger);
    }
}
