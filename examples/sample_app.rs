//! The service of the incident: three permits, and one route that takes two of them.
//!
//! ```text
//! cargo run --example sample_app -- [--listen 127.0.0.1:8080] [--admin PATH]
//! ```
//!
//! `/healthz` answers at once. `/once` takes a permit and works for half a second. `/twice` takes two
//! permits, one after the other: under load, three requests hold one each and wait for a second for ever.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use underscore_runtime::{serve_admin, underscore_route};

/// How long a request works once it has what it needs.
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

// One thread, like the service of the story: there, two of five requests get through and three hang, in
// whatever order they come. With more threads it can be all five.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sample_app: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::read()?;
    let listener = TcpListener::bind(options.listen).await?;
    let admin = serve_admin(&options.admin)?;
    greet(listener.local_addr()?, admin.path());

    // With the clients' addresses, so that `_cat/tasks` can show them.
    let app = app().into_make_service_with_connect_info::<SocketAddr>();
    // Not a graceful shutdown: that would wait for the requests that hang.
    let served = tokio::select! {
        served = axum::serve(listener, app).into_future() => served,
        stopped = stop() => stopped,
    };
    admin.shutdown();
    Ok(served?)
}

/// Resolves when the service is told to end.
async fn stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

fn greet(address: SocketAddr, admin: &Path) {
    let admin = admin.display();
    println!("serving http://{address}, admin API on {admin}; Ctrl-C ends it");
    println!();
    println!("  # five at once: two are answered, three hang");
    println!("  seq 5 | xargs -P 5 -I{{}} curl -s 'http://{address}/twice?{{}}' &");
    println!();
    println!("  curl --unix-socket {admin} 'http://./_cat'");
    println!("  curl --unix-socket {admin} 'http://./_cat/routes?v'");
    println!("  curl --unix-socket {admin} 'http://./_cat/tasks?v'");
    println!("  curl --unix-socket {admin} -X POST 'http://./_routes/twice/interrupt?pretty'");
    println!("  curl --unix-socket {admin} -X PUT 'http://./_routes/twice/settings?pretty' \\");
    println!(
        "    -H 'Content-Type: application/json' -d '{{\"transient\":{{\"preempt\":{{\"status\":503}}}}}}'"
    );
}

struct Options {
    listen: SocketAddr,
    admin: PathBuf,
}

impl Options {
    fn read() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin: std::env::temp_dir().join("sample_app.sock"),
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("listen") => options.listen = arguments.value()?.parse()?,
                Long("admin") => options.admin = arguments.value()?.into(),
                Short('h') | Long("help") => {
                    let (listen, admin) = (options.listen, options.admin.display());
                    println!("sample_app [--listen {listen}] [--admin {admin}]");
                    std::process::exit(0);
                }
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(options)
    }
}
