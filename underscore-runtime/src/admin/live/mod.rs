//! `/_live`: a page for a browser, from which an operator sees and does what curl can. It sends the
//! same requests as curl, and no endpoint exists for it alone.
//!
//! The three files are as they are served, without a build step: `live.html`, `live.css`, and one
//! script in parts, so that each can be read by itself.

use std::borrow::Cow;

use axum::http::HeaderName;
use axum::http::header::CONTENT_SECURITY_POLICY;

use super::error::Error;
use super::params;
use super::render::Answer;
use super::request::Request;

const PAGE: &str = include_str!("live.html");

const STYLE: &str = include_str!("live.css");

/// One module: each part may use those before it.
const SCRIPT: &str = concat!(
    include_str!("script/dom.js"),
    include_str!("script/format.js"),
    include_str!("script/api.js"),
    include_str!("script/table.js"),
    include_str!("script/tables.js"),
    include_str!("script/change.js"),
    include_str!("script/health.js"),
    include_str!("script/details.js"),
    include_str!("script/log.js"),
    include_str!("script/flame.js"),
    include_str!("script/events.js"),
    include_str!("script/main.js"),
);

/// The page loads and asks only what this server serves, runs no inline script, and can turn no text
/// into markup. `data:` is the empty icon, without which browsers ask for one.
static POLICY: [(HeaderName, &str); 2] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// `GET /_live[/{file}]`.
pub(super) fn get(request: &Request) -> Result<Answer, Error> {
    let document = |content_type, text: Cow<'static, str>| Answer::Document {
        content_type,
        headers: &POLICY,
        bytes: text.into_owned().into_bytes(),
    };
    match request.argument() {
        None => Ok(document("text/html; charset=utf-8", page(&request.path))),
        Some("live.js") => Ok(document("text/javascript; charset=utf-8", SCRIPT.into())),
        Some("live.css") => Ok(document("text/css; charset=utf-8", STYLE.into())),
        Some(other) => Err(Error::no_file(other)),
    }
}

/// True for a browser, which names HTML in `Accept`, if no format is requested.
pub(super) fn is_wanted(request: &Request) -> bool {
    let is_html = |media_type: &str| {
        let essence = media_type.split(';').next();
        essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/html"))
    };
    request.value(&params::FORMAT).is_none()
        && request.accept().any(|list| list.split(',').any(is_html))
}

/// Sends a browser from the root of the API to the page, wherever the API is mounted.
pub(super) fn redirect(request: &Request) -> Answer {
    let parent = request.original_path.rsplit('/').next().unwrap_or_default();
    // A name with a colon would be read as a scheme without `./`.
    let location = match parent {
        "" => "./_live".to_owned(),
        parent => format!("./{parent}/_live"),
    };
    Answer::Redirect { location }
}

/// The page at `path`. Its links are relative, because the API may be mounted under a prefix.
fn page(path: &str) -> Cow<'static, str> {
    if path.ends_with('/') {
        PAGE.replace("\"_live/", "\"").into()
    } else {
        PAGE.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 17.2 of docs/admin-api.md.
    #[test]
    fn the_page_names_its_files_relative_to_its_own_path() {
        for (path, prefix) in [("/_live", "_live/"), ("/_live/", "")] {
            let page = page(path);
            for link in [r#"href="{}live.css""#, r#"src="{}live.js""#] {
                let link = link.replace("{}", prefix);
                assert!(page.contains(&link), "{path}: {link}");
            }
        }
    }
}
