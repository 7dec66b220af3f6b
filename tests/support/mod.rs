//! A real service on loopback, its admin API on a real Unix socket, clients for both, and helpers
//! that wait for a condition.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(missing_docs, unreachable_pub)]
#![allow(
    unused_imports,
    unused_macros,
    reason = "each test binary uses a part of it"
)]

pub mod bodies;
pub mod columns;
pub mod example;
pub mod files;
pub mod futures;
pub mod gate;
pub mod log;
#[macro_use]
pub mod process;
pub mod sentences;
pub mod tools;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use underscore_runtime::{AdminBuilder, AdminServer};

/// Deadline of a wait, longer than any operation takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than any test runs.
pub const FOREVER: Duration = Duration::from_secs(3_600);

/// Sets a umask that denies writing to group and others, because a settings file that they can
/// write is refused.
pub fn narrow_umask() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
}

/// A service and its admin API, shut down on drop.
pub struct Service {
    pub address: SocketAddr,
    pub directory: TempDir,
    admin: Option<AdminServer>,
    admin_client: Client,
    client: Client,
    /// The runtime of the service, `None` if it is that of the test.
    workers: Option<Runtime>,
}

/// A response with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub content_type: String,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

/// Binds a free port of loopback.
pub async fn bind() -> TcpListener {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    listener.expect("a port is free")
}

impl Service {
    /// Serves `app` on a free port of loopback, in the test's own runtime.
    pub async fn start(app: Router) -> Self {
        Self::start_with(app, &AdminBuilder::new()).await
    }

    /// `start` with other options of the admin API.
    pub async fn start_with(app: Router, admin: &AdminBuilder) -> Self {
        let listener = bind().await;
        let address = listener.local_addr().expect("it is bound");
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(axum::serve(listener, app).into_future());
        Self::with_admin(address, admin)
    }

    /// The same with connections that are tracked, and with no `ConnectInfo`.
    pub async fn start_tracked(app: Router) -> Self {
        let listener = bind().await;
        let address = listener.local_addr().expect("it is bound");
        let listener = underscore_runtime::listen(listener);
        tokio::spawn(axum::serve(listener, app).into_future());
        Self::with_admin(address, &AdminBuilder::new())
    }

