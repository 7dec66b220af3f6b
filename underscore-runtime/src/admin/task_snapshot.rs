//! A snapshot of a task. All lists and trees of tasks are made from it, so that they agree.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::Version;

use super::policy::UriView;
use super::words;
use crate::clock::Instant;
use crate::connection;
use crate::guards::HeldGuard;
use crate::route::RouteId;
use crate::routes::{Route, ids};
use crate::stack::{AwaitPoint, Frame, innermost};
use crate::task::{MetaField, Task, TaskId, TaskKind, TaskRef, TaskRequest, TaskState};
use crate::threads::{Thread, ThreadRecord};
use crate::trace_context::trace_id;
use crate::truncate;
use crate::workers::blocked_after;

/// A task at one moment.
pub(super) struct TaskSnapshot {
    pub(super) task: Task,
    pub(super) route_id: Option<RouteId>,
    pub(super) age: Duration,
    pub(super) started: SystemTime,
    /// The time since it entered its state, if known.
    pub(super) time_in_state: Option<Duration>,
    /// The thread that polls it.
    pub(super) thread: Option<Arc<Thread>>,
    /// True if its poll blocks that thread.
    pub(super) blocks: bool,
    pub(super) frames: Vec<Frame>,
    /// The awaits of futures that the task holds but does not poll.
    pub(super) kept: Vec<Frame>,
    /// The guards that it has taken, oldest first.
    guards: Vec<HeldGuard>,
    /// The id of its request's connection, `None` if that is not tracked.
    pub(super) connection: Option<u64>,
    /// The form in which its URI is shown.
    uris: UriView,
}

/// Takes snapshots of tasks lazily, with one reading of the clock for all. Skips tasks that have
/// ended.
pub(super) fn snapshots(tasks: Vec<TaskRef>) -> impl Iterator<Item = TaskSnapshot> {
    snapshots_in_state(tasks, None, UriView::default())
}

/// Takes snapshots of tasks that were selected by their state, and keeps that state: a task that
/// has changed since would be listed with a state that was not requested.
pub(super) fn snapshots_in_state(
    tasks: Vec<TaskRef>,
    chosen: Option<TaskState>,
    uris: UriView,
) -> impl Iterator<Item = TaskSnapshot> {
    let (now, wall_now, id_of) = (Instant::now(), SystemTime::now(), ids());
    let http2 = OnceCell::new();
    tasks.into_iter().filter_map(move |task| {
        let mut task = task.read()?;
        task.state = chosen.unwrap_or(task.state);
        let record = match task.state {
            TaskState::Running => task.thread(),
            TaskState::Queued | TaskState::Waiting | TaskState::Streaming => None,
        };
        let (frames, kept) = task.found.frames_and_kept();
        let guards = task.found.locks().held().copied().collect();
        if task.found.is_gone() {
            // Its frames are gone as well: it would be shown without an await.
            return None;
        }
        let age = now.since(task.found.started);
        let request = task.request();
        let connection = request.and_then(|request| {
            let of_http2 = || http2.get_or_init(connection::http2_by_remote);
            let by_remote = || of_http2().get(&*request.remote?.to_string()).copied();
            let is_http2 = request.version == Version::HTTP_2;
            request.connection.or_else(|| is_http2.then(by_remote)?)
        });
        Some(TaskSnapshot {
            connection,
            route_id: task.route().and_then(&id_of),
            age,
            started: wall_now.checked_sub(age).unwrap_or(wall_now),
            time_in_state: task.time_in_state(now, record),
            thread: record.and_then(ThreadRecord::thread),
            blocks: record.is_some_and(ThreadRecord::is_blocked),
            frames,
            kept,
            guards,
            uris: uris.clone(),
            task,
        })
    })
}

/// Sorts tasks in the order of all lists: the oldest first.
pub(super) fn oldest_first(tasks: &mut [TaskRef]) {
    tasks.sort_unstable_by_key(|task| (task.started, task.id));
}

impl TaskSnapshot {
    pub(super) fn id(&self) -> TaskId {
        self.task.found.id
    }

    pub(super) fn state(&self) -> TaskState {
        self.task.state
    }

