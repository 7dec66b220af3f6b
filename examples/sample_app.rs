//! The service of the incident: three permits, and one route that takes two of them.
//!
//! ```text
//! cargo run --example sample_app -- [--listen 127.0.0.1:8080] [--admin PATH]
//! ```
//!
//! `/healthz` answers at once. `/once` takes a permit for half a second. `/twice` takes two, one by
//! one: under load, three requests hold one permit each and wait forever for the second.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use underscore_runtime::{serve_admin, underscore_route};

#[path = "shared/mod.rs"]
mod shared;

/// The time that a request takes once it has its permits.
const WORK: Duration = Duration::from_millis(500);

type Permits = State<Arc<Semaphore>>;

#[underscore_route(get, "/healthz", name = "healthz")]
async fn healthz() -> &'static str {
    "ok\n"
}

#[underscore_route(get, "/once", name = "once")]
async fn once(State(permits): Permits) -> Result<&'static str, &'static str> {
    let _permit = permits.acquire().await.map_err(|_| "closed")?;
    sleep(WORK).await;
    Ok("once\n")
}

#[underscore_route(get, "/twice", name = "twice")]
async fn twice(State(permits): Permits) -> Result<&'static str, &'static str> {
    let _first = permits.acquire().await.map_err(|_| "closed")?;
    let _second = permits.acquire().await.map_err(|_| "closed")?;
    sleep(WORK).await;
    Ok("twice\n")
}

/// The service.
pub fn app() -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/once", get(once))
        .route("/twice", get(twice))
        .with_state(Arc::new(Semaphore::new(3)))
}

// With one thread, two of five requests complete and three hang, in any order. With more threads,
// all five can hang.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::exit("sample_app", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::parse("sample_app", 8080)?;
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    shared::greet(&listener, admin.path(), COMMANDS)?;

    // With connect info, so that `_cat/tasks` shows the addresses of clients.
    let app = app().into_make_service_with_connect_info::<SocketAddr>();
    // No graceful shutdown: it would wait for the requests that hang.
    let served = tokio::select! {
        served = axum::serve(listener, app).into_future() => served,
        () = shared::stop() => Ok(()),
    };
    admin.shutdown().await;
    Ok(served?)
}

/// The commands to try.
const COMMANDS: &str = r#"
  # Five concurrent requests: two are answered, three hang.
  seq 5 | xargs -P 5 -I{} curl -s '$APP/twice?{}' &
  sleep 2
  # What is wrong, and who holds what others wait for? The first line takes about a second.
  curl -s --unix-socket $SOCKET 'http://./_cat/health?v'
  curl -s --unix-socket $SOCKET 'http://./_cat/waits?v'
  curl -s --unix-socket $SOCKET 'http://./_cat/tasks?v'

  # Interrupt the three. Then answer 503 to new requests before they hang.
  curl -s --unix-socket $SOCKET -X POST 'http://./_routes/twice/interrupt?pretty'
  curl -s --unix-socket $SOCKET -X PUT 'http://./_routes/twice/settings?pretty' \
    -H 'Content-Type: application/json' -d '{"transient":{"preempt":{"status":503,"text":"back soon\n"}}}'
  curl -s -i $APP/twice
"#;
