//! A binary whose table of handlers is in a dynamically linked library: its own handlers, and those
//! of other libraries, are not in it. Each must be listed after its first request. Ends with 1 and
//! the names of missing handlers.

#[path = "../../src/ask.rs"]
mod ask;

use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use axum::routing::get;
use tower::ServiceExt;
use underscore_runtime::underscore_route;

#[underscore_route]
async fn own() -> &'static str {
    "own"
}

fn main() -> std::io::Result<ExitCode> {
    let app: Router = linkers_whole::router()
        .route("/inside", get(linkers_shared::inside))
        .route("/own", get(own));
    let mut mounted: Vec<&str> = linkers_whole::HANDLERS.to_vec();
    mounted.retain(|handler| !handler.ends_with("::stays"));
    mounted.extend(["linkers_shared::inside", "linkers_dynamic::own"]);
    let missing = || -> std::io::Result<Vec<&&str>> {
        let listed = ask::handlers()?;
        let is_missing = |handler: &&&str| !listed.iter().any(|row| row == **handler);
        Ok(mounted.iter().filter(is_missing).collect())
    };
    let lost = missing()?.len();

    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let paths = [
        "first",
        "second",
        "generic",
        "in-a-body",
        "inside",
        "own",
        "echo",
    ];
    for path in paths {
        let method = if path == "echo" {
            Method::POST
        } else {
            Method::GET
        };
        let request = Request::builder().method(method).uri(format!("/{path}"));
        let request = request.body(Body::empty()).map_err(std::io::Error::other)?;
        let answer = runtime.block_on(app.clone().oneshot(request));
        assert_eq!(
            answer.expect("a router never fails").status(),
            200,
            "{path}"
        );
    }
    let missing = missing()?;
    let all = mounted.len();
    if missing.is_empty() {
        println!(
            "{lost} of {all} handlers are not in the table, and each is listed from its first request on"
        );
        Ok(ExitCode::SUCCESS)
    } else {
        println!("{} of {all} handlers are lost: {missing:?}", missing.len());
        Ok(ExitCode::FAILURE)
    }
}
