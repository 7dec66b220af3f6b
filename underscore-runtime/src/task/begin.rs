//! Begins a task: fills a free slot, counts the task, and publishes its id.

use std::net::SocketAddr;

use axum::http::{Method, Version};

use super::id::TaskId;
use super::kind::Background;
use super::meta_buffer::MetaBuffer;
use super::poller_state::{LAYER, UNADMITTED};
use super::request_meta::{MetaFields, RequestMeta};
use super::slot::{Slot, info};
use super::thread::{ThreadContext, with_thread};
use crate::clock::Instant;
use crate::routes::Route;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// Maximum length of an extension method, in bytes.
const MAX_METHOD_LEN: usize = 32;

/// A task that is about to begin, with the properties that listings show.
#[must_use = "a task begins with `begin`"]
pub(crate) struct NewTask {
    slot: &'static Slot,
    id: u64,
    /// See `slot::info`.
    info: u32,
    route: Option<&'static Route>,
}

impl NewTask {
    /// A request of `route`.
    #[inline]
    pub(crate) fn request(route: &'static Route, version: Version) -> Self {
        Self::new(Some(route), info::from_version(version))
    }

    /// Background work: a future.
    pub(crate) fn background(background: Arc<Background>) -> Self {
        Self::no_request(background, info::BACKGROUND)
    }

    /// Background work: a call on a blocking thread.
    pub(crate) fn blocking(background: Arc<Background>) -> Self {
        Self::no_request(background, info::BACKGROUND | info::BLOCKING)
    }

    fn no_request(background: Arc<Background>, info: u32) -> Self {
        let new = Self::new(None, info);
        let route = background.request().map(|request| request.route);
        new.slot.set_request_route(route);
        let mut inner = new.slot.inner.lock();
        inner.extra_or_new(new.id).background = Some(background);
        drop(inner);
        new.slot.set_has_extra();
        new
    }

    #[inline]
    fn new(route: Option<&'static Route>, info: u32) -> Self {
        let (slot, id, runtime) = with_thread(|thread| {
            let runtime = thread.record().runtime_bits();
            (thread.take_slot(), thread.next_id(), runtime)
        });
        slot.reserve();
        slot.route.store(route);
        NewTask {
            slot,
            id,
            info: info | runtime << info::RUNTIME,
            route,
        }
    }

    /// Sets the client's address.
    #[inline]
    pub(crate) fn set_remote(&mut self, remote: &SocketAddr) {
        self.info |= self.slot.set_remote(remote);
    }

    /// Sets the id of the request's connection. Called after [`set_remote`](Self::set_remote).
    #[cold]
    pub(crate) fn set_connection(&mut self, id: u64) {
        self.info |= self.slot.set_connection(id, self.info);
    }

    /// Sets the URI and the headers that are kept.
    #[inline]
    pub(crate) fn set_meta(&mut self, fields: &MetaFields<'_>) {
        if MetaBuffer::fits(fields) {
            let buffer = self.slot.meta.load();
            buffer
                .unwrap_or_else(|| self.slot.add_meta_buffer())
                .store(fields);
            self.info |= info::META_INLINE;
        } else {
            self.set_boxed_meta(fields);
        }
    }

    #[cold]
    #[inline(never)]
    fn set_boxed_meta(&mut self, fields: &MetaFields<'_>) {
        let mut inner = self.slot.inner.lock();
        inner.extra_or_new(self.id).meta = Some(RequestMeta::new(*fields));
        self.slot.set_has_extra();
        self.info |= info::META_BOXED;
    }

    /// Sets a method that differs from the route's.
    #[cold]
    #[inline(never)]
    pub(crate) fn set_method(&mut self, method: &Method) {
        // Clients can send extension methods of any length.
        let word = method.as_str().as_bytes();
        let beginning = word.get(..MAX_METHOD_LEN).map(Method::from_bytes);
        let method = match beginning {
            Some(Ok(beginning)) => beginning,
            _ => method.clone(),
        };
        let mut inner = self.slot.inner.lock();
        inner.extra_or_new(self.id).method = Some(method);
        self.slot.set_has_extra();
        self.info |= info::METHOD;
    }

    /// Records that a layer begins it, before any handler. If the layer does not know that, the
    /// settings of the handler's route have yet to admit it.
    #[inline]
    pub(crate) fn set_begun_by_layer(&mut self, knows_handler: bool) {
        let unadmitted = if knows_handler { 0 } else { UNADMITTED };
        self.slot.set_flags(LAYER | unadmitted);
    }

    /// Sets the task in which the request is made, by its id.
    #[cold]
    #[inline(never)]
    pub(crate) fn set_parent(&mut self, parent: u64) {
        let mut inner = self.slot.inner.lock();
        inner.extra_or_new(self.id).parent = TaskId::from_number(parent);
        self.slot.set_has_extra();
        self.info |= info::PARENT;
    }

    /// Begins the task.
    #[inline]
    pub(crate) fn begin(self) -> &'static Slot {
        let NewTask {
            slot,
            id,
            info,
            route,
        } = self;
        slot.info.store(info, Ordering::Relaxed);
        let started = Instant::now();
        slot.started.store(started.nanos(), Ordering::Relaxed);
        if let Some(route) = route {
            let shard = with_thread(ThreadContext::shard);
            route.stats.begin(shard, started);
        }
        slot.publish(id);
        slot
    }
}

impl Slot {
    #[cold]
    #[inline(never)]
    fn add_meta_buffer(&self) -> &'static MetaBuffer {
        // Never freed, like the slot.
        let buffer: &'static MetaBuffer = Box::leak(Box::new(MetaBuffer::new()));
        self.meta.store(Some(buffer));
        buffer
    }
}
