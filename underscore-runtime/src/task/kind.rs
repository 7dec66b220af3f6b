//! What a task is: a request on a route, or work that was given to `track` or `spawn`; and whose work
//! that is.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Version};

use super::{Task, TaskId};
use crate::route::Route;

/// What a task is.
#[derive(Debug)]
pub(crate) enum Kind {
    Request(Request),
    /// Behind a pointer, for requests are many and need less.
    Background(Box<Background>),
}

/// What is known of a task's request after its handler has taken it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) route: &'static Route,
    pub(crate) method: Method,
    /// As the client sent it: shared with the request's own bytes, not copied.
    pub(crate) uri: Option<PathAndQuery>,
    pub(crate) version: Version,
    pub(crate) remote: Option<SocketAddr>,
    /// Nothing where the request carries none of them.
    pub(crate) marks: Option<Box<Marks>>,
}

/// The headers by which clients and proxies tell a request from others.
#[derive(Debug)]
pub(crate) struct Marks {
    pub(crate) opaque_id: Option<HeaderValue>,
    pub(crate) request_id: Option<HeaderValue>,
    pub(crate) trace_parent: Option<HeaderValue>,
}

/// Work that was given to `track` or `spawn`.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) name: Cow<'static, str>,
    /// The type of its future.
    pub(crate) future: &'static str,
    pub(crate) parent: Option<Parent>,
}

/// The task in which work was begun.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) id: TaskId,
    /// The request that it is all for: the parent itself, or the one that the parent works for. Not the
    /// parent's record, for work that begins its own successor would keep a record for each before it.
    request: Option<Arc<Task>>,
}

impl Parent {
    pub(crate) fn new(parent: &Arc<Task>) -> Self {
        let request = match &parent.kind {
            Kind::Request(_) => Some(Arc::clone(parent)),
            Kind::Background(background) => background.parent.clone().and_then(|it| it.request),
        };
        Parent {
            id: parent.id,
            request,
        }
    }
}

impl Task {
    /// The request that it is, or that it works for.
    pub(crate) fn request(&self) -> Option<&Request> {
        match &self.kind {
            Kind::Request(request) => Some(request),
            Kind::Background(background) => {
                match &background.parent.as_ref()?.request.as_ref()?.kind {
                    Kind::Request(request) => Some(request),
                    Kind::Background(_) => None,
                }
            }
        }
    }

    /// The route of that request.
    pub(crate) fn route(&self) -> Option<&'static Route> {
        self.request().map(|request| request.route)
    }

    /// The task in which it was begun, which may have ended.
    pub(crate) fn parent(&self) -> Option<TaskId> {
        self.background()?.parent.as_ref().map(|parent| parent.id)
    }

    /// The request that it was begun for, directly or in other work; that may have ended.
    pub(crate) fn works_for(&self) -> Option<TaskId> {
        let parent = self.background()?.parent.as_ref()?;
        parent.request.as_ref().map(|request| request.id)
    }

    /// What it is if it is no request.
    pub(crate) fn background(&self) -> Option<&Background> {
        match &self.kind {
            Kind::Request(_) => None,
            Kind::Background(background) => Some(background),
        }
    }

    /// Whether it is what became of its request: that was answered with a change of protocol, so
    /// its client's connection is in the hands of what it began, a websocket's work for example.
    pub(crate) fn goes_on_with_request(&self) -> bool {
        let request = self
            .background()
            .and_then(|background| background.parent.as_ref()?.request.as_ref());
        request.is_some_and(|request| request.was_upgraded())
    }
}
