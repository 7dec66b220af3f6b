//! One of several replicas of a service, with its metrics for Prometheus on a port of their own.
//!
//! ```text
//! METRICS=127.0.0.1:9000 cargo run --example replica -- [--listen 127.0.0.1:8085] [--admin PATH]
//! ```
//!
//! Without `METRICS`, the metrics take a free port of loopback.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::sleep;
use underscore_runtime::{metrics_router, serve_admin, underscore_route};

#[path = "shared/mod.rs"]
mod shared;

/// Takes so many milliseconds.
#[underscore_route(get, "/job/{millis}", name = "job")]
async fn work(Path(millis): Path<u64>) -> &'static str {
    sleep(Duration::from_millis(millis)).await;
    "done\n"
}

#[tokio::main]
async fn main() -> ExitCode {
    shared::exit("replica", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::parse("replica", 8085)?;
    let listener = options.listener().await?;
    let metrics = env::var("METRICS").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let metrics = TcpListener::bind(metrics).await?;
    let admin = serve_admin(&options.admin)?;
    let address = format!("http://{}", metrics.local_addr()?);
    shared::greet(
        &listener,
        admin.path(),
        &COMMANDS.replace("$METRICS", &address),
    )?;

    // Beside the service: whoever reaches its port does not reach this one.
    tokio::spawn(axum::serve(metrics, metrics_router()).into_future());
    let app = Router::new().route("/job/{millis}", get(work));
    shared::serve(listener, app).await?;
    admin.shutdown().await;
    Ok(())
}

/// The commands to try.
const COMMANDS: &str = r"
  # Ten requests of 20 ms and one of 300 ms. Prometheus adds the buckets of all replicas.
  seq 10 | xargs -P 10 -I{} curl -s '$APP/job/20?{}'
  curl -s $APP/job/300
  curl -s $METRICS/metrics
";
