//! A binary with entries that a link-time table could be confused with: a slice of another crate,
//! and an older version of the runtime crate with its own handlers. Every request is answered, each
//! version lists its own handlers only, and the other slice has its own entries. With the feature
//! `clash`, a slice has the name of ours: then a handler is listed from its first request on. Ends
//! with 1 and the violations.

#[path = "../../src/ask.rs"]
mod ask;

use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use tower::ServiceExt;
use underscore_runtime::underscore_route;

#[underscore_route]
async fn new() -> &'static str {
    "new"
}

#[underscore_route]
#[allow(dead_code)]
async fn never_mounted() -> &'static str {
    "never"
}

/// The names of the functions listed by both versions, the newer one first.
fn listed() -> std::io::Result<[Vec<String>; 2]> {
    let directory = tempfile::tempdir()?;
    let older = linkers_older_library::serve_admin(&directory.path().join("older.sock"))?;
    let by_older = ask::handlers_at(older.path())?;
    older.shutdown_blocking();
    let names = |handlers: Vec<String>| {
        let name = |handler: &String| handler.rsplit(':').next().unwrap_or_default().to_owned();
        let mut names: Vec<String> = handlers.iter().map(name).collect();
        names.sort();
        names
    };
    Ok([names(ask::handlers()?), names(by_older)])
}

fn main() -> std::io::Result<ExitCode> {
    let clash = cfg!(feature = "clash");
    let app: Router = linkers_older_library::router().route("/new", get(new));
    let before = listed()?;

    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut statuses = Vec::new();
    for path in ["/new", "/old", "/new"] {
        let request = Request::get(path).body(Body::empty());
        let request = request.map_err(std::io::Error::other)?;
        let answer = runtime.block_on(app.clone().oneshot(request));
        statuses.push(answer.expect("a router never fails").status().as_u16());
    }
    let seen = (linkers_foreign::routes().len(), statuses, before, listed()?);

    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let newer = [names(&["never_mounted", "new"]), names(&["new"])];
    let [before, after] = if clash {
        [names(&[]), newer[1].clone()]
    } else {
        [newer[0].clone(), newer[0].clone()]
    };
    let expected = (
        2,
        vec![200; 3],
        [before, names(&["old"])],
        [after, names(&["old"])],
    );
    if seen == expected {
        println!("every version lists its own handlers, and answers for them");
        Ok(ExitCode::SUCCESS)
    } else {
        println!("{seen:?} in place of {expected:?}");
        Ok(ExitCode::FAILURE)
    }
}
