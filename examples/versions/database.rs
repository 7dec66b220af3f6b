//! The database: a small connection pool, and queries that stop when their future is dropped.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use deadpool::unmanaged::{Pool, PoolError};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use tokio::task::{JoinError, spawn_blocking};
use underscore_runtime::underscore_frame;

/// The size of the pool.
const CONNECTIONS: usize = 4;

/// An in-memory database that all connections of the process share.
const URL: &str = "file:/orders?vfs=memdb";

const ORDERS: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, cents INTEGER NOT NULL);
    WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < 12000)
    INSERT INTO orders SELECT id, 1 + id % 1000, 100 + id * 7919 % 9900 FROM ids;
";

/// The time that `slowly` takes for one row, so that a report on all orders takes a minute.
const ROW_DELAY: Duration = Duration::from_millis(5);

/// The number of virtual machine instructions between two calls of `SQLite`'s progress handler.
const PROGRESS_STEPS: i32 = 100;

#[derive(Clone)]
pub struct Database {
    pool: Pool<Connection>,
}

impl Database {
    pub fn open() -> rusqlite::Result<Self> {
        let connections: Vec<Connection> = (0..CONNECTIONS)
            .map(|_| connect())
            .collect::<rusqlite::Result<_>>()?;
        connections[0].execute_batch(ORDERS)?;
        Ok(Database {
            pool: Pool::from(connections),
        })
    }

    /// Waits for a connection and runs a query on a blocking thread.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the query stops and the connection returns to the pool.
    #[underscore_frame]
    pub async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, QueryError> {
        let mut connection = self.pool.get().await?;
        // Owned by this future. The query stops when it is gone.
        let alive = Arc::new(());
        let watch = Arc::downgrade(&alive);
        let running = spawn_blocking(move || {
            connection.progress_handler(PROGRESS_STEPS, Some(move || watch.strong_count() == 0))?;
            // The connection is dropped at the end, which returns it to the pool.
            query(&connection)
        });
        Ok(running.await??)
    }
}

/// Opens a connection that has the function `slowly`.
fn connect() -> rusqlite::Result<Connection> {
    let connection = Connection::open(URL)?;
    connection.create_scalar_function("slowly", 1, FunctionFlags::SQLITE_UTF8, |call| {
        thread::sleep(ROW_DELAY);
        call.get::<i64>(0)
    })?;
    Ok(connection)
}

/// The error of a query.
#[derive(Debug)]
pub enum QueryError {
    NotFound,
    Failed(String),
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::QueryReturnedNoRows => QueryError::NotFound,
            error => QueryError::Failed(error.to_string()),
        }
    }
}

impl From<PoolError> for QueryError {
    fn from(error: PoolError) -> Self {
        QueryError::Failed(error.to_string())
    }
}

impl From<JoinError> for QueryError {
    fn from(error: JoinError) -> Self {
        QueryError::Failed(error.to_string())
    }
}

impl IntoResponse for QueryError {
    fn into_response(self) -> Response {
        match self {
            QueryError::NotFound => StatusCode::NOT_FOUND.into_response(),
            QueryError::Failed(error) => {
                // Logged for the operator. The client only gets the status.
                eprintln!("versions: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
