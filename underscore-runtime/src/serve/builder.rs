//! The builder of the admin server.

mod access;
mod captures;
mod check;
mod guard_type;
mod limits;
mod panic_hook;
mod policy;

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::limits::Limits;
use super::rebind::RebindTimes;
use super::server::{AdminServer, ServerOptions};
use super::socket::{self, Bound};
use crate::admin::{Policy, WriteAccess};
use crate::captures::CaptureLimits;
use crate::{admin, ended, settings_file};

/// Builds an admin server with other options than [`serve_admin`](crate::serve_admin).
///
/// The methods do not check their values. [`serve`](Self::serve) and
/// [`serve_listener`](Self::serve_listener) fail if an option has a value that cannot be used.
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
/// # admin.shutdown_blocking();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is served until `serve` is called"]
pub struct AdminBuilder {
    mode: u32,
    blocked_after: Option<Duration>,
    write_access: WriteAccess,
    policy: Policy,
    limits: Limits,
    rebind: RebindTimes,
    settings_file: Option<PathBuf>,
    panic_hook: bool,
    guard_types: Vec<String>,
    capture_to: Option<PathBuf>,
    capture_limits: CaptureLimits,
}

impl AdminBuilder {
    /// Creates a builder with the options of [`serve_admin`](crate::serve_admin).
    ///
    /// ```
    /// # use std::os::unix::fs::PermissionsExt;
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().serve(&path)?;
    /// assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600);
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        AdminBuilder {
            mode: 0o600,
            blocked_after: None,
            write_access: WriteAccess::default(),
            policy: Policy::default(),
            limits: Limits::default(),
            rebind: RebindTimes::default(),
            settings_file: None,
            panic_hook: true,
            guard_types: Vec::new(),
            capture_to: None,
            capture_limits: CaptureLimits::default(),
        }
    }

    /// Sets the file that stores `persistent` settings, so that they survive a restart.
    ///
    /// [`serve`](Self::serve) reads and applies it; if it does not exist, the first change creates
    /// it. A change through the admin API replaces it atomically, so that a crash leaves the old or
    /// the new content. The file is also watched: if another program changes it, such as a
    /// configuration management tool or the mount of a Kubernetes `ConfigMap`, it is checked and
    /// applied within two seconds. Invalid content is reported in the log and in the audit, and the
    /// previous settings stay in force.
    ///
    /// Nobody else may be able to change it, by the rules of sshd: the file and each directory on
    /// its path must belong to root or to the user that the service runs as, and must not be
    /// writable by group or others, except for sticky directories such as `/tmp`. The same holds
    /// for symbolic links on the path and for their targets. The service does not start with a file
    /// that breaks these rules, and does not read it while running.
    ///
    /// The file contains JSON: the settings of each handler under its path, id or name.
    ///
    /// ```
    /// # use underscore_runtime::{AdminBuilder, underscore_route};
    /// # fn ask(path: &std::path::Path, line: &str) -> std::io::Result<String> {
    /// #     use std::io::{Read, Write};
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     write!(client, "{line} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// #[underscore_route(name = "checkout")]
    /// async fn checkout() {}
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let (path, file) = (directory.path().join("app.sock"), directory.path().join("settings.json"));
    /// std::fs::write(&file, r#"{"checkout": {"persistent": {"timeout": "30s", "limit.active": 100}}}"#)?;
    /// # for path in [directory.path(), &file] {
    /// #     std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    /// # }
    /// let admin = AdminBuilder::new().settings_file(&file).serve(&path)?;
    /// let set = ask(&path, "GET /_routes/checkout/settings?filter_path=**.timeout")?;
    /// assert!(set.contains(r#"{"persistent":{"timeout":"30s"}}"#), "{set}");
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A process has one settings file, even if it starts several servers.
    pub fn settings_file(mut self, path: impl AsRef<Path>) -> Self {
        self.settings_file = Some(path.as_ref().to_owned());
        self
    }

    /// Sets how often the socket file is checked, and how long it must be missing before it is
    /// bound again. For tests of this crate, which would otherwise sleep.
    #[doc(hidden)]
    pub fn rebind_times(mut self, check_every: Duration, missing_for: Duration) -> Self {
        self.rebind = RebindTimes {
            check_every,
            missing_for,
        };
        self
    }

    /// Serves the admin API on a Unix socket at `path`, like [`serve_admin`](crate::serve_admin).
    ///
    /// ```
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().mode(0o660).serve(&path)?;
    /// assert_eq!(admin.path(), path);
    /// let second = AdminBuilder::new().serve(&path);
    /// assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`serve_admin`](crate::serve_admin), and
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if an option has a value that cannot be used.
    /// The error names the option, its value and the cure:
    ///
    /// - a [`mode`](Self::mode) above `0o777`,
    /// - [`max_connections`](Self::max_connections) of 0,
    /// - a [`read_timeout`](Self::read_timeout) or a
    ///   [`keep_alive_timeout`](Self::keep_alive_timeout) below 100 ms,
    /// - a [`blocked_after`](Self::blocked_after) of 0, or another one than this process has
    ///   already,
    /// - a name in [`hosts`](Self::hosts) or in [`preempt_headers`](Self::preempt_headers) that no
    ///   host or no header can have.
    ///
    /// With a [`settings_file`](Self::settings_file), each of these errors names the file:
    ///
    /// - [`InvalidData`](io::ErrorKind::InvalidData): the content is invalid. The file is not
    ///   changed.
    /// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): this process has another settings file.
    /// - [`NotFound`](io::ErrorKind::NotFound): the directory of the file does not exist.
    /// - [`PermissionDenied`](io::ErrorKind::PermissionDenied): other users can change the file.
    ///   The error names the path to fix and the command.
    /// - The error of the system if the file cannot be read.
    ///
    /// With [`capture_to`](Self::capture_to), each of these errors names the directory and the cure:
    ///
    /// - [`NotFound`](io::ErrorKind::NotFound): neither the directory nor its parent exists.
    /// - [`NotADirectory`](io::ErrorKind::NotADirectory): it is a file.
    /// - [`PermissionDenied`](io::ErrorKind::PermissionDenied),
    ///   [`ReadOnlyFilesystem`](io::ErrorKind::ReadOnlyFilesystem) and other errors of the system: no
    ///   file can be created in it.
    /// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): this process captures to another directory.
    /// - [`InvalidInput`](io::ErrorKind::InvalidInput): a limit of captures is 0.
    ///
    /// After an error, nothing is served.
    pub fn serve(&self, path: impl AsRef<Path>) -> io::Result<AdminServer> {
        self.serve_bound(|| socket::bind(path.as_ref(), self.mode))
    }

    /// Serves the admin API on a socket that listens already, such as one that systemd has bound
    /// and passed to the service. Such a socket exists before the service and outlives it.
    ///
    /// If the process keeps running after [`shutdown`](AdminServer::shutdown), clients that connect
    /// wait until the socket is served again, because systemd still holds it open.
    ///
    /// The file belongs to the process that bound it: its [`mode`](Self::mode) is not set, and it
    /// is not removed by a shutdown. By default, systemd lets every user of the machine connect,
    /// who can then read; only root and the user of the service can make changes, unless
    /// [`allow_changes_from_uids`](Self::allow_changes_from_uids) names others. Set
    /// `SocketMode=0600` in the unit.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use listenfd::ListenFd;
    /// use underscore_runtime::AdminBuilder;
    ///
    /// let admin = match ListenFd::from_env().take_unix_listener(0)? {
    ///     Some(listener) => AdminBuilder::new().serve_listener(listener)?,
    ///     // Started by hand.
    ///     None => AdminBuilder::new().serve("/tmp/app.{pid}.sock")?,
    /// };
    /// assert!(admin.path().exists());
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`serve`](Self::serve) that do not concern the path, and
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the socket does not listen, on systems that
    /// report it.
    pub fn serve_listener(&self, listener: UnixListener) -> io::Result<AdminServer> {
        self.serve_bound(|| socket::take(listener))
    }

    fn serve_bound(&self, bind: impl FnOnce() -> io::Result<Bound>) -> io::Result<AdminServer> {
        self.check()?;
        let file = self.settings_file.as_deref();
        let loaded = file.map(settings_file::load).transpose()?;
        let captures = self.open_captures()?;
        let bound = bind()?;
        let prepared = self.set_blocked_after().and_then(|()| {
            let guard = loaded.map(|loaded| loaded.watch(admin::file_changed));
            let captures = captures.map(|directory| self.start_captures(directory, &bound));
            Ok((guard.transpose()?, captures.transpose()?))
        });
        match prepared {
            Ok((settings_file, captures)) => {
                let options = ServerOptions {
                    write_access: self.write_access.of_socket(bound.is_open),
                    policy: self.policy.clone(),
                    limits: self.limits,
                    rebind: self.rebind,
                    settings_file,
                    captures,
                    panic_hook: self.panic_hook,
                };
                ended::keep_queries(self.policy.keep_queries);
                self.add_guard_types();
                AdminServer::start(bound, options)
            }
            Err(error) => {
                bound.remove();
                Err(error)
            }
        }
    }
}

impl Default for AdminBuilder {
    fn default() -> Self {
        Self::new()
    }
}
