//! The answers that a client gets from this crate and not from the handler.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;

use crate::settings::Preempt;
use crate::task::Order;

/// What clients of interrupted requests get.
const INTERRUPT_STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// The answer that an operator has set in the handler's place.
pub(super) fn preempted(preempt: &Preempt) -> Response {
    let mut response = if may_have_content(preempt.status) {
        let body = Body::from(preempt.text.clone());
        answer(preempt.status, "text/plain; charset=utf-8", body)
    } else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = preempt.status;
        response
    };
    if let Some(reason) = &preempt.reason {
        response.extensions_mut().insert(reason.clone());
    }
    response
}

/// The answer to a client whose request an operator has ended.
pub(super) fn interrupted(order: Option<&Order>) -> Response {
    let reason = order.map_or(Order::DEFAULT_REASON, |order| &order.reason);
    let body = json!({
        "error": {"type": "request_interrupted", "reason": reason},
        "status": INTERRUPT_STATUS.as_u16(),
    });
    // A line of its own in the terminal of whoever waited for it.
    let body = Body::from(format!("{body}\n"));
    answer(INTERRUPT_STATUS, "application/json", body)
}

/// A length announced with one of these, and no content after it, upsets clients and proxies.
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
