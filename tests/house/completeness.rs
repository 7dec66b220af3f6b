//! The linker keeps every handler of a library, whether it is mounted or not, and whether the rest
//! of its module is used or not. `tests/linkers/run` links the same libraries in other ways. The
//! libraries disable the feature `admin` of the runtime, which another crate of the binary enables.

use axum::Router;
use axum::routing::get;

use crate::support::Service;

#[tokio::test]
async fn every_handler_of_every_library_is_a_row_before_any_request() {
    let app: Router = linkers_whole::router().route("/here", get(linkers_partly::used::here));
    let service = Service::start(app).await;
    let rows = service
        .admin_json("_cat/routes?format=json&h=handler")
        .await;
    let rows = rows.as_array().expect("a table");
    let mut listed: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["handler"].as_str())
        .collect();
    listed.sort_unstable();
    let mut all = [linkers_partly::HANDLERS, linkers_whole::HANDLERS].concat();
    all.sort_unstable();
    assert_eq!(listed, all);
}