    /// The admin API of a service that is served at `address`.
    pub fn with_admin(address: SocketAddr, admin: &AdminBuilder) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let admin = admin.serve(directory.path().join("app.sock"));
        let admin = admin.expect("the socket is bound");
        // Longer than the deadline of a wait, so that a failing wait can still read the state it
        // reports.
        let client = || {
            Client::builder()
                .timeout(2 * PATIENCE)
                .pool_max_idle_per_host(0)
        };
        Service {
            address,
            admin_client: client()
                .unix_socket(admin.path())
                .build()
                .expect("a client can be built"),
            client: client().build().expect("a client can be built"),
            directory,
            admin: Some(admin),
            workers: None,
        }
    }

    /// Serves `app` on a runtime of its own, whose workers handlers may block.
    pub async fn start_on_workers(workers: usize, app: Router) -> Self {
        Self::start_on_workers_with(workers, app, AdminBuilder::new()).await
    }

    /// `start_on_workers` with other options of the admin API.
    pub async fn start_on_workers_with(workers: usize, app: Router, admin: AdminBuilder) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build();
        let runtime = runtime.expect("threads can be had");
        let started = runtime.spawn(async move { Service::start_with(app, &admin).await });
        let started = started.await;
        let mut service = started.expect("it starts");
        service.workers = Some(runtime);
        service
    }

    /// Runs `future` on the runtime of this service.
    pub fn spawn_on_workers<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let workers = self.workers.as_ref().expect("it has workers of its own");
        workers.spawn(future)
    }

    /// Wakes a worker. The one that polled the sockets may be blocked by now, and tokio wakes no
    /// other one to poll them until there is work.
    fn nudge(&self) {
        if let Some(workers) = &self.workers {
            workers.spawn(async {});
        }
    }

    /// Sends a GET to the service.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(self.url(path));
        Answer::of(request.send().await.expect("the service answers")).await
    }

    /// A request builder for the service.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Sends a GET that waits for its response for longer than any test runs.
    pub fn send_and_wait(&self, path: &str) {
        let request = self.request(Method::GET, path).timeout(FOREVER);
        tokio::spawn(request.send());
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A raw connection to the service.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address)
            .await
            .expect("the service listens")
    }

    /// Sends `GET /` on a new raw connection.
    pub async fn send_get(&self) -> TcpStream {
        let mut connection = self.connect().await;
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        connection.write_all(request).await.expect("written");
        connection
    }

    /// Sends a GET to the admin API.
    pub async fn admin(&self, path: &str) -> Answer {
        self.admin_request(Method::GET, path, None).await
    }

    /// Sends a GET to the admin API, which must answer 200 with JSON.
    pub async fn admin_json(&self, path: &str) -> Value {
        self.admin(path).await.ok_json()
    }

    /// Sends a request to the admin API.
    pub async fn admin_request(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self
            .admin_client
            .request(method, format!("http://./{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.expect("the admin API answers")).await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.admin_request(Method::POST, path, None).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.admin_request(Method::PUT, path, Some(body)).await
    }

    /// Sets a transient setting of a route.
    pub async fn set(&self, route: &str, key: &str, value: impl Into<Value>) {
        let body = serde_json::json!({ "transient": { key: value.into() } });
        let answer = self.put(&format!("_routes/{route}/settings"), body).await;
        answer.ok_json();
    }

    /// A request builder for the admin API.
    pub fn admin_builder(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.admin_client
            .request(method, format!("http://./{path}"))
    }

    /// The only row of `_cat/routes` for `selector`.
    pub async fn route(&self, selector: &str) -> Value {
        let rows = self
            .admin_json(&format!("_cat/routes/{selector}?format=json&h=*"))
            .await;
        let rows = rows.as_array().expect("a table");
        assert_eq!(rows.len(), 1, "[{selector}] names {} routes", rows.len());
        rows[0].clone()
    }

    /// The rows of `_cat/tasks` of a route, oldest first.
    pub async fn tasks(&self, route_name: &str) -> Vec<Value> {
        let rows = self.admin_json("_cat/tasks?format=json&h=*").await;
        let rows = rows.as_array().expect("a table").clone();
        rows.into_iter()
            .filter(|row| row["name"] == route_name)
            .collect()
    }

    /// Waits until a column of a route's row has this value and returns the row.
    pub async fn wait_for(&self, route: &str, column: &str, value: impl Into<Value>) -> Value {
        let value = value.into();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let row = self.route(route).await;
            if row[column] == value {
                return row;
            }
            assert!(
                Instant::now() < deadline,
                "{route}: {column} is never {value}: {row:#}"
            );
            self.nudge();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a route has no request in flight and exactly these ends.
    pub async fn wait_for_ends(&self, route: &str, ends: &[(&str, u64)]) -> Value {
        let total: u64 = ends.iter().map(|(_, count)| count).sum();
        self.wait_for(route, "stats.req.total", total).await;
        let row = self.wait_for(route, "stats.req.active", 0).await;
        for (column, value) in row.as_object().expect("a row") {
            if let Some(end) = column.strip_prefix("stats.end.") {
                let expected = ends.iter().find(|(name, _)| *name == end);
                let expected = expected.map_or(0, |(_, count)| *count);
                assert_eq!(*value, expected, "{route}: {column} in {row:#}");
            }
        }
        row
    }

    /// Waits until `count` tasks of a route wait at an await.
    pub async fn wait_for_waiting(&self, route: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tasks = self.tasks(route).await;
            let waiting = |task: &&Value| task["state"] == "waiting" && task["where"].is_string();
            if tasks.iter().filter(waiting).count() == count {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{route}: never {count} that wait: {tasks:#?}"
            );
            self.nudge();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a task of a route satisfies `is_it`, and returns it.
    pub async fn wait_for_task(&self, route: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tasks = self.tasks(route).await;
            if let Some(task) = tasks.iter().find(|task| is_it(task)) {
                return task.clone();
            }
            assert!(Instant::now() < deadline, "{route}: {tasks:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a task of a route waits at an await with the source text `awaiting`, ignoring
    /// whitespace.
    pub async fn wait_for_await(&self, route: &str, awaiting: &str) -> Value {
        self.wait_for_task(route, |task| awaits(task, awaiting))
            .await
    }
}

/// Panics on drop, unless the thread is panicking already.
pub struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(workers) = self.workers.take() {
            workers.shutdown_background();
        }
        if let Some(admin) = self.admin.take() {
            admin.shutdown_blocking();
        }
    }
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let status = response.status();
        let reason = response
            .extensions()
            .get::<hyper::ext::ReasonPhrase>()
            .map_or_else(
                || status.canonical_reason().unwrap_or_default().to_owned(),
                |reason| String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            );
        let headers = response.headers().clone();
        let content_type = headers
            .get("content-type")
            .and_then(|value| value.to_str().ok());
        Answer {
            status: status.as_u16(),
            reason,
            content_type: content_type.unwrap_or_default().to_owned(),
            headers,
            text: response.text().await.unwrap_or_default(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in an answer that is no JSON: {self:?}"))
    }

    pub fn ok_json(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()
    }

    /// Type and reason of an error, whose shape is checked.
    pub fn error(&self) -> (String, String) {
        let json = self.json();
        assert_eq!(json["status"], self.status, "{json:#}");
        assert_eq!(
            json["error"]["root_cause"][0]["type"],
            json["error"]["type"]
        );
        assert_eq!(
            json["error"]["root_cause"][0]["reason"],
            json["error"]["reason"]
        );
        let text = |key: &str| json["error"][key].as_str().expect("a string").to_owned();
        (text("type"), text("reason"))
    }
}

/// True if a row of `_cat/tasks` waits at an await with this source text, ignoring whitespace.
pub fn awaits(task: &Value, source: &str) -> bool {
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    task["awaiting"]
        .as_str()
        .is_some_and(|shown| squeeze(shown) == squeeze(source))
}

/// Writes `bytes`.
pub async fn send(connection: &mut TcpStream, bytes: &str) {
    let written = connection.write_all(bytes.as_bytes()).await;
    written.expect("the service reads");
}

/// Writes `bytes` and reads until `end` was received or the connection is closed.
pub async fn talk(connection: &mut TcpStream, bytes: &str, end: &str) -> String {
    connection
        .write_all(bytes.as_bytes())
        .await
        .expect("the service reads");
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    let reading = async {
        loop {
            match connection.read(&mut buffer).await {
                Ok(0) => break,
                Ok(count) => read.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
            if String::from_utf8_lossy(&read).contains(end) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, reading).await;
    String::from_utf8_lossy(&read).into_owned()
}
