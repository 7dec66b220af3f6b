//! Work that is no request: any future as a task, listed, dated and interruptible like a request.

use std::borrow::Cow;

use tokio::task::JoinHandle;

use super::background::tracked;
use super::blocking::tracked_blocking;
use super::interrupted::Interrupted;

/// Makes `future` a task: from now until it completes or is dropped it is listed in `_cat/tasks` with its age
/// and the line it is stuck on, and an operator can interrupt it.
///
/// Called in a request, or in another tracked future, it is a child of that: it carries the parent's id and
/// its route, and an interrupt of the parent with `children=true` ends it as well. Awaits inside of it are shown where they
/// stand in an annotated function, [`underscore_frame`](crate::underscore_frame)'s for example.
///
/// ```
/// use underscore_runtime::track;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let rows = track("refresh the cache", async { 42 }).await;
/// assert_eq!(rows, Ok(42));
/// # });
/// ```
///
/// # A websocket
///
/// A request whose connection is handed over ends when that is done. The work that goes on with the
/// connection is a task of the same route, and an interrupt closes the socket, if it is tracked:
///
/// ```text
/// #[underscore_route]
/// async fn chat(upgrade: WebSocketUpgrade) -> Response {
///     upgrade.on_upgrade(|socket| async move {
///         let _ = track("chat", talk(socket)).await;
///     })
/// }
/// ```
///
/// # Errors
///
/// [`Interrupted`] if an operator ended it; `future` has been dropped then.
///
/// # Panics
///
/// Where `future` panics, and if it is polled after it has completed.
///
/// # Cancel safety
///
/// Dropping it drops `future`, and ends the task.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub fn track<F: Future>(
    name: impl Into<Cow<'static, str>>,
    future: F,
) -> impl Future<Output = Result<F::Output, Interrupted>> {
    tracked(name.into(), future)
}

/// Runs `future` as a tokio task of its own that is [tracked](track).
///
/// Called in a request it is a child of that, but not a part: it goes on when the request has ended, and
/// when the handle is dropped. An interrupt of the request ends it with `children=true` only.
///
/// ```
/// use underscore_runtime::spawn;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let handle = spawn("send the mail", async { "sent" });
/// assert_eq!(handle.await.unwrap(), Ok("sent"));
/// # });
/// ```
///
/// # Errors
///
/// The handle gives [`Interrupted`] if an operator ended the work, and tokio's own error if it panicked or was
/// aborted.
///
/// # Panics
///
/// Outside of a tokio runtime, as [`tokio::spawn`] does.
#[track_caller]
pub fn spawn<F>(
    name: impl Into<Cow<'static, str>>,
    future: F,
) -> JoinHandle<Result<F::Output, Interrupted>>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(tracked(name.into(), future))
}

/// Runs `function` on a thread where blocking is acceptable, as [`tokio::task::spawn_blocking`] does, as a task:
/// listed as `queued` until it has a thread, with the time that it waits, and as `running` then.
///
/// Called in a request, or in [tracked](crate::track) work, it is a child of that, but not a part: it goes on when
/// the request has ended, and when the handle is dropped. An interrupt of the request reaches it with
/// `children=true` only. While it is queued, an interrupt drops `function`. Once it runs, no interrupt can end it:
/// `cancellable` is false, and the answer says `stuck_in_poll`.
///
/// ```
/// use underscore_runtime::spawn_blocking;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let sum = spawn_blocking("add up", || (1..=4).sum::<u32>());
/// assert_eq!(sum.await.unwrap(), Ok(10));
/// # });
/// ```
///
/// # Errors
///
/// The handle gives [`Interrupted`] if an operator ended the task before it had a thread, and tokio's own error if
/// `function` panicked or was aborted. It gives `Interrupted` when there is a thread to say so.
///
/// # Panics
///
/// Outside of a tokio runtime, as [`tokio::task::spawn_blocking`] does.
#[track_caller]
pub fn spawn_blocking<F, T>(
    name: impl Into<Cow<'static, str>>,
    function: F,
) -> JoinHandle<Result<T, Interrupted>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    tracked_blocking(name.into(), function)
}
