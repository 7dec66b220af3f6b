//! A drain under way, and one that connections keep from ending.

use std::time::Duration;

use super::look::Look;
use crate::connection::{self, drain};
use crate::health::finding::{Finding, Symptom};
use crate::units::human;

/// The time after which a drain is stuck: the grace period after which Kubernetes kills a pod, by
/// default.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// Number of connections that the evidence names, those accepted first.
const MAX_NAMED: usize = 3;

pub(super) fn look(look: &mut Look) {
    let Some(since) = drain::since() else {
        return;
    };
    let left = connection::count();
    let time = look.now.since(since);
    let is_stuck = time >= STUCK_AFTER && left > 0;
    let (symptom, evidence) = if is_stuck {
        (Symptom::StuckDrain, evidence_of_stuck(look, left))
    } else {
        (Symptom::Drain, left_over(left))
    };
    let finding = Finding::new(symptom, [0; 2], "service", since)
        .with_evidence(&evidence)
        .with_next("GET /_drain")
        .with_affected(left, &[]);
    look.found.push(finding);
}

fn evidence_of_stuck(look: &Look, left: usize) -> String {
    let named: Vec<String> = connection::first(MAX_NAMED)
        .iter()
        .map(|connection| {
            let info = connection.info();
            let (id, state) = (info.id(), info.state().word());
            let idle = human(info.idle_for(look.now));
            format!("{id} from {} ({state}, no byte for {idle})", info.remote())
        })
        .collect();
    format!("{}: {}", left_over(left), named.join(", "))
}

fn left_over(left: usize) -> String {
    match left {
        1 => "1 connection is left".to_owned(),
        left => format!("{left} connections are left"),
    }
}
