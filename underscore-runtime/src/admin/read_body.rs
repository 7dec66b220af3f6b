//! Reading the body of a request to the admin API, within a size and a time.

use std::error::Error as StdError;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_TYPE, EXPECT};
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError};
use tokio::time::timeout;

use super::error::Error;

/// The largest body that is read.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// The largest body that is let pass unread, for a client that sends all of it before it looks for
/// the answer.
const LARGEST_PASSED_OVER: u64 = 16 << 20;

/// Says how long a body may take to come. Where it is not said, that is the host's affair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadTimeout(pub(crate) Duration);

/// Reads a body that is small enough. `asks` says whether the client waits to be told before it
/// sends the body, as `curl` does with so much.
async fn read_or_pass_over(mut body: Body, asks: bool) -> Result<Bytes, Error> {
    let announced = body.size_hint().lower();
    if announced > LARGEST_BODY as u64 {
        // Some clients look for the answer only when all is sent: closed before that, the
        // connection is broken to them, and they never see it.
        if announced <= LARGEST_PASSED_OVER && !asks {
            while let Some(Ok(_)) = body.frame().await {}
        }
        return Err(Error::too_large(LARGEST_BODY));
    }
    let read = axum::body::to_bytes(body, LARGEST_BODY).await;
    read.map_err(|error| unread(&error))
}

/// Reads the body of a request, which must be JSON if its client says what it is.
pub(super) async fn read_body(parts: &Parts, body: Body) -> Result<Bytes, Error> {
    let content_type = parts.headers.get(CONTENT_TYPE);
    let read = read_or_pass_over(body, parts.headers.contains_key(EXPECT));
    let body = match parts.extensions.get::<ReadTimeout>() {
        Some(&ReadTimeout(limit)) => timeout(limit, read)
            .await
            .map_err(|_| Error::late("body", limit))?,
        None => read.await,
    }?;
    if let (Some(found), false) = (content_type, body.is_empty()) {
        let found = String::from_utf8_lossy(found.as_bytes()).into_owned();
        let essence = found.split(';').next().unwrap_or_default().trim();
        // `curl -d` says it sends a form unless it is told better; refusing that is the contract's
        // wish.
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Error::media_type(&found));
        }
    }
    Ok(body)
}

/// A body that was not read is too large, or its sender made a mess of it.
fn unread(error: &axum::Error) -> Error {
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    if causes.any(<dyn StdError>::is::<LengthLimitError>) {
        Error::too_large(LARGEST_BODY)
    } else {
        Error::parse(format!("request body cannot be read: {error}"))
    }
}
