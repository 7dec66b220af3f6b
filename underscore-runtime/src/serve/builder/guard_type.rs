//! The option of guard types.

use super::AdminBuilder;
use crate::guards;

impl AdminBuilder {
    /// Adds a type of the service whose values are guards: as long as a variable of an annotated
    /// function has one, its task is listed as the holder of a resource.
    ///
    /// Guards of std, tokio, `parking_lot`, async-lock, deadpool, bb8, r2d2, mobc, sqlx and sea-orm
    /// are known, and so are guards of other crates with names such as `MutexGuard`. A service that
    /// wraps a pooled connection in a type of its own adds that type, by its name or by the last
    /// segments of its path. Any number of values is taken to be held at a time, as of a pool.
    ///
    /// The types apply to the whole process, to guards that are acquired from then on.
    ///
    /// ```
    /// # use axum::Router;
    /// # use axum::routing::get;
    /// # use std::io::{Read, Write};
    /// # fn ask(path: &std::path::Path, line: &str) -> std::io::Result<String> {
    /// #     let mut client = std::os::unix::net::UnixStream::connect(path)?;
    /// #     write!(client, "{line} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n")?;
    /// #     let mut answer = String::new();
    /// #     client.read_to_string(&mut answer)?;
    /// #     Ok(answer)
    /// # }
    /// use underscore_runtime::{AdminBuilder, underscore_route};
    ///
    /// struct DbClient(Vec<u8>);
    ///
    /// async fn connect() -> DbClient {
    ///     DbClient(Vec::new())
    /// }
    ///
    /// #[underscore_route]
    /// async fn report() -> String {
    ///     let client = connect().await;
    ///     std::future::pending::<()>().await;
    ///     format!("{:?}", client.0)
    /// }
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// let admin = AdminBuilder::new().guard_type("DbClient").serve(&path)?;
    /// # use std::task::{Context, Waker};
    /// # use tower::ServiceExt;
    /// # let app: Router = Router::new().route("/report", get(report));
    /// # let request = axum::extract::Request::get("/report").body(axum::body::Body::empty()).unwrap();
    /// # let mut answer = Box::pin(app.oneshot(request));
    /// # assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// // While a client waits for `GET /report`:
    /// assert!(ask(&path, "GET /_cat/tasks?h=holding")?.contains("connect()"));
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn guard_type(mut self, path: impl Into<String>) -> Self {
        self.guard_types.push(path.into());
        self
    }

    /// Adds the types for the process.
    pub(super) fn add_guard_types(&self) {
        for path in &self.guard_types {
            guards::add_guard_type(path);
        }
    }
}
