//! The admin server: a thread with a runtime of its own, so that it answers even if all workers of
//! the host are blocked.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use axum::Extension;
use tokio::runtime::{Id, Runtime};
use tokio::sync::oneshot;

use super::accept;
use super::limits::Limits;
use super::listener::Listener;
use super::rebind::{RebindTimes, Rebinder};
use super::socket::{Bound, SocketFile, named};
use crate::admin::{Policy, Pool, ReadTimeout, WriteAccess, router};
use crate::captures::CaptureGuard;
use crate::log::{self, field_text};
use crate::settings_file::FileGuard;
use crate::shell::quoted;
use crate::visible::visible;
use crate::{housekeeping, panics, routes, workers};

/// Time that a shutdown gives to requests under way, and then to the log.
const GRACE: Duration = Duration::from_secs(1);

/// The builder's options that apply to a running server.
pub(super) struct ServerOptions {
    pub(super) write_access: WriteAccess,
    pub(super) policy: Policy,
    pub(super) limits: Limits,
    pub(super) rebind: RebindTimes,
    /// Keeps the settings file watched while the server runs.
    pub(super) settings_file: Option<FileGuard>,
    /// Keeps the thread for captures while the server runs.
    pub(super) captures: Option<CaptureGuard>,
    pub(super) panic_hook: bool,
}

/// A running admin server.
///
/// Dropping the handle leaves the server running, so `serve_admin(path)?;` serves until the process
/// ends.
///
/// ```
/// # use std::os::unix::net::UnixStream;
/// # fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("app.sock");
/// drop(underscore_runtime::serve_admin(&path)?);
/// assert!(UnixStream::connect(&path).is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AdminServer {
    path: PathBuf,
    control: Control,
}

impl AdminServer {
    pub(super) fn start(bound: Bound, options: ServerOptions) -> io::Result<Self> {
        let (path, file) = (bound.path.clone(), bound.file.clone());
        let is_restricted = options.write_access.are_restricted();
        let (stop, stopped) = oneshot::channel();
        match spawn(bound, options, stopped) {
            Ok(thread) => {
                if is_restricted {
                    warn_of_open(&path);
                }
                log_start(&path, file.as_deref());
                Ok(AdminServer {
                    path,
                    control: Control::new(stop, thread),
                })
            }
            Err(error) => {
                file.inspect(|file| file.remove());
                Err(named(&path, &error))
            }
        }
    }

    /// The path of the socket, with `{pid}` replaced. Empty for a socket without a path that was
    /// passed to [`serve_listener`](crate::AdminBuilder::serve_listener).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let directory = directory.path();
    /// let admin = underscore_runtime::serve_admin(directory.join("app.{pid}.sock"))?;
    /// let name = format!("app.{}.sock", std::process::id());
    /// assert_eq!(admin.path(), directory.join(name));
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Shuts the server down and removes its socket file, unless another file has replaced it. The
    /// file of a socket that was passed to [`serve_listener`](crate::AdminBuilder::serve_listener)
    /// is left alone.
    ///
    /// The future completes when the server has ended: requests under way have one second to
    /// complete, then the log has another second to write the audit records. If the socket is being
    /// bound again at that moment, it takes up to two seconds more. Responses that are incomplete
    /// by then are cut off.
    ///
    /// No worker is blocked, and the future may be polled by any executor: the admin thread does
    /// the work and wakes the caller. In a forked child of the process that serves, it is ready at
    /// once and nothing is changed.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let admin = underscore_runtime::serve_admin(&path)?;
    /// admin.shutdown().await;
    /// assert!(!path.exists());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// The shutdown begins with the call, not with the first poll. If the future is dropped, the
    /// server ends all the same.
    pub fn shutdown(self) -> impl Future<Output = ()> + Send + 'static {
        let thread = self.control.stop();
        async move {
            if let Some(thread) = thread {
                // An error means that the thread has panicked, and so has ended as well.
                let _ = thread.ended.await;
            }
        }
    }

    /// Like [`shutdown`](Self::shutdown), but blocks the calling thread until the server has ended.
    /// For code without an executor, such as a `main` that is not async.
    ///
    /// It never panics, not even in an async context, but it blocks the worker there.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = underscore_runtime::serve_admin(&path)?;
    /// admin.shutdown_blocking();
    /// assert!(!path.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown_blocking(self) {
        if let Some(thread) = self.control.stop() {
            let _ = thread.handle.join();
        }
    }
}

fn warn_of_open(path: &Path) {
    let path = path.display().to_string();
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = field_text(&path),
            "every user of this machine can connect to the admin socket, so only root and the \
             service's own user may make changes; restrict its mode, or name those who may with \
             `AdminBuilder::allow_changes_from_uids`"
        );
    });
}

/// Logs where the API is served, and a command to try.
fn log_start(path: &Path, file: Option<&SocketFile>) {
    // From the root, because the command may be typed in another directory.
    let path = file.map_or(path, |file| &file.path).display().to_string();
    log::write(move || {
        let command = match &*path {
            // An abstract socket, or one without a name.
            "" => String::new(),
            path => format!(
                "; try `curl --unix-socket {} 'http://./_cat/tasks?v'`",
                quoted(path)
            ),
        };
        tracing::info!(
            target: "underscore",
            path = field_text(&path),
            handlers = routes::handlers().len(),
            "the admin API is served{}",
            visible(&command)
        );
    });
}

/// The admin thread, as the handle sees it.
#[derive(Debug)]
struct AdminThread {
    /// Completes when the thread has ended.
    ended: oneshot::Receiver<()>,
    handle: JoinHandle<()>,
}

