//! Work that is no request: any future as a task, listed, dated and interruptible like a request.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::task::JoinHandle;

use super::poll::{Guard, StageEnd, Tracked, expire_after};
use super::{poll, upgrade};
use crate::stats::Outcome;
use crate::task::{Background, Interrupt, NewTask, TaskParent, Upgrade};
use crate::truncate;

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
    Track::begin(name.into(), future)
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
    tokio::spawn(Track::begin(name.into(), future))
}

/// An operator ended the work.
///
/// ```
/// use underscore_runtime::{Interrupted, track};
///
/// async fn refresh() -> Result<usize, Interrupted> {
///     let rows = track("read the rows", async { vec![4, 2] }).await?;
///     Ok(rows.len())
/// }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(refresh().await, Ok(2));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    reason: Arc<str>,
}

impl Interrupted {
    pub(super) fn new(interrupt: Option<Interrupt>) -> Self {
        let reason = interrupt.map(|interrupt| interrupt.reason);
        Interrupted {
            reason: reason.unwrap_or_else(|| Interrupt::DEFAULT_REASON.into()),
        }
    }

    /// Why, in the words that the operator gave, or in general ones.
    ///
    /// ```
    /// # fn answer(work: Result<(), underscore_runtime::Interrupted>) -> String {
    /// match work {
    ///     Ok(()) => "done".to_owned(),
    ///     Err(interrupted) => interrupted.reason().to_owned(),
    /// }
    /// # }
    /// assert_eq!(answer(Ok(())), "done");
    /// ```
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted: {}", self.reason)
    }
}

impl std::error::Error for Interrupted {}

/// Maximum length of a task name, in bytes. It may contain input of clients.
const LONGEST_NAME: usize = 4 << 10;

/// Background work that is begun here, in the task that the thread polls if it polls one.
pub(super) fn background(name: Cow<'static, str>, code: &'static str) -> Background {
    let parent = match poll::current() {
        Some(parent) => TaskParent::new(parent),
        None => upgrade::request(),
    };
    let name = match truncate::to_bytes(&name, LONGEST_NAME) {
        Cow::Borrowed(_) => name,
        Cow::Owned(truncated) => truncated.into(),
    };
    Background { name, code, parent }
}

/// Goes on with an upgraded connection: it counts as in flight, and the timeout of its route holds.
fn go_on(upgrade: &Upgrade, guard: &Guard) {
    upgrade.count();
    let settings = upgrade.route.effective();
    if let Some(timeout) = settings.and_then(|settings| settings.timeout) {
        expire_after(timeout, upgrade.begun, guard);
    }
}

pin_project! {
    /// The future of [`track`].
    struct Track<F: Future> {
        #[pin]
        work: Tracked<F>,
    }
}

impl<F: Future> Track<F> {
    fn begin(name: Cow<'static, str>, future: F) -> Self {
        let background = background(name, type_name::<F>());
        let background = Arc::new(background);
        let guard = Guard::new(NewTask::background(Arc::clone(&background)).begin());
        if let Some(upgrade) = background.upgrade() {
            go_on(upgrade, &guard);
        }
        Track {
            work: Tracked::new(guard, future),
        }
    }
}

impl<F: Future> Future for Track<F> {
    type Output = Result<F::Output, Interrupted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.project().work;
        assert!(
            !work.is_over(),
            "a tracked future was polled after it had completed"
        );
        Poll::Ready(match ready!(work.poll(cx)) {
            StageEnd::Done(output, guard) => {
                guard.end(Outcome::Completed);
                Ok(output)
            }
            StageEnd::Interrupted(guard) => {
                let interrupt = guard.task().pending_interrupt();
                let outcome = guard.interrupt_outcome();
                guard.end(outcome);
                Err(Interrupted::new(interrupt))
            }
        })
    }
}
