//! Options for who can connect and who can make changes.

use super::AdminBuilder;

impl AdminBuilder {
    /// Sets the mode of the socket file: who can connect, and so who can read and make changes.
    /// With write permission for others, those can only read; see
    /// [`allow_changes_from_uids`](Self::allow_changes_from_uids).
    ///
    /// The file never has a wider mode than this, not even while it is created, whatever the umask.
    ///
    /// ```
    /// # use std::os::unix::fs::PermissionsExt;
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().mode(0o660).serve(&path)?;
    /// assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o660);
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A mode above `0o777` is an error of [`serve`](Self::serve).
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Allows these users to make changes: settings, interrupts, cancels. All other users who can
    /// connect can read. Their changes are rejected with 403 and recorded in the audit.
    ///
    /// If no user and no group is named, everybody who can connect can make changes. There is one
    /// exception: if every user of the machine can connect (a [`mode`](Self::mode) with write
    /// permission for others, or an abstract socket), only root and the user that the service runs
    /// as can, and a warning is logged.
    ///
    /// The user is the one that the kernel reports for the connection, so it cannot be forged. The
    /// overflow user of user namespaces, 65534, stands for many users and is never allowed.
    ///
    /// ```
    /// # use underscore_runtime::AdminBuilder;
    /// # fn ask(path: &std::path::Path, line: &str) -> std::io::Result<String> {
    /// #     use std::io::{Read, Write};
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     write!(client, "{line} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().mode(0o666).allow_changes_from_uids([4242]).serve(&path)?;
    /// // A client with another user:
    /// let read = ask(&path, "GET /_cat/routes")?;
    /// assert!(read.starts_with("HTTP/1.1 200 "));
    /// let change = ask(&path, "POST /_routes/_all/interrupt")?;
    /// assert!(change.starts_with("HTTP/1.1 403 "));
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_changes_from_uids(mut self, uids: impl IntoIterator<Item = u32>) -> Self {
        self.write_access.uids.extend(uids);
        self
    }

    /// Allows these groups to make changes, in addition to the users of
    /// [`allow_changes_from_uids`](Self::allow_changes_from_uids). Only the effective group of the
    /// client process counts, not its supplementary groups.
    ///
    /// ```
    /// # use underscore_runtime::AdminBuilder;
    /// # fn ask(path: &std::path::Path, line: &str) -> std::io::Result<String> {
    /// #     use std::io::{Read, Write};
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     write!(client, "{line} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().mode(0o666).allow_changes_from_gids([4242]).serve(&path)?;
    /// // A client with another group:
    /// let read = ask(&path, "GET /_cat/routes")?;
    /// assert!(read.starts_with("HTTP/1.1 200 "));
    /// let change = ask(&path, "POST /_routes/_all/interrupt")?;
    /// assert!(change.starts_with("HTTP/1.1 403 "));
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_changes_from_gids(mut self, gids: impl IntoIterator<Item = u32>) -> Self {
        self.write_access.gids.extend(gids);
        self
    }
}
