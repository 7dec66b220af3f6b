//! The responses that this crate sends in the handler's place.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::protocol::{Protocol, grpc_response};
use crate::error_body::error_body;
use crate::instrument::poll::Guard;
use crate::settings::Preempt;
use crate::stats::Outcome;
use crate::task::Interrupt;

/// Marks responses of this crate.
const MARK: HeaderName = HeaderName::from_static("x-underscore");

/// The default status for interrupted requests.
const INTERRUPT_STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// The response that an operator has set for the route.
pub(super) fn preempted(preempt: &Preempt, protocol: Protocol) -> Response {
    let mut response = if protocol == Protocol::Grpc {
        grpc_response(preempt.status, preempt.text.trim_end())
    } else if may_have_content(preempt.status) {
        let body = Body::from(preempt.text.clone());
        answer(preempt.status, "text/plain; charset=utf-8", body)
    } else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = preempt.status;
        response
    };
    for (name, value) in &preempt.headers {
        response.headers_mut().insert(name, value.clone());
    }
    if let Some(reason) = &preempt.reason {
        response.extensions_mut().insert(reason.clone());
    }
    marked(response, Outcome::Preempted)
}

/// Ends an interrupted task and returns the response to its client.
#[cold]
pub(in crate::instrument) fn interrupted(guard: Guard, protocol: Protocol) -> Response {
    let interrupt = guard.task().pending_interrupt();
    let response = ended(interrupt.as_ref(), protocol);
    let outcome = guard.interrupt_outcome();
    guard.end_with(outcome, response.status());
    response
}

/// The response to an interrupted request, by an operator or by its timeout.
fn ended(interrupt: Option<&Interrupt>, protocol: Protocol) -> Response {
    let status = interrupt.and_then(|interrupt| interrupt.status);
    let reason = interrupt.map_or(Interrupt::DEFAULT_REASON, |interrupt| &interrupt.reason);
    let expired = interrupt.is_some_and(|interrupt| interrupt.outcome == Outcome::Expired);
    if expired {
        let status = StatusCode::GATEWAY_TIMEOUT;
        let answer = error(status, "request_expired", reason, protocol);
        return marked(answer, Outcome::Expired);
    }
    let status = status.unwrap_or(INTERRUPT_STATUS);
    let answer = error(status, "request_interrupted", reason, protocol);
    marked(answer, Outcome::Interrupted)
}

/// Adds the header that distinguishes the response from the handler's.
fn marked(mut response: Response, outcome: Outcome) -> Response {
    let mark = match outcome {
        Outcome::Preempted => "preempted",
        Outcome::Rejected => "rejected",
        Outcome::Expired => "expired",
        _ => "interrupted",
    };
    response
        .headers_mut()
        .insert(MARK, HeaderValue::from_static(mark));
    response
}

/// The response if too many requests are in flight.
pub(super) fn too_many(most: u64, protocol: Protocol) -> Response {
    let reason = format!("the limit of requests in flight is {most}");
    let status = StatusCode::SERVICE_UNAVAILABLE;
    // It is unknown when one of them ends. A second at least, because the limit is against
    // immediate retries.
    let answer = error(status, "limit_reached", &reason, protocol);
    try_again(answer, Duration::ZERO)
}

/// The response if requests arrive too fast; the next is admitted after `wait`.
pub(super) fn too_fast(rate: f64, wait: Duration, protocol: Protocol) -> Response {
    let reason = format!("the limit of requests per second is {rate}");
    let status = StatusCode::TOO_MANY_REQUESTS;
    try_again(error(status, "limit_reached", &reason, protocol), wait)
}

/// Adds `Retry-After`: whole seconds, at least one.
fn try_again(mut response: Response, wait: Duration) -> Response {
    let seconds = wait
        .as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0));
    let seconds = HeaderValue::from(seconds.max(1));
    response.headers_mut().insert(RETRY_AFTER, seconds);
    marked(response, Outcome::Rejected)
}

fn error(status: StatusCode, kind: &'static str, reason: &str, protocol: Protocol) -> Response {
    if protocol == Protocol::Grpc {
        return grpc_response(status, reason);
    }
    if !may_have_content(status) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        return response;
    }
    let node = error_body(status, kind, reason, false);
    // Text and numbers are always serialized.
    let mut body = serde_json::to_vec(&node).unwrap_or_default();
    // A line of its own in the client's terminal.
    body.push(b'\n');
    answer(status, "application/json", Body::from(body))
}

/// False for statuses without content, for which clients and proxies reject a `Content-Length`.
fn may_have_content(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
