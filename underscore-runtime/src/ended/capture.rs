//! Makes the record of a request at its end, on the thread that ends it.

use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;

use super::event::event;
use super::kept::Kind;
use super::record::EndedRequest;
use super::store;
use crate::clock::Instant;
use crate::events;
use crate::stats::Outcome;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::task::{Slot, TaskKind, TaskRef, TaskState};
use crate::truncate;

/// Maximum length of each text of a request, in bytes. A record has at most four, a reason and a
/// panic message.
const MAX_TEXT_LEN: usize = 1 << 10;

/// Maximum number of awaits of a record.
const MAX_AWAITS: usize = 64;

/// True if the queries of URIs are kept.
static KEEP_QUERIES: AtomicBool = AtomicBool::new(false);

/// Sets whether the queries of URIs are kept from now on.
pub(crate) fn keep_queries(keep: bool) {
    KEEP_QUERIES.store(keep, Ordering::Relaxed);
}

/// The start of a task and the moment of its response.
type Answered = (Instant, Instant);

/// True for the end of a request that may be kept.
#[inline]
pub(crate) fn is_remarkable(
    task: &Slot,
    outcome: Outcome,
    status: Option<StatusCode>,
    answered: Option<Answered>,
) -> bool {
    let Some(route) = task.route() else {
        return false;
    };
    let is_slow =
        answered.is_some_and(|(started, at)| at.nanos_since(started) > route.slow_after.nanos());
    is_slow || kind(outcome, status).is_some()
}

/// Keeps the record of a request that ends, if there is room for it, and publishes an event, unless
/// there were many in this second. Called before the end of the task, while its record can be read.
#[cold]
#[inline(never)]
pub(crate) fn record(task: &'static Slot, outcome: Outcome, answered: Option<Answered>) {
    let (Some(route), Some(found)) = (task.route(), TaskRef::find(task)) else {
        return;
    };
    let (started, ended) = (task.started(), Instant::now());
    // A response that streams is as slow as its head.
    let answered = answered.or_else(|| Some((started, task.streaming_since()?)));
    let (_, answered_at) = answered.unwrap_or((started, ended));
    let is_slow = answered_at.nanos_since(started) > route.slow_after.nanos();
    let keep_as_slow = is_slow && store::has_room_for_slow(route, started, ended);
    let status = task.status();
    let bad = kind(outcome, status);
    let is_kept = bad.is_some() || keep_as_slow;
    let is_event = (bad.is_some() || is_slow) && events::is_end_due(route, ended);
    if !is_kept && !is_event {
        return;
    }
    let Some(read) = found.read() else { return };
    let TaskKind::Request(request) = &read.kind else {
        return;
    };
    let interrupt = match outcome {
        Outcome::Interrupted | Outcome::Expired => task.pending_interrupt(),
        _ => None,
    };
    let glance = found.glance();
    let waits = glance.filter(|glance| glance.state != TaskState::Running);
    let stack = found.first_awaits(MAX_AWAITS);
    let with_query = KEEP_QUERIES.load(Ordering::Relaxed);
    let record = EndedRequest {
        id: found.id,
        request: request.to_keep(MAX_TEXT_LEN, with_query),
        started,
        ended,
        answered: answered_at,
        is_slow,
        outcome,
        status,
        since: waits.and_then(|glance| glance.since),
        bytes_sent: read.bytes_sent,
        reason: interrupt
            .as_ref()
            .map(|interrupt| shortened(&interrupt.reason)),
        interrupted_by: interrupt.and_then(|interrupt| interrupt.by),
        panic: (outcome == Outcome::Panicked)
            .then(|| task.panic_note())
            .flatten(),
        stack,
        timeline: OnceLock::new(),
    };
    let event = is_event.then(|| event(&record));
    // First, so that who reads the event finds the record.
    if is_kept {
        store::add(record, keep_as_slow, bad);
    }
    if let Some(event) = event {
        events::publish(event);
    }
}

/// The kind of an end, `None` for one that is not bad.
#[inline]
fn kind(outcome: Outcome, status: Option<StatusCode>) -> Option<Kind> {
    let is_below_500 = status.is_none_or(|status| !status.is_server_error());
    Kind::new(outcome, is_below_500)
}

fn shortened(text: &str) -> Arc<str> {
    truncate::to_bytes(text, MAX_TEXT_LEN).into()
}
