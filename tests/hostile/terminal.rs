//! Requests to the service that carry what would drive an operator's terminal.

use axum::Router;
use axum::routing::any;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use underscore_runtime::underscore_route;

use super::checks::World;
use crate::support::Service;

#[underscore_route(any, "/terminal/{*rest}", name = "terminal")]
async fn terminal() {
    std::future::pending::<()>().await;
}

/// As they come on the wire: in the address encoded, for nothing else is let through, and in headers raw, where
/// the bytes above 0x7f are allowed and a tab is.
const REQUEST: &[u8] =
    b"GET /terminal/%1b[2J%07%0d%0a%9b2J%c2%9b2J?%1b]0;x%07=%00 HTTP/1.1\r\nhost: .\r\n\
    x-opaque-id: a\tb\xc2\x9b2J\xe2\x80\xae\xff\r\nx-request-id: c\td\xc2\x85e\r\n\
    traceparent: \xc2\x9b2J\r\nuser-agent: \xc2\x9b2J\r\n\r\n";

/// Holds 7.1 of docs/admin-api.md.
#[test]
fn no_request_to_the_service_can_drive_a_terminal_that_shows_it() {
    // Nobody else interrupts or preempts it meanwhile.
    let world = World::lock();
    world.put(&json!({"*": null}));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let app = Router::new().route("/terminal/{*rest}", any(terminal));
        let service = Service::start(app).await;
        let mut client = service.connect().await;
        client.write_all(REQUEST).await.expect("written");
        service.wait_for("terminal", "stats.req.active", 1).await;
        for path in [
            "_cat/tasks?v&h=*",
            "_cat/tasks?format=json&h=*",
            "_cat/tasks?format=yaml&h=*",
            "_cat/stacks?v&h=*",
            "_cat/stacks?format=json&h=*",
            "_cat/routes?v&h=*",
            "_tasks?detailed",
            "_tasks?detailed&format=yaml",
            "_tasks?group_by=routes",
            "_metrics",
        ] {
            let text = service.admin(path).await.text;
            assert!(text.contains("terminal"), "{path}: {text}");
            let control = text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(control, None, "{path}: {text:?}");
        }
        let text = service.admin("_cat/tasks?h=uri,x_opaque_id").await.text;
        let lines = text.lines().filter(|line| line.contains("/terminal"));
        assert_eq!(lines.count(), 1, "{text:?}");
        drop(client);
        service.wait_for("terminal", "stats.req.active", 0).await;
    });
    world.put(&json!({"*": null}));
}