/// Stops the admin thread, in the process that it belongs to.
///
/// A forked child has a copy of the handle and no such thread: joining it would hang or panic, and
/// waking its runtime takes locks that may have been held during the fork, and wakes the parent.
#[derive(Debug)]
struct Control {
    /// The process that serves.
    pid: u32,
    /// `None` once it was used.
    parts: Option<(oneshot::Sender<()>, AdminThread)>,
}

impl Control {
    fn new(stop: oneshot::Sender<()>, thread: AdminThread) -> Self {
        Control {
            pid: std::process::id(),
            parts: Some((stop, thread)),
        }
    }

    /// Tells the thread to stop and returns it. `None` in a forked child.
    fn stop(mut self) -> Option<AdminThread> {
        if self.is_forked() {
            return None;
        }
        let (stop, thread) = self.parts.take()?;
        // An error means that the thread has ended already.
        let _ = stop.send(());
        Some(thread)
    }

    fn is_forked(&self) -> bool {
        self.pid != std::process::id()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if self.is_forked() {
            // Dropping the sender would wake the runtime, and the thread belongs to the parent.
            std::mem::forget(self.parts.take());
        }
    }
}

/// The runtime of the admin thread. It is shut down in the background wherever it is dropped: after
/// an error that is in the host's context, where a runtime that waits for its threads panics.
struct AdminRuntime(Option<Runtime>);

impl Drop for AdminRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Undoes what the start of the server did in the process, when the admin thread ends.
struct Cleanup {
    file: Option<Arc<SocketFile>>,
    /// The runtime that the server was started from, which is usually the one that serves requests.
    host: Option<Id>,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        // Removed at the beginning of a shutdown already; here after a panic.
        if let Some(file) = &self.file {
            file.remove();
        }
        if let Some(host) = self.host {
            workers::unregister(host);
        }
    }
}

fn spawn(
    bound: Bound,
    options: ServerOptions,
    stopped: oneshot::Receiver<()>,
) -> io::Result<AdminThread> {
    let ServerOptions {
        write_access,
        mut policy,
        limits,
        rebind,
        settings_file,
        captures,
        panic_hook,
    } = options;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let context = runtime.handle().clone();
    let runtime = AdminRuntime(Some(runtime));
    policy.socket = bound.socket_path();
    let Bound { listener, file, .. } = bound;
    let sockets = {
        let _context = context.enter();
        (
            Listener::new(listener)?,
            Rebinder::new(file.clone(), rebind),
        )
    };
    let pool = Pool::shared();
    pool.start()
        .map_err(|error| no_thread(&error.to_string()))?;
    // Started here, so that what the host does before the thread runs is timed as well.
    let sampling = housekeeping::start();
    if panic_hook {
        panics::install();
    }
    let (end, ended) = oneshot::channel();
    let cleanup = Cleanup {
        file: file.clone(),
        host: workers::register_current_runtime(),
    };
    let stopped = async move {
        if stopped.await.is_err() {
            // The handle was dropped: the server keeps running.
            std::future::pending::<()>().await;
        }
        if let Some(file) = file {
            file.remove();
        }
    };
    let thread = Builder::new().name("underscore-admin".into());
    let handle = thread.spawn(move || {
        if let Some(runtime) = &runtime.0 {
            let api = router().layer((
                Extension(write_access),
                Extension(Arc::new(policy)),
                Extension(ReadTimeout(limits.read)),
            ));
            runtime.block_on(accept::serve(sockets, api, limits, stopped, GRACE));
        }
        drop((runtime, pool, sampling, settings_file, captures, cleanup));
        log::flush(GRACE);
        // An error means that no caller waits for the end.
        let _ = end.send(());
    });
    let handle = handle.map_err(|error| no_thread(&error.to_string()))?;
    Ok(AdminThread { ended, handle })
}

fn no_thread(why: &str) -> io::Error {
    io::Error::new(
        ErrorKind::WouldBlock,
        format!(
            "no thread can be started ({why}); raise the limit of processes: `ulimit -u`, \
             `TasksMax=` of the unit, or `pids` of the container"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::os::unix::net::UnixStream;

    use super::super::serve_admin;
    use super::*;
    use crate::routes::SETTINGS_LOCK;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn send(path: &Path, request: &str) -> UnixStream {
        let mut client = UnixStream::connect(path).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("a time");
        client.write_all(request.as_bytes()).expect("it is small");
        client
    }

    fn status(client: &mut UnixStream) -> String {
        let mut begin = [0; 12];
        client.read_exact(&mut begin).expect("an answer");
        String::from_utf8_lossy(&begin).into_owned()
    }

    /// Holds 1.41 of docs/admin-api.md.
    #[test]
    fn it_answers_while_a_change_waits_for_another_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let admin = serve_admin(directory.path().join("app.sock")).expect("it is served");
        let changing = SETTINGS_LOCK.lock();
        let body = r#"{"transient": {}}"#;
        let mut change = send(
            admin.path(),
            &format!(
                "PUT /_routes/_all/settings HTTP/1.1\r\nhost: .\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
        );
        for path in ["/", "/_cat/workers", "/_cat/tasks", "/_routes/settings"].repeat(5) {
            let request = format!("GET {path} HTTP/1.1\r\nhost: .\r\n\r\n");
            assert_eq!(status(&mut send(admin.path(), &request)), "HTTP/1.1 200");
        }
        change.set_nonblocking(true).expect("it is open");
        let read = change.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(read, Err(ErrorKind::WouldBlock), "it waits");
        change.set_nonblocking(false).expect("it is open");
        drop(changing);
        assert_eq!(status(&mut change), "HTTP/1.1 200");
        admin.shutdown_blocking();
    }
}
