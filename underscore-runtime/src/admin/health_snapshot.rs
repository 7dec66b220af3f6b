//! The findings as they are shown: with their ids, the operator behind a setting, and the command
//! for the next step.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;

use super::audit::{self, Action, Record};
use super::request::Request;
use crate::health::{self, Finding, Status, Symptom};
use crate::route::RouteId;
use crate::routes::{Route, ids};
use crate::units::human;

/// Maximum number of audit records that are searched for who has set something.
const MAX_SEARCHED: usize = 200;

/// The settings that refuse requests.
const REFUSING: [&str; 3] = ["limit.active", "limit.rate", "preempt.status"];

/// The findings of a look, the worst first.
pub(super) struct HealthSnapshot {
    pub(super) status: Status,
    pub(super) findings: Vec<ShownFinding>,
}

/// A finding with what only this side of the API knows.
pub(super) struct ShownFinding {
    pub(super) finding: Finding,
    pub(super) evidence: String,
    /// The time since its begin.
    pub(super) age: Duration,
    pub(super) started: SystemTime,
    pub(super) route_ids: Vec<String>,
    /// The command that sends the request in `next`.
    pub(super) curl: String,
}

impl HealthSnapshot {
    /// Looks at the service now.
    pub(super) fn take(request: &Request) -> Self {
        let report = health::report();
        let wall_now = SystemTime::now();
        let id_of = (!report.findings.is_empty()).then(ids);
        let shown = report.findings.into_iter().map(|finding| {
            let age = report.at.since(finding.since);
            let routes = finding.routes.iter();
            let ids = routes.filter_map(|route| id_of.as_ref()?(route));
            let ids: Vec<RouteId> = ids.collect();
            ShownFinding {
                evidence: evidence(&finding, &ids, wall_now),
                age,
                started: wall_now.checked_sub(age).unwrap_or(wall_now),
                route_ids: ids.iter().map(RouteId::to_string).collect(),
                curl: request.curl.line(&finding.next),
                finding,
            }
        });
        HealthSnapshot {
            status: report.status,
            findings: shown.collect(),
        }
    }
}

/// The evidence, and who has set a setting that sheds traffic.
fn evidence(finding: &Finding, ids: &[RouteId], wall_now: SystemTime) -> String {
    let mut evidence = finding.evidence.clone();
    if finding.symptom() != Symptom::Shed {
        return evidence;
    }
    let route = finding.routes.first().zip(ids.first());
    let change = route.and_then(|(route, id)| last_change(route, *id));
    if let Some((record, who)) = change.and_then(|record| {
        let who = record.caller()?;
        Some((record, who))
    }) {
        let ago = wall_now.duration_since(record.time).unwrap_or_default();
        // Writing to a `String` cannot fail.
        let _ = write!(evidence, "; set by {who}, {} ago", human(ago));
    }
    evidence
}

/// The newest change of a setting of the route that refuses requests.
fn last_change(route: &'static Route, id: RouteId) -> Option<Arc<Record>> {
    let settings = route.effective()?;
    let keys: Vec<&str> = settings
        .keys()
        .filter(|key| REFUSING.contains(key))
        .collect();
    // A record names the route as it was listed then.
    let handler = RouteId { mount: None, ..id };
    let ids = [id.to_string(), handler.to_string()];
    let records = audit::newest_first().into_iter().take(MAX_SEARCHED);
    let mut changes = records.filter(|record| record.action == Action::Settings);
    changes.find(|record| {
        let parse =
            |text: &Option<String>| -> Option<Json> { serde_json::from_str(text.as_deref()?).ok() };
        let (Some(before), Some(after)) = (parse(&record.before), parse(&record.after)) else {
            return false;
        };
        let value = |of: &Json, id: &str, key: &str| {
            let sections = ["transient", "persistent"].into_iter();
            let pointer = |section| format!("/{id}/{section}/{}", key.replace('.', "/"));
            let mut values = sections.map(pointer).map(|at| of.pointer(&at).cloned());
            values.find_map(|value| value)
        };
        let is_set = |id: &String, key: &str| {
            let set = value(&after, id, key);
            set.is_some() && set != value(&before, id, key)
        };
        keys.iter().any(|key| ids.iter().any(|id| is_set(id, key)))
    })
}
