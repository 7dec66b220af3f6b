//! What is in force for a route's next request, in the form in which the request uses it.

use axum::http::StatusCode;
use hyper::ext::ReasonPhrase;
use serde_json::Value;

use super::Stored;

/// The settings in force. A route for which nothing is in force has none at all, so that the test for
/// it is one pointer.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) preempt: Option<Preempt>,
}

/// The answer to give in the handler's place.
#[derive(Clone, Debug)]
pub(crate) struct Preempt {
    pub(crate) status: StatusCode,
    pub(crate) reason: Option<ReasonPhrase>,
    pub(crate) text: String,
}

impl Effective {
    /// A mount's own settings over those of its handler, key by key.
    pub(crate) fn of(mount: &Stored, handler: &Stored) -> Option<Effective> {
        let get = |key: &str| mount.get(key).or_else(|| handler.get(key));
        Some(Effective {
            preempt: Some(Preempt::of(get)?),
        })
    }
}

impl Preempt {
    /// A reason or a text without a status waits for one: they are in force with it.
    fn of<'a>(get: impl Fn(&str) -> Option<&'a Value>) -> Option<Preempt> {
        let status = get("preempt.status")?.as_u64()?;
        let text = |key| get(key).and_then(Value::as_str);
        Some(Preempt {
            status: StatusCode::from_u16(u16::try_from(status).ok()?).ok()?,
            reason: text("preempt.reason")
                .and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok()),
            text: text("preempt.text").unwrap_or_default().to_owned(),
        })
    }
}
