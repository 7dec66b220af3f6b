//! Calls of `spawn_blocking` that wait for a thread: probably all threads of the blocking pool are
//! in use. Tokio tells neither that nor the limit on stable.

use std::time::Duration;

use super::look::Look;
use crate::health::finding::{Finding, Symptom};
use crate::sampling::{QueuedCalls, queued_calls};
use crate::units::human;

/// The time that a call waits: longer than a burst of short calls, and much longer than the start
/// of a thread takes.
const QUEUED_FOR: Duration = Duration::from_secs(5);

pub(super) fn look(look: &mut Look) {
    let Some(QueuedCalls { count, since }) = queued_calls() else {
        return;
    };
    let time = look.now.since(since);
    if time < QUEUED_FOR {
        return;
    }
    let evidence = format!(
        "calls of spawn_blocking wait for a thread, {count} now, the oldest for {}; probably all \
         threads of the blocking pool are in use",
        human(time)
    );
    let finding = Finding::new(Symptom::BlockingPool, [0; 2], "spawn_blocking", since)
        .with_evidence(&evidence)
        .with_next("GET /_cat/tasks?v&h=id,name,parent_task_id,state,running_time,thread&s=running_time:desc")
        .with_affected(count, &[]);
    look.found.push(finding);
}
