//! A reference to a task for other threads: its id and its slot. It may outlive the task, and then
//! reports that the task has ended; it never reads the slot's next task.

use std::time::Duration;

use super::id::TaskId;
use super::interrupt::{Ending, Interrupt, WaitGroup};
use super::kind::{Background, TaskKind, TaskRequest};
use super::poller_state::TaskState;
use super::slot::Slot;
use super::stage::Stage;
use crate::clock::Instant;
use crate::guards::TaskLocks;
use crate::routes::Route;
use crate::stack::{AsyncBody, Frame, Stack};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::threads::{self, RuntimeNumber, ThreadRecord};

/// A live task, or one that has ended since it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskRef {
    slot: &'static Slot,
    pub(crate) id: TaskId,
    pub(crate) started: Instant,
    /// The route if it is a request.
    route: Option<&'static Route>,
}

/// A copy of a task's record. All fields are of one task, though they are not read at one moment.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) found: TaskRef,
    pub(crate) kind: TaskKind,
    pub(crate) state: TaskState,
    /// The stage of a request, `None` for background work.
    pub(crate) stage: Option<Stage>,
    pub(crate) polls: u64,
    /// Number of body bytes passed to the connection, `None` if the response does not stream.
    pub(crate) bytes_sent: Option<u64>,
    /// True if it streams and waits for its client to read.
    pub(crate) awaits_client: bool,
    /// True for a call on a blocking thread.
    pub(crate) is_blocking_call: bool,
    /// The runtime in which it was begun.
    pub(crate) runtime: Option<RuntimeNumber>,
    /// When the last poll ended; during a poll within or around that of another task, when it
    /// began.
    since: Option<Instant>,
    /// The number of the polling thread if that is in more than one poll, else `u32::MAX`.
    thread: u32,
}

/// The part of a record that changes with each poll: one cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glance {
    pub(crate) state: TaskState,
    /// Changes with each poll. Equal values mean that the task was not polled in between.
    pub(crate) polls: u64,
    /// When the last poll ended, to a tick of the coarse clock.
    pub(crate) since: Option<Instant>,
    /// True if it streams and waits for its client to read.
    pub(crate) awaits_client: bool,
}

impl TaskRef {
    /// The task to which `slot` belongs, `None` if it is free.
    pub(crate) fn find(slot: &'static Slot) -> Option<Self> {
        let id = TaskId::from_number(slot.id.load(Ordering::Relaxed))?;
        slot.read(id.number(), |read| TaskRef {
            slot,
            id,
            started: read.started(),
            route: read.route.load(),
        })
    }

