//! What a task is: a request on a route, or work that was given to `track` or `spawn`; and whose work
//! that is.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{Method, StatusCode, Version};
use tokio::task::AbortHandle;

use super::{Said, Task, TaskId, Text};
use crate::route::Route;
use crate::settings::Effective;
use crate::sync::Mutex;

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
    pub(crate) version: Version,
    pub(crate) remote: Option<SocketAddr>,
    /// Nothing where the route says it all.
    pub(crate) said: Option<Said>,
    pub(crate) rare: Option<Box<Rare>>,
}

/// What few requests need.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// The method where it is not the route's.
    pub(crate) method: Option<Method>,
    /// What was set when it came, if anything.
    pub(crate) steered: Option<Steered>,
}

impl Request {
    /// The method that the client sent.
    pub(crate) fn method(&self) -> &Method {
        let own = self.rare.as_deref().and_then(|rare| rare.method.as_ref());
        own.unwrap_or(&self.route.method)
    }

    /// What the client said, if it did. Where its path and query are the route's path, that is the URI.
    pub(crate) fn text(&self, text: Text) -> Option<Cow<'_, str>> {
        let own = self.said.as_ref().and_then(|said| said.get(text));
        let path = self.route.path.as_deref().filter(|_| text == Text::Uri);
        own.map(String::from_utf8_lossy).or(path.map(Cow::Borrowed))
    }
}

/// What an operator has set for a request.
#[derive(Debug)]
pub(crate) struct Steered {
    settings: Arc<Effective>,
    /// Ends the request when its time is over.
    timer: Mutex<Option<AbortHandle>>,
}

impl Steered {
    pub(crate) fn new(settings: Arc<Effective>) -> Self {
        Steered {
            settings,
            timer: Mutex::new(None),
        }
    }
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
    /// The request's connection was handed on to this work.
    handed_on: bool,
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
            handed_on: false,
        }
    }

    /// The request that has given its connection away, to be gone on with.
    pub(crate) fn handed_on(request: &Arc<Task>) -> Self {
        Parent {
            handed_on: true,
            ..Parent::new(request)
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

    /// The status that its client gets if an operator ends it, where that was set.
    pub(crate) fn interrupt_status(&self) -> Option<StatusCode> {
        self.steered()?.settings.interrupt_status
    }

    /// Has `timer` end it when its time is over, if it is a request that is steered.
    pub(crate) fn set_timer(&self, timer: AbortHandle) {
        if let Some(steered) = self.steered() {
            *steered.timer.lock() = Some(timer);
        }
    }

    /// Has no timer end it any more.
    #[inline]
    pub(crate) fn stop_timer(&self) {
        if let Some(steered) = self.steered() {
            let timer = steered.timer.lock().take();
            if let Some(timer) = timer {
                timer.abort();
            }
        }
    }

    #[inline]
    fn steered(&self) -> Option<&Steered> {
        match &self.kind {
            Kind::Request(request) => request.rare.as_deref()?.steered.as_ref(),
            Kind::Background(_) => None,
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

    /// Whether it is what became of its request: that was answered with a change of protocol, and its client's
    /// connection is in the hands of this work, a websocket's for example.
    pub(crate) fn goes_on_with_request(&self) -> bool {
        let parent = self.background().and_then(|work| work.parent.as_ref());
        parent.is_some_and(|parent| parent.handed_on)
    }
}
