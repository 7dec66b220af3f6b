//! Background work as a task: a future other than a request's.

use std::any::type_name;
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::runtime::Handle;

use super::interrupted::Interrupted;
use super::poll::{Guard, StageEnd, Tracked, expire_after};
use super::{poll, upgrade};
use crate::connection;
use crate::stats::Outcome;
use crate::task::{Background, Interrupt, NewTask, TaskParent, Upgrade};
use crate::truncate;

/// Maximum length of a task name, in bytes: it may contain input of clients.
const LONGEST_NAME: usize = 4 << 10;

/// Time for the code around an interrupted future to end the connection in its own way, with the
/// close frame of a websocket for example, before it is closed.
const CLOSE_GRACE: Duration = Duration::from_millis(500);

/// The description of background work, a child of the task that this thread polls.
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

/// Counts work on an upgraded connection as in flight, and applies the timeout of its route.
fn continue_upgrade(upgrade: &Upgrade, guard: &Guard) {
    upgrade.count();
    let settings = upgrade.route.effective();
    if let Some(timeout) = settings.and_then(|settings| settings.timeout) {
        expire_after(timeout, upgrade.begun, guard.task());
    }
}

/// Registers `future` as a task now, before its first poll.
pub(super) fn tracked<F: Future>(
    name: Cow<'static, str>,
    future: F,
) -> impl Future<Output = Result<F::Output, Interrupted>> {
    let background = Arc::new(background(name, type_name::<F>()));
    let guard = Guard::new(NewTask::background(Arc::clone(&background)).begin());
    if let Some(upgrade) = background.upgrade() {
        continue_upgrade(upgrade, &guard);
    }
    let connection = background.upgrade().and_then(|upgrade| upgrade.connection);
    TrackedWork {
        work: Tracked::new(guard, future),
        connection,
    }
}

pin_project! {
    /// The future of [`tracked`].
    struct TrackedWork<F: Future> {
        #[pin]
        work: Tracked<F>,
        // The id of its upgraded connection, if that is tracked.
        connection: Option<u64>,
    }
}

impl<F: Future> Future for TrackedWork<F> {
    type Output = Result<F::Output, Interrupted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let work = this.work;
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
                if let Some(connection) = *this.connection {
                    close_soon(connection);
                }
                guard.end(outcome);
                Err(Interrupted::new(interrupt))
            }
            // It has a guard until it is over.
            StageEnd::Unguarded(_) => return Poll::Pending,
        })
    }
}

/// Closes an upgraded connection after [`CLOSE_GRACE`], because other tasks may own parts of the
/// socket and would keep it open. Without a runtime, closes it at once.
fn close_soon(connection: u64) {
    let close = move || connection::find(connection).is_some_and(|open| open.close());
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(async move {
            tokio::time::sleep(CLOSE_GRACE).await;
            close();
        })),
        Err(_) => {
            close();
        }
    }
}

impl Interrupted {
    pub(super) fn new(interrupt: Option<Interrupt>) -> Self {
        let reason = interrupt.map(|interrupt| interrupt.reason);
        Interrupted {
            reason: reason.unwrap_or_else(|| Interrupt::DEFAULT_REASON.into()),
        }
    }
}
