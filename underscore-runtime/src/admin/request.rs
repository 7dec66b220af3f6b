//! A request as a handler sees it: parameters, the argument in the path, the body, the accepted
//! formats, and the cancellation if the client leaves. It does not depend on any endpoint.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, RawPathParams, Request as HttpRequest};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderName, HeaderValue, Uri};
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::audit::AuditedCall;
use super::cancellation::Cancellation;
use super::curl::Curl;
use super::error::Error;
use super::filter_path::FilterPath;
use super::params::{self, Group, Param};
use super::policy::{Policy, UriView};
use super::render::{Answer, Format};
use super::words;
use crate::instrument::task_of;
use crate::json::StrictValue;
use crate::log;
use crate::sync::Arc;
use crate::task::TaskId;
use crate::units;
use crate::visible::echo;

/// Echoed to the client.
pub(super) const OPAQUE_ID: HeaderName = HeaderName::from_static("x-opaque-id");

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The longest `X-Opaque-Id` that is echoed, in bytes.
const LONGEST_OPAQUE_ID: usize = 8 << 10;

/// A request to the admin API.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) path: String,
    /// The path that the client asked for, with the prefix under which the API is mounted.
    #[cfg(feature = "live")]
    pub(super) original_path: String,
    /// The argument in the endpoint's path.
    pub(super) argument: Option<String>,
    /// The query, decoded.
    pub(super) params: Vec<(String, String)>,
    accept: Vec<HeaderValue>,
    /// `Last-Event-ID`, which clients of server-sent events send when they connect again. `None` if
    /// it is no number.
    pub(super) last_event_id: Option<u64>,
    pub(super) opaque_id: Option<HeaderValue>,
    /// Empty unless the endpoint makes changes.
    pub(super) body: Bytes,
    cancellation: Cancellation,
    /// The task of this request itself, if it is one of the service: behind `admin_router()`.
    pub(super) own_task: Option<TaskId>,
    /// The maximum number of tasks in the answer, `None` for all.
    pub(super) max_tasks: Option<usize>,
    /// The audit record of a change.
    pub(super) call: Option<AuditedCall>,
    pub(super) policy: Arc<Policy>,
    /// The form in which URIs of the service's requests are shown to the client.
    pub(super) uris: UriView,
    /// The command line with which the client can send another request.
    pub(super) curl: Curl,
}

