//! Choices about the admin server, made before it starts.

use std::io;
use std::path::Path;

use super::socket;
use super::thread::AdminServer;

/// Serves the admin API with other choices than [`serve_admin`](crate::serve_admin) makes.
///
/// ```
/// # use std::os::unix::fs::PermissionsExt;
/// # fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("app.sock");
/// use underscore_runtime::AdminBuilder;
///
/// let admin = AdminBuilder::new().mode(0o660).serve(&path)?;
/// assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o660);
/// # admin.shutdown();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is served until `serve` is called"]
pub struct AdminBuilder {
    mode: u32,
}

impl AdminBuilder {
    /// The choices of [`serve_admin`](crate::serve_admin).
    pub fn new() -> Self {
        AdminBuilder { mode: 0o600 }
    }

    /// Sets the mode of the socket file: who may connect, and so who may look and steer.
    ///
    /// The file never has a wider mode than this, not even while it is made, whatever the umask.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode & 0o777;
        self
    }

    /// Serves the admin API on a Unix socket at `path`, as [`serve_admin`](crate::serve_admin) does.
    ///
    /// # Errors
    ///
    /// Those of [`serve_admin`](crate::serve_admin).
    pub fn serve(&self, path: impl AsRef<Path>) -> io::Result<AdminServer> {
        AdminServer::start(socket::bind(path.as_ref(), self.mode)?)
    }
}

impl Default for AdminBuilder {
    fn default() -> Self {
        Self::new()
    }
}
