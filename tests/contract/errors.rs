//! Section 6, errors.

use axum::Router;

use crate::support::Service;

/// Holds 6.1, 6.3, 6.4 of docs/admin-api.md.
#[tokio::test]
async fn parameters_that_do_not_exist_are_named_in_order_with_what_was_meant() {
    let service = Service::start(Router::new()).await;
    for (path, found) in [
        (
            "_cat/tasks?tiem",
            "[/_cat/tasks] contains unrecognized parameter: [tiem] -> did you mean [time]?",
        ),
        (
            "_cat/tasks?zzzz=1&tiem=2&a&a&v",
            "[/_cat/tasks] contains unrecognized parameters: [a], [tiem] -> did you mean [time]?, [zzzz]",
        ),
        (
            "_cat/tasks/?siz",
            "[/_cat/tasks/] contains unrecognized parameter: [siz] -> did you mean [size]?",
        ),
    ] {
        let answer = service.admin(path).await;
        let expected = (
            "illegal_argument_exception".to_owned(),
            format!("request {found}"),
        );
        assert_eq!((answer.status, answer.error()), (400, expected), "{path}");
    }
}

/// Holds 6.5, 6.15 of docs/admin-api.md.
#[tokio::test]
async fn a_path_that_does_not_exist_is_404_and_says_what_was_meant() {
    let service = Service::start(Router::new()).await;
    for (path, hint) in [
        ("_cat/rutes", " -> did you mean [/_cat/routes]?"),
        ("_cat/wrokers/", " -> did you mean [/_cat/workers]?"),
        ("_metrix", " -> did you mean [/_metrics]?"),
        ("no/such/thing", "GET /_cat lists the tables"),
    ] {
        let answer = service.admin(path).await;
        let (kind, reason) = answer.error();
        assert_eq!((answer.status, &*kind), (404, "invalid_path_exception"));
        assert!(reason.contains(&format!("[/{path}]")), "{reason}");
        assert!(reason.contains(hint), "{reason}");
    }
}
