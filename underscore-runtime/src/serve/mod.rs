//! Serving the admin API on a Unix socket, from a thread that shares nothing with the host's workers.

mod accept;
mod builder;
mod connection;
mod connections;
mod limits;
mod peer;
mod queue;
mod renewal;
mod reserve;
mod socket;
mod stream;
mod thread;

pub use builder::AdminBuilder;
pub use thread::AdminServer;

use std::io;
use std::path::Path;

/// Serves the admin API on a Unix socket at `path`.
///
/// A plain function: it binds, starts a thread with a runtime of its own, and returns. The API then
/// answers for as long as the process lives, whatever the host's workers do. Only the user that the
/// process runs as can connect (mode 0600, from the socket's first moment); [`AdminBuilder`] can
/// widen that. `{pid}` in the path is replaced by the process id.
///
/// Where the file is taken away, as by a program that tidies up `/tmp`, it is made again within seconds, and the log
/// has a warning. What somebody else puts in its place is never touched. It is made again only in
/// the directory in which it was bound: after a `chroot`, below a mount and in a directory that was
/// made anew, the log has a warning instead.
///
/// Dropping the handle changes nothing; [`AdminServer::shutdown`] ends it. A process that just exits
/// leaves the socket file behind, and the next one that starts with the same path replaces it.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("app.sock");
/// let admin = underscore_runtime::serve_admin(&path)?;
/// assert_eq!(admin.path(), path);
/// assert!(path.exists());
/// admin.shutdown();
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// - [`AddrInUse`](io::ErrorKind::AddrInUse): a server answers at `path`; it is left alone.
/// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): what is at `path` is not a socket; it is left alone.
/// - [`InvalidInput`](io::ErrorKind::InvalidInput): the path is too long for a Unix socket, or names no
///   file.
/// - [`WouldBlock`](io::ErrorKind::WouldBlock): no thread can be had.
/// - What the system says when the directory is missing or not writable.
///
/// Each of them names the path.
pub fn serve_admin(path: impl AsRef<Path>) -> io::Result<AdminServer> {
    AdminBuilder::new().serve(path)
}
