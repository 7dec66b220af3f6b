//! Making the socket again when its file was taken away, by whatever tidies up `/tmp` or by a hand that meant
//! another file: the server would run on, and nobody could reach it any more.

use std::future::pending;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::socket::{Found, SocketFile};
use crate::log;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long the file must have been gone. Somebody may be about to start another server at the path, which
/// must not find this one there again.
const GONE_FOR: Duration = Duration::from_secs(10);

/// The sockets that are made in place of one that cannot be reached any more.
#[derive(Debug)]
pub(super) struct Renewals {
    made: Receiver<UnixListener>,
}

impl Renewals {
    /// Looks after `file`, if there is one. To be called in the runtime that it is to run in.
    pub(super) fn of(file: Option<Arc<SocketFile>>) -> Self {
        let (sender, made) = channel(1);
        if let Some(file) = file {
            tokio::spawn(look_after(file, sender));
        }
        Renewals { made }
    }

    /// Waits for the next one.
    ///
    /// # Cancel safety
    ///
    /// None is lost.
    pub(super) async fn next(&mut self) -> UnixListener {
        match self.made.recv().await {
            Some(listener) => listener,
            None => pending().await,
        }
    }
}

async fn look_after(file: Arc<SocketFile>, made: Sender<UnixListener>) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut gone_since: Option<Instant> = None;
    let mut failure = None;
    let mut is_elsewhere = false;
    loop {
        looks.tick().await;
        let is_due = gone_since.is_some_and(|since| since.elapsed() >= GONE_FOR);
        let looked = Arc::clone(&file);
        // Aside, for a disk may take its time.
        let found = match spawn_blocking(move || looked.look(is_due)).await {
            Ok(Ok(Found::Renewed(listener))) => Ok(Some(listener)),
            Ok(Ok(Found::Ours)) => {
                (gone_since, failure, is_elsewhere) = (None, None, false);
                Ok(None)
            }
            Ok(Ok(Found::Elsewhere)) => {
                if !is_elsewhere {
                    tell_of_another_directory(&file);
                    is_elsewhere = true;
                }
                Ok(None)
            }
            Ok(Ok(Found::Nothing)) => {
                gone_since.get_or_insert_with(Instant::now);
                Ok(None)
            }
            Ok(Ok(Found::Another)) => return tell_of_another(&file),
            // The server ends.
            Ok(Ok(Found::Closed)) | Err(_) => return,
            Ok(Err(error)) => Err(error),
        };
        match found {
            Ok(None) => {}
            Ok(Some(listener)) => {
                (gone_since, failure, is_elsewhere) = (None, None, false);
                tell_of_renewal(&file);
                if made.send(listener).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                let error = error.to_string();
                if failure.as_ref() != Some(&error) {
                    tell_of_failure(&file, error.clone());
                    failure = Some(error);
                }
            }
        }
    }
}

fn tell_of_renewal(file: &Arc<SocketFile>) {
    let file = Arc::clone(file);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = %file.path.display(),
            "the file of the admin socket was gone, and has been made again"
        );
    });
}

fn tell_of_another(file: &Arc<SocketFile>) {
    let file = Arc::clone(file);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = %file.path.display(),
            "another file is in the place of the admin socket; this server cannot be reached any more"
        );
    });
}

fn tell_of_another_directory(file: &Arc<SocketFile>) {
    let file = Arc::clone(file);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = %file.path.display(),
            "the directory of the admin socket is another one now, and its file is not made again there; put the \
             directory back or restart the service"
        );
    });
}

fn tell_of_failure(file: &Arc<SocketFile>, error: String) {
    let file = Arc::clone(file);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = %file.path.display(),
            error,
            "the admin socket cannot be looked after; it is tried again"
        );
    });
}
