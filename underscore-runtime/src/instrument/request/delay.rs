//! Delays a request before its arguments are extracted, as configured in the settings.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::instrument::poll::{At, at};
use crate::settings::EffectiveSettings;
use crate::stack::AwaitPoint;

/// The await shown for a delayed request: it has no place in a source file.
static DELAY: AwaitPoint = AwaitPoint::new("delay", "settings", 0, 0, "delay");

pin_project! {
    /// A future that starts after a delay.
    pub(in crate::instrument) struct Delayed<F> {
        delay: Option<Pin<Box<At<Sleep>>>>,
        #[pin]
        future: F,
    }
}

impl<F> Delayed<F> {
    #[inline]
    pub(in crate::instrument) fn new(settings: Option<&EffectiveSettings>, future: F) -> Self {
        let delay = settings.and_then(|settings| settings.delay);
        Delayed {
            delay: delay.map(|delay| Box::pin(at(tokio::time::sleep(delay), &DELAY))),
            future,
        }
    }
}

impl<F: Future> Future for Delayed<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Some(delay) = this.delay {
            ready!(delay.as_mut().poll(cx));
            *this.delay = None;
        }
        this.future.poll(cx)
    }
}
