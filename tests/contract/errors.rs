//! Section 6 of docs/admin-api.md: errors.

use axum::Router;

use crate::support::Service;
use crate::support::sentences::did_you_mean;

/// Holds 6.1, 6.3, 6.4 of docs/admin-api.md.
#[tokio::test]
async fn unknown_parameters_are_named_in_order_with_suggestions() {
    let service = Service::start(Router::new()).await;
    for (path, found) in [
        (
            "_cat/tasks?tiem",
            concat!(
                "[/_cat/tasks] contains unrecognized parameter: [tiem] -> ",
                did_you_mean!("time")
            ),
        ),
        (
            "_cat/tasks?zzzz=1&tiem=2&a&a&v",
            concat!(
                "[/_cat/tasks] contains unrecognized parameters: [a], [tiem] -> ",
                did_you_mean!("time"),
                ", [zzzz]"
            ),
        ),
        (
            "_cat/tasks/?siz",
            concat!(
                "[/_cat/tasks/] contains unrecognized parameter: [siz] -> ",
                did_you_mean!("size")
            ),
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
async fn an_unknown_path_is_404_with_a_suggestion() {
    let service = Service::start(Router::new()).await;
    for (path, hint) in [
        ("_cat/rutes", concat!(" -> ", did_you_mean!("/_cat/routes"))),
        (
            "_cat/wrokers/",
            concat!(" -> ", did_you_mean!("/_cat/workers")),
        ),
        ("_metrix", concat!(" -> ", did_you_mean!("/_metrics"))),
        ("no/such/thing", "GET /_cat lists the tables"),
    ] {
        let answer = service.admin(path).await;
        let (kind, reason) = answer.error();
        assert_eq!((answer.status, &*kind), (404, "invalid_path_exception"));
        assert!(reason.contains(&format!("[/{path}]")), "{reason}");
        assert!(reason.contains(hint), "{reason}");
    }
}
