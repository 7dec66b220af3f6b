//! Work other than requests as tasks: listed with their age and interruptible, like requests.

use std::borrow::Cow;

use tokio::task::JoinHandle;

use super::background::tracked;
use super::blocking::tracked_blocking;
use super::interrupted::Interrupted;

/// Makes `future` a task: from now until it completes or is dropped, `_cat/tasks` lists it with its
/// age and the line it is stuck on, and an operator can interrupt it.
///
/// Within a request or another tracked future, it is a child task: it has the parent's id and
/// route, and an interrupt of the parent with `children=true` ends it, too. Its awaits are shown if
/// they are in an annotated function, for example one with
/// [`underscore_frame`](crate::underscore_frame).
///
/// Without the feature `admin`, it only awaits `future`.
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
/// The request of an upgraded connection ends with the handshake. If the work on the connection is
/// tracked, it is a task of the same route, and an interrupt closes the socket:
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
/// [`Interrupted`] if an operator interrupted it; `future` has been dropped then.
///
/// # Panics
///
/// If `future` panics, and if it is polled after completion.
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

/// Spawns `future` as a tokio task that is [tracked](track).
///
/// Within a request it is a child task that outlives the request and the handle. An interrupt of
/// the request ends it with `children=true` only.
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
/// The handle returns [`Interrupted`] if an operator interrupted the work, and tokio's `JoinError`
/// if it panicked or was aborted.
///
/// # Panics
///
/// Outside a tokio runtime, like [`tokio::spawn`].
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

/// Runs `function` on a thread where blocking is acceptable, like [`tokio::task::spawn_blocking`],
/// as a task: listed as `queued`, with its waiting time, until it has a thread, then as `running`.
///
/// Within a request or [tracked](track) work it is a child task that outlives the request and the
/// handle. An interrupt of the request reaches it with `children=true` only. While it is queued, an
/// interrupt drops `function`. While it runs, it cannot be interrupted: `cancellable` is false, and
/// the outcome of an interrupt is `stuck_in_poll`.
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
/// The handle returns [`Interrupted`] if an operator interrupted the task before it had a thread,
/// and tokio's `JoinError` if `function` panicked or was aborted. `Interrupted` is returned once a
/// thread is available.
///
/// # Panics
///
/// Outside a tokio runtime, like [`tokio::task::spawn_blocking`].
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
