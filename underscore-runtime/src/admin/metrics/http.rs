//! The families that OpenTelemetry's semantic conventions define for HTTP servers, so that
//! dashboards and rules for them work.
//!
//! Handlers at the same method and path are one series: the conventions have no label that tells
//! them apart.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::family::{Family, Kind, Number, Times, Write};
use super::snapshot::{KeptSample, NO_PATH, RouteSample, Snapshot};
use crate::admin::words;
use crate::stats::{Outcome, bound_index, class_of};

/// The families, in the order of the output.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        // The unit is optional, and some parsers refuse one of a histogram.
        name: "http_server_request_duration_seconds",
        unit: None,
        kind: Kind::Histogram,
        help: "Duration of HTTP server requests that have ended, to the head of a streaming \
               response; without a status code if there was no response.",
        samples: durations,
    },
    Family {
        name: "http_server_active_requests",
        unit: None,
        kind: Kind::Gauge,
        help: "Number of active HTTP server requests, upgraded connections with tracked work \
               included.",
        samples: active,
    },
];

/// The labels of a route. A label without a value is the same as no label.
type RouteLabels<'a> = [(&'static str, &'a str); 2];

/// The labels of a sample of the durations.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EndLabels<'a> {
    route: RouteLabels<'a>,
    /// Empty if there was no response.
    status: Cow<'static, str>,
    /// Empty unless the request failed.
    error: Cow<'static, str>,
}

fn route_labels(route: &RouteSample) -> RouteLabels<'_> {
    let method = match route.method.as_str() {
        // Methods that HTTP does not define share a route, and so do all of a layer's fallback.
        "OTHER" | "ANY" => "_OTHER",
        method => method,
    };
    let path = match route.path.as_str() {
        NO_PATH => "",
        path => path,
    };
    [("http_request_method", method), ("http_route", path)]
}

impl<'a> EndLabels<'a> {
    /// `status` is a code, the first digit of several codes, or zero if there was no response.
    fn new(route: &'a RouteSample, status: u16, outcome: Outcome) -> Self {
        let status: Cow<'static, str> = match status {
            0 => "".into(),
            digit @ ..10 => format!("{digit}xx").into(),
            code => code.to_string().into(),
        };
        let error = match outcome {
            Outcome::Completed if status.starts_with('5') => status.clone(),
            Outcome::Completed => "".into(),
            other => words::outcome(other).into(),
        };
        EndLabels {
            route: route_labels(route),
            status,
            error,
        }
    }

    fn labels(&self) -> [(&'static str, &str); 4] {
        let [method, path] = self.route;
        let status = ("http_response_status_code", &*self.status);
        [method, path, status, ("error_type", &*self.error)]
    }
}

fn durations(snapshot: &Snapshot, write: &mut Write<'_>) -> fmt::Result {
    let mut all: BTreeMap<EndLabels<'_>, Times> = BTreeMap::new();
    for route in &snapshot.routes {
        for ends in &route.ends {
            let labels = EndLabels::new(route, ends.status(), ends.outcome());
            let times = all.entry(labels).or_default();
            times.sum = times.sum.saturating_add(ends.time());
            let counts = times.counts.iter_mut().zip(ends.counts());
            counts.for_each(|(sum, count)| *sum = sum.wrapping_add(*count));
        }
    }
    for route in &snapshot.routes {
        for ended in &route.kept {
            add_exemplar(&mut all, route, ended);
        }
    }
    all.iter()
        .try_for_each(|(labels, times)| write(&labels.labels(), Number::Times(times.clone())))
}

/// Makes a request the exemplar of its bucket, if it is the newest one there.
fn add_exemplar<'a>(
    all: &mut BTreeMap<EndLabels<'a>, Times>,
    route: &'a RouteSample,
    ended: &KeptSample,
) {
    let labels = |status| EndLabels::new(route, status, ended.outcome);
    let mut labels_of = labels(ended.status);
    if !all.contains_key(&labels_of) {
        // There were too many statuses for one of its own.
        labels_of = labels(class_of(ended.status));
    }
    let Some(times) = all.get_mut(&labels_of) else {
        return;
    };
    let exemplar = times.exemplars.entry(bound_index(ended.exemplar.nanos));
    exemplar
        .and_modify(|known| {
            if known.ended < ended.exemplar.ended {
                known.clone_from(&ended.exemplar);
            }
        })
        .or_insert_with(|| ended.exemplar.clone());
}

fn active(snapshot: &Snapshot, write: &mut Write<'_>) -> fmt::Result {
    let mut all: BTreeMap<RouteLabels<'_>, u64> = BTreeMap::new();
    for route in snapshot.routes.iter().filter(|route| route.is_reached) {
        let active = all.entry(route_labels(route)).or_default();
        *active = active.saturating_add(route.active);
    }
    all.iter()
        .try_for_each(|(labels, active)| write(labels, Number::Integer(*active)))
}
