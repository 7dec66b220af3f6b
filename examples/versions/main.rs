//! Two versions of an API over one database, whose pool runs dry: a report that somebody asks the old version for
//! takes a connection for a minute, and then everybody waits for one.
//!
//! ```text
//! cargo run --example versions -- [--listen 127.0.0.1:8084] [--admin PATH]
//! ```
//!
//! What to try is printed at the start. The versions are routers that are nested below `/api`, and share the handlers
//! in which they do not differ: a handler that is mounted twice is two routes, each with its own numbers and settings.
//! sqlite is compiled along with it, which needs a C compiler.

#![allow(unreachable_pub, reason = "an example is no library")]

use std::error::Error;
use std::process::ExitCode;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use underscore_runtime::{serve_admin, underscore_route};

mod database;
mod orders;
#[path = "../shared/mod.rs"]
mod shared;
mod v1;
mod v2;

use database::{Database, Problem};
use orders::Turnover;

/// What to try.
const LINES: &str = r#"
  # Some traffic to both versions. The handlers that they share have a row in each.
  seq 5 | xargs -P 5 -I{} curl -s -w '\n' '$APP/api/v1/orders/{}'
  seq 5 | xargs -P 5 -I{} curl -s -w '\n' '$APP/api/v2/orders/{}'
  curl -s -w '\n' '$APP/api/v1/customers?limit=3'
  curl -s -w '\n' '$APP/api/v2/customers?limit=3'
  curl -s -w '\n' '$APP/api/v1/report?customer=7'
  curl -s -w '\n' '$APP/api/v2/report?customer=7'
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v&h=id,name,handler,path,active,total'

  # Somebody wants six reports on all customers at once, from v1, and the pool has four connections.
  seq 6 | xargs -P 6 -I{} curl -s -w '\n' '$APP/api/v1/report?client={}' &
  sleep 1
  seq 5 | xargs -P 5 -I{} curl -s -w '\n' '$APP/api/v2/orders/{}' &
  sleep 1

  # Nobody is answered. Four requests hold a connection, all others wait for one.
  curl -s --unix-socket $SOCKET 'http://./_cat/stacks?v&h=count,path,oldest,stack'

  # End the reports: their queries stop, their connections are back, the orders are answered. The name alone would be
  # refused, for two routes have it; a pattern says that all of them are meant.
  curl -s --unix-socket $SOCKET -X POST 'http://./_routes/report*/interrupt?pretty&reason=they+hold+all+connections'

  # No more reports from v1 for a while. The route of v2 has an id and settings of its own, and goes on.
  V1=$(curl -s --unix-socket $SOCKET 'http://./_cat/routes/report?h=id,path' | grep /v1/ | cut -f1 -d' ')
  curl -s -w '\n' --unix-socket $SOCKET -X PUT http://./_routes/$V1/settings -H 'Content-Type: application/json' \
    -d '{"transient":{"preempt":{"status":503,"text":"ask v2, for one customer\n"}},"expires_in":"1h"}'
  curl -s -i '$APP/api/v1/report'
  curl -s -w '\n' '$APP/api/v2/report?customer=7'
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v&h=id,path,active,total,completed,interrupted,preempted,p99_1m'
"#;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    offset: u32,
    #[serde(default = "Page::usual")]
    limit: u32,
}

impl Page {
    fn usual() -> u32 {
        100
    }
}

#[derive(Deserialize)]
struct About {
    customer: Option<u32>,
}

/// The customers. The same in both versions.
#[underscore_route(name = "customers")]
async fn customers(
    database: State<Database>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<u32>>, Problem> {
    let customers = database
        .query(move |connection| orders::customers(connection, page.offset, page.limit))
        .await?;
    Ok(Json(customers))
}

/// What each customer has paid, or one of them. The same in both versions.
#[underscore_route(name = "report")]
async fn report(
    database: State<Database>,
    Query(about): Query<About>,
) -> Result<Json<Vec<Turnover>>, Problem> {
    let report = database
        .query(move |connection| orders::report(connection, about.customer))
        .await?;
    Ok(Json(report))
}

/// The service.
fn app(database: Database) -> Router {
    let api = Router::new()
        .nest("/v1", v1::routes())
        .nest("/v2", v2::routes());
    Router::new().nest("/api", api).with_state(database)
}

/// The routes that both versions have.
fn shared_routes() -> Router<Database> {
    Router::new()
        .route("/customers", get(customers))
        .route("/report", get(report))
}

#[tokio::main]
async fn main() -> ExitCode {
    shared::exit("versions", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::read("versions", 8084)?;
    let database = Database::open()?;
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    shared::greet(&listener, admin.path(), LINES)?;
    shared::serve(listener, app(database)).await?;
    admin.shutdown();
    Ok(())
}
