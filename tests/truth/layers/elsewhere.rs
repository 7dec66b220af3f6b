//! Middleware that lets another tokio task, other tracked work or another request poll what is
//! inside of it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use futures_util::poll;
use serde_json::Value;
use tower::ServiceExt;
use underscore_runtime::{RequestLayer, track, underscore_route};

use super::{
    Latch, assert_counts, assert_ends, only_task, request, scripted, send, tasks, wait_for_tasks,
};
use crate::admin::Operator;
use crate::script::{Piece, Step};

type Run = Pin<Box<dyn Future<Output = Response> + Send>>;

fn in_layer<F>(name: &str, middleware: F, handler: MethodRouter) -> Router
where
    F: Fn(Request, Next) -> Run + Clone + Send + Sync + 'static,
{
    let routes = Router::new().route(&format!("/{name}"), handler);
    let routes = routes.layer(from_fn(middleware));
    routes.layer(RequestLayer::new()).with_state(())
}

fn spawned(request: Request, next: Next) -> Run {
    let run = tokio::spawn(next.run(request));
    Box::pin(async { run.await.expect("no panic") })
}

fn tracked(request: Request, next: Next) -> Run {
    let run = track("middleware", next.run(request));
    Box::pin(async { run.await.expect("no interrupt") })
}

/// Polls once, and then lets another tokio task poll.
fn moved(request: Request, next: Next) -> Run {
    let mut run: Run = Box::pin(next.run(request));
    Box::pin(async {
        if let Poll::Ready(response) = poll!(&mut run) {
            return response;
        }
        tokio::spawn(run).await.expect("no panic")
    })
}

/// The handler's call is work of the request, which counts once.
#[tokio::test]
async fn a_handler_that_another_task_polls_is_work_of_its_request() {
    type Middleware = fn(Request, Next) -> Run;
    let cases: [(&str, Middleware, &[&str]); 3] = [
        ("elsewhere.spawned", spawned, &["handler"]),
        ("elsewhere.tracked", tracked, &["middleware", "handler"]),
        ("elsewhere.moved", moved, &[]),
    ];
    for (name, middleware, work) in cases {
        let app = in_layer(name, middleware, get(scripted));
        for round in 1..=3 {
            let (script, request) = request(&format!("/{name}"));
            let mut sent = send(&app, request);
            assert!(poll!(&mut sent).is_pending());
            let rows = wait_for_tasks(name, |rows| rows.len() == 1 + work.len()).await;
            let [record, rest @ ..] = &*rows else {
                panic!("{rows:#?}");
            };
            assert_eq!(record["type"], "request");
            let names: Vec<&Value> = rest.iter().map(|row| &row["name"]).collect();
            assert_eq!(names, *work, "{rows:#?}");
            assert!(rest.iter().all(|row| row["type"] == "background"));
            assert!(rest.iter().all(|row| row["uri"] == record["uri"]));
            if round == 3 {
                // The client disconnects.
                drop(sent);
                let ends = [("completed", 2), ("disconnected", 1)];
                assert_counts(name, 0, &ends);
                // A spawned task goes on without the request.
                script.set(Step::Answer(200), Piece::Wait);
                script.wake();
                wait_for_tasks(name, <[Value]>::is_empty).await;
                assert_ends(name, &ends);
                continue;
            }
            script.set(Step::Answer(200), Piece::Wait);
            script.wake();
            let response = sent.await;
            assert_eq!(response.status(), 200);
            assert_ends(name, &[("completed", round)]);
        }
    }
}

/// A layer is within work that middleware has spawned or tracked.
#[tokio::test]
async fn a_layer_in_another_task_does_not_count_a_request_again() {
    for (name, is_spawned) in [
        ("elsewhere.within.spawned", true),
        ("elsewhere.within.track", false),
    ] {
        let middleware = if is_spawned { spawned } else { tracked };
        let inner = Router::new()
            .route(&format!("/{name}"), get(scripted))
            .layer(RequestLayer::new());
        let app = inner
            .layer(from_fn(middleware))
            .layer(RequestLayer::new())
            .with_state(());
        for round in 1..=2 {
            let (script, request) = request(&format!("/{name}"));
            let mut sent = send(&app, request);
            assert!(poll!(&mut sent).is_pending());
            let rows = wait_for_tasks(name, |rows| rows.len() > 1).await;
            let requests = rows.iter().filter(|row| row["type"] == "request");
            assert_eq!(requests.count(), 1, "{rows:#?}");
            script.set(Step::Answer(200), Piece::Wait);
            script.wake();
            assert_eq!(sent.await.status(), 200);
            assert_ends(name, &[("completed", round)]);
        }
    }
}

