//! What is answered to whom.

use std::sync::Arc;

use super::AdminBuilder;
use crate::admin::Redact;

impl AdminBuilder {
    /// Sets the version of the service, for `GET /` to say: `env!("CARGO_PKG_VERSION")`, or the commit that it was built from.
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
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().version("2.7.1").serve(&path)?;
    /// assert!(ask(&path, "GET /")?.contains(r#""version":"2.7.1""#));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.policy.version = Some(version.into());
        self
    }

    /// Names hosts by which the admin API is reached, where a port leads to it: a reverse proxy's name, for example.
    ///
    /// Without it, a request is answered if its `Host` can only be this machine's: none, `.`, `localhost` and what ends
    /// with `.localhost`, an IP address, or a name without dots. Any other is 403, so that no web page gets at the API
    /// by having its own name point here (DNS rebinding). curl on the socket sends what its URL says, as in `http://./`.
    ///
    /// ```
    /// # use underscore_runtime::AdminBuilder;
    /// # fn ask(path: &std::path::Path, host: &str) -> std::io::Result<String> {
    /// #     use std::io::{Read, Write};
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     write!(client, "GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().hosts(["ops.example.com"]).serve(&path)?;
    /// assert!(ask(&path, "ops.example.com")?.starts_with("HTTP/1.1 200 "));
    /// assert!(ask(&path, "evil.example.com")?.starts_with("HTTP/1.1 403 "));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn hosts<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.policy.hosts.extend(names.into_iter().map(Into::into));
        self
    }
    /// Allows headers in `preempt.headers` that do more to a client than answer it, each by its name: those that send it
    /// elsewhere (`location`), that it keeps (`set-cookie`), that ask it for a password (`www-authenticate`), that let other
    /// sites read the answer (`access-control-allow-origin`), and `content-type` with what a browser runs, HTML for
    /// one. Without it, a change that sets one is 403: an operator can end and answer requests, and no more.
    ///
    /// What the settings file says is not asked: it is written by whoever runs the service.
    ///
    /// ```
    /// # use underscore_runtime::{AdminBuilder, underscore_route};
    /// # fn put(path: &std::path::Path, body: &str) -> std::io::Result<String> {
    /// #     use std::io::{Read, Write};
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     let length = body.len();
    /// #     write!(client, "PUT /_routes/moved/settings HTTP/1.1\r\nhost: .\r\nconnection: close\r\n")?;
    /// #     write!(client, "content-length: {length}\r\n\r\n{body}")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// #[underscore_route(name = "moved")]
    /// async fn moved() {}
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().preempt_headers(["location"]).serve(&path)?;
    /// let location = r#"{"transient":{"preempt":{"status":302,"headers":{"Location":"/status"}}}}"#;
    /// assert!(put(&path, location)?.starts_with("HTTP/1.1 200 "));
    /// let cookie = r#"{"transient":{"preempt.headers":{"Set-Cookie":"a=b"}}}"#;
    /// assert!(put(&path, cookie)?.starts_with("HTTP/1.1 403 "));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn preempt_headers<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        let names = names.into_iter().map(Into::into);
        self.policy.preempt_headers.extend(names);
        self
    }

    /// Says whether the query strings of requests are shown to everybody who may look, or to nobody. Unless this is called,
    /// those see them who may change something, and all others the path alone: a query string may have a secret in it.
    ///
    /// ```
    /// # use axum::Router;
    /// # use axum::routing::get;
    /// # use underscore_runtime::{AdminBuilder, underscore_route};
    /// # use std::io::{Read, Write};
    /// # fn ask(path: &std::path::Path, line: &str) -> std::io::Result<String> {
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     write!(client, "{line} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// #[underscore_route]
    /// async fn stuck() {
    ///     std::future::pending::<()>().await
    /// }
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().show_queries(false).serve(&path)?;
    /// # use std::task::{Context, Waker};
    /// # use tower::ServiceExt;
    /// # let app: Router = Router::new().route("/stuck", get(stuck));
    /// # let request = axum::extract::Request::get("/stuck?token=secret").body(axum::body::Body::empty()).unwrap();
    /// # let mut answer = Box::pin(app.oneshot(request));
    /// # assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// // While somebody waits for `GET /stuck?token=secret`:
    /// let tasks = ask(&path, "GET /_cat/tasks?h=uri")?;
    /// assert!(tasks.contains("/stuck") && !tasks.contains("secret"));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn show_queries(mut self, show: bool) -> Self {
        self.policy.show_queries = Some(show);
        self
    }

    /// Sets what is made of the path and query of a request before anybody sees it. It is called when somebody looks, on
    /// the admin side, and not when the request comes; a panic of it is contained.
    ///
    /// ```
    /// # use axum::Router;
    /// # use axum::routing::get;
    /// # use underscore_runtime::{AdminBuilder, underscore_route};
    /// # use std::io::{Read, Write};
    /// # fn ask(path: &std::path::Path, line: &str) -> std::io::Result<String> {
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     write!(client, "{line} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// #[underscore_route]
    /// async fn stuck() {
    ///     std::future::pending::<()>().await
    /// }
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let redact = |uri: &str| match uri.split_once("token=") {
    ///     Some((before, _)) => format!("{before}token=***"),
    ///     None => uri.to_owned(),
    /// };
    /// let admin = AdminBuilder::new().redact_uris(redact).serve(&path)?;
    /// # use std::task::{Context, Waker};
    /// # use tower::ServiceExt;
    /// # let app: Router = Router::new().route("/stuck", get(stuck));
    /// # let request = axum::extract::Request::get("/stuck?token=secret").body(axum::body::Body::empty()).unwrap();
    /// # let mut answer = Box::pin(app.oneshot(request));
    /// # assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// // While somebody waits for `GET /stuck?token=secret`:
    /// assert!(ask(&path, "GET /_cat/tasks?h=uri")?.contains("/stuck?token=***"));
    /// # admin.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    pub fn redact_uris(mut self, redact: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.policy.redact = Some(Redact(Arc::new(redact)));
        self
    }
}
