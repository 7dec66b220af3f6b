//! Reads the body of a request to the admin API, up to a size and within a time.

use std::error::Error as StdError;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_TYPE, EXPECT};
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError};
use tokio::time::timeout;

use super::error::Error;

/// The largest body that is accepted, in bytes.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// The largest body that is read and discarded, in bytes, for a client that sends all of it before
/// it reads the answer.
const LARGEST_DISCARDED: u64 = 16 << 20;

/// The time in which a body must arrive. Without it, the host sets the limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadTimeout(pub(crate) Duration);

/// Reads a body, or discards one that is too large. `expects_continue` is true if the client waits
/// for `100 Continue` before it sends the body, as `curl` does for large ones.
async fn read_or_discard(mut body: Body, expects_continue: bool) -> Result<Bytes, Error> {
    let announced = body.size_hint().lower();
    if announced > LARGEST_BODY as u64 {
        // Some clients read the answer only after they have sent everything. If the connection is
        // closed earlier, they report an error and not the answer.
        if announced <= LARGEST_DISCARDED && !expects_continue {
            while let Some(Ok(_)) = body.frame().await {}
        }
        return Err(Error::too_large(LARGEST_BODY));
    }
    let read = axum::body::to_bytes(body, LARGEST_BODY).await;
    read.map_err(|error| unread(&error))
}

/// Reads the body of a request. Its `Content-Type`, if there is one, must be JSON.
pub(super) async fn read_body(parts: &Parts, body: Body) -> Result<Bytes, Error> {
    let content_type = parts.headers.get(CONTENT_TYPE);
    let read = read_or_discard(body, parts.headers.contains_key(EXPECT));
    let body = match parts.extensions.get::<ReadTimeout>() {
        Some(&ReadTimeout(limit)) => timeout(limit, read)
            .await
            .map_err(|_| Error::late("body", limit))?,
        None => read.await,
    }?;
    if let (Some(found), false) = (content_type, body.is_empty()) {
        let found = String::from_utf8_lossy(found.as_bytes()).into_owned();
        let essence = found.split(';').next().unwrap_or_default().trim();
        // `curl -d` sends the type of a form by default, which the contract refuses.
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Error::media_type(&found));
        }
    }
    Ok(body)
}

/// The error for a body that cannot be read.
fn unread(error: &axum::Error) -> Error {
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    if causes.any(<dyn StdError>::is::<LengthLimitError>) {
        Error::too_large(LARGEST_BODY)
    } else {
        Error::parse(format!("request body cannot be read: {error}"))
    }
}
