//! What a task is: a request on a route, or work that was given to `track` or `spawn`; and whose work
//! that is.

use std::borrow::Cow;
use std::net::SocketAddr;

use axum::http::{Method, Version};

use super::meta_buffer::OwnedMeta;
use super::request_meta::{META_FIELDS, MetaField};
use super::slot::{Slot, info};
use super::{TaskId, begin};
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
    method: Option<Method>,
    /// The task in which it was made, which may have ended.
    pub(crate) parent: Option<TaskId>,
    meta: OwnedMeta,
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
    request: Option<(TaskId, Arc<TaskRequest>)>,
    /// Set if the request's connection was handed on to this work.
    handed_on: Option<Arc<Upgrade>>,
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

impl TaskParent {
    /// The task that the calling thread polls.
    pub(crate) fn new(parent: &Slot) -> Option<Self> {
        let id = TaskId::from_number(parent.id())?;
        let request = match parent.background(id) {
            Some(background) => background.parent.as_ref().and_then(|it| it.request.clone()),
            None => Some((id, parent.shared_request(id)?)),
        };
        Some(TaskParent {
            id,
            request,
            handed_on: None,
        })
    }

    /// The task that the calling thread polls, if it is a request: it gives its connection away, and
    /// what goes on with that has it as its parent.
    pub(crate) fn handing_on(parent: &Slot) -> Option<Self> {
        let route = parent.route()?;
        let upgrade = Upgrade {
            route,
            begun: parent.started(),
            is_counted: AtomicBool::new(false),
        };
        Some(TaskParent {
            handed_on: Some(Arc::new(upgrade)),
            ..TaskParent::new(parent)?
        })
    }
}

impl Slot {
    /// What the task with this id is, on any thread; `None` if it has ended.
    pub(super) fn kind(&self, id: TaskId) -> Option<TaskKind> {
        let info = self.read(id.number(), |slot| slot.info.load(Ordering::Relaxed))?;
        if info & info::BACKGROUND != 0 {
            return self.background(id).map(TaskKind::Background);
        }
        let is_boxed = info & (info::METHOD | info::META_BOXED | info::PARENT) != 0;
        let (method, parent, boxed_meta) = if is_boxed {
            let mut inner = self.inner.lock();
            let extra = inner.extra(id.number())?;
            let meta = extra.meta.as_ref().map(|meta| {
                let fields = meta.fields();
                fields.map(|field| field.map(<[u8]>::to_vec))
            });
            (extra.method.clone(), extra.parent, meta)
        } else {
            (None, None, None)
        };
        let request = self.read(id.number(), |slot| {
            let inline_meta = || {
                let buffer = slot.meta.load()?;
                (info & info::META_INLINE != 0).then(|| buffer.load())
            };
            Some(TaskRequest {
                route: slot.route.load()?,
                version: begin::version(info),
                remote: slot.remote(),
                method,
                parent,
                meta: boxed_meta
                    .or_else(inline_meta)
                    .unwrap_or([const { None }; META_FIELDS]),
            })
        });
        request.flatten().map(TaskKind::Request)
    }

    /// The task in which the request with this id was made.
    pub(super) fn parent_of_request(&self, id: TaskId) -> Option<TaskId> {
        let info = self.read(id.number(), |slot| slot.info.load(Ordering::Relaxed))?;
        if info & info::PARENT == 0 {
            return None;
        }
        let mut inner = self.inner.lock();
        inner.extra(id.number())?.parent
    }

    /// A copy of the request that the task is, which all work shares that is begun in it. For the
    /// thread that polls the task.
    fn shared_request(&self, id: TaskId) -> Option<Arc<TaskRequest>> {
        let shared = |slot: &Slot| slot.inner.lock().extra(id.number())?.request.clone();
        if let Some(request) = shared(self) {
            return Some(request);
        }
        let TaskKind::Request(request) = self.kind(id)? else {
            return None;
        };
        let request = Arc::new(request);
        let mut inner = self.inner.lock();
        inner.extra_or_new(id.number()).request = Some(Arc::clone(&request));
        drop(inner);
        self.note_extra();
        Some(request)
    }

    /// The background work that the task with this id is.
    pub(super) fn background(&self, id: TaskId) -> Option<Arc<Background>> {
        let mut inner = self.inner.lock();
        inner.extra(id.number())?.background.clone()
    }
}
