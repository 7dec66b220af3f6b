//! Detects a client that disconnects before the end of its request's body. The extractor then
//! rejects the incomplete body, but no client receives that response.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use hyper::body::{Frame, SizeHint};

use crate::instrument::poll;
use crate::task::Slot;

/// Wraps the body of a request that a handler extracts, unless it is empty or a layer has wrapped
/// it.
#[inline]
pub(crate) fn watch_body(request: &mut Request) {
    if !request.body().is_end_stream() && !poll::current().is_some_and(Slot::is_begun_by_layer) {
        watch_body_in_layer(request);
    }
}

/// Wraps the body of a request in a layer, unless it is empty.
#[inline]
pub(crate) fn watch_body_in_layer(request: &mut Request) {
    // In place, because a request is large and most have no body.
    let body = request.body_mut();
    if !body.is_end_stream() {
        *body = Body::new(RequestBody(std::mem::take(body)));
    }
}

struct RequestBody(Body);

impl HttpBody for RequestBody {
    type Data = Bytes;
    /// Not `axum::Error`, in which `Body::new` wraps it: wrapping it twice would hide the cause.
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.0).poll_frame(cx);
        polled.map_err(|error| {
            if client_left(&error)
                && let Some(task) = poll::current()
            {
                task.set_client_left();
            }
            error.into_inner()
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// True if the body ended because the client disconnected, not because it is malformed.
#[cold]
fn client_left(error: &(dyn Error + 'static)) -> bool {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    let mut causes = chain.filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| {
        matches!(
            cause.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_body_is_distinguished_from_a_malformed_one() {
        let inside = |kind: ErrorKind| axum::Error::new(io::Error::from(kind));
        assert!(client_left(&inside(ErrorKind::UnexpectedEof)));
        assert!(client_left(&inside(ErrorKind::ConnectionReset)));
        assert!(!client_left(&inside(ErrorKind::InvalidData)));
        assert!(!client_left(&axum::Error::new("length limit exceeded")));
    }
}
