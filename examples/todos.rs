//! An in-memory todo service with list, create, read, update and delete, behind a timeout, and a
//! migration that holds the lock of the store for longer than any client waits.
//!
//! ```text
//! cargo run --example todos -- [--listen 127.0.0.1:8082] [--admin PATH]
//! ```
//!
//! The commands to try are printed at the start. Half of the routes declare their method and path,
//! so they are listed before their first request. A request that times out is counted as
//! `disconnected`. The log, on stderr, has a filter whose levels can be changed.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{BoxError, Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;
use tokio::time::sleep;
use tower::ServiceBuilder;
use tower::timeout::TimeoutLayer;
use tracing::debug;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt, registry};
use underscore_runtime::{log_filter, serve_admin, underscore_route};

#[path = "shared/mod.rs"]
mod shared;

/// The commands to try.
const COMMANDS: &str = r#"
  # The routes. Half of them have a path before their first request.
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v&h=id,name,handler,method,path,total'

  # Some traffic: twenty todos, one of them done, and the second page of them.
  seq 20 | xargs -P 4 -I{} curl -s -o /dev/null $APP/todos -H 'Content-Type: application/json' -d '{"text":"todo {}"}'
  curl -s -w '\n' -X PATCH $APP/todos/7 -H 'Content-Type: application/json' -d '{"done":true}'
  curl -s -X DELETE $APP/todos/13
  curl -s -w '\n' '$APP/todos?offset=5&limit=5'
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v&h=handler,method,path,total,2xx,p50_1m,p99_1m,rate1m'

  # A migration locks the store. New requests wait, and the table shows where.
  curl -s -w '\n' -X POST $APP/migration &
  sleep 1
  seq 3 | xargs -P 3 -I{} curl -s -w '\n' '$APP/todos?limit=1&client={}' &
  sleep 1
  curl -s --unix-socket $SOCKET 'http://./_cat/tasks?v'

  # Answer 503 to writers instead of letting them wait. The setting expires by itself.
  curl -s --unix-socket $SOCKET -X PUT 'http://./_routes/create/settings?pretty' -H 'Content-Type: application/json' \
    -d '{"transient":{"preempt":{"status":503,"text":"a migration runs\n","headers":{"Retry-After":"60"}}},"expires_in":"5m"}'
  curl -s -i $APP/todos -H 'Content-Type: application/json' -d '{"text":"too early"}'

  # Interrupt the slow migration. Its lock is released at once, and waiting requests are answered.
  curl -s --unix-socket $SOCKET -X POST 'http://./_routes/migration/interrupt?pretty&reason=too+slow'
  curl -s --unix-socket $SOCKET -X PUT 'http://./_routes/create/settings?pretty' -H 'Content-Type: application/json' \
    -d '{"transient":{"preempt":null}}'
  curl -s -w '\n' $APP/todos -H 'Content-Type: application/json' -d '{"text":"in time"}'
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v&h=handler,active,total,completed,disconnected,interrupted,preempted'

  # Log what the requests of one route do, and nothing of the others. The setting expires, too.
  curl -s --unix-socket $SOCKET -X PUT 'http://./_routes/create/settings?pretty' -H 'Content-Type: application/json' \
    -d '{"transient":{"log":"debug"},"expires_in":"1m"}'
  curl -s -w '\n' '$APP/todos?limit=2'
  curl -s -w '\n' $APP/todos -H 'Content-Type: application/json' -d '{"text":"logged"}'

  # Log a target, whatever the route.
  curl -s --unix-socket $SOCKET -X PUT 'http://./_logger?pretty' -H 'Content-Type: application/json' \
    -d '{"transient":{"todos":"debug"},"expires_in":"1m"}'
  curl -s -w '\n' '$APP/todos?limit=2'
"#;

/// The timeout of requests for todos.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The time that the migration takes for one todo.
const MIGRATION_STEP: Duration = Duration::from_secs(5);

#[derive(Clone, Default)]
struct Store {
    todos: Arc<RwLock<BTreeMap<u32, Todo>>>,
}

