//! Two versions of an API over one database whose connection pool is exhausted: a report of the old
//! version holds a connection for a minute, and all other requests wait for one.
//!
//! ```text
//! cargo run --example versions -- [--listen 127.0.0.1:8084] [--admin PATH]
//! ```
//!
//! The commands to try are printed at the start. The versions are routers nested below `/api` that
//! share some handlers. A handler that is mounted twice is two routes, each with its own statistics
//! and settings. `SQLite` is compiled from source, which needs a C compiler.

#![allow(unreachable_pub, reason = "an example is not a library")]

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

use database::{Database, QueryError};
use orders::Revenue;

/// The commands to try.
const COMMANDS: &str = r#"
  # Some traffic to both versions. A shared handler has a row for each.
  seq 5 | xargs -P 5 -I{} curl -s -w '\n' '$APP/api/v1/orders/{}'
  seq 5 | xargs -P 5 -I{} curl -s -w '\n' '$APP/api/v2/orders/{}'
  curl -s -w '\n' '$APP/api/v1/customers?limit=3'
  curl -s -w '\n' '$APP/api/v2/customers?limit=3'
  curl -s -w '\n' '$APP/api/v1/report?customer=7'
  curl -s -w '\n' '$APP/api/v2/report?customer=7'
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v&h=id,name,handler,path,active,total'

  # Six concurrent reports on all customers from v1, with four connections in the pool.
  seq 6 | xargs -P 6 -I{} curl -s -w '\n' '$APP/api/v1/report?client={}' &
  sleep 1
  seq 5 | xargs -P 5 -I{} curl -s -w '\n' '$APP/api/v2/orders/{}' &
  sleep 1

  # No request is answered. Four hold a connection, all others wait for one.
  curl -s --unix-socket $SOCKET 'http://./_cat/stacks?v&h=count,path,oldest,stack'

  # Interrupt the reports: their queries stop, their connections return, the orders are answered.
  # The name alone would be refused because two routes have it. A pattern selects all of them.
  curl -s --unix-socket $SOCKET -X POST 'http://./_routes/report*/interrupt?pretty&reason=they+hold+all+connections'

  # Disable the reports of v1 for an hour. The route of v2 has its own settings and is unaffected.
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
    #[serde(default = "Page::default_limit")]
    limit: u32,
}

impl Page {
    fn default_limit() -> u32 {
        100
    }
}

#[derive(Deserialize)]
struct Filter {
    customer: Option<u32>,
}

/// The ids of the customers. Shared by both versions.
#[underscore_route(name = "customers")]
async fn customers(
    database: State<Database>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<u32>>, QueryError> {
    let customers = database
        .query(move |connection| orders::customers(connection, page.offset, page.limit))
        .await?;
    Ok(Json(customers))
}

/// The revenue by customer, or of one customer. Shared by both versions.
#[underscore_route(name = "report")]
async fn report(
    database: State<Database>,
    Query(filter): Query<Filter>,
) -> Result<Json<Vec<Revenue>>, QueryError> {
    let report = database
        .query(move |connection| orders::report(connection, filter.customer))
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

/// The routes of both versions.
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
    let options = shared::Options::parse("versions", 8084)?;
    let database = Database::open()?;
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    shared::greet(&listener, admin.path(), COMMANDS)?;
    shared::serve(listener, app(database)).await?;
    admin.shutdown().await;
    Ok(())
}
