//! Options for the limits of clients and of polls.

use std::time::Duration;

use super::AdminBuilder;

impl AdminBuilder {
    /// Sets how long one poll of a task may take before its thread counts as blocked. A blocked
    /// thread is shown as such, and one warning is logged. The default is 100 ms.
    ///
    /// It applies to the whole process from the call of [`serve`](Self::serve) on, so it can be set
    /// once: a second server with another value is an error of `serve`, as is 0. No time is
    /// measured on the threads of the service, so a shorter time costs them nothing. Values below 4
    /// ms are not exact.
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
    ///
    /// let other = AdminBuilder::new().blocked_after(Duration::from_millis(50));
    /// let error = other.serve(directory.path().join("other.sock")).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn blocked_after(mut self, limit: Duration) -> Self {
        self.blocked_after = Some(limit);
        self
    }

    /// Sets the maximum number of connections. The default is 128; 0 is an error of
    /// [`serve`](Self::serve).
    ///
    /// One user may have half of them, rounded up. A new connection is always accepted: at a limit,
    /// it replaces the connection that has been without a request for the longest time, or, if all
    /// have one, the connection with the oldest request. At the limit of a user it replaces one of
    /// that user, at the limit of all one of the user that has the most.
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
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections;
        self
    }

    /// Sets how long a client may take to send the head of a request, from its first byte on, and
    /// again to send the body. A client that takes longer is answered 408, and its connection is
    /// closed. The default is 30 s; less than 100 ms is an error of [`serve`](Self::serve).
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
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.limits.read = limit;
        self
    }

    /// Sets how long a connection may be open without a request, before the first one or between
    /// two. The default is 75 s; less than 100 ms is an error of [`serve`](Self::serve).
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
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_alive_timeout(mut self, limit: Duration) -> Self {
        self.limits.keep_alive = limit;
        self
    }
}
