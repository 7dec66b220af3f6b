//! A task as it was when it was looked at: what every list and every tree of tasks is made from, so that
//! all of them say the same.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::policy::UriView;
use super::words;
use crate::clock::Instant;
use crate::hex::is_lower_hex;
use crate::route::RouteId;
use crate::routes::{Route, ids};
use crate::stack::{AwaitPoint, Frame, innermost};
use crate::task::{MetaField, Task, TaskId, TaskKind, TaskRef, TaskRequest, TaskState};
use crate::threads::{Thread, ThreadRecord};
use crate::truncate;
use crate::workers::blocked_after;

/// A task at one moment.
pub(super) struct TaskSnapshot {
    pub(super) task: Task,
    pub(super) route_id: Option<RouteId>,
    pub(super) age: Duration,
    pub(super) started: SystemTime,
    /// For how long it has been in that state, where that is known.
    pub(super) in_state_for: Option<Duration>,
    /// The thread in whose poll it is.
    pub(super) thread: Option<Arc<Thread>>,
    /// It keeps that thread from all other work.
    pub(super) blocks: bool,
    pub(super) frames: Vec<Frame>,
    /// The awaits of futures that are kept, and not polled.
    pub(super) kept: Vec<Frame>,
    /// How its URI is shown.
    uris: UriView,
}

/// Looks at tasks, each when it is asked for, and all of them by one reading of the clock. Those
/// that have ended are left out.
pub(super) fn snapshots(tasks: Vec<TaskRef>) -> impl Iterator<Item = TaskSnapshot> {
    snapshots_in_state(tasks, None, UriView::default())
}

/// Looks at tasks that were chosen for the state that they were in, and shows them in that: to choose by
/// one look and to show another would be a contradiction.
pub(super) fn snapshots_in_state(
    tasks: Vec<TaskRef>,
    chosen: Option<TaskState>,
    uris: UriView,
) -> impl Iterator<Item = TaskSnapshot> {
    let (now, wall_now, id_of) = (Instant::now(), SystemTime::now(), ids());
    tasks.into_iter().filter_map(move |task| {
        let mut task = task.read()?;
        task.state = chosen.unwrap_or(task.state);
        let record = match task.state {
            TaskState::Running => task.thread(),
            TaskState::Queued | TaskState::Waiting | TaskState::Streaming => None,
        };
        let (frames, kept) = task.found.frames_and_kept();
        if task.found.is_gone() {
            // Its frames are gone, too: it would be shown to wait at no await.
            return None;
        }
        let age = now.since(task.found.started);
        Some(TaskSnapshot {
            route_id: task.route().and_then(&id_of),
            age,
            started: wall_now.checked_sub(age).unwrap_or(wall_now),
            in_state_for: task.in_state_for(now, record),
            thread: record.and_then(ThreadRecord::thread),
            blocks: record.is_some_and(ThreadRecord::is_blocked),
            frames,
            kept,
            uris: uris.clone(),
            task,
        })
    })
}

/// Tasks in the order in which they are listed: the oldest first.
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

    /// The name of its route, or its own.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.task.kind {
            TaskKind::Request(request) => request.route.identity.declaration.name,
            TaskKind::Background(background) => Some(&background.name),
        }
    }

    /// What runs: the handler, or a future of this type.
    pub(super) fn code(&self) -> &'static str {
        match &self.task.kind {
            TaskKind::Request(request) => request.route.identity.declaration.handler,
            TaskKind::Background(background) => background.code,
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

    /// True if its response waits for the client to take more.
    pub(super) fn awaits_client(&self) -> bool {
        self.task.state == TaskState::Streaming && self.task.awaits_client
    }

    /// The line of the await that it waits on; of the last one while it runs.
    pub(super) fn place(&self) -> Option<String> {
        let point = self.point().filter(|_| !self.awaits_client());
        point.map(ToString::to_string)
    }

    /// What it waits for there.
    pub(super) fn awaiting(&self) -> Option<&'static str> {
        if self.awaits_client() {
            return Some(CLIENT);
        }
        self.point().map(AwaitPoint::source)
    }

    /// The line of the last await that it came back from; of its handler if there was none.
    pub(super) fn last_place(&self) -> Option<String> {
        let handler = || {
            let handler = self.route()?.identity.declaration;
            Some(format!("{}:{}", handler.file, handler.line))
        };
        self.point().map(ToString::to_string).or_else(handler)
    }

    /// How long it has waited, if it does.
    pub(super) fn waiting_time(&self) -> Option<Duration> {
        self.in_state_for
            .filter(|_| self.task.state != TaskState::Running)
    }

    /// How long it has been inside its poll, if it is in one.
    pub(super) fn in_poll_for(&self) -> Option<Duration> {
        self.in_state_for
            .filter(|_| self.task.state == TaskState::Running)
    }

    pub(super) fn thread_name(&self) -> Option<&str> {
        self.thread.as_ref()?.name.as_deref()
    }

    /// What the kernel says of the thread that the task blocks: of one that does not stay in a poll it would
    /// say what it did a moment ago.
    pub(super) fn kernel_wait(&self) -> Option<String> {
        self.thread.as_ref().filter(|_| self.blocks)?.kernel_wait()
    }

    /// True if an interrupt would reach it: it does not while it stays in one poll, on a worker or
    /// on a thread that has handed its worker on (`block_in_place`), or runs a call on a blocking thread.
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

    /// The id of the trace that a `traceparent` names.
    pub(super) fn trace_id(&self) -> Option<String> {
        trace_id(&self.trace_parent()?)
    }

    fn field(&self, field: MetaField) -> Option<String> {
        let text = self.request()?.field(field)?;
        Some(truncate::to_chars(&text, LONGEST_TEXT).into_owned())
    }
}

/// What a response waits for whose client does not read.
pub(super) const CLIENT: &str = "the client";

/// The longest text of a client's that is shown.
const LONGEST_TEXT: usize = 1024;

/// The second field of `version-traceid-parentid-flags`, if it is what the W3C's Trace Context says:
/// 32 lower-case hex digits, not all of them zero.
fn trace_id(trace_parent: &str) -> Option<String> {
    let mut fields = trace_parent.trim().split('-');
    let (version, id, parent) = (fields.next()?, fields.next()?, fields.next()?);
    let fits = is_lower_hex(version, 2)
        && version != "ff"
        && is_lower_hex(id, 32)
        && is_lower_hex(parent, 16);
    (fits && id.bytes().any(|byte| byte != b'0')).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_taken_from_a_trace_parent_that_is_one() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let cases = [
            (format!("00-{id}-00f067aa0ba902b7-01"), Some(id.to_owned())),
            (
                format!("01-{id}-00f067aa0ba902b7-01-more"),
                Some(id.to_owned()),
            ),
            (format!("ff-{id}-00f067aa0ba902b7-01"), None),
            (format!("00-{id}"), None),
            (
                format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
                None,
            ),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (String::from("\u{1b}[2J"), None),
        ];
        for (header, expected) in cases {
            assert_eq!(trace_id(&header), expected, "{header}");
        }
    }
}
