//! The record of one request, and its timeline.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::StatusCode;

use crate::clock::Instant;
use crate::stack::{AsyncBody, AwaitPath, AwaitPoint, Frame, Stack, is_same_path};
use crate::stats::Outcome;
use crate::task::{PanicNote, TaskId, TaskRequest, TaskState};

/// A request that has ended.
#[derive(Debug)]
pub(crate) struct EndedRequest {
    pub(crate) id: TaskId,
    /// The request, with texts of bounded length.
    pub(crate) request: TaskRequest,
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
    /// The head of a response that streams, otherwise the end.
    pub(crate) answered: Instant,
    /// True if its response took longer than `slow_after`.
    pub(crate) is_slow: bool,
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<StatusCode>,
    /// When its last poll had ended, `None` if it ended in a poll or no clock ran.
    pub(crate) since: Option<Instant>,
    pub(crate) bytes_sent: Option<u64>,
    /// The reason of an interrupt, and the operator.
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) interrupted_by: Option<Arc<str>>,
    /// What a panic said, and where.
    pub(crate) panic: Option<PanicNote>,
    /// The awaits at which it stood, or had last stood.
    pub(super) stack: Stack,
    /// Set by the sampler if it has looked at the request.
    pub(super) timeline: OnceLock<Timeline>,
}

/// The time that a request has spent at each of its awaits, as far as the sampler has seen it.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// In the order in which they were first seen.
    pub(crate) stays: Vec<Stay>,
    /// Time that is part of no stay: before the first look, and while the sampler did not run.
    pub(crate) unseen: Duration,
    /// Number of looks.
    pub(crate) looks: u64,
    /// Number of stays at further awaits than [`stays`](Self::stays) has room for, and their time.
    pub(crate) others: (u64, Duration),
}

/// All stays at one await, reached through the same awaits around it.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    pub(crate) path: SharedPath,
    pub(crate) phase: Phase,
    /// Number of stays that were told apart.
    pub(crate) times: u64,
    pub(crate) total: Duration,
    pub(crate) longest: Duration,
}

/// One path of a place that many requests share.
#[derive(Clone, Debug)]
pub(crate) struct SharedPath {
    place: Arc<[AwaitPath]>,
    index: usize,
}

impl SharedPath {
    pub(crate) fn new(place: &Arc<[AwaitPath]>, index: usize) -> Self {
        SharedPath {
            place: Arc::clone(place),
            index,
        }
    }

    /// The same path without the other paths of its place: a record that kept a place for each await
    /// of a request with many branches would take a hundred kilobytes.
    pub(crate) fn alone(&self) -> Self {
        match self.place.get(self.index) {
            Some(path) if self.place.len() > 1 => SharedPath {
                place: Arc::new([path.clone()]),
                index: 0,
            },
            _ => self.clone(),
        }
    }

    /// The awaits from the outermost in. Empty if the request was at no known await.
    pub(crate) fn points(&self) -> &[&'static AwaitPoint] {
        self.place.get(self.index).map_or(&[], |path| path)
    }

    /// True for the same awaits.
    pub(crate) fn is_same(&self, other: &SharedPath) -> bool {
        is_same_path(self.points(), other.points())
    }
}

/// What a request does during a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits at its awaits.
    Waiting,
    /// It is inside a poll, after it has waited there.
    Running,
    /// It has answered, and its response's body is sent.
    Streaming,
}

impl Phase {
    /// The phase of a task in this state.
    pub(crate) fn new(state: TaskState) -> Self {
        match state {
            TaskState::Running => Phase::Running,
            TaskState::Streaming => Phase::Streaming,
            TaskState::Waiting | TaskState::Queued => Phase::Waiting,
        }
    }
}

impl EndedRequest {
    /// The time from its begin to its end.
    pub(crate) fn took(&self) -> Duration {
        self.ended.since(self.started)
    }

    /// The frames at which it stood, or had last stood.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let handler = self.request.route.identity.declaration().handler;
        self.stack.frames(Some(AsyncBody::from_function(handler)))
    }

    /// Its timeline, `None` if the sampler has not looked at it.
    pub(crate) fn timeline(&self) -> Option<&Timeline> {
        self.timeline.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static LEFT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 2, 1, "left()");
    static RIGHT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 3, 1, "right()");

    #[test]
    fn a_path_alone_does_not_keep_the_others_of_its_place() {
        let place: Arc<[AwaitPath]> = [&LEFT, &RIGHT].map(|point| Box::from([point])).into();
        let path = SharedPath::new(&place, 1);
        let alone = path.alone();
        assert!(alone.is_same(&path));
        drop(path);
        assert_eq!(Arc::strong_count(&place), 1);
        // A place with one path is shared.
        assert!(Arc::ptr_eq(&alone.alone().place, &alone.place));
        let nowhere: Arc<[AwaitPath]> = Arc::new([]);
        assert!(SharedPath::new(&nowhere, 0).alone().points().is_empty());
    }
}