#[derive(Clone, Serialize)]
struct Todo {
    id: u32,
    text: String,
    done: bool,
    /// Set by the migration.
    list: Option<&'static str>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct Create {
    text: String,
}

#[derive(Deserialize)]
struct Update {
    text: Option<String>,
    done: Option<bool>,
}

#[underscore_route(get, "/todos", name = "list")]
async fn list(State(store): State<Store>, Query(page): Query<Page>) -> Json<Vec<Todo>> {
    let todos = store.todos.read().await;
    let page = todos
        .values()
        .skip(page.offset)
        .take(page.limit.unwrap_or(100));
    let page: Vec<Todo> = page.cloned().collect();
    debug!(todos = page.len(), "listed");
    Json(page)
}

#[underscore_route(post, "/todos", name = "create")]
async fn create(
    State(store): State<Store>,
    Json(create): Json<Create>,
) -> (StatusCode, Json<Todo>) {
    let mut todos = store.todos.write().await;
    let id = todos.last_key_value().map_or(1, |(last, _)| last + 1);
    let todo = Todo {
        id,
        text: create.text,
        done: false,
        list: None,
    };
    todos.insert(id, todo.clone());
    debug!(id, "created");
    (StatusCode::CREATED, Json(todo))
}

#[underscore_route]
async fn read(State(store): State<Store>, Path(id): Path<u32>) -> Result<Json<Todo>, StatusCode> {
    let todos = store.todos.read().await;
    todos
        .get(&id)
        .cloned()
        .map(Json)
        .ok_or(StatusCode::NOT_FOUND)
}

#[underscore_route]
async fn update(
    State(store): State<Store>,
    Path(id): Path<u32>,
    Json(update): Json<Update>,
) -> Result<Json<Todo>, StatusCode> {
    let mut todos = store.todos.write().await;
    let todo = todos.get_mut(&id).ok_or(StatusCode::NOT_FOUND)?;
    todo.text = update.text.unwrap_or_else(|| todo.text.clone());
    todo.done = update.done.unwrap_or(todo.done);
    debug!(id, "updated");
    Ok(Json(todo.clone()))
}

#[underscore_route]
async fn delete(State(store): State<Store>, Path(id): Path<u32>) -> StatusCode {
    match store.todos.write().await.remove(&id) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

/// Puts each todo on a list. A later run continues after an interrupt, because each todo is changed
/// without an await in between.
#[underscore_route(post, "/migration", name = "migration")]
async fn migrate(State(store): State<Store>) -> String {
    let mut todos = store.todos.write().await;
    let mut moved = 0;
    for todo in todos.values_mut().filter(|todo| todo.list.is_none()) {
        sleep(MIGRATION_STEP).await;
        todo.list = Some("inbox");
        moved += 1;
    }
    format!("{moved} todos are in the inbox\n")
}

/// The response to a request that failed in a layer, for example by the timeout.
async fn failed(error: BoxError) -> (StatusCode, String) {
    if error.is::<tower::timeout::error::Elapsed>() {
        (StatusCode::REQUEST_TIMEOUT, "it took too long\n".to_owned())
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
    }
}

/// The service.
fn app() -> Router {
    Router::new()
        .route("/todos", get(list).post(create))
        .route("/todos/{id}", get(read).patch(update).delete(delete))
        .layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(failed))
                .layer(TimeoutLayer::new(TIMEOUT)),
        )
        // Added after the layers, so without the timeout.
        .route("/migration", post(migrate))
        .with_state(Store::default())
}

#[tokio::main]
async fn main() -> ExitCode {
    shared::exit("todos", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::parse("todos", 8082)?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let layer = fmt::layer().with_writer(io::stderr);
    let layer = layer.with_ansi(io::stderr().is_terminal());
    registry()
        .with(layer.with_filter(log_filter(filter)))
        .init();
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    shared::greet(&listener, admin.path(), COMMANDS)?;
    shared::serve(listener, app()).await?;
    admin.shutdown().await;
    Ok(())
}
