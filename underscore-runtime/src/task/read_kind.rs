//! Reads what a task is from its slot: on any thread for a listing, and on the polling thread for
//! work that is begun in the task.

use super::id::TaskId;
use super::kind::{Background, TaskKind, TaskParent, TaskRequest, Upgrade};
use super::request_meta::{META_FIELDS, MetaField, RequestMeta};
use super::slot::{Slot, info};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::threads::RuntimeNumber;

impl Slot {
    /// The kind of the task with this id, on any thread. `None` if it has ended.
    pub(super) fn kind(&self, id: TaskId) -> Option<TaskKind> {
        let (route, info) = self.read(id.number(), |slot| {
            // In this order: `keep_uri` changes `info` before the task moves to another route.
            let route = slot.route.load();
            (route, slot.info.load(Ordering::Relaxed))
        })?;
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
                route: route?,
                version: info::version(info),
                remote: slot.remote(),
                connection: slot.connection(),
                method,
                parent,
                meta: boxed_meta
                    .or_else(inline_meta)
                    .unwrap_or([const { None }; META_FIELDS]),
            })
        });
        request.flatten().map(TaskKind::Request)
    }

    /// The runtime in which its task was begun.
    pub(super) fn runtime(&self) -> Option<RuntimeNumber> {
        RuntimeNumber::from_bits(self.info.load(Ordering::Relaxed) >> info::RUNTIME)
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

    /// Stores the URI of the request, which is not stored if it equals the `path` of its route.
    /// Called by the thread that polls the task, before it moves to another path.
    pub(super) fn keep_uri(&self, path: &str) {
        let kind = TaskId::from_number(self.id()).and_then(|id| self.kind(id));
        let Some(TaskKind::Request(request)) = kind else {
            return;
        };
        if request.stored(MetaField::Uri).is_some() {
            return;
        }
        let mut fields = request.meta.each_ref().map(Option::as_deref);
        if let Some(uri) = fields.get_mut(MetaField::Uri as usize) {
            *uri = Some(path.as_bytes());
        }
        let mut inner = self.inner.lock();
        inner.extra_or_new(self.id()).meta = Some(RequestMeta::new(fields));
        drop(inner);
        self.set_has_extra();
        let info = self.info.load(Ordering::Relaxed);
        self.info.store(info | info::META_BOXED, Ordering::Relaxed);
    }

    /// A copy of the request that the task is, shared by all work begun in it. Called by the thread
    /// that polls the task.
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
        self.set_has_extra();
        Some(request)
    }

    /// The background work that the task with this id is, `None` for a request.
    pub(super) fn background(&self, id: TaskId) -> Option<Arc<Background>> {
        let mut inner = self.inner.lock();
        inner.extra(id.number())?.background.clone()
    }
}

impl TaskParent {
    /// The parent of work that is begun in `parent`, which the calling thread polls.
    pub(crate) fn new(parent: &Slot) -> Option<Self> {
        let id = TaskId::from_number(parent.id())?;
        let request = match parent.background(id) {
            Some(background) => background.parent.as_ref().and_then(|it| it.request.clone()),
            None => Some((id, parent.shared_request(id)?)),
        };
        Some(TaskParent {
            id,
            request,
            upgrade: None,
        })
    }

    /// The parent of work of the request with this id, which another thread may poll. `None` if it
    /// has ended.
    pub(crate) fn of_request(parent: &Slot, id: u64) -> Option<Self> {
        let id = TaskId::from_number(id)?;
        let TaskKind::Request(request) = parent.kind(id)? else {
            return None;
        };
        Some(TaskParent {
            id,
            request: Some((id, Arc::new(request))),
            upgrade: None,
        })
    }

    /// As [`new`](Self::new), for work that takes over the connection of `parent`. `None` if that
    /// is no request.
    pub(crate) fn with_connection(parent: &Slot) -> Option<Self> {
        let route = parent.route()?;
        let upgrade = Upgrade::new(route, parent.started(), parent.connection());
        Some(TaskParent {
            upgrade: Some(Arc::new(upgrade)),
            ..TaskParent::new(parent)?
        })
    }
}
