//! The path of a nested service. Its requests have no `MatchedPath`, and only axum can read what it
//! knows of them. A router appends its own path to that, so a small router that is called with the
//! extensions of a request tells it.

use std::future::ready;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{Extensions, Uri};
use axum::routing::any;
use tower_service::Service;

/// The path of the small router.
const PROBE: &str = "/p";

/// The path of the nested service that a request with these extensions is for, with a slash at the
/// end, as in `/files/`. `None` if a router has not matched it.
#[cold]
pub(super) fn of_nested_service(extensions: &Extensions) -> Option<String> {
    let seen = Arc::new(OnceLock::new());
    let see = Arc::clone(&seen);
    let mut router: Router = Router::new().route(
        PROBE,
        any(move |matched: MatchedPath| {
            // Called once.
            let _ = see.set(matched.as_str().to_owned());
            ready(())
        }),
    );
    let mut probe = Request::new(Body::empty());
    *probe.uri_mut() = Uri::from_static(PROBE);
    *probe.extensions_mut() = extensions.clone();
    let mut call = Box::pin(router.call(probe));
    // The handler is ready in the first poll.
    let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let path = seen.get()?.strip_suffix(PROBE)?;
    (!path.is_empty()).then(|| format!("{path}/"))
}
