//! The admin thread: its own runtime, so that it answers whatever the host's workers do.

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
use super::queue::Queue;
use super::renewal::Renewals;
use super::socket::{Bound, SocketFile, named};
use crate::admin::{Policy, Pool, ReadTimeout, WriteAccess, admin_router};
use crate::log::{self, field_text};
use crate::settings_file::Keeping;
use crate::{housekeeping, workers};

/// How long `shutdown` lets requests under way end.
const GRACE: Duration = Duration::from_secs(1);

/// What the host says of who may do what.
type Access = (WriteAccess, Policy);

/// A running admin server.
///
/// Dropping it leaves the server running: `serve_admin(path)?;` means that it should be there.
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
    file: Option<Arc<SocketFile>>,
    control: Control,
    /// The runtime that it was started from, which is nearly always the one that serves requests.
    runtime: Option<Id>,
}

impl AdminServer {
    pub(super) fn start(
        bound: Bound,
        access: Access,
        limits: Limits,
        keeping: Option<Keeping>,
    ) -> io::Result<Self> {
        let path = bound.path.clone();
        let file = bound.file.clone();
        let is_restricted = access.0.are_restricted();
        let (stop, stopped) = oneshot::channel();
        match spawn(bound, access, limits, keeping, stopped) {
            Ok(thread) => {
                if is_restricted {
                    warn_of_open(&path);
                }
                Ok(AdminServer {
                    path,
                    file,
                    control: Control::new(stop, thread),
                    runtime: workers::register_current_runtime(),
                })
            }
            Err(error) => {
                file.inspect(|file| file.remove());
                Err(named(&path, &error))
            }
        }
    }

    /// The path of the socket, with `{pid}` replaced. Empty for a socket that was handed in and has none.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let directory = directory.path();
    /// let admin = underscore_runtime::serve_admin(directory.join("app.{pid}.sock"))?;
    /// let name = format!("app.{}.sock", std::process::id());
    /// assert_eq!(admin.path(), directory.join(name));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the server and removes its socket, if the file is still this server's. The file of a socket that was
    /// handed in is left alone.
    ///
    /// Blocks until the thread has ended: requests to the API that are under way have a second to end,
    /// and what operators did has another one to reach the log; where the file is being made again just then, that may
    /// take up to two more. A long answer that is not complete by then is given up. It may be called from a tokio task: what
    /// it waits for needs nothing of that runtime.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = underscore_runtime::serve_admin(&path)?;
    /// admin.shutdown();
    /// assert!(!path.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(self) {
        let Some((stop, thread)) = self.control.take() else {
            return;
        };
        // A thread that is gone needs no word.
        let _ = stop.send(());
        self.file.inspect(|file| file.remove());
        let _ = thread.join();
        if let Some(runtime) = self.runtime {
            workers::unregister(runtime);
        }
        log::flush(GRACE);
    }
}

fn warn_of_open(path: &Path) {
    let path = path.display().to_string();
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            path = field_text(&path),
            "every user of this machine can connect to the admin socket, so only root and the service's own user may \
             change something; narrow its mode, or name with `AdminBuilder::allow_changes_from_uids` who may"
        );
    });
}

/// What ends the admin thread, in the process that has it.
///
/// A process that was forked from it has a copy, and no such thread: it would wait for it for ever,
/// or panic, and waking the thread's runtime takes locks that may have been held at that moment,
/// and wakes the parent's.
#[derive(Debug)]
struct Control {
    /// The process that serves.
    pid: u32,
    /// There until it is used.
    parts: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Control {
    fn new(stop: oneshot::Sender<()>, thread: JoinHandle<()>) -> Self {
        Control {
            pid: std::process::id(),
            parts: Some((stop, thread)),
        }
    }

    /// Gives what ends the thread; `None` in a forked process.
    fn take(mut self) -> Option<(oneshot::Sender<()>, JoinHandle<()>)> {
        if self.is_forked() {
            return None;
        }
        self.parts.take()
    }

    fn is_forked(&self) -> bool {
        self.pid != std::process::id()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if self.is_forked() {
            // Its sender would wake the runtime, and its thread is none of this process.
            std::mem::forget(self.parts.take());
        }
    }
}

/// The admin thread's own. Given up without a wait wherever it is dropped: on an error that is where the host called
/// from, and a runtime that waits for its threads panics inside of another one.
struct Own(Option<Runtime>);

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn spawn(
    bound: Bound,
    (write_access, policy): Access,
    limits: Limits,
    keeping: Option<Keeping>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let context = runtime.handle().clone();
    let own = Own(Some(runtime));
    let (queue, renewals) = {
        let _context = context.enter();
        (Queue::new(bound.listener)?, Renewals::of(bound.file))
    };
    let pool = Pool::shared();
    pool.start()
        .map_err(|error| no_thread(&error.to_string()))?;
    // Here, and not when the thread gets its first turn: what the host does meanwhile has its dates.
    let sampling = housekeeping::start();
    let thread = Builder::new().name("underscore-admin".into());
    let thread = thread.spawn(move || {
        if let Some(runtime) = &own.0 {
            let read_timeout = ReadTimeout(limits.read);
            let api = admin_router().layer((
                Extension(write_access),
                Extension(Arc::new(policy)),
                Extension(read_timeout),
            ));
            let serving = accept::serve((queue, renewals), api, limits, stopped, GRACE);
            runtime.block_on(serving);
        }
        drop((own, pool, sampling, keeping));
    });
    thread.map_err(|error| no_thread(&error.to_string()))
}

fn no_thread(why: &str) -> io::Error {
    io::Error::new(
        ErrorKind::WouldBlock,
        format!(
            "no thread can be had ({why}); raise the limit of processes: `ulimit -u`, `TasksMax=` of the unit, \
             or `pids` of the container"
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
        admin.shutdown();
    }
}
