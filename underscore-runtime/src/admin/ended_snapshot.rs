//! Requests that have ended remarkably, as the answers of `_cat/ended` and `_ended` show them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::error::Error;
use super::policy::UriView;
use super::request::Request;
use super::select::routes;
use super::words;
use crate::clock::Instant;
use crate::ended::{self, EndedRequest, Phase, Stay};
use crate::route::RouteId;
use crate::routes::{Route, ids};
use crate::sampling;
use crate::stack::{AwaitPoint, innermost};
use crate::stats::Outcome;
use crate::task::MetaField;
use crate::trace_context::trace_id;

/// A request that has ended.
pub(super) struct EndedSnapshot {
    pub(super) record: Arc<EndedRequest>,
    pub(super) route_id: Option<RouteId>,
    pub(super) started: SystemTime,
    pub(super) ended: SystemTime,
    uris: UriView,
}

/// The await at which a request has spent the most time.
pub(super) struct Slowest {
    pub(super) point: Option<&'static AwaitPoint>,
    /// `None` if more time was not seen than was spent at any await.
    pub(super) phase: Option<Phase>,
    pub(super) time: Option<Duration>,
}

/// The records of the routes that a selector names, the newest first.
pub(super) fn snapshots(
    request: &Request,
    selector: Option<&str>,
) -> Result<Vec<EndedSnapshot>, Error> {
    let routes = selector.map(routes).transpose()?;
    let routes: Option<HashSet<*const Route>> = routes.map(|entries| {
        let routes = entries.iter().filter_map(|entry| entry.route);
        routes.map(std::ptr::from_ref).collect()
    });
    sampling::settle();
    let mut records = ended::newest_first();
    if let Some(routes) = routes {
        records.retain(|record| routes.contains(&std::ptr::from_ref(record.request.route)));
    }
    let (now, wall_now, id_of) = (Instant::now(), SystemTime::now(), ids());
    let moment = |at: Instant| wall_now.checked_sub(now.since(at)).unwrap_or(wall_now);
    let snapshot = |record: Arc<EndedRequest>| EndedSnapshot {
        route_id: id_of(record.request.route),
        started: moment(record.started),
        ended: moment(record.ended),
        uris: request.uris.clone(),
        record,
    };
    Ok(records.into_iter().map(snapshot).collect())
}

impl EndedSnapshot {
    pub(super) fn path(&self) -> Option<&'static str> {
        self.record.request.route.identity.path.as_deref()
    }

    pub(super) fn end(&self) -> &'static str {
        words::outcome(self.record.outcome)
    }

    pub(super) fn uri(&self) -> Option<String> {
        let uri = self.record.request.field(MetaField::Uri)?;
        Some(self.uris.show(&uri))
    }

    pub(super) fn field(&self, field: MetaField) -> Option<String> {
        Some(self.record.request.field(field)?.into_owned())
    }

    pub(super) fn trace_id(&self) -> Option<String> {
        let trace_parent = self.record.request.field(MetaField::TraceParent)?;
        trace_id(&trace_parent).map(str::to_owned)
    }

    /// The await at which it stood, or had last stood, when it ended.
    pub(super) fn last(&self) -> Option<&'static AwaitPoint> {
        innermost(&self.record.frames())
    }

    /// The await at which it has spent the most time. If the sampler has not looked at it, the one
    /// at which it stood when it ended. `None` if that is not known either.
    pub(super) fn slowest(&self) -> Option<Slowest> {
        let timeline = self.record.timeline();
        let slowest = timeline.and_then(|timeline| {
            let stays = timeline.stays.iter();
            // The first of several with the same time.
            stays.rev().max_by_key(|stay| stay.total)
        });
        if let Some(Stay {
            path, phase, total, ..
        }) = slowest
        {
            let unseen = timeline.map_or(Duration::ZERO, |timeline| timeline.unseen);
            if unseen > *total {
                return Some(Slowest {
                    point: None,
                    phase: None,
                    time: Some(unseen),
                });
            }
            return Some(Slowest {
                point: path.points().last().copied(),
                phase: Some(*phase),
                time: Some(*total),
            });
        }
        // One that has returned its response was at no await.
        if self.record.outcome == Outcome::Completed {
            return None;
        }
        Some(Slowest {
            point: Some(self.last()?),
            phase: Some(Phase::Waiting),
            time: self
                .record
                .since
                .map(|since| self.record.ended.since(since)),
        })
    }
}

impl Slowest {
    /// The place as text: a line, `after` a line for a request inside a poll, or in parentheses
    /// what is known if it was at no known await.
    pub(super) fn place(&self) -> String {
        match (self.point, self.phase) {
            (Some(point), Some(Phase::Running)) => format!("after {point}"),
            (Some(point), _) => point.to_string(),
            (None, Some(phase)) => format!("({})", words::phase(phase)),
            (None, None) => "(not seen)".to_owned(),
        }
    }
}