    /// The route of its request: the task itself, or the one that it belongs to.
    pub(crate) fn route(&self) -> Option<&'static Route> {
        let of_request = || Some(self.background()?.request()?.route);
        self.route.or_else(of_request)
    }

    /// The route if the task is a request.
    pub(crate) fn own_route(&self) -> Option<&'static Route> {
        self.route
    }

    /// The background work, `None` for a request.
    pub(crate) fn background(&self) -> Option<Arc<Background>> {
        match self.route {
            Some(_) => None,
            None => self.slot.background(self.id),
        }
    }

    /// The task in which it was begun, and the request that it belongs to. They may have ended.
    pub(crate) fn origins(&self) -> [Option<TaskId>; 2] {
        if self.route.is_some() {
            return [self.slot.parent_of_request(self.id), None];
        }
        match self.background() {
            Some(work) => [work.parent(), work.request_task()],
            None => [None, None],
        }
    }

    /// The runtime in which it was begun.
    pub(crate) fn runtime(&self) -> Option<RuntimeNumber> {
        self.slot.read(self.id.number(), Slot::runtime)?
    }

    /// The thread that polls it.
    pub(crate) fn thread(&self) -> Option<&'static ThreadRecord> {
        let number = |slot: &Slot| slot.thread.load(Ordering::Relaxed);
        let number = self.slot.read(self.id.number(), number)?;
        polled_by(self.id, number)
    }

    /// Its state, `None` if it has ended.
    pub(crate) fn state(&self) -> Option<TaskState> {
        self.slot.read(self.id.number(), Slot::state)
    }

    /// The same task on the route that it has moved to, `None` if it has ended.
    pub(crate) fn refreshed(&self) -> Option<TaskRef> {
        TaskRef::find(self.slot).filter(|task| task.id == self.id)
    }

    /// Reads what changes with each poll, `None` if it has ended.
    pub(crate) fn glance(&self) -> Option<Glance> {
        self.slot.read(self.id.number(), |slot| Glance {
            state: slot.state(),
            polls: slot.polls.load(Ordering::Relaxed),
            since: slot.since.get(),
            awaits_client: slot.awaits_client(),
        })
    }

    /// Signals the task without an interrupt, so that its end is not taken for that of a request
    /// that never waited.
    pub(crate) fn signal(&self) {
        self.slot.signal_watched(self.id.number());
    }

    /// True if it streams and waits for its client to read.
    pub(crate) fn awaits_client(&self) -> bool {
        let awaits = self.slot.read(self.id.number(), Slot::awaits_client);
        awaits.unwrap_or(false)
    }

    /// Reads its record, `None` if it has ended.
    pub(crate) fn read(&self) -> Option<Task> {
        let kind = self.slot.kind(self.id)?;
        self.slot.read(self.id.number(), |slot| Task {
            found: *self,
            kind,
            state: slot.state(),
            stage: slot.stage(),
            polls: slot.poll_count(),
            bytes_sent: slot.bytes_sent(),
            awaits_client: slot.awaits_client(),
            is_blocking_call: slot.is_blocking_call(),
            runtime: slot.runtime(),
            since: slot.since.get(),
            thread: slot.thread.load(Ordering::Relaxed),
        })
    }

    /// Its awaits, empty if it has ended.
    pub(crate) fn stack(&self) -> Stack {
        self.slot.stack(self.id.number(), usize::MAX)
    }

    /// The first `most` of its awaits, for all that is done without being asked for: a task may
    /// wait at thousands. Empty if it has ended.
    pub(crate) fn first_awaits(&self, most: usize) -> Stack {
        self.slot.stack(self.id.number(), most)
    }

    /// The async body that it runs, recognized by type names.
    pub(crate) fn body(&self) -> Option<AsyncBody<'static>> {
        match self.route {
            Some(route) => Some(AsyncBody::from_function(
                route.identity.declaration().handler,
            )),
            None => AsyncBody::from_type_name(self.background()?.code),
        }
    }

    /// Its frames from the outside in: where it waits, or last waited if it runs.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.stack().frames(self.body())
    }

    /// As [`frames`](Self::frames), and the awaits of futures that it holds and does not poll.
    pub(crate) fn frames_and_kept(&self) -> (Vec<Frame>, Vec<Frame>) {
        self.stack().frames_and_kept(self.body())
    }

    /// False if it holds no guard and waits for no lock whose address is known.
    pub(crate) fn may_have_locks(&self) -> bool {
        self.slot.has_extra()
    }

    /// True if it is interrupted at a timeout.
    pub(crate) fn has_timeout(&self) -> bool {
        self.slot.has_timeout(self.id)
    }

    /// The guards that it holds and the locks that it waits for.
    pub(crate) fn locks(&self) -> TaskLocks {
        self.slot.locks(self.id)
    }

    /// Interrupts it, and counts it in `waiting` until it has ended. `None` if it has ended
    /// already. See `Slot::interrupt` for the one case in which `waiting` is not notified.
    pub(crate) fn interrupt(
        &self,
        interrupt: Interrupt,
        waiting: &Arc<WaitGroup>,
    ) -> Option<Arc<Ending>> {
        self.slot.interrupt(self.id.number(), interrupt, waiting)
    }

    /// True from its interrupt until it has ended.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.slot.is_interrupted(self.id.number())
    }

    /// True once it has ended.
    pub(crate) fn is_gone(&self) -> bool {
        !self.slot.belongs_to(self.id.number())
    }
}

impl Task {
    /// Its request: the task itself, or the one that it belongs to.
    pub(crate) fn request(&self) -> Option<&TaskRequest> {
        match &self.kind {
            TaskKind::Request(request) => Some(request),
            TaskKind::Background(background) => background.request(),
        }
    }

    /// The route of that request.
    pub(crate) fn route(&self) -> Option<&'static Route> {
        self.request().map(|request| request.route)
    }

    /// The background work, `None` for a request.
    pub(crate) fn background(&self) -> Option<&Background> {
        match &self.kind {
            TaskKind::Request(_) => None,
            TaskKind::Background(background) => Some(background),
        }
    }

    /// The task in which it was begun, which may have ended.
    pub(crate) fn parent(&self) -> Option<TaskId> {
        match &self.kind {
            TaskKind::Request(request) => request.parent,
            TaskKind::Background(background) => background.parent(),
        }
    }

    /// Time in its state: in the current poll, on the thread with this record, or since the last
    /// poll. Accurate to a tick of the coarse clock. `None` if the sampler does not run, or if the
    /// poll is over.
    pub(crate) fn time_in_state(
        &self,
        now: Instant,
        record: Option<&ThreadRecord>,
    ) -> Option<Duration> {
        let since = match self.state {
            TaskState::Running if self.thread == u32::MAX => record.and_then(ThreadRecord::entered),
            TaskState::Queued => Some(self.found.started),
            TaskState::Running | TaskState::Waiting | TaskState::Streaming => self.since,
        };
        // A tick may be earlier than the start of the task.
        since.map(|since| now.since(since).min(now.since(self.found.started)))
    }

    /// The thread that polls it.
    pub(crate) fn thread(&self) -> Option<&'static ThreadRecord> {
        polled_by(self.found.id, self.thread)
    }
}

/// The thread that polls a task: the one with this number, or with `u32::MAX` the one whose record
/// names the task.
fn polled_by(id: TaskId, number: u32) -> Option<&'static ThreadRecord> {
    match number {
        u32::MAX => threads::polling(id.number()),
        number => threads::with_number(number),
    }
}
