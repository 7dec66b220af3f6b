//! The kind of a task: a request on a route, or background work of `track` or `spawn`, with the
//! task and the request that it was begun in.

use std::borrow::Cow;
use std::net::SocketAddr;

use axum::http::{Method, Version};

use super::id::TaskId;
use super::meta_buffer::OwnedMeta;
use super::request_meta::MetaField;
use crate::clock::Instant;
use crate::routes::Route;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The kind of a task, with the properties of that kind.
#[derive(Clone, Debug)]
pub(crate) enum TaskKind {
    Request(TaskRequest),
    Background(Arc<Background>),
}

/// The properties of a request that are kept after the handler has consumed it.
#[derive(Clone, Debug)]
pub(crate) struct TaskRequest {
    pub(crate) route: &'static Route,
    pub(crate) version: Version,
    pub(crate) remote: Option<SocketAddr>,
    /// The id of its connection, `None` if that is not tracked.
    pub(crate) connection: Option<u64>,
    /// The method if it differs from the route's.
    pub(super) method: Option<Method>,
    /// The task in which the request was made, which may have ended.
    pub(crate) parent: Option<TaskId>,
    pub(super) meta: OwnedMeta,
}

/// Work of `track`, `spawn` or `spawn_blocking`.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) name: Cow<'static, str>,
    /// The type name of its future or function.
    pub(crate) code: &'static str,
    pub(crate) parent: Option<TaskParent>,
}

/// The task in which background work was begun.
#[derive(Clone, Debug)]
pub(crate) struct TaskParent {
    pub(crate) id: TaskId,
    /// The request that the work belongs to: the parent itself, or the request of the parent. A
    /// copy.
    pub(super) request: Option<(TaskId, Arc<TaskRequest>)>,
    /// The request's connection if this work took it over.
    pub(super) upgrade: Option<Arc<Upgrade>>,
}

/// An upgraded connection. Dropped with the last work that uses it.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) route: &'static Route,
    /// When its request began.
    pub(crate) begun: Instant,
    /// The id of the connection, `None` if that is not tracked.
    pub(crate) connection: Option<u64>,
    is_counted: AtomicBool,
}

impl Upgrade {
    pub(super) fn new(route: &'static Route, begun: Instant, connection: Option<u64>) -> Self {
        Upgrade {
            route,
            begun,
            connection,
            is_counted: AtomicBool::new(false),
        }
    }

    /// Counts it for its route. Called when tracked work takes it over.
    pub(crate) fn count(&self) {
        if !self.is_counted.swap(true, Ordering::Relaxed) {
            self.route.add_upgraded();
        }
    }
}

impl Drop for Upgrade {
    fn drop(&mut self) {
        if self.is_counted.load(Ordering::Relaxed) {
            self.route.remove_upgraded();
        }
    }
}

impl TaskRequest {
    /// The method of the request.
    pub(crate) fn method(&self) -> &Method {
        self.method.as_ref().unwrap_or(&self.route.identity.method)
    }

    /// A copy to keep: with texts of at most `most` bytes each, and without the query unless
    /// `with_query`.
    pub(crate) fn to_keep(&self, most: usize, with_query: bool) -> Self {
        let mut kept = self.clone();
        for field in kept.meta.iter_mut().flatten() {
            field.truncate(most);
            field.shrink_to_fit();
        }
        if let Some(Some(uri)) = kept.meta.get_mut(MetaField::Uri as usize)
            && !with_query
            && let Some(at) = uri.iter().position(|byte| *byte == b'?')
        {
            uri.truncate(at);
            uri.shrink_to_fit();
        }
        kept
    }

    /// A field that is stored.
    pub(super) fn stored(&self, field: MetaField) -> Option<&[u8]> {
        self.meta.get(field as usize).and_then(Option::as_deref)
    }

    /// A field as the client sent it. The URI is the route's path if none is stored.
    pub(crate) fn field(&self, field: MetaField) -> Option<Cow<'_, str>> {
        let own = self.stored(field);
        let path = self.route.identity.path.as_deref();
        let path = path.filter(|_| field == MetaField::Uri);
        own.map(String::from_utf8_lossy).or(path.map(Cow::Borrowed))
    }
}

impl Background {
    /// The task in which it was begun, which may have ended.
    pub(crate) fn parent(&self) -> Option<TaskId> {
        self.parent.as_ref().map(|parent| parent.id)
    }

    /// The request that it belongs to, directly or through other work. It may have ended.
    pub(crate) fn request_task(&self) -> Option<TaskId> {
        let (id, _) = self.parent.as_ref()?.request.as_ref()?;
        Some(*id)
    }

    /// A copy of that request.
    pub(crate) fn request(&self) -> Option<&TaskRequest> {
        let (_, request) = self.parent.as_ref()?.request.as_ref()?;
        Some(request)
    }

    /// True if it continues its request: the response switched protocols, and this work has the
    /// connection, for example a websocket.
    pub(crate) fn continues_request(&self) -> bool {
        self.upgrade().is_some()
    }

    /// The upgraded connection that it took over.
    pub(crate) fn upgrade(&self) -> Option<&Upgrade> {
        self.parent.as_ref()?.upgrade.as_deref()
    }
}
