//! Checks before a request is handled: percent escapes, browser headers, and the peer's permission.

use axum::extract::{ConnectInfo, Request};
use axum::http::{Extensions, Uri};

use super::audit::Peer;
use super::browsers;
use super::changers::Changers;
use super::error::Error;
use super::policy::Policy;

/// Refuses a `%` that no two hex digits stand behind: what was meant cannot be known.
pub(super) fn check_escapes(uri: &Uri) -> Result<(), Error> {
    let parts = [("path", Some(uri.path())), ("query", uri.query())];
    for (part, text) in parts {
        let mut escapes = text.unwrap_or_default().split('%').skip(1);
        let is_whole = |escape: &&str| {
            let digits = escape.as_bytes().get(..2);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        if let Some(broken) = escapes.find(|escape| !is_whole(escape)) {
            let shown: String = broken.chars().take(2).collect();
            return Err(Error::illegal_argument(format!(
                "{part} has [%{shown}], which is no escape; a percent sign itself is %25"
            )));
        }
    }
    Ok(())
}

/// Who is at the other end, as far as that is known.
pub(super) fn peer(extensions: &Extensions) -> Peer {
    let peer = extensions.get::<ConnectInfo<Peer>>();
    peer.map_or_else(Peer::default, |ConnectInfo(peer)| peer.clone())
}

/// Rejects requests that a page of another site may have sent.
pub(super) fn check_browser(request: &Request) -> Result<(), Error> {
    browsers::check(request, &Policy::of(request.extensions()).hosts)
}

/// Rejects peers that may not make changes.
pub(super) fn may_change(extensions: &Extensions) -> Result<(), Error> {
    match extensions.get::<Changers>() {
        Some(changers) => changers.check(&peer(extensions)),
        None => Ok(()),
    }
}
