//! Retains data of a request that is shown after the handler has consumed it.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, OriginalUri};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Request, Uri};

use crate::connection;
use crate::routes::Route;
use crate::task::{NewTask, Slot, with_thread};

const OPAQUE_ID: &str = "x-opaque-id";
pub(super) const REQUEST_ID: &str = "x-request-id";
pub(super) const TRACE_PARENT: &str = "traceparent";

/// The code that begins a request.
#[derive(Clone, Copy)]
pub(in crate::instrument) enum Beginner {
    /// The handler.
    Handler,
    /// A layer, on a route whose handler it knows or not.
    Layer { knows_handler: bool },
}

/// Begins the task of a request.
#[allow(
    clippy::inline_always,
    reason = "nearly all requests take one of its two callers"
)]
#[inline(always)]
pub(in crate::instrument) fn begin_request<B>(
    request: &Request<B>,
    route: &'static Route,
    beginner: Beginner,
) -> &'static Slot {
    let mut task = NewTask::request(route, request.version());
    if let Some(ConnectInfo(address)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        task.set_remote(address);
    }
    if !is_at(request.uri(), route) || !request.headers().is_empty() {
        set_meta(&mut task, request, route);
    }
    if *request.method() != route.identity.method {
        task.set_method(request.method());
    }
    if let Beginner::Layer { knows_handler } = beginner {
        task.set_begun_by_layer(knows_handler);
    }
    let around = with_thread(|thread| thread.id.get());
    if around != 0 {
        // A router called within a handler.
        task.set_parent(around);
    } else if let Some(connection) = connection::begin_task() {
        task.set_connection(connection);
    }
    task.begin()
}

/// True if path and query equal the route's path: then neither is retained.
#[inline]
fn is_at(uri: &Uri, route: &Route) -> bool {
    let sent = uri.path_and_query().map(PathAndQuery::as_str);
    sent.is_some() && sent == route.identity.path.as_deref()
}

/// Copies the URI and the ids that the client sent.
#[inline(never)]
fn set_meta<B>(task: &mut NewTask, request: &Request<B>, route: &Route) {
    // A nested router strips its prefix from the URI, which then is shorter than the route's full
    // path. If the two are equal, nothing is looked up or retained.
    let mut uri = Some(request.uri()).filter(|uri| !is_at(uri, route));
    if uri.is_some()
        && let Some(OriginalUri(original)) = request.extensions().get()
    {
        uri = Some(original).filter(|uri| !is_at(uri, route));
    }
    let uri = uri.and_then(Uri::path_and_query);
    let uri = uri.map(|uri| uri.as_str().as_bytes());
    let [opaque_id, request_id, trace_parent] = ids(request.headers());
    let fields = [uri, opaque_id, request_id, trace_parent];
    if fields.iter().any(Option::is_some) {
        task.set_meta(&fields);
    }
}

/// The headers by which clients and proxies identify a request. Read in one pass, because hashing
/// three names takes longer than iterating over a few headers, and compared as text, because nearly
/// all have another length and comparing `HeaderName`s takes longer.
#[inline]
fn ids(headers: &HeaderMap) -> [Option<&[u8]>; 3] {
    let [mut opaque_id, mut request_id, mut trace_parent] = [None; 3];
    for (name, value) in headers {
        let id = match name.as_str() {
            OPAQUE_ID => &mut opaque_id,
            REQUEST_ID => &mut request_id,
            TRACE_PARENT => &mut trace_parent,
            _ => continue,
        };
        // The first value of several, like `HeaderMap::get`.
        id.get_or_insert(value.as_bytes());
    }
    [opaque_id, request_id, trace_parent]
}