    /// The name of its route, or of the background work.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.task.kind {
            TaskKind::Request(request) => request.route.identity.declaration().name,
            TaskKind::Background(background) => Some(&background.name),
        }
    }

    /// The path of the handler, or the type of the future.
    pub(super) fn code(&self) -> Option<&'static str> {
        match &self.task.kind {
            TaskKind::Request(request) => request.route.identity.declaration().function(),
            TaskKind::Background(background) => Some(background.code),
        }
    }

    pub(super) fn kind_word(&self) -> &'static str {
        words::task_kind(&self.task.found)
    }

    pub(super) fn request(&self) -> Option<&TaskRequest> {
        self.task.request()
    }

    pub(super) fn route(&self) -> Option<&'static Route> {
        self.task.route()
    }

    /// The path of its route.
    pub(super) fn path(&self) -> Option<&str> {
        self.route()?.identity.path.as_deref()
    }

    /// The shortest description: method and path, or the name of background work.
    pub(super) fn action(&self) -> String {
        match (self.task.background(), self.route()) {
            (Some(background), _) => background.name.to_string(),
            (None, Some(route)) => {
                let path = route.identity.path.as_deref().unwrap_or("-");
                format!("{} {path}", route.identity.method)
            }
            (None, None) => "-".to_owned(),
        }
    }

    /// The name of background work, and the request that the task is or works for.
    pub(super) fn description(&self) -> String {
        let request = self.request().map(|request| {
            let uri = self.uri().unwrap_or_else(|| "-".to_owned());
            format!("{} {uri}", request.method())
        });
        match (self.task.background(), request) {
            (Some(background), Some(request)) => format!("{} of {request}", background.name),
            (Some(background), None) => background.name.to_string(),
            (None, request) => request.unwrap_or_default(),
        }
    }

    pub(super) fn point(&self) -> Option<&'static AwaitPoint> {
        innermost(&self.frames)
    }

    /// True if its response waits for the client to read more.
    pub(super) fn awaits_client(&self) -> bool {
        self.task.state == TaskState::Streaming && self.task.awaits_client
    }

    /// The line of the await that it waits at, or of the last one while it runs.
    pub(super) fn place(&self) -> Option<String> {
        let point = self.point().filter(|_| !self.awaits_client());
        point.map(ToString::to_string)
    }

    /// The awaited expression.
    pub(super) fn awaiting(&self) -> Option<&'static str> {
        if self.awaits_client() {
            return Some(CLIENT);
        }
        self.point().map(AwaitPoint::source)
    }

    /// The guards that it holds. One that was passed on may be dropped.
    pub(super) fn held(&self) -> impl Iterator<Item = &HeldGuard> {
        self.guards.iter().filter(|held| !held.is_passed_on)
    }

    /// The guards that it has passed on.
    pub(super) fn passed_on(&self) -> impl Iterator<Item = &HeldGuard> {
        self.guards.iter().filter(|held| held.is_passed_on)
    }

    /// The guards that it holds on one line, each with the line that took it.
    pub(super) fn holding(&self) -> Option<String> {
        words::guards(self.held())
    }

    /// The line of the last await that returned, or of its handler if there was none.
    pub(super) fn last_place(&self) -> Option<String> {
        let handler = || {
            let handler = self.route()?.identity.declaration();
            let place = |_| format!("{}:{}", handler.file, handler.line);
            handler.function().map(place)
        };
        self.point().map(ToString::to_string).or_else(handler)
    }

    /// The time since it began to wait, `None` while it runs.
    pub(super) fn waiting_time(&self) -> Option<Duration> {
        self.time_in_state
            .filter(|_| self.task.state != TaskState::Running)
    }

    /// The time since its current poll began.
    pub(super) fn in_poll_for(&self) -> Option<Duration> {
        self.time_in_state
            .filter(|_| self.task.state == TaskState::Running)
    }

    pub(super) fn thread_name(&self) -> Option<&str> {
        self.thread.as_ref()?.name.as_deref()
    }

    /// The kernel state of the thread that the task blocks. `None` for a thread that is
    /// not blocked, because its state would be outdated.
    pub(super) fn kernel_wait(&self) -> Option<String> {
        self.thread.as_ref().filter(|_| self.blocks)?.kernel_wait()
    }

    /// True if an interrupt takes effect. It does not while the task stays in one poll, on a worker
    /// or on a thread that handed its worker to another (`block_in_place`), or runs on a blocking
    /// thread.
    pub(super) fn is_cancellable(&self) -> bool {
        let is_long = |time: Duration| time >= blocked_after();
        let runs_a_call = self.task.is_blocking_call && self.state() == TaskState::Running;
        !self.blocks && !runs_a_call && !self.in_poll_for().is_some_and(is_long)
    }

    pub(super) fn remote(&self) -> Option<String> {
        Some(self.request()?.remote?.to_string())
    }

    pub(super) fn uri(&self) -> Option<String> {
        let uri = self.request()?.field(MetaField::Uri)?;
        Some(truncate::to_chars(&self.uris.show(&uri), LONGEST_TEXT).into_owned())
    }

    pub(super) fn http_version(&self) -> Option<String> {
        Some(format!("{:?}", self.request()?.version))
    }

    pub(super) fn opaque_id(&self) -> Option<String> {
        self.field(MetaField::OpaqueId)
    }

    pub(super) fn request_id(&self) -> Option<String> {
        self.field(MetaField::RequestId)
    }

    pub(super) fn trace_parent(&self) -> Option<String> {
        self.field(MetaField::TraceParent)
    }

    /// The trace id in the `traceparent` header.
    pub(super) fn trace_id(&self) -> Option<String> {
        trace_id(&self.trace_parent()?).map(str::to_owned)
    }

    fn field(&self, field: MetaField) -> Option<String> {
        let text = self.request()?.field(field)?;
        Some(truncate::to_chars(&text, LONGEST_TEXT).into_owned())
    }
}

/// The awaited expression of a response whose client does not read.
pub(super) const CLIENT: &str = "the client";

/// The longest text from a client that is shown, in characters.
const LONGEST_TEXT: usize = 1024;