/// The spawned handler has returned before the middleware awaits it, in the first poll.
#[tokio::test]
async fn a_request_counts_on_the_route_of_a_handler_that_was_faster_than_its_spawner() {
    fn fast(request: Request, next: Next) -> Run {
        let run = tokio::spawn(next.run(request));
        Box::pin(async {
            // Not through the executor, which would poll the request again.
            while !run.is_finished() {
                std::thread::yield_now();
            }
            run.await.expect("no panic")
        })
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build();
    let runtime = runtime.expect("a runtime");
    let routes = Router::new().route("/elsewhere.fast", get(scripted));
    let layer = RequestLayer::named("elsewhere.fast.fallback");
    let app = tower::Layer::layer(&layer, routes.layer(from_fn(fast)).with_state(()));
    let (script, request) = request("/elsewhere.fast");
    script.set(Step::Answer(200), Piece::Wait);
    {
        let _inside = runtime.enter();
        assert!(poll!(send(&app, request)).is_ready());
    }
    runtime.shutdown_background();
    assert_ends("elsewhere.fast", &[("completed", 1)]);
    let route = super::routes("elsewhere.fast").into_iter();
    let route: Vec<Value> = route.filter(|row| row["stats.req.total"] == 1).collect();
    assert_eq!(route[0]["name"], "layers.scripted", "{route:#?}");
}

/// The future that one request has left for another one to poll.
type Left = Arc<Mutex<Option<Run>>>;

/// A request polls what another one has called, as where equal requests are answered together.
#[tokio::test]
async fn a_handler_that_another_request_polls_stays_work_of_its_own_request() {
    for (name, polls) in [("elsewhere.given", 0), ("elsewhere.handed", 1)] {
        let left = Left::default();
        let latch = Latch::default();
        let (state, answered) = (Arc::clone(&left), latch.clone());
        let middleware = move |request: Request, next: Next| -> Run {
            let taken = state.lock().expect("whole").take();
            if let Some(taken) = taken {
                return taken;
            }
            let (state, answered) = (Arc::clone(&state), answered.clone());
            let mut run: Run = Box::pin(next.run(request));
            Box::pin(async move {
                for _ in 0..polls {
                    assert!(poll!(&mut run).is_pending());
                }
                *state.lock().expect("whole") = Some(run);
                answered.pass().await;
                Response::default()
            })
        };
        let app = in_layer(name, middleware, get(scripted));
        let (script, request_1) = request(&format!("/{name}"));
        let (_, request_2) = request(&format!("/{name}"));
        let [mut first, mut second] = [request_1, request_2].map(|request| send(&app, request));
        assert!(poll!(&mut first).is_pending());
        script.set(Step::Extract, Piece::Wait);
        assert!(poll!(&mut second).is_pending());
        let rows = tasks(name);
        let requests: Vec<&Value> = rows.iter().filter(|row| row["type"] == "request").collect();
        assert_eq!(requests.len(), 2, "{rows:#?}");
        let mut work = rows.iter().filter(|row| row["type"] != "request");
        assert!(
            work.all(|row| row["parent_task_id"] == requests[0]["id"]),
            "{rows:#?}"
        );
        assert_ne!(requests[1]["stage"], "handler", "it has none of its own");
        assert_counts(name, 2, &[]);
        script.set(Step::Answer(200), Piece::Wait);
        assert!(poll!(&mut second).is_ready());
        latch.open();
        assert!(poll!(&mut first).is_ready());
        assert_ends(name, &[("completed", 2)]);
    }
}

#[underscore_route(name = "elsewhere.asks")]
async fn asks(State(other): State<Router>, request: Request) -> Response {
    let asked = tokio::spawn(other.oneshot(request));
    asked.await.expect("no panic").expect("infallible")
}

#[underscore_route(name = "elsewhere.asked")]
async fn asked() -> &'static str {
    tokio::task::yield_now().await;
    "asked"
}

/// A handler passes its request on to another one, in a spawned task: that one does not become the
/// handler of the request.
#[tokio::test]
async fn a_request_stays_with_the_first_handler_that_has_it() {
    let other = Router::new().route("/elsewhere.asks", get(asked));
    let routes = Router::new().route("/elsewhere.asks", get(asks));
    let routes = routes.with_state(other);
    let app: Router = routes.layer(RequestLayer::new()).with_state(());
    for round in 1..=2 {
        let (_, request) = request("/elsewhere.asks");
        assert_eq!(send(&app, request).await.status(), 200);
        let rows = super::routes("elsewhere.asks");
        let asks = rows.iter().find(|row| row["name"] == "elsewhere.asks");
        let asks = asks.expect("it was called");
        assert_eq!(asks["stats.end.completed"], round, "{rows:#?}");
        assert_ends("elsewhere.asks", &[("completed", round)]);
    }
}

/// A waiting request has one row, whichever handler it was moved from.
#[tokio::test]
async fn a_moved_handler_is_not_shown_at_an_await_that_it_has_left() {
    let name = "elsewhere.left";
    let app = in_layer(name, moved, get(scripted));
    let (script, request) = request(&format!("/{name}"));
    let mut sent = send(&app, request);
    script.set(Step::Extract, Piece::Wait);
    assert!(poll!(&mut sent).is_pending());
    // The spawned task polls the handler: the await is not one of the request's task any more.
    tokio::task::yield_now().await;
    assert!(poll!(&mut sent).is_pending());
    let task = only_task(name);
    assert_eq!(task["awaiting"], Value::Null, "{task:#}");
    script.set(Step::Answer(200), Piece::Wait);
    script.wake();
    assert_eq!(sent.await.status(), 200);
    assert_ends(name, &[("completed", 1)]);
}

#[underscore_route(name = "elsewhere.interrupts")]
async fn interrupts_itself() {
    let task = &tasks("elsewhere.interrupts")[0];
    let cancel = format!("_tasks/{}/_cancel?wait_for_completion=false", task["id"]);
    Operator::connect().post(&cancel);
    std::future::pending::<()>().await;
}

/// An interrupt in the poll in which the handler takes the record over is seen at its end.
#[tokio::test]
async fn an_interrupt_in_the_poll_that_takes_over_is_not_lost() {
    for round in 1..=2 {
        let routes = Router::new().route("/elsewhere.interrupts", get(interrupts_itself));
        let app: Router = routes.layer(RequestLayer::new()).with_state(());
        let mut sent = send(&app, request("/elsewhere.interrupts").1);
        match poll!(&mut sent) {
            Poll::Ready(response) => assert_eq!(response.status(), 503),
            Poll::Pending => panic!("it is interrupted"),
        }
        assert_ends("elsewhere.interrupts", &[("interrupted", round)]);
    }
}
