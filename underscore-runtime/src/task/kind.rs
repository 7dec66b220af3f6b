//! What a task is: a request on a route, or work that was given to `track` or `spawn`; and whose work
//! that is.

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

/// What a task is.
#[derive(Clone, Debug)]
pub(crate) enum TaskKind {
    Request(TaskRequest),
    Background(Arc<Background>),
}

/// What is known of a task's request after its handler has taken it.
#[derive(Clone, Debug)]
pub(crate) struct TaskRequest {
    pub(crate) route: &'static Route,
    pub(crate) version: Version,
    pub(crate) remote: Option<SocketAddr>,
    /// The method if it is not the route's.
    pub(super) method: Option<Method>,
    /// The task in which it was made, which may have ended.
    pub(crate) parent: Option<TaskId>,
    pub(super) meta: OwnedMeta,
}

/// Work that was given to `track` or `spawn`.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) name: Cow<'static, str>,
    /// The type of its future, or of its function.
    pub(crate) code: &'static str,
    pub(crate) parent: Option<TaskParent>,
}

/// The task in which work was begun.
#[derive(Clone, Debug)]
pub(crate) struct TaskParent {
    pub(crate) id: TaskId,
    /// The request that it is all for: the parent itself, or the one that the parent works for; a
    /// copy.
    pub(super) request: Option<(TaskId, Arc<TaskRequest>)>,
    /// Set if the request's connection was handed on to this work.
    pub(super) handed_on: Option<Arc<Upgrade>>,
}

/// A connection that was handed on, until the last part of what goes on with it is over.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) route: &'static Route,
    /// When its request began.
    pub(crate) begun: Instant,
    is_counted: AtomicBool,
}

impl Upgrade {
    pub(super) fn new(route: &'static Route, begun: Instant) -> Self {
        Upgrade {
            route,
            begun,
            is_counted: AtomicBool::new(false),
        }
    }

    /// Counts it among those of its route: tracked work goes on with it.
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
    /// The method that the client sent.
    pub(crate) fn method(&self) -> &Method {
        self.method.as_ref().unwrap_or(&self.route.identity.method)
    }

    /// What the client said. The URI is the route's path if path and query are just that.
    pub(crate) fn field(&self, field: MetaField) -> Option<Cow<'_, str>> {
        let own = self.meta.get(field as usize).and_then(Option::as_deref);
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

    /// The request that it was begun for, directly or in other work; that may have ended.
    pub(crate) fn works_for(&self) -> Option<TaskId> {
        let (id, _) = self.parent.as_ref()?.request.as_ref()?;
        Some(*id)
    }

    /// A copy of that request.
    pub(crate) fn request(&self) -> Option<&TaskRequest> {
        let (_, request) = self.parent.as_ref()?.request.as_ref()?;
        Some(request)
    }

    /// True if it is what became of its request: that was answered with a change of protocol, and
    /// its client's connection, a websocket's for example, is in the hands of this work.
    pub(crate) fn goes_on_with_request(&self) -> bool {
        self.upgrade().is_some()
    }

    /// The connection that was handed on to it.
    pub(crate) fn upgrade(&self) -> Option<&Upgrade> {
        self.parent.as_ref()?.handed_on.as_deref()
    }
}
