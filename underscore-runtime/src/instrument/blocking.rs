//! Calls on tokio's blocking threads as tasks, listed while they wait for a thread and while they
//! run.

use std::any::type_name;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::background::background;
use super::interrupted::Interrupted;
use super::poll::{Guard, PollScope};
use crate::stats::Outcome;
use crate::sync::Mutex;
use crate::task::NewTask;

/// Runs `function` as a task on one of the current runtime's blocking threads.
#[track_caller]
pub(super) fn tracked_blocking<F, T>(
    name: Cow<'static, str>,
    function: F,
) -> JoinHandle<Result<T, Interrupted>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let runtime = Handle::current();
    let task = NewTask::blocking(Arc::new(background(name, type_name::<F>()))).begin();
    let call = Arc::new(QueuedCall {
        call: Mutex::new(Some((function, Guard::new(task)))),
        interrupted: OnceLock::new(),
        runtime: runtime.clone(),
    });
    if task.register_waker(&Waker::from(Arc::clone(&call))) {
        call.end_if_interrupted();
    }
    let ticket = Ticket(call);
    runtime.spawn_blocking(move || ticket.run())
}

/// A call that waits for a thread.
struct QueuedCall<F> {
    call: Mutex<Option<(F, Guard)>>,
    /// Set if an operator interrupted it while it waited.
    interrupted: OnceLock<Interrupted>,
    runtime: Handle,
}

impl<F> QueuedCall<F> {
    fn take(&self) -> Option<(F, Guard)> {
        self.call.lock().take()
    }

    /// Drops the call if it was interrupted.
    fn end_if_interrupted(&self) {
        let mut call = self.call.lock();
        let is_interrupted = |(_, guard): &mut (F, Guard)| {
            let task = guard.task();
            task.is_signalled() && task.take_signal()
        };
        let ended = call.take_if(is_interrupted);
        drop(call);
        if let Some((function, guard)) = ended {
            let interrupt = guard.task().pending_interrupt();
            // Cannot be set already: the call was still there to be taken.
            let _ = self.interrupted.set(Interrupted::new(interrupt));
            let scope = PollScope::enter(guard.task());
            drop(function);
            scope.discard();
            guard.end(Outcome::Interrupted);
        }
    }
}

impl<F: Send + 'static> Wake for QueuedCall<F> {
    /// Drops an interrupted call on a thread of the runtime, because its drop runs the host's code.
    fn wake(self: Arc<Self>) {
        let runtime = self.runtime.clone();
        drop(runtime.spawn(async move { self.end_if_interrupted() }));
    }
}

/// A call's entry in the runtime's queue. A runtime that shuts down drops it, and with it the call.
struct Ticket<F>(Arc<QueuedCall<F>>);

impl<F> Ticket<F> {
    fn run<T>(self) -> Result<T, Interrupted>
    where
        F: FnOnce() -> T,
    {
        self.0.end_if_interrupted();
        let Some((function, guard)) = self.0.take() else {
            let interrupted = self.0.interrupted.get().cloned();
            return Err(interrupted.unwrap_or_else(|| Interrupted::new(None)));
        };
        let scope = PollScope::enter(guard.task());
        let value = function();
        scope.discard();
        guard.end(Outcome::Completed);
        Ok(value)
    }
}

impl<F> Drop for Ticket<F> {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}