impl Request {
    /// Reads the head of `request`, except for the argument in its path.
    pub(super) fn new(request: &HttpRequest) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let opaque_id = request.headers().get(OPAQUE_ID).cloned();
        let opaque_id = opaque_id.filter(|id| id.len() <= LONGEST_OPAQUE_ID);
        let policy = Policy::from_extensions(request.extensions());
        Request {
            path: request.uri().path().to_owned(),
            #[cfg(feature = "live")]
            original_path: original_path(request),
            argument: None,
            params: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            accept: request.headers().get_all(ACCEPT).iter().cloned().collect(),
            last_event_id: request
                .headers()
                .get(LAST_EVENT_ID)
                .and_then(|id| id.to_str().ok()?.parse().ok()),
            opaque_id,
            body: Bytes::new(),
            cancellation: Cancellation::default(),
            own_task: task_of(request.extensions()).or_else(TaskId::current),
            max_tasks: None,
            call: None,
            uris: UriView::new(&policy, request.extensions()),
            curl: Curl::new(&policy, request),
            policy,
        }
    }

    /// A read that the service itself makes, with the view of a peer that may only read.
    pub(super) fn of_service(policy: Arc<Policy>) -> Self {
        let uris = UriView::new(&policy, &Extensions::new());
        Request {
            path: "/".to_owned(),
            #[cfg(feature = "live")]
            original_path: "/".to_owned(),
            argument: None,
            params: Vec::new(),
            accept: Vec::new(),
            last_event_id: None,
            opaque_id: None,
            body: Bytes::new(),
            cancellation: Cancellation::default(),
            own_task: None,
            max_tasks: None,
            call: None,
            uris: uris.without_queries(),
            curl: Curl::of_service(&policy),
            policy,
        }
    }

    /// The request for a part of the answer: `path` with `params`, by the same client. It has a
    /// deadline of its own.
    pub(super) fn part(&self, path: &str, params: Vec<(String, String)>) -> Self {
        Request {
            path: path.to_owned(),
            params,
            accept: Vec::new(),
            last_event_id: None,
            body: Bytes::new(),
            cancellation: self.cancellation.for_another_read(),
            ..self.clone()
        }
    }

    /// True if the client has left or the time for the answer has passed. Checked at every row of a
    /// list that may be long.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancellation.is_requested()
    }

    pub(super) fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// Records the settings before and after the change in the audit.
    pub(super) fn record_change(&self, before: String, after: String) {
        if let Some(call) = &self.call {
            call.set_change(before, after);
        }
    }

    /// The length of path and parameters in bytes.
    pub(super) fn text_length(&self) -> usize {
        let params = self.params.iter();
        let params = params.map(|(name, value)| name.len().saturating_add(value.len()));
        params.fold(self.path.len(), usize::saturating_add)
    }

    /// The requested format; the parameter takes precedence over the header.
    pub(super) fn format(&self) -> Option<Format> {
        match self.value(&params::FORMAT) {
            None => Format::accepted(self.single_media_type()),
            Some(word) => Format::parse(word),
        }
    }

    /// The media type if `Accept` has a single one: a list is what browsers send.
    pub(super) fn single_media_type(&self) -> Option<&str> {
        match &*self.accept {
            [one] => one.to_str().ok(),
            _ => None,
        }
    }

    /// The values of the `Accept` headers.
    pub(super) fn accept(&self) -> impl Iterator<Item = &str> {
        self.accept.iter().filter_map(|list| list.to_str().ok())
    }

    /// True if a header `Accept` names a media type.
    pub(super) fn accepts(&self, media_type: &str) -> bool {
        self.accept()
            .any(|list| words::names_media_type(list, media_type))
    }

    /// The argument in the path: a comma-separated list of selectors.
    pub(super) fn argument(&self) -> Option<&str> {
        self.argument.as_deref()
    }

    /// The value of a parameter, the last one if there are several.
    pub(super) fn value(&self, param: &Param) -> Option<&str> {
        let mut given = self.params.iter().rev();
        let given = given.find(|(given, _)| given == param.name);
        given.map(|(_, value)| value.as_str())
    }

    /// The value of a flag. A parameter without a value is true.
    pub(super) fn flag(&self, param: &Param) -> bool {
        self.flag_or(param, false)
    }

    /// The value of a flag that is not false by default.
    pub(super) fn flag_or(&self, param: &Param, default: bool) -> bool {
        self.value(param).map_or(default, |value| value != "false")
    }

    /// The value of a parameter that is a number.
    pub(super) fn count(&self, param: &Param) -> Option<usize> {
        self.value(param)?.parse().ok()
    }

    /// The value of a parameter that is a duration.
    pub(super) fn duration(&self, param: &Param) -> Option<Duration> {
        units::parse_duration(self.value(param)?)
    }

    /// The parts of a structured answer that the client wants, `None` for all.
    pub(super) fn filter_path(&self) -> Option<FilterPath> {
        self.value(&params::FILTER_PATH).and_then(FilterPath::parse)
    }

    /// The wanted parts of an answer.
    pub(super) fn filtered(&self, answer: Answer) -> Answer {
        match self.filter_path() {
            Some(filter) => answer.map(|node| filter.apply(node, &self.cancellation)),
            None => answer,
        }
    }

    /// Refuses a body for an endpoint that reads only parameters: the body would be ignored.
    pub(super) fn no_body(&self, params: Group) -> Result<(), Error> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let names: Vec<&str> = params.iter().map(|param| param.name).collect();
        Err(Error::illegal_argument(format!(
            "request [{}] takes no body; use the parameters [{}]",
            echo(&self.path),
            names.join(", ")
        )))
    }

    /// The body as a JSON object.
    pub(super) fn json_object(&self) -> Result<Map<String, Value>, Error> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::parse("request body is required"));
        }
        let StrictValue(value) = serde_json::from_slice(&self.body).map_err(|error| {
            let what = match error.classify() {
                Category::Data => "request body cannot be read",
                _ => "request body is not JSON",
            };
            Error::parse(format!("{what}: {error}"))
        })?;
        match value {
            Value::Object(object) => Ok(object),
            _ => Err(Error::parse("request body must be a JSON object")),
        }
    }
}

#[cfg(feature = "live")]
fn original_path(request: &HttpRequest) -> String {
    let original = request.extensions().get();
    let uri = original.map_or(request.uri(), |axum::extract::OriginalUri(original)| {
        original
    });
    uri.path().to_owned()
}

/// Refuses a `%` without two hex digits after it: its meaning is not known.
pub(super) fn check_escapes(uri: &Uri) -> Result<(), Error> {
    let parts = [("path", Some(uri.path())), ("query", uri.query())];
    for (part, text) in parts {
        let mut escapes = text.unwrap_or_default().split('%').skip(1);
        let is_whole = |escape: &&str| {
            let digits = escape.as_bytes().get(..2);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        if let Some(broken) = escapes.find(|escape| !is_whole(escape)) {
            let shown: String = broken.chars().take(2).collect();
            return Err(Error::illegal_argument(format!(
                "{part} has [%{shown}], which is not an escape; write a percent sign as %25"
            )));
        }
    }
    Ok(())
}

/// The last argument of the path that axum matched: a prefix under which the API is mounted may
/// have arguments of its own.
pub(super) async fn path_argument(parts: &mut Parts, path: &str) -> Result<String, Error> {
    let unreadable = |why: String| Error::illegal_argument(format!("path [{}]: {why}", echo(path)));
    // axum logs a path that is not UTF-8.
    let mut arguments = pin!(RawPathParams::from_request_parts(parts, &()));
    let arguments = poll_fn(|cx| log::without(|| arguments.as_mut().poll(cx)));
    let arguments = arguments
        .await
        .map_err(|rejection| unreadable(rejection.to_string()))?;
    let last = arguments.iter().last().map(|(_, value)| value.to_owned());
    last.ok_or_else(|| unreadable("no argument".to_owned()))
}
