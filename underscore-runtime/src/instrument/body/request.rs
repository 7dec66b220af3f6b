//! The request's body as the handler reads it. It tells the task when the client stops before the end:
//! the extractor then rejects what it has, and that is no answer to anyone.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use hyper::body::{Frame, SizeHint};

use crate::instrument::poll;

/// Watches the body of `request`, if there is anything to come.
#[inline]
pub(crate) fn watch_body(request: &mut Request) {
    // In place: a request is large, and most have no body.
    let body = request.body_mut();
    if !body.is_end_stream() {
        *body = Body::new(Watched(std::mem::take(body)));
    }
}

struct Watched(Body);

impl HttpBody for Watched {
    type Data = Bytes;
    /// Not `axum::Error`: that is what `Body::new` makes of it, and twice would hide what is inside.
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
                task.note_client_left();
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

/// Whether a body ends because its sender is gone, and not because what it sent is wrong.
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
    fn a_body_cut_off_is_told_from_a_body_that_is_wrong() {
        let inside = |kind: ErrorKind| axum::Error::new(io::Error::from(kind));
        assert!(client_left(&inside(ErrorKind::UnexpectedEof)));
        assert!(client_left(&inside(ErrorKind::ConnectionReset)));
        assert!(!client_left(&inside(ErrorKind::InvalidData)));
        assert!(!client_left(&axum::Error::new("length limit exceeded")));
    }
}
