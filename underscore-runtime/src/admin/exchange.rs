//! One request to the admin API: its parameters, the argument in its path, its body, and the form in
//! which it wants the answer. Everything is checked before anything is done.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::admit::{check_browser, check_escapes, may_change, peer};
use super::audit::Call;
use super::endpoints::{Endpoint, Run};
use super::error::Error;
use super::filter_path::FilterPath;
use super::offload::{self, Offload, Pool, Watch};
use super::params::{self, Group, Param};
use super::policy::{Policy, UriView};
use super::read_body::read_body;
use super::render::{Answer, Format, Style};
use crate::json::StrictValue;
use crate::log;
use crate::sync::Arc;
use crate::units;
use crate::visible::{echo, echo_one_of};

/// Whatever a client wants to tell its requests by.
const OPAQUE_ID: HeaderName = HeaderName::from_static("x-opaque-id");

/// The longest mark that is given back, in bytes.
const LONGEST_MARK: usize = 8 << 10;

/// How many unknown parameters an error names.
const MOST_NAMED: usize = 5;

/// A request, read and checked as far as its endpoint says what it takes.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    path: String,
    /// What stands at the place of the braces in the endpoint's path.
    argument: Option<String>,
    params: Vec<(String, String)>,
    accept: Vec<HeaderValue>,
    opaque_id: Option<HeaderValue>,
    body: Bytes,
    watch: Watch,
    /// The record of it in the audit, if it changes something.
    call: Option<Call>,
    pub(super) policy: Arc<Policy>,
    /// How the URIs of requests are shown to the client.
    pub(super) uris: UriView,
}

impl Exchange {
    /// Answers `request` with `endpoint`.
    pub(super) async fn run(
        endpoint: &'static Endpoint,
        pool: Arc<Pool>,
        request: Request,
    ) -> Response {
        let allowed = check_browser(&request);
        let mut exchange = Exchange::head(&request);
        // Whoever hangs up has this future dropped.
        let _client = exchange.watch.client();
        let (mut parts, body) = request.into_parts();
        let argument = argument(endpoint, &mut parts, &exchange.path).await;
        exchange.argument = argument.as_ref().ok().cloned().flatten();
        // Begun before anything is checked: a call that is refused is a call.
        exchange.call = exchange.begin(endpoint, &parts.extensions);
        let readable = check_escapes(&parts.uri);
        let allowed = allowed.and_then(|()| match endpoint.run {
            Run::Change(..) => may_change(&parts.extensions),
            Run::Read(_) | Run::Expose(_) => Ok(()),
        });
        let answered = match allowed.and(readable).and(argument) {
            Ok(_) => {
                let offload = Offload::new(pool, peer(&parts.extensions).uid);
                exchange.answer(endpoint, &parts, body, offload).await
            }
            Err(error) => Err(error),
        };
        let response = answered.unwrap_or_else(|error| exchange.error(&error));
        if let Some(call) = &exchange.call {
            call.answered(response.status());
        }
        exchange.sign(response)
    }

    /// Answers `request` with the error that `error` makes of its path.
    pub(super) fn refuse(request: &Request, error: impl FnOnce(&str) -> Error) -> Response {
        let exchange = Exchange::head(request);
        let error = match check_browser(request) {
            Ok(()) => error(&exchange.path),
            Err(refused) => refused,
        };
        exchange.sign(exchange.error(&error))
    }

    /// Gives the client's own mark back to it, by which it tells its answers apart.
    fn sign(&self, mut response: Response) -> Response {
        if let Some(id) = &self.opaque_id {
            response.headers_mut().insert(OPAQUE_ID, id.clone());
        }
        response
    }

