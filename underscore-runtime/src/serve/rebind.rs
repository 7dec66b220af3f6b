//! Binds the socket again when its file was deleted, for example by a program that cleans up
//! `/tmp`. Otherwise the server would keep running without a way to reach it.

use std::future::pending;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::socket::{FileCheck, SocketFile};
use crate::log;

/// When the socket file is checked and bound again.
#[derive(Clone, Copy, Debug)]
pub(super) struct RebindTimes {
    /// Interval between two checks of the file.
    pub(super) check_every: Duration,
    /// Time for which the file must be missing. Another server may be about to start at the path,
    /// and must not find this one there again.
    pub(super) missing_for: Duration,
}

impl Default for RebindTimes {
    fn default() -> Self {
        RebindTimes {
            check_every: Duration::from_secs(2),
            missing_for: Duration::from_secs(10),
        }
    }
}

/// Yields a new listening socket each time the socket was bound again.
#[derive(Debug)]
pub(super) struct Rebinder {
    sockets: Receiver<UnixListener>,
}

impl Rebinder {
    /// Starts a task in the current runtime that watches `file`. Without a file it yields no
    /// socket.
    pub(super) fn new(file: Option<Arc<SocketFile>>, times: RebindTimes) -> Self {
        let (sender, sockets) = channel(1);
        if let Some(file) = file {
            tokio::spawn(watch(file, times, sender));
        }
        Rebinder { sockets }
    }

    /// Waits for the next socket.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no socket is lost.
    pub(super) async fn next(&mut self) -> UnixListener {
        match self.sockets.recv().await {
            Some(socket) => socket,
            None => pending().await,
        }
    }
}

async fn watch(file: Arc<SocketFile>, times: RebindTimes, sockets: Sender<UnixListener>) {
    // An interval of zero panics.
    let mut checks = interval(times.check_every.max(Duration::from_millis(1)));
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut missing_since: Option<Instant> = None;
    let mut failure = None;
    let mut warned_of_directory = false;
    loop {
        checks.tick().await;
        let is_due = missing_since.is_some_and(|since| since.elapsed() >= times.missing_for);
        let checked = Arc::clone(&file);
        // Not on the admin thread: a disk may block.
        match spawn_blocking(move || checked.check(is_due)).await {
            Ok(Ok(FileCheck::Ours)) => {
                (missing_since, failure, warned_of_directory) = (None, None, false);
            }
            Ok(Ok(FileCheck::Missing)) => {
                missing_since.get_or_insert_with(Instant::now);
            }
            Ok(Ok(FileCheck::DirectoryReplaced)) => {
                if !warned_of_directory {
                    warn_of_replaced_directory(&file);
                    warned_of_directory = true;
                }
            }
            Ok(Ok(FileCheck::Rebound(socket))) => {
                (missing_since, failure, warned_of_directory) = (None, None, false);
                warn_of_rebind(&file);
                if sockets.send(socket).await.is_err() {
                    return;
                }
            }
            Ok(Ok(FileCheck::Replaced)) => return warn_of_replaced_file(&file),
            // The server is shutting down.
            Ok(Ok(FileCheck::Removed)) | Err(_) => return,
            Ok(Err(error)) => {
                let error = error.to_string();
                if failure.as_ref() != Some(&error) {
                    warn_of_failure(&file, error.clone());
                    failure = Some(error);
                }
            }
        }
    }
}

fn warn_of_rebind(file: &Arc<SocketFile>) {
    let file = Arc::clone(file);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = %file.path.display(),
            "the file of the admin socket was deleted and has been made again"
        );
    });
}

fn warn_of_replaced_file(file: &Arc<SocketFile>) {
    let file = Arc::clone(file);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = %file.path.display(),
            "another file has replaced the admin socket; this server cannot be reached any more"
        );
    });
}

fn warn_of_replaced_directory(file: &Arc<SocketFile>) {
    let file = Arc::clone(file);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = %file.path.display(),
            "the directory of the admin socket was replaced, and the socket is not bound again in \
             another one; restore the directory or restart the service"
        );
    });
}

fn warn_of_failure(file: &Arc<SocketFile>, error: String) {
    let file = Arc::clone(file);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = %file.path.display(),
            error,
            "the admin socket file cannot be checked; trying again"
        );
    });
}
