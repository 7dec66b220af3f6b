//! Options for captures: bundles that the service writes by itself.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::AdminBuilder;
use crate::admin::{Policy, capture_writer};
use crate::captures::{self, CaptureDirectory, CaptureGuard};
use crate::serve::socket::Bound;

impl AdminBuilder {
    /// Sets the directory to which the service writes a bundle by itself when its health turns red,
    /// as when every worker has been blocked for two seconds. A container that fails its liveness
    /// probe is killed, and with it what could be seen; the bundle outlives it if the directory is
    /// on a volume.
    ///
    /// A bundle is what `GET /_bundle` answers with: `health.txt` names the finding and its line. A
    /// first file is written within about a second; another one with a profile replaces it a second
    /// later. `GET /_cat/captures` lists the files, also those of former processes, and
    /// `GET /_captures/{name}` sends one. Files have mode 0600, no query strings, and no headers of
    /// clients.
    ///
    /// A finding is captured once while it lasts, and findings that appear together are one capture.
    /// See [`max_captures_per_hour`](Self::max_captures_per_hour) and
    /// [`max_capture_bytes`](Self::max_capture_bytes) for the limits. A capture that cannot be
    /// written, as on a full disk, costs a warning in the log and an event of the type `capture`.
    ///
    /// `{pid}` in the path is replaced by the process id. If only the parent of the directory
    /// exists, the directory is created with mode 0700. No one else should be able to write to it:
    /// the oldest files are removed for new ones. A process has one such directory, also if it
    /// starts several servers, and the options of the first one apply. Routers of
    /// [`router`](Self::router) do not capture.
    ///
    /// ```
    /// # use underscore_runtime::AdminBuilder;
    /// # use std::io::{Read, Write};
    /// # fn ask(path: &std::path::Path, line: &str) -> std::io::Result<String> {
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     write!(client, "{line} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// # fn main() -> std::io::Result<()> {
    /// # let volume = tempfile::tempdir()?;
    /// # let path = volume.path().join("app.sock");
    /// let captures = volume.path().join("captures");
    /// let admin = AdminBuilder::new().capture_to(&captures).serve(&path)?;
    /// assert!(captures.is_dir());
    /// assert!(ask(&path, "GET /_cat/captures?v")?.contains("name timestamp cause"));
    /// # admin.shutdown_blocking();
    ///
    /// let error = AdminBuilder::new().capture_to("/no/such/volume").serve(&path).unwrap_err();
    /// assert!(error.to_string().contains("/no/such/volume"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn capture_to(mut self, directory: impl AsRef<Path>) -> Self {
        self.capture_to = Some(directory.as_ref().to_owned());
        self
    }

    /// Sets the maximum number of captures in an hour. The default is 4; 0 is an error of
    /// [`serve`](Self::serve). A finding that is still red when there is room again is captured
    /// then.
    ///
    /// ```
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let volume = tempfile::tempdir()?;
    /// # let path = volume.path().join("app.sock");
    /// let admin = AdminBuilder::new().capture_to(volume.path()).max_captures_per_hour(2);
    /// admin.serve(&path)?.shutdown_blocking();
    /// let error = admin.max_captures_per_hour(0).serve(&path).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_captures_per_hour(mut self, captures: u32) -> Self {
        self.capture_limits.per_hour = captures;
        self
    }

    /// Sets the maximum size of all captures together, in bytes. The default is 64 MiB; 0 is an
    /// error of [`serve`](Self::serve). The oldest ones are removed for a new one, also those of
    /// former processes. While a file replaces another one, both exist.
    ///
    /// A capture is some tens of kilobytes for a small service, and a few megabytes for tens of
    /// thousands of tasks.
    ///
    /// ```
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let volume = tempfile::tempdir()?;
    /// # let path = volume.path().join("app.sock");
    /// let admin = AdminBuilder::new().capture_to(volume.path()).max_capture_bytes(8 << 20);
    /// admin.serve(&path)?.shutdown_blocking();
    /// let error = admin.max_capture_bytes(0).serve(&path).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_capture_bytes(mut self, bytes: u64) -> Self {
        self.capture_limits.bytes = bytes;
        self
    }

    pub(super) fn check_capture_limits(&self) -> io::Result<()> {
        let limits = self.capture_limits;
        let zero = [
            ("max_captures_per_hour", limits.per_hour == 0),
            ("max_capture_bytes", limits.bytes == 0),
        ];
        match zero.into_iter().find(|(_, is_zero)| *is_zero) {
            None => Ok(()),
            Some((option, _)) => Err(io::Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "`{option}` is 0, but must be at least 1; to capture nothing, do not call \
                     `capture_to`"
                ),
            )),
        }
    }

    /// The directory of captures, if one is set.
    pub(super) fn open_captures(&self) -> io::Result<Option<CaptureDirectory>> {
        let path = self.capture_to.as_deref();
        path.map(CaptureDirectory::open).transpose()
    }

    /// Starts the thread for captures.
    pub(super) fn start_captures(
        &self,
        directory: CaptureDirectory,
        bound: &Bound,
    ) -> io::Result<CaptureGuard> {
        let policy = Policy {
            socket: bound.socket_path(),
            ..self.policy.clone()
        };
        let writer = capture_writer(policy, self.capture_limits);
        captures::start(directory, self.capture_limits, writer)
    }
}