    fn head(request: &Request) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let opaque_id = request.headers().get(OPAQUE_ID).cloned();
        let opaque_id = opaque_id.filter(|id| id.len() <= LONGEST_MARK);
        let policy = Policy::of(request.extensions());
        Exchange {
            path: request.uri().path().to_owned(),
            argument: None,
            params: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            accept: request.headers().get_all(ACCEPT).iter().cloned().collect(),
            opaque_id,
            body: Bytes::new(),
            watch: Watch::default(),
            call: None,
            uris: UriView::of(&policy, request.extensions()),
            policy,
        }
    }

    /// Whether somebody still waits for the answer. Asked at every row of what may be long.
    pub(super) fn is_wanted(&self) -> bool {
        self.watch.goes_on()
    }

    /// The cancellation of the look.
    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Notes for the audit what was in force before the change, and what is since.
    pub(super) fn note_change(&self, before: String, after: String) {
        if let Some(call) = &self.call {
            call.changed(before, after);
        }
    }

    /// The length of path and parameters in bytes.
    pub(super) fn text_length(&self) -> usize {
        let params = self.params.iter();
        let params = params.map(|(name, value)| name.len().saturating_add(value.len()));
        params.fold(self.path.len(), usize::saturating_add)
    }

    /// The call that the audit has a record of, if `endpoint` changes something.
    fn begin(&self, endpoint: &Endpoint, extensions: &Extensions) -> Option<Call> {
        let Run::Change(action, _) = endpoint.run else {
            return None;
        };
        if self.flag(&params::DRY_RUN) {
            // It only looks, whatever comes of it.
            return None;
        }
        let reason = self.value(&params::REASON);
        Some(Call::begin(
            action,
            peer(extensions),
            &self.target(endpoint),
            reason.filter(|reason| !reason.is_empty()),
        ))
    }

    /// What is to be changed, as it was written: the selector, and the filter behind a `?`.
    fn target(&self, endpoint: &Endpoint) -> String {
        let unreadable = endpoint.has_argument().then_some(&*self.path);
        let selector = self.argument().or(unreadable).unwrap_or_default();
        let filters = |name: &str| params::TASK_FILTER.iter().any(|param| param.name == name);
        let filter: Vec<String> = self
            .params
            .iter()
            .filter(|(name, _)| filters(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match &*filter {
            [] => selector.to_owned(),
            filter => format!("{selector}?{}", filter.join("&")),
        }
    }

    async fn answer(
        &mut self,
        endpoint: &'static Endpoint,
        parts: &Parts,
        body: Body,
        offload: Offload,
    ) -> Result<Response, Error> {
        self.check_params(endpoint)?;
        match endpoint.run {
            Run::Read(look) | Run::Expose(look) => {
                let exchange = self.clone();
                let is_at_hand = endpoint.is_at_hand() || exchange.is_help(endpoint);
                let look = move || Ok(exchange.write(endpoint, look(&exchange)?));
                if is_at_hand {
                    return look();
                }
                let exchange = self.clone();
                let rows = move || offload::rows(endpoint, &exchange);
                offload.look(&self.watch, rows, look).await
            }
            Run::Change(_, run) => {
                self.body = read_body(parts, body).await?;
                if let Some(call) = &self.call {
                    call.begun();
                }
                let answer = run(self.clone(), offload.clone()).await?;
                let exchange = self.clone();
                let write = move || exchange.write(endpoint, answer);
                offload.change(write).await
            }
        }
    }

    /// The answer in the form in which it is wanted.
    fn write(&self, endpoint: &Endpoint, answer: Answer) -> Response {
        // Only here: an error comes by another way, so that a filter never hides what went wrong.
        let filter = self.value(&params::FILTER_PATH).and_then(FilterPath::parse);
        let answer = match filter {
            Some(filter) => answer.map(|node| filter.apply(node, &self.watch)),
            None => answer,
        };
        answer.into_response(StatusCode::OK, self.style(endpoint), &self.watch)
    }

    /// Refuses a parameter that the endpoint does not know, and a value that it cannot have.
    fn check_params(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let known = |name: &str| params::known(endpoint.params).find(|param| param.name == name);
        let mut unknown: Vec<&str> = self
            .params
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| known(name).is_none())
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            let for_help = self.is_help(endpoint);
            return self.params.iter().try_for_each(|(name, value)| {
                let known = known(name).filter(|param| !endpoint.judges(param));
                known.map_or(Ok(()), |param| param.check(value, for_help))
            });
        }
        let plural = if unknown.len() > 1 { "s" } else { "" };
        let more = unknown.len().saturating_sub(MOST_NAMED);
        let listed: Vec<String> = unknown
            .iter()
            .take(MOST_NAMED)
            .map(|name| {
                format!(
                    "[{}]{}",
                    echo_one_of(name, unknown.len().min(MOST_NAMED)),
                    params::hint(name, endpoint.params)
                )
            })
            .collect();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        Err(Error::illegal_argument(format!(
            "request [{}] contains unrecognized parameter{plural}: {}{more}",
            echo(&self.path),
            listed.join(", ")
        )))
    }

    fn error(&self, error: &Error) -> Response {
        // An error is JSON unless YAML is named: what a program prefers may not be what a person reads.
        let format = match self.value(&params::FORMAT).and_then(Format::parse) {
            Some(Format::Yaml) => Format::Yaml,
            _ => Format::Json,
        };
        let pretty = self.flag(&params::PRETTY);
        let style = Style {
            format: Some(format),
            pretty,
        };
        // Whatever became of what was asked for: an error is short.
        let watch = Watch::default();
        Answer::Node(error.node()).into_response(error.status(), style, &watch)
    }

    fn is_help(&self, endpoint: &Endpoint) -> bool {
        endpoint.is_table() && self.flag(&params::HELP)
    }

    /// How the answer is wanted. Help is text, whatever else is asked for.
    fn style(&self, endpoint: &Endpoint) -> Style {
        if self.is_help(endpoint) {
            return Style {
                format: Some(Format::Text),
                pretty: false,
            };
        }
        let format = match endpoint.run {
            Run::Expose(_) => None,
            Run::Read(_) | Run::Change(..) => self.format(),
        };
        Style {
            format,
            pretty: self.flag(&params::PRETTY),
        }
    }

    /// The format that was asked for: the parameter beats the header.
    pub(super) fn format(&self) -> Option<Format> {
        match self.value(&params::FORMAT) {
            None => Format::accepted(self.single_media_type()),
            Some(word) => Format::parse(word),
        }
    }

    /// The media type that the client wants, if it wants one: a list is a browser's, not a wish.
    fn single_media_type(&self) -> Option<&str> {
        match &*self.accept {
            [one] => one.to_str().ok(),
            _ => None,
        }
    }

    /// What the client accepts, in as many lists as it sent.
    pub(super) fn accept(&self) -> impl Iterator<Item = &str> {
        self.accept.iter().filter_map(|list| list.to_str().ok())
    }

    /// The argument in the path: a list of selectors.
    pub(super) fn argument(&self) -> Option<&str> {
        self.argument.as_deref()
    }

    /// A parameter's value; the last one counts where there are several.
    pub(super) fn value(&self, param: &Param) -> Option<&str> {
        let mut given = self.params.iter().rev();
        let given = given.find(|(given, _)| given == param.name);
        given.map(|(_, value)| value.as_str())
    }

    /// A yes or no. Naming the parameter means yes.
    pub(super) fn flag(&self, param: &Param) -> bool {
        self.flag_or(param, false)
    }

    /// A yes or no with another default.
    pub(super) fn flag_or(&self, param: &Param, default: bool) -> bool {
        self.value(param).map_or(default, |value| value != "false")
    }

    /// A number of things.
    pub(super) fn count(&self, param: &Param) -> Option<usize> {
        self.value(param)?.parse().ok()
    }

    /// A length of time.
    pub(super) fn duration(&self, param: &Param) -> Option<Duration> {
        units::parse_duration(self.value(param)?)
    }

    /// Refuses a body where everything is said in parameters: what stands in it would be ignored.
    pub(super) fn no_body(&self, params: Group) -> Result<(), Error> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let names: Vec<&str> = params.iter().map(|param| param.name).collect();
        Err(Error::illegal_argument(format!(
            "request [{}] takes no body; what it takes are the parameters [{}]",
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

/// What stands at the place of the endpoint's braces, if it has any: the last of the path's arguments, for a
/// prefix that the API is mounted under may have some of its own.
async fn argument(
    endpoint: &Endpoint,
    parts: &mut Parts,
    path: &str,
) -> Result<Option<String>, Error> {
    if !endpoint.has_argument() {
        return Ok(None);
    }
    let unreadable = |why: String| Error::illegal_argument(format!("path [{}]: {why}", echo(path)));
    // A path that is no UTF-8 is told to the host's log by axum.
    let mut arguments = pin!(RawPathParams::from_request_parts(parts, &()));
    let arguments = poll_fn(|cx| log::without(|| arguments.as_mut().poll(cx)));
    let arguments = arguments
        .await
        .map_err(|rejection| unreadable(rejection.to_string()))?;
    let last = arguments.iter().last().map(|(_, value)| value.to_owned());
    last.map(Some)
        .ok_or_else(|| unreadable("no argument".to_owned()))
}
