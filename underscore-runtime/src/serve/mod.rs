//! Serves the admin API on a Unix socket, from a thread that shares nothing with the host's
//! workers.

mod accept;
mod builder;
mod connection;
mod connections;
mod fd_reserve;
mod limits;
mod listener;
mod peer;
mod rebind;
mod server;
mod socket;
mod stream;

pub use builder::AdminBuilder;
pub use server::AdminServer;

use std::io;
use std::path::Path;

/// Serves the admin API on a Unix socket at `path`.
///
/// This is not an async function: it binds the socket, starts a thread with a runtime of its own,
/// and returns. The API then answers until the process ends, even if all workers of the host are
/// blocked. Only the user that the process runs as can connect (mode 0600 from the moment the file
/// exists); [`AdminBuilder`] can allow more. `{pid}` in the path is replaced by the process id.
///
/// At the start, one line at level `INFO` with the target `underscore` is logged: the path, the
/// number of handlers, and a `curl` command to try.
///
/// If the file is deleted, for example by a program that cleans up `/tmp`, it is made again within
/// seconds, and a warning is logged. A file that has replaced it is never touched. It is made again
/// only in the directory in which it was bound: after a `chroot`, below a mount, or if the
/// directory was replaced, a warning is logged instead.
///
/// Dropping the handle leaves the server running; [`AdminServer::shutdown`] ends it. A process that
/// exits without it leaves the socket file behind, and the next one with the same path replaces it.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("app.sock");
/// let admin = underscore_runtime::serve_admin(&path)?;
/// assert_eq!(admin.path(), path);
/// assert!(path.exists());
/// admin.shutdown_blocking();
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// - [`AddrInUse`](io::ErrorKind::AddrInUse): a live server is at `path`; it is left alone.
/// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): the file at `path` is not a socket; it is
///   left alone.
/// - [`InvalidInput`](io::ErrorKind::InvalidInput): the path is too long for a Unix socket, or does
///   not name a file.
/// - [`WouldBlock`](io::ErrorKind::WouldBlock): a thread cannot be started.
/// - The error of the system if the directory is missing or not writable.
///
/// Each error names the path.
pub fn serve_admin(path: impl AsRef<Path>) -> io::Result<AdminServer> {
    AdminBuilder::new().serve(path)
}
