//! The database, with a pool of few connections, and queries that stop when nobody waits for them any more.

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

/// So many queries run at once.
const CONNECTIONS: usize = 4;

/// All connections of this process see the same tables, in memory; nothing is left behind.
const PLACE: &str = "file:/orders?vfs=memdb";

const ORDERS: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, cents INTEGER NOT NULL);
    WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < 12000)
    INSERT INTO orders SELECT id, 1 + id % 1000, 100 + id * 7919 % 9900 FROM ids;
";

/// What `slowly` takes for one row: a report on all orders is a minute, as if they were many more.
const ROW: Duration = Duration::from_millis(5);

/// After so many steps of its machine, sqlite asks whether it should go on.
const STEPS: i32 = 100;

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

    /// Waits for a connection, and asks it on a thread where that blocks nobody.
    ///
    /// # Cancel safety
    ///
    /// When it is dropped, its query is stopped and the connection goes back.
    #[underscore_frame]
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let mut connection = self.pool.get().await?;
        // It lives in this future. What runs on the other thread sees when it does not any more.
        let wanted = Arc::new(());
        let watch = Arc::downgrade(&wanted);
        let running = spawn_blocking(move || {
            connection.progress_handler(STEPS, Some(move || watch.strong_count() == 0))?;
            // And with the answer there, the connection goes back to the pool.
            question(&connection)
        });
        Ok(running.await??)
    }
}

/// Opens a connection, and teaches it to be slow.
fn connect() -> rusqlite::Result<Connection> {
    let connection = Connection::open(PLACE)?;
    connection.create_scalar_function("slowly", 1, FunctionFlags::SQLITE_UTF8, |call| {
        thread::sleep(ROW);
        call.get::<i64>(0)
    })?;
    Ok(connection)
}

/// Why there is no answer from the database.
#[derive(Debug)]
pub enum Problem {
    Unknown,
    Failed(String),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::QueryReturnedNoRows => Problem::Unknown,
            error => Problem::Failed(error.to_string()),
        }
    }
}

impl From<PoolError> for Problem {
    fn from(error: PoolError) -> Self {
        Problem::Failed(error.to_string())
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        Problem::Failed(error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Problem::Unknown => StatusCode::NOT_FOUND.into_response(),
            Problem::Failed(why) => {
                // For those who run the service; a client cannot do anything about it.
                eprintln!("versions: {why}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
