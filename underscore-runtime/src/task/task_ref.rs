//! A task as it is found among all that live: its id and where its record is. Any thread may keep
//! it for as long as it likes and look again; it finds the task, or that it has ended, and never
//! another one.

use std::time::Duration;

use super::id::TaskId;
use super::interrupt::{Ending, Interrupt, WaitGroup};
use super::kind::{Background, TaskKind, TaskRequest};
use super::poller_state::TaskState;
use super::slot::{Slot, info};
use crate::clock::Instant;
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

/// What its record says of a task: all of one task, though the parts are read one after the other.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) found: TaskRef,
    pub(crate) kind: TaskKind,
    pub(crate) state: TaskState,
    pub(crate) polls: u64,
    /// The bytes of the body that were handed to the connection, if the response streams.
    pub(crate) bytes_sent: Option<u64>,
    /// True if it streams, and waits for its client to take more.
    pub(crate) awaits_client: bool,
    /// True if it is a call on a blocking thread.
    pub(crate) is_blocking_call: bool,
    /// The runtime that it was begun in.
    pub(crate) runtime: Option<RuntimeNumber>,
    /// When the last poll ended; in a poll that is within another task's, or around one, when it
    /// began.
    since: Option<Instant>,
    /// The number of the thread that polls it, if that is in more than one poll.
    thread: u32,
}

impl TaskRef {
    /// The task whose record `slot` is.
    pub(super) fn find(slot: &'static Slot) -> Option<Self> {
        let id = TaskId::from_number(slot.id.load(Ordering::Relaxed))?;
        slot.read(id.number(), |read| TaskRef {
            slot,
            id,
            started: read.started(),
            route: read.route.load(),
        })
    }

    /// The route whose request it is, or works for.
    pub(crate) fn route(&self) -> Option<&'static Route> {
        let of_request = || Some(self.background()?.request()?.route);
        self.route.or_else(of_request)
    }

    /// The route whose request it is.
    pub(crate) fn own_route(&self) -> Option<&'static Route> {
        self.route
    }

    /// The background work that it is.
    pub(crate) fn background(&self) -> Option<Arc<Background>> {
        match self.route {
            Some(_) => None,
            None => self.slot.background(self.id),
        }
    }

    /// The task in which it was begun, and the request that it was begun for. They may have ended.
    pub(crate) fn begun_in(&self) -> [Option<TaskId>; 2] {
        if self.route.is_some() {
            return [self.slot.parent_of_request(self.id), None];
        }
        match self.background() {
            Some(work) => [work.parent(), work.works_for()],
            None => [None, None],
        }
    }

    /// What it does; `None` if it has ended.
    pub(crate) fn state(&self) -> Option<TaskState> {
        self.slot.read(self.id.number(), Slot::state)
    }

    /// True if it streams, and waits for its client to take more.
    pub(crate) fn awaits_client(&self) -> bool {
        let awaits = self.slot.read(self.id.number(), Slot::awaits_client);
        awaits.unwrap_or(false)
    }

    /// Reads its record; `None` if it has ended.
    pub(crate) fn read(&self) -> Option<Task> {
        let kind = self.slot.kind(self.id)?;
        self.slot.read(self.id.number(), |slot| Task {
            found: *self,
            kind,
            state: slot.state(),
            polls: slot.poll_count(),
            bytes_sent: slot.bytes_sent(),
            awaits_client: slot.awaits_client(),
            is_blocking_call: slot.is_blocking_call(),
            runtime: RuntimeNumber::from_bits(slot.info.load(Ordering::Relaxed) >> info::RUNTIME),
            since: slot.since.get(),
            thread: slot.thread.load(Ordering::Relaxed),
        })
    }

    /// The awaits that it is at; none if it has ended.
    pub(crate) fn stack(&self) -> Stack {
        self.slot.stack(self.id.number())
    }

    /// What it runs, as far as the names of types say.
    pub(crate) fn body(&self) -> Option<AsyncBody<'static>> {
        match self.route {
            Some(route) => Some(AsyncBody::from_function(route.identity.declaration.handler)),
            None => AsyncBody::from_type_name(self.background()?.code),
        }
    }

    /// Where it waits, or what it left last while it runs, from the outside in.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.stack().frames(self.body())
    }

    /// The same, and the awaits of futures that are kept and not polled.
    pub(crate) fn frames_and_kept(&self) -> (Vec<Frame>, Vec<Frame>) {
        self.stack().frames_and_kept(self.body())
    }

    /// Interrupts it, and counts it in `waiting` until it is gone. `None` if it has ended. See
    /// `Slot::interrupt` for the one case in which nothing is told of its end.
    pub(crate) fn interrupt(
        &self,
        interrupt: Interrupt,
        waiting: &Arc<WaitGroup>,
    ) -> Option<Arc<Ending>> {
        self.slot.interrupt(self.id.number(), interrupt, waiting)
    }

    /// True once it was interrupted, until it is gone.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.slot.is_interrupted(self.id.number())
    }

    /// True once it has ended.
    pub(crate) fn is_gone(&self) -> bool {
        !self.slot.belongs_to(self.id.number())
    }
}

impl Task {
    /// The request that it is, or that it works for.
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

    /// The background work that it is.
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

    /// For how long it has been in its state: inside one poll, on the thread with this record, or
    /// waiting since the last one. To a tick of the coarse clock; `None` if the sampler does not run,
    /// or if the poll is over by now.
    pub(crate) fn in_state_for(
        &self,
        now: Instant,
        record: Option<&ThreadRecord>,
    ) -> Option<Duration> {
        let since = match self.state {
            TaskState::Running if self.thread == u32::MAX => record.and_then(ThreadRecord::entered),
            TaskState::Queued => Some(self.found.started),
            TaskState::Running | TaskState::Waiting | TaskState::Streaming => self.since,
        };
        // A tick may be before the task itself.
        since.map(|since| now.since(since).min(now.since(self.found.started)))
    }

    /// The thread in whose poll it is.
    pub(crate) fn thread(&self) -> Option<&'static ThreadRecord> {
        match self.thread {
            u32::MAX => threads::polling(self.found.id.number()),
            number => threads::with_number(number),
        }
    }
}
