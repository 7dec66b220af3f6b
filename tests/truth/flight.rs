//! A request in flight: the future of its response and then its body, polled by hand.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use axum::body::{Body, HttpBody};
use axum::response::Response;

use crate::model::Seen;
use crate::script::Script;

/// A waker that counts its wakes.
#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// State of a request.
pub enum Flight {
    Future(Pin<Box<dyn Future<Output = Response> + Send>>),
    Body(Body),
    Gone,
}

/// A request and its waker.
pub struct Live {
    pub flight: Flight,
    pub script: Arc<Script>,
    pub wakes: Arc<Wakes>,
    pub uri: String,
}

impl Flight {
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Seen {
        match self {
            Flight::Future(future) => match future.as_mut().poll(cx) {
                Poll::Pending => Seen::Pending,
                Poll::Ready(response) => self.answered(response),
            },
            Flight::Body(body) => match Pin::new(body).poll_frame(cx) {
                Poll::Pending => Seen::Pending,
                Poll::Ready(Some(Ok(_))) => Seen::Frame,
                Poll::Ready(None) => Seen::EndOfBody,
                Poll::Ready(Some(Err(_))) => Seen::BodyError,
            },
            Flight::Gone => Seen::EndOfBody,
        }
    }

    fn answered(&mut self, response: Response) -> Seen {
        let status = response.status().as_u16();
        let body = response.into_body();
        if body.size_hint().exact().is_some() || matches!(status, 204 | 304) {
            *self = Flight::Gone;
            Seen::Answered(status)
        } else {
            *self = Flight::Body(body);
            Seen::Streams(status)
        }
    }

    /// Polls to the end, as a connection does.
    pub async fn into_its_end(mut self) {
        std::future::poll_fn(|cx| {
            loop {
                match self.poll(cx) {
                    Seen::Pending => return Poll::Pending,
                    Seen::Streams(_) | Seen::Frame => {}
                    _ => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}
