//! The admin API with data: one route, a request in flight, and a background task. A process has
//! one registry, so there is one world, used by one check at a time.

use std::future::pending;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Method;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tower::ServiceExt;
use underscore_runtime::{admin_router, spawn, underscore_route};

use super::Answer;

#[underscore_route(get, "/hostile", name = "hostile")]
async fn hostile() {
    pending::<()>().await;
}

/// The API and its data.
pub struct World {
    runtime: Runtime,
    admin: Router,
    app: Router,
    /// Work that an operator can end; some of it may have ended already.
    busy: Mutex<Vec<JoinHandle<()>>>,
}

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let inside = runtime.enter();
    let admin = admin_router();
    drop(inside);
    Mutex::new(World {
        runtime,
        admin,
        app: Router::new().route("/hostile", get(hostile)),
        busy: Mutex::default(),
    })
});

impl World {
    /// Exclusive access. An earlier failed check does not prevent the next one.
    pub fn lock() -> MutexGuard<'static, Self> {
        WORLD.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ensures that there is a request in flight and a task.
    pub fn keep_busy(&self) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if !busy.is_empty() && !busy.iter().any(JoinHandle::is_finished) {
            return;
        }
        busy.drain(..).for_each(|task| task.abort());
        self.put(&json!({"*": null}));
        let request = Request::get("/hostile?%1b[2J").body(Body::empty());
        let answered = self.app.clone().oneshot(request.expect("a request"));
        self.runtime.block_on(async {
            busy.push(tokio::spawn(async { drop(answered.await) }));
            let task = spawn("hostile\u{1b}[2J", pending::<()>());
            busy.push(tokio::spawn(async { drop(task.await) }));
            yield_now().await;
        });
    }

    /// Requests `uri`, percent-encoded where necessary. A text that is no URI even then never
    /// reaches a service.
    pub fn ask(&self, method: &Method, uri: &str, body: &[u8]) -> Option<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(encoded(uri))
            .body(Body::from(body.to_vec()))
            .ok()?;
        self.runtime.block_on(async {
            let response = self
                .admin
                .clone()
                .oneshot(request)
                .await
                .expect("infallible");
            let header = |name| {
                let value = response.headers().get(name);
                value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            };
            Some(Answer {
                status: response.status().as_u16(),
                content_type: header("content-type").unwrap_or_default(),
                allow: header("allow"),
                body: to_bytes(response.into_body(), usize::MAX)
                    .await
                    .expect("it is read")
                    .into(),
            })
        })
    }

    /// The content at `uri`, which must exist.
    pub fn get(&self, uri: &str) -> Value {
        let answer = self.ask(&Method::GET, uri, &[]).expect("a URI");
        assert_eq!(answer.status, 200, "{uri}: {answer:?}");
        answer.json().expect("it is JSON")
    }

    /// Sets what must be valid.
    pub fn put(&self, transient: &Value) {
        assert_eq!(self.put_if_valid(transient), 200, "{transient}");
    }

    /// Sets what may be valid, and returns the status.
    pub fn put_if_valid(&self, transient: &Value) -> u16 {
        let body = json!({ "transient": transient }).to_string();
        let answer = self.ask(&Method::PUT, "/_routes/_all/settings", body.as_bytes());
        answer.expect("a URI").status
    }
}

/// Percent-encodes characters that a URI cannot contain; all others, including `%`, stay.
fn encoded(text: &str) -> String {
    let stays = |byte: u8| byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte);
    encode(text, stays)
}

/// Percent-encodes a value, so that it can be any text.
pub fn encoded_value(text: &str) -> String {
    encode(text, |byte| byte.is_ascii_alphanumeric())
}

fn encode(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let encode = |byte: u8| {
        if stays(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(encode).collect()
}
