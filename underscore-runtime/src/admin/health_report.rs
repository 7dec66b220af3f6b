//! `GET /_health_report`: the findings by rule, in the shape of Elasticsearch's health report.

use super::error::Error;
use super::health_snapshot::{HealthSnapshot, ShownFinding};
use super::render::{Answer, Node};
use super::request::Request;
use super::value::Value;
use crate::health::{Rule, Status, Symptom};

#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
pub(super) fn get(request: &Request) -> Result<Answer, Error> {
    let HealthSnapshot { status, findings } = HealthSnapshot::take(request);
    let mut rules: Vec<Rule> = Vec::new();
    for rule in Symptom::ALL.map(Symptom::rule) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let indicators = rules.into_iter().map(|rule| {
        let found = findings.iter();
        let found = found.filter(|shown| shown.finding.symptom().rule() == rule);
        (rule.id, indicator(rule, &found.collect::<Vec<_>>()))
    });
    Ok(Answer::Node(Node::object([
        ("status", Node::text(status.word())),
        ("findings", Node::Integer(findings.len() as u64)),
        ("indicators", Node::object(indicators)),
    ])))
}

/// A rule, with its findings.
fn indicator(rule: Rule, found: &[&ShownFinding]) -> Node {
    let status = found.iter().map(|shown| shown.finding.status).max();
    let Some(status) = status else {
        return Node::object([
            ("status", Node::text(Status::Green.word())),
            ("symptom", Node::text(rule.healthy)),
        ]);
    };
    let symptom = found.first().map_or_else(String::new, |worst| {
        let symptom = worst.finding.symptom().words();
        format!("{symptom}: {}", worst.finding.subject)
    });
    Node::object([
        ("status", Node::text(status.word())),
        ("symptom", Node::text(symptom)),
        ("impact", Node::text(rule.impact)),
        (
            "findings",
            Node::List(found.iter().map(|shown| node(rule, shown)).collect()),
        ),
    ])
}

fn node(rule: Rule, shown: &ShownFinding) -> Node {
    let finding = &shown.finding;
    let millis = u64::try_from(shown.age.as_millis()).unwrap_or(u64::MAX);
    let tasks = finding
        .tasks
        .iter()
        .map(|task| Node::Integer(task.number()));
    let affected = Node::object([
        ("count", Node::Integer(finding.affected)),
        ("task_ids", Node::List(tasks.collect())),
        (
            "route_ids",
            Node::List(shown.route_ids.iter().map(Node::text).collect()),
        ),
    ]);
    Node::object([
        ("rule", Node::text(rule.id)),
        ("status", Node::text(finding.status.word())),
        ("symptom", Node::text(finding.symptom().words())),
        ("subject", Node::text(&*finding.subject)),
        ("since_millis", Node::Integer(millis)),
        (
            "started_in_millis",
            Value::Moment(shown.started).plain_node(),
        ),
        ("evidence", Node::text(&*shown.evidence)),
        ("next", Node::text(&*finding.next)),
        ("curl", Node::text(&*shown.curl)),
        ("affected", affected),
    ])
}
