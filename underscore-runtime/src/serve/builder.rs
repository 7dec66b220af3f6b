//! Choices about the admin server, made before it starts.

mod policy;

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::limits::Limits;
use super::socket::{self, Bound};
use super::thread::AdminServer;
use crate::admin::{Changers, Policy};
use crate::{admin, settings_file, workers};

/// With less, a client would be late that the system has not let run yet.
const SHORTEST: Duration = Duration::from_millis(100);

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
    changers: Changers,
    policy: Policy,
    limits: Limits,
    settings_file: Option<PathBuf>,
}

impl AdminBuilder {
    /// The choices of [`serve_admin`](crate::serve_admin).
    ///
    /// ```
    /// # use std::os::unix::fs::PermissionsExt;
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().serve(&path)?;
    /// assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600);
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        AdminBuilder {
            mode: 0o600,
            blocked_after: None,
            changers: Changers::default(),
            policy: Policy::default(),
            limits: Limits::default(),
            settings_file: None,
        }
    }

    /// Sets the mode of the socket file: who may connect, and so who may look and steer. With write
    /// for others, those may only look; see [`allow_changes_from_uids`](Self::allow_changes_from_uids).
    ///
    /// The file never has a wider mode than this, not even while it is made, whatever the umask.
    ///
    /// ```
    /// # use std::os::unix::fs::PermissionsExt;
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().mode(0o660).serve(&path)?;
    /// assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o660);
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode & 0o777;
        self
    }

    /// Names users whose calls may change something: settings, interrupts, cancels. Everybody else who can connect
    /// may look, and gets 403 otherwise, which is in the audit.
    ///
    /// Without any name, everybody who can connect may change. Where that is every user of the
    /// machine (a [`mode`](Self::mode) with write for others, an abstract socket), it is root and
    /// the user that the service runs as, and the log has a warning.
    ///
    /// The kernel says whose process connected, so nobody can pretend to be another user. The
    /// overflow user of user namespaces, 65534, stands for many, and is never taken for one that is
    /// named.
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
    /// // From a process that is not theirs:
    /// let look = ask(&path, "GET /_cat/routes")?;
    /// assert!(look.starts_with("HTTP/1.1 200 "));
    /// let change = ask(&path, "POST /_routes/_all/interrupt")?;
    /// assert!(change.starts_with("HTTP/1.1 403 "));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_changes_from_uids(mut self, uids: impl IntoIterator<Item = u32>) -> Self {
        self.changers.uids.extend(uids);
        self
    }

    /// Names groups in the same way: a process may change something if its group is one of them, or its user is
    /// one of [`allow_changes_from_uids`](Self::allow_changes_from_uids). It is the group that the process runs as, and none of
    /// the others that its user is in.
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
    /// // From a process that is not theirs:
    /// let look = ask(&path, "GET /_cat/routes")?;
    /// assert!(look.starts_with("HTTP/1.1 200 "));
    /// let change = ask(&path, "POST /_routes/_all/interrupt")?;
    /// assert!(change.starts_with("HTTP/1.1 403 "));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_changes_from_gids(mut self, gids: impl IntoIterator<Item = u32>) -> Self {
        self.changers.gids.extend(gids);
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
    /// # use underscore_runtime::{AdminBuilder, spawn};
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
    /// # let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
    /// # let _context = runtime.enter();
    /// let admin = AdminBuilder::new().blocked_after(Duration::from_millis(20)).serve(&path)?;
    /// let (end, ended) = std::sync::mpsc::channel::<()>();
    /// spawn("blocks", async move { ended.recv() });
    /// # let mut patience = 1_000;
    /// # while !ask(&path, "GET /_cat/workers?h=state")?.contains("blocked") && patience > 0 {
    /// #     patience -= 1;
    /// #     std::thread::sleep(Duration::from_millis(10));
    /// # }
    /// // Soon after that:
    /// assert!(ask(&path, "GET /_cat/workers?h=state")?.ends_with("blocked\n"));
    /// drop(end);
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn blocked_after(mut self, limit: Duration) -> Self {
        self.blocked_after = Some(limit);
        self
    }

    /// Sets how many connections there may be at once. 128 unless this is called, and one at the least.
    ///
    /// One user may have half of them, rounded up. A new connection is always accepted: at a limit,
    /// the connection that has been without a request for the longest time is closed for it; if each
    /// has a request, the one whose request is the oldest. At the limit of a user it is one of that user,
    /// at the limit of all one of the user that has the most.
    ///
    /// ```
    /// # use std::io::{Read, Write};
    /// # use std::os::unix::net::UnixStream;
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().max_connections(1).serve(&path)?;
    /// let mut first = UnixStream::connect(&path)?;
    /// let mut second = UnixStream::connect(&path)?;
    /// assert_eq!(first.read(&mut [0])?, 0, "it is closed");
    /// second.write_all(b"GET / HTTP/1.1\r\nhost: .\r\n\r\n")?;
    /// assert_eq!(second.read(&mut [0])?, 1, "it is answered");
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// Sets how long a client may take to send the head of a request, from its first byte on, and how long to
    /// send the body. Whoever takes longer is answered 408, and its connection is closed. 30 s unless this is
    /// called, and 100 ms at the least.
    ///
    /// ```
    /// # use std::io::{Read, Write};
    /// # use std::os::unix::net::UnixStream;
    /// # use std::time::Duration;
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().read_timeout(Duration::from_millis(200)).serve(&path)?;
    /// let mut client = UnixStream::connect(&path)?;
    /// client.write_all(b"GET /_cat/rou")?;
    /// let mut answer = String::new();
    /// client.read_to_string(&mut answer)?;
    /// assert!(answer.starts_with("HTTP/1.1 408 "));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.limits.read = limit.max(SHORTEST);
        self
    }

    /// Sets for how long a connection may be open without a request, before the first one or between two. 75 s
    /// unless this is called, and 100 ms at the least.
    ///
    /// ```
    /// # use std::io::Read;
    /// # use std::os::unix::net::UnixStream;
    /// # use std::time::Duration;
    /// # use underscore_runtime::AdminBuilder;
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().keep_alive_timeout(Duration::from_millis(200)).serve(&path)?;
    /// let mut client = UnixStream::connect(&path)?;
    /// assert_eq!(client.read(&mut [0])?, 0, "it is closed");
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_alive_timeout(mut self, limit: Duration) -> Self {
        self.limits.keep_alive = limit.max(SHORTEST);
        self
    }

    /// Names the file in which `persistent` settings are kept: they hold after a restart, too.
    ///
    /// [`serve`](Self::serve) reads it and puts it in force; a file that is not there yet is made by the first
    /// change. A change through the admin API replaces it in one step, so that at any moment a crash leaves the
    /// old text or the new one. It is also watched: what somebody else makes of it, a config-management run or a
    /// Kubernetes `ConfigMap` that is mounted there, is checked and put in force within two seconds. What is not valid
    /// is reported, in the log and in the audit, and what was in force before stays so.
    ///
    /// It must be one that nobody else can change, as sshd judges its files: the file and each
    /// directory on the way to it belong to the user that the service runs as or to root, and no
    /// group and no others can write to them, but for sticky directories such as `/tmp`. That holds
    /// for links on the way and for what they lead to. A file that is not so keeps the service from
    /// starting, and is not taken while it runs.
    ///
    /// It is JSON: under the path, the id or the name of each handler, its settings.
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
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The settings of a process are in one file, however many servers it starts.
    pub fn settings_file(mut self, path: impl AsRef<Path>) -> Self {
        self.settings_file = Some(path.as_ref().to_owned());
        self
    }

    /// Serves the admin API on a Unix socket at `path`, as [`serve_admin`](crate::serve_admin) does.
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
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`serve_admin`](crate::serve_admin), and with a [`settings_file`](Self::settings_file):
    ///
    /// - [`InvalidData`](io::ErrorKind::InvalidData): the file is none of settings; it is left alone.
    /// - [`AlreadyExists`](io::ErrorKind::AlreadyExists): this process keeps its settings in another file.
    /// - [`NotFound`](io::ErrorKind::NotFound): the file's directory does not exist.
    /// - [`PermissionDenied`](io::ErrorKind::PermissionDenied): others could change the file. The error names the path that
    ///   is to be mended, and the command.
    /// - What the system says when the file cannot be read.
    ///
    /// Each of them names the file, and nothing is served.
    pub fn serve(&self, path: impl AsRef<Path>) -> io::Result<AdminServer> {
        self.serve_bound(|| socket::bind(path.as_ref(), self.mode))
    }

    /// Serves the admin API on a socket that listens already: one that systemd made and handed over, so that it is
    /// there before the service and outlives it.
    ///
    /// Where the process lives on after [`shutdown`](AdminServer::shutdown), whoever connects waits until somebody
    /// serves the socket again, for systemd still holds it open.
    ///
    /// Its file belongs to whoever made it: its [`mode`](Self::mode) is not set, and it is not removed at the end. systemd's
    /// own default lets every user of the machine connect and look, and only root and the service's
    /// own user change something, unless [`allow_changes_from_uids`](Self::allow_changes_from_uids) names others:
    /// write `SocketMode=0600`.
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
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`serve`](Self::serve) that are not of the path, and
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the socket does not listen, where the system tells.
    pub fn serve_listener(&self, listener: UnixListener) -> io::Result<AdminServer> {
        self.serve_bound(|| socket::take(listener))
    }

    fn serve_bound(&self, bind: impl FnOnce() -> io::Result<Bound>) -> io::Result<AdminServer> {
        let file = self.settings_file.as_deref();
        let loaded = file.map(settings_file::load).transpose()?;
        let bound = bind()?;
        if let Some(limit) = self.blocked_after {
            workers::set_blocked_after(limit);
        }
        let keeping = loaded.map(|loaded| loaded.keep(admin::file_changed));
        match keeping.transpose() {
            Ok(keeping) => {
                let changers = self.changers.of_socket(bound.is_open);
                let access = (changers, self.policy.clone());
                AdminServer::start(bound, access, self.limits, keeping)
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
