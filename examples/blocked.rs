//! A service that blocks its only worker: a handler works for half a minute and awaits nothing meanwhile.
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
    // What a handler must not do: no other request is served until this is over.
    std::thread::sleep(Duration::from_secs(30));
    "report\n"
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::exit("blocked", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::read("blocked", 8081)?;
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    // No handler for signals: while the worker is blocked, nobody would come to it.
    shared::announce(&listener, admin.path(), LINES)?;
    let app = Router::new().route("/report", get(report));
    axum::serve(listener, app).await?;
    admin.shutdown();
    Ok(())
}

/// What to try.
const LINES: &str = r#"
  # The only worker is blocked for half a minute. The admin API is not, and says by whom.
  curl -s $APP/report &
  sleep 1
  curl -s --unix-socket $SOCKET 'http://./_cat/workers?v'
  curl -s --unix-socket $SOCKET 'http://./_cat/tasks?v'

  # What blocks cannot be ended from outside; who comes after it is sent away once it is over.
  curl -s --unix-socket $SOCKET -X POST 'http://./_routes/report/interrupt?pretty'
  curl -s --unix-socket $SOCKET -X PUT 'http://./_routes/report/settings?pretty' -H 'Content-Type: application/json' \
    -d '{"transient":{"preempt":{"status":503}}}'
"#;
