//! `_cat/health`: what is wrong with the service, the worst first.

use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::error::Error;
use crate::admin::health_snapshot::{HealthSnapshot, ShownFinding};
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::value::Value;
use crate::health::Status;
use crate::task::TaskId;

/// A row: a finding, or `None` if there is none.
type HealthRow = Option<ShownFinding>;

/// A column of this table.
type Col = Column<HealthRow>;

static COLUMNS: Columns<HealthRow> = LazyLock::new(|| {
    vec![
        Col::words("status", &["st"], "green, yellow or red", |row| {
            let status = row.as_ref().map(|row| row.finding.status);
            status.unwrap_or(Status::Green).word().into()
        })
        .shown(),
        Col::words("symptom", &["sy"], "what is wrong", |row| {
            let row = row.as_ref();
            row.map(|row| row.finding.symptom().words()).into()
        })
        .shown(),
        Col::words(
            "subject",
            &["su"],
            "where: a route, or a part of the process",
            |row| row.as_ref().map(|row| row.finding.subject.clone()).into(),
        )
        .shown(),
        Col::numbers(
            "since",
            &["si"],
            "time since it began, as far as it is known",
            |row| row.as_ref().map(|row| Value::Time(row.age)).into(),
        )
        .shown(),
        Col::words(
            "evidence",
            &["e"],
            "what was seen; a guess says probably",
            |row| row.as_ref().map(|row| row.evidence.clone()).into(),
        )
        .shown(),
        Col::words(
            "next",
            &["n"],
            "request that shows more, or ends it",
            |row| {
                let next = row.as_ref().map(|row| row.finding.next.clone());
                next.map(Value::text).into()
            },
        )
        .shown(),
        Col::words(
            "curl",
            &["c"],
            "the same as a command for a POSIX shell",
            |row| row.as_ref().map(|row| row.curl.clone()).into(),
        ),
        Col::words("rule", &["r"], "id of the rule that found it", |row| {
            let row = row.as_ref();
            row.map(|row| row.finding.symptom().rule().id).into()
        }),
        Col::numbers(
            "started",
            &["start"],
            "its begin, in milliseconds since 1970",
            |row| row.as_ref().map(|row| Value::Moment(row.started)).into(),
        )
        .time_of_day(),
        Col::numbers(
            "affected",
            &["af"],
            "number of affected requests, workers, connections or descriptors",
            |row| row.as_ref().map(|row| row.finding.affected).into(),
        ),
        Col::words("route_id", &["rid"], "ids of the affected routes", |row| {
            let ids = row.as_ref().map(|row| row.route_ids.join(","));
            ids.filter(|ids| !ids.is_empty()).into()
        }),
        Col::words(
            "task_id",
            &["tid"],
            "ids of affected tasks, up to 100",
            |row| {
                let ids = row.as_ref().map(|row| {
                    let ids: Vec<String> =
                        row.finding.tasks.iter().map(TaskId::to_string).collect();
                    ids.join(",")
                });
                ids.filter(|ids| !ids.is_empty()).into()
            },
        ),
    ]
});

/// `GET /_cat/health`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, || {
        let HealthSnapshot { findings, .. } = HealthSnapshot::take(request);
        let mut rows: Vec<HealthRow> = findings.into_iter().map(Some).collect();
        if rows.is_empty() {
            rows.push(None);
        }
        Ok(rows)
    })
}

#[cfg(test)]
mod tests {
    use super::super::column::assert_names_are_unique;
    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        assert_names_are_unique(&COLUMNS);
    }
}
