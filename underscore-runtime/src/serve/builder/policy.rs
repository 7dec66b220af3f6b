//! Options that apply per request.

use std::sync::Arc;

use axum::{Extension, Router};

use super::AdminBuilder;
use crate::admin::{self, Redact};
use crate::ended;
use crate::panics;

impl AdminBuilder {
    /// Sets the version of the service that `GET /` shows, for example `env!("CARGO_PKG_VERSION")`
    /// or a commit.
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
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.policy.version = Some(version.into());
        self
    }

    /// Allows further host names, for example the name of a reverse proxy.
    ///
    /// A request is accepted if its `Host` is missing, `.`, `localhost` or a name below it, an IP
    /// address, a name without dots, or one of `names`. Others are rejected with 403, so that a web
    /// page cannot reach the API through DNS rebinding. curl sends the host of its URL, as in
    /// `http://./`.
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
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn hosts<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.policy.hosts.extend(names.into_iter().map(Into::into));
        self
    }
    /// Allows privileged headers in `preempt.headers`, by name.
    ///
    /// These are headers that redirect a client (`location`), are stored by it (`set-cookie`), ask
    /// for credentials (`www-authenticate`) or relax the same-origin policy
    /// (`access-control-allow-origin`), and `content-type` with a type that browsers run, such as
    /// HTML. Unless allowed, a change that sets one is rejected with 403, so that operators can
    /// only reject and end requests. The settings file is not restricted: it belongs to the
    /// service.
    ///
    /// ```
    /// # use underscore_runtime::{AdminBuilder, underscore_route};
    /// # fn put(path: &std::path::Path, body: &str) -> std::io::Result<String> {
    /// #     use std::io::{Read, Write};
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     let length = body.len();
    /// #     write!(client, "PUT /_routes/moved/settings HTTP/1.1\r\nhost: .\r\n")?;
    /// #     write!(client, "connection: close\r\n")?;
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
    /// let preempt = r#"{"status":302,"headers":{"Location":"/status"}}"#;
    /// let moved = put(&path, &format!(r#"{{"transient":{{"preempt":{preempt}}}}}"#))?;
    /// assert!(moved.starts_with("HTTP/1.1 200 "), "{moved}");
    /// let cookie = r#"{"transient":{"preempt.headers":{"Set-Cookie":"a=b"}}}"#;
    /// assert!(put(&path, cookie)?.starts_with("HTTP/1.1 403 "));
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn preempt_headers<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        let names = names.into_iter().map(Into::into);
        self.policy.preempt_headers.extend(names);
        self
    }

    /// Keeps the query strings of requests that have ended (`true`), or drops them (`false`, the
    /// default).
    ///
    /// The records of `_cat/ended` outlive their requests by up to an hour, so they do not keep
    /// query strings, which may contain secrets, unless this is set. Who sees the queries that are
    /// kept is set by [`show_queries`](Self::show_queries). A process has one such option, that of
    /// the server that was started last.
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
    /// use axum::http::StatusCode;
    /// use axum::{Router, extract::Request, routing::get};
    /// use underscore_runtime::underscore_route;
    ///
    /// #[underscore_route]
    /// async fn search() -> StatusCode {
    ///     StatusCode::INTERNAL_SERVER_ERROR
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().keep_queries(true).serve(&path)?;
    /// let app: Router = Router::new().route("/search", get(search));
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # use tower::ServiceExt;
    /// let request = Request::get("/search?q=tea").body(axum::body::Body::empty())?;
    /// assert_eq!(app.oneshot(request).await?.status(), 500);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// assert!(ask(&path, "GET /_cat/ended?h=uri")?.contains("/search?q=tea"));
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_queries(mut self, keep: bool) -> Self {
        self.policy.keep_queries = keep;
        self
    }

    /// Shows the query strings of requests to all clients (`true`) or to none (`false`).
    ///
    /// By default, they are shown to clients that may make changes, and others see the path. Query
    /// strings may contain secrets.
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
    /// # let request = axum::extract::Request::get("/stuck?token=secret");
    /// # let request = request.body(axum::body::Body::empty()).unwrap();
    /// # let mut answer = Box::pin(app.oneshot(request));
    /// # assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// // While a client waits for `GET /stuck?token=secret`:
    /// let tasks = ask(&path, "GET /_cat/tasks?h=uri")?;
    /// assert!(tasks.contains("/stuck") && !tasks.contains("secret"));
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn show_queries(mut self, show: bool) -> Self {
        self.policy.show_queries = Some(show);
        self
    }

    /// Sets a function that redacts the path and query of a request before they are shown.
    ///
    /// It is called on the admin side for each listing, not when the request arrives. If it panics,
    /// the URI is not shown.
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
    /// # let request = axum::extract::Request::get("/stuck?token=secret");
    /// # let request = request.body(axum::body::Body::empty()).unwrap();
    /// # let mut answer = Box::pin(app.oneshot(request));
    /// # assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// // While a client waits for `GET /stuck?token=secret`:
    /// assert!(ask(&path, "GET /_cat/tasks?h=uri")?.contains("/stuck?token=***"));
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn redact_uris(mut self, redact: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.policy.redact = Some(Redact(Arc::new(redact)));
        self
    }

    /// Returns the admin API as a router, as [`admin_router`](crate::admin_router) does, with the
    /// options that apply per request: [`hosts`](Self::hosts), [`version`](Self::version),
    /// [`show_queries`](Self::show_queries), [`redact_uris`](Self::redact_uris),
    /// [`preempt_headers`](Self::preempt_headers), and the users and groups that may make changes.
    /// The peer of a TCP connection is unknown, so nobody may if any are named.
    ///
    /// ```
    /// use axum::Router;
    /// use underscore_runtime::AdminBuilder;
    ///
    /// let admin = AdminBuilder::new().hosts(["ops.example.com"]).router();
    /// let app: Router = Router::new().nest("/ops", admin);
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use tower::ServiceExt;
    /// let request = axum::extract::Request::get("/ops/_cat/routes").header("host", "ops.example.com");
    /// let request = request.body(axum::body::Body::empty()).unwrap();
    /// assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    /// # });
    /// ```
    pub fn router(&self) -> Router {
        if self.panic_hook {
            panics::install();
        }
        ended::keep_queries(self.policy.keep_queries);
        self.add_guard_types();
        admin::router().layer((
            Extension(self.write_access.clone()),
            Extension(Arc::new(self.policy.clone())),
        ))
    }
}
