//! The admin thread: its own runtime, so that it answers whatever the host's workers do.

use std::io;
use std::path::Path;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use axum::Extension;
use tokio::net::UnixListener;
use tokio::runtime::{Id, Runtime};
use tokio::sync::oneshot;

use super::socket::{Bound, SocketFile};
use crate::admin::{Changers, LooksAside, Peer, admin_router};
use crate::settings_file::Keeping;
use crate::{log, workers};

/// How long `shutdown` lets requests under way end.
const GRACE: Duration = Duration::from_secs(1);

/// How many long answers are made side by side; whoever comes later waits for one of them. So the memory that
/// they take is bounded, too.
const MOST_LOOKS: usize = 4;

/// How long their threads stay when there is nothing to do.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// A running admin server.
///
/// Dropping it leaves the server running: `serve_admin(path)?;` means that it should be there.
#[derive(Debug)]
pub struct AdminServer {
    file: SocketFile,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    /// The runtime that it was started from, which is nearly always the one that serves requests.
    runtime: Option<Id>,
}

impl AdminServer {
    pub(super) fn start(
        bound: Bound,
        changers: Changers,
        keeping: Option<Keeping>,
    ) -> io::Result<Self> {
        let Bound { listener, file } = bound;
        let (stop, stopped) = oneshot::channel();
        match spawn(listener, changers, keeping, stopped) {
            Ok(thread) => Ok(AdminServer {
                file,
                stop,
                thread,
                runtime: workers::meet_current_runtime(),
            }),
            Err(error) => {
                file.remove();
                Err(error)
            }
        }
    }

    /// The path of the socket, with `{pid}` replaced.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Ends the server and removes its socket, if the file is still this server's.
    ///
    /// Blocks until the thread has ended: requests to the API that are under way have a second to end,
    /// and what operators did has another one to reach the log. It may be called from a tokio task: what
    /// it waits for needs nothing of that runtime.
    pub fn shutdown(self) {
        self.file.remove();
        // A thread that is gone needs no word.
        let _ = self.stop.send(());
        let _ = self.thread.join();
        if let Some(runtime) = self.runtime {
            workers::forget(runtime);
        }
        log::flush(GRACE);
    }
}

fn spawn(
    listener: std::os::unix::net::UnixListener,
    changers: Changers,
    keeping: Option<Keeping>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MOST_LOOKS)
        .thread_keep_alive(FOR_EVER)
        .thread_name("underscore-look")
        .build()?;
    let listener = {
        let _context = runtime.enter();
        UnixListener::from_std(listener)?
    };
    // Here, and not when the thread gets its first turn: what the host does meanwhile has its dates.
    let sampling = workers::start();
    Builder::new()
        .name("underscore-admin".into())
        .spawn(move || {
            serve(&runtime, listener, changers, stopped);
            drop((sampling, keeping));
        })
}

fn serve(
    runtime: &Runtime,
    listener: UnixListener,
    changers: Changers,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let (end, mut ended) = tokio::sync::watch::channel(());
        let signal = async move {
            // The handle was dropped without a word: the server stays.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
            end.send_replace(());
        };
        // A thread that is there from the beginning: later there may be none to be had.
        tokio::task::spawn_blocking(|| {});
        let api = admin_router().layer((Extension(changers), Extension(LooksAside)));
        let api = api.into_make_service_with_connect_info::<Peer>();
        let server = axum::serve(listener, api).with_graceful_shutdown(signal);
        tokio::select! {
            _ = server.into_future() => {}
            () = async {
                let _ = ended.changed().await;
                tokio::time::sleep(GRACE).await;
            } => {}
        }
    });
}
