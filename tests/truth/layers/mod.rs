//! Requests in a `RequestLayer`: each is one row, one count and one end, whatever the middleware
//! and the handlers inside do.

mod elsewhere;
mod panics;
mod repeats;
mod settings;
mod stages;
mod within;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use serde_json::Value;
use tower::{Service, ServiceExt};
use underscore_runtime::underscore_route;

use crate::admin::Operator;
use crate::hand::Sent;
use crate::script::{Script, Scripted};
use crate::support::PATIENCE;

/// The handler of most of these tests, at a path of each.
#[underscore_route(name = "layers.scripted", inner = plain_scripted)]
async fn scripted(script: Scripted) -> Response {
    script.answer().await
}

/// A place to wait at until it is opened. It wakes no one: the tests poll by hand.
#[derive(Clone, Default)]
struct Latch(Arc<AtomicBool>);

impl Latch {
    fn open(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn close(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    async fn pass(&self) {
        poll_fn(|_| {
            if self.0.load(Ordering::SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// A GET with a script for [`scripted`].
fn request(uri: &str) -> (Arc<Script>, Request) {
    let script = Arc::new(Script::default());
    let request = Request::get(uri).extension(Arc::clone(&script));
    (script, request.body(Body::empty()).expect("a request"))
}

/// Sends a request through `service`. It is not polled yet.
fn send<S>(service: &S, request: Request) -> Sent
where
    S: Service<Request, Response = Response, Error: Debug, Future: Send> + Clone + Send + 'static,
{
    let answer = service.clone().oneshot(request);
    Box::pin(async move { answer.await.expect("no service here fails") })
}

/// The routes whose name begins with `prefix`, or whose path with a slash and that.
fn routes(prefix: &str) -> Vec<Value> {
    let begins = |row: &Value, column: &str| {
        let text = row[column].as_str().unwrap_or_default();
        text.trim_start_matches('/').starts_with(prefix)
    };
    let columns = "id,name,path,stats.req.active,stats.req.total,stats.end.*,stats.resp.status_*";
    let mut rows = Operator::connect().rows(&format!("_cat/routes?format=json&h={columns}"));
    rows.retain(|row| begins(row, "path") || begins(row, "name"));
    rows
}

/// The tasks whose URI begins with a slash and `prefix`, oldest first.
fn tasks(prefix: &str) -> Vec<Value> {
    let columns =
        "id,type,name,path,route_id,uri,method,state,stage,awaiting,cancelling,parent_task_id";
    let rows = Operator::connect().rows(&format!("_cat/tasks?format=json&h={columns}&s=id"));
    let is_ours = |row: &Value| {
        let uri = row["uri"].as_str().unwrap_or_default();
        uri.trim_start_matches('/').starts_with(prefix)
    };
    rows.into_iter().filter(is_ours).collect()
}

/// The only task of `prefix`, a request.
fn only_task(prefix: &str) -> Value {
    let tasks = tasks(prefix);
    assert_eq!(tasks.len(), 1, "{tasks:#?}");
    assert_eq!(tasks[0]["type"], "request");
    tasks[0].clone()
}

/// Asserts the requests in flight and the ends of all routes of `prefix` together.
fn assert_counts(prefix: &str, active: u64, ends: &[(&str, u64)]) {
    let rows = routes(prefix);
    let sum = |column: &str| -> u64 {
        let counts = rows.iter().map(|row| row[column].as_u64());
        counts.map(|count| count.expect("a number")).sum()
    };
    let columns = rows.iter().flat_map(|row| row.as_object().expect("a row"));
    let ended: BTreeMap<&str, u64> = columns
        .filter_map(|(column, _)| column.strip_prefix("stats.end."))
        .map(|end| (end, sum(&format!("stats.end.{end}"))))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(ended, ends.iter().copied().collect(), "{prefix}: {rows:#?}");
    let total: u64 = ends.iter().map(|(_, count)| count).sum();
    assert_eq!(sum("stats.req.active"), active, "{prefix}: {rows:#?}");
    assert_eq!(sum("stats.req.total"), active + total, "{prefix}");
}

/// Asserts that exactly these requests were sent to the routes of `prefix`, and have ended.
fn assert_ends(prefix: &str, ends: &[(&str, u64)]) {
    assert_counts(prefix, 0, ends);
    assert_eq!(tasks(prefix), Vec::<Value>::new());
}

/// The sum of the responses of a class on the routes of `prefix`.
fn statuses(prefix: &str, class: u16) -> u64 {
    let column = format!("stats.resp.status_{class}xx");
    let counts = routes(prefix);
    let counts = counts.iter().map(|row| row[&column].as_u64());
    counts.map(|count| count.expect("a number")).sum()
}

/// Lets other tokio tasks run until the tasks of `prefix` satisfy `are_they`, and returns them.
async fn wait_for_tasks(prefix: &str, are_they: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = tasks(prefix);
        if are_they(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "{prefix}: {found:#?}");
        tokio::task::yield_now().await;
    }
}
