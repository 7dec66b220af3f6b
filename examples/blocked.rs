//! A service that blocks its only worker: a handler sleeps for half a minute without awaiting.
//!
//! ```text
//! cargo run --example blocked -- [--listen 127.0.0.1:8081] [--admin PATH]
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::task::yield_now;
use underscore_runtime::{serve_admin, underscore_route};

#[path = "shared/mod.rs"]
mod shared;

#[underscore_route(get, "/report", name = "report")]
async fn report() -> &'static str {
    yield_now().await;
    // A handler must not do this: no other request is served in the meantime.
    std::thread::sleep(Duration::from_secs(30));
    "report\n"
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::exit("blocked", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::parse("blocked", 8081)?;
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    // No signal handler: it could not run while the worker is blocked.
    shared::announce(&listener, admin.path(), COMMANDS)?;
    let app = Router::new().route("/report", get(report));
    axum::serve(listener, app).await?;
    admin.shutdown().await;
    Ok(())
}

/// The commands to try.
const COMMANDS: &str = r#"
  # The only worker is blocked for half a minute. The admin API still answers and names the handler.
  curl -s $APP/report &
  sleep 1
  curl -s --unix-socket $SOCKET 'http://./_cat/workers?v'
  curl -s --unix-socket $SOCKET 'http://./_cat/tasks?v'

  # Blocking code cannot be interrupted. Later requests get 503 as soon as it returns.
  curl -s --unix-socket $SOCKET -X POST 'http://./_routes/report/interrupt?pretty'
  curl -s --unix-socket $SOCKET -X PUT 'http://./_routes/report/settings?pretty' -H 'Content-Type: application/json' \
    -d '{"transient":{"preempt":{"status":503}}}'
"#;
