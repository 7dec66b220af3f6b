//! The connection whose tokio task the calling thread polls.
//!
//! On HTTP/1, hyper reads a request and calls the service in the same tokio task, so the connection
//! of a request is found here. On HTTP/2, each stream has its own tokio task, so none is found.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use tokio::task;

use super::registry::{self, OpenConnection};
use crate::sync::Arc;

thread_local! {
    static CURRENT: RefCell<Option<(task::Id, Arc<dyn OpenConnection>)>> = const { RefCell::new(None) };
}

/// Records that the current tokio task reads from or writes to `connection`.
pub(super) fn set(connection: &Arc<impl OpenConnection + 'static>) {
    let Some(task) = task::try_id() else { return };
    // Fails while the thread shuts down.
    let _ = CURRENT.try_with(|current| {
        let mut current = current.borrow_mut();
        let id = connection.info().id();
        if !matches!(&*current, Some((known, other)) if *known == task && other.info().id() == id) {
            let connection: Arc<dyn OpenConnection> = Arc::<_>::clone(connection) as _;
            *current = Some((task, connection));
        }
    });
}

/// True once a connection has been tracked. Until then, requests skip the search for theirs.
static IS_USED: AtomicBool = AtomicBool::new(false);

pub(super) fn mark_used() {
    IS_USED.store(true, Ordering::Relaxed);
}

/// Records that a request of the current tokio task becomes a task. Returns the id of its
/// connection, if known.
#[inline]
pub(crate) fn begin_task() -> Option<u64> {
    if IS_USED.load(Ordering::Relaxed) {
        with_current(|connection| {
            connection.info().begin_task();
            connection.info().id()
        })
    } else {
        None
    }
}

/// Records that a task of the connection with this id has ended with this status.
#[cold]
pub(crate) fn end_task(id: u64, status: Option<StatusCode>) {
    let end = |connection: &dyn OpenConnection| {
        if status.is_some_and(|status| status.is_informational()) {
            // The only final response of class 1xx is 101 (switching protocols).
            connection.info().set_upgraded();
        }
        connection.info().end_task();
    };
    let is_current = with_current(|connection| {
        let is_it = connection.info().id() == id;
        if is_it {
            end(connection);
        }
        is_it
    });
    if is_current != Some(true)
        && let Some(connection) = registry::find(id)
    {
        end(&*connection);
    }
}

/// Calls `with` with the connection of the current tokio task, if known.
pub(crate) fn with_current<R>(with: impl FnOnce(&dyn OpenConnection) -> R) -> Option<R> {
    let task = task::try_id()?;
    let done = CURRENT.try_with(|current| match &*current.borrow() {
        Some((known, connection)) if *known == task => Some(with(&**connection)),
        _ => None,
    });
    done.ok().flatten()
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::connection::listen;

    #[tokio::test]
    async fn a_request_of_http_1_finds_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let remote = || with_current(|connection| connection.info().remote().to_owned());
        let app = Router::new().route("/", get(move || ready(remote().unwrap_or_default())));
        let server = tokio::spawn(axum::serve(listen(listener), app).into_future());
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        // Two rounds, because the thread alternates between the connections.
        for _ in 0..2 {
            for client in &mut clients {
                let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
                client.write_all(request).await.unwrap();
            }
            for client in &mut clients {
                let expected = client.local_addr().unwrap().to_string();
                let mut response = Vec::new();
                while !response.ends_with(expected.as_bytes()) {
                    let read = client.read_buf(&mut response).await.unwrap();
                    assert_ne!(read, 0, "{}", String::from_utf8_lossy(&response));
                }
            }
        }
        assert_eq!(
            with_current(|_| ()),
            None,
            "this is no task of a connection"
        );
        server.abort();
    }
}
