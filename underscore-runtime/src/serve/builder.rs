//! Choices about the admin server, made before it starts.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::socket;
use super::thread::AdminServer;
use crate::workers;

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
    blocked_after: Option<Duration>,
}

impl AdminBuilder {
    /// The choices of [`serve_admin`](crate::serve_admin).
    pub fn new() -> Self {
        AdminBuilder {
            mode: 0o600,
            blocked_after: None,
        }
    }

    /// Sets the mode of the socket file: who may connect, and so who may look and steer.
    ///
    /// The file never has a wider mode than this, not even while it is made, whatever the umask.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode & 0o777;
        self
    }

    /// Sets how long a thread may be inside one poll of a task before it counts as blocked: it is then shown
    /// as such, and there is one warning in the log. 100 ms unless this is called.
    ///
    /// It holds for the whole process from the call of [`serve`](Self::serve) on. Nothing is timed on the
    /// service's own threads, so a shorter time costs them nothing; below 4 ms it is not kept to exactly.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().blocked_after(Duration::from_millis(500)).serve(&path)?;
    /// # assert!(path.exists());
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn blocked_after(mut self, limit: Duration) -> Self {
        self.blocked_after = Some(limit);
        self
    }

    /// Serves the admin API on a Unix socket at `path`, as [`serve_admin`](crate::serve_admin) does.
    ///
    /// # Errors
    ///
    /// Those of [`serve_admin`](crate::serve_admin).
    pub fn serve(&self, path: impl AsRef<Path>) -> io::Result<AdminServer> {
        let bound = socket::bind(path.as_ref(), self.mode)?;
        if let Some(limit) = self.blocked_after {
            workers::set_blocked_after(limit);
        }
        AdminServer::start(bound)
    }
}

impl Default for AdminBuilder {
    fn default() -> Self {
        Self::new()
    }
}
