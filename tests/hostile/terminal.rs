//! Requests with bytes that would control an operator's terminal.

use std::sync::Mutex;

use axum::Router;
use axum::routing::any;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use underscore_runtime::{track, underscore_route};

use super::checks::World;
use crate::support::Service;

#[underscore_route(any, "/terminal/{*rest}", name = "terminal")]
async fn terminal() {
    std::future::pending::<()>().await;
}

/// Name of the tracked future.
static NAME: Mutex<String> = Mutex::new(String::new());

#[underscore_route(any, "/tracked", name = "tracked")]
async fn tracked() {
    let name = NAME.lock().expect("nobody panicked").clone();
    let _ = track(name, std::future::pending::<()>()).await;
}

/// In the URI the bytes are percent-encoded, because hyper refuses them otherwise; headers may have
/// tabs and bytes above 0x7f.
const REQUEST: &[u8] =
    b"GET /terminal/%1b[2J%07%0d%0a%9b2J%c2%9b2J?%1b]0;x%07=%00 HTTP/1.1\r\nhost: .\r\n\
    x-opaque-id: a\tb\xc2\x9b2J\xe2\x80\xae\xff\r\nx-request-id: c\td\xc2\x85e\r\n\
    traceparent: \xc2\x9b2J\r\nuser-agent: \xc2\x9b2J\r\n\r\n";

/// One invisible character of each kind.
const INVISIBLE: [char; 16] = [
    '\u{1b}',
    '\r',
    '\u{9b}',
    '\u{ad}',
    '\u{61c}',
    '\u{200b}',
    '\u{200d}',
    '\u{200e}',
    '\u{202e}',
    '\u{2028}',
    '\u{2029}',
    '\u{2066}',
    '\u{3164}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{e0041}',
];

fn assert_visible(what: &str, text: &str) {
    let shown = |c: char| c == '\n' || !(c.is_control() || INVISIBLE.contains(&c));
    assert_eq!(text.chars().find(|c| !shown(*c)), None, "{what}: {text:?}");
}

/// Runs a test while no other test interrupts or preempts its requests.
fn alone(test: impl Future<Output = ()>) {
    let world = World::lock();
    world.put(&json!({"*": null}));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(test);
    world.put(&json!({"*": null}));
}

/// Holds 7.1, 7.32 of docs/admin-api.md.
#[test]
fn typed_text_is_shown_as_it_is_and_controls_no_terminal() {
    alone(async {
        let service = Service::start(Router::new().route("/tracked", any(tracked))).await;
        let typed = format!("typed {} \"é\" \\u{{1b}}", String::from_iter(INVISIBLE));
        *NAME.lock().expect("nobody panicked") = typed.clone();
        let mut client = service.connect().await;
        let head = b"GET /tracked HTTP/1.1\r\nhost: .\r\n\r\n";
        client.write_all(head).await.expect("written");
        service.wait_for("tracked", "stats.req.active", 1).await;
        let body = json!({"transient": {"preempt.text": typed}});
        service
            .put("_routes/tracked/settings", body)
            .await
            .ok_json();
        let escaped: Vec<String> = typed.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let escaped = escaped.concat();
        let path = format!("_routes/nobodys/interrupt?reason={escaped}");
        assert_eq!(service.post(&path).await.status, 404);
        for path in [
            "_cat/audit?v&h=*",
            "_cat/audit?format=yaml&h=*",
            "_cat/tasks?v&h=*",
            "_cat/tasks?format=yaml&h=*",
            "_routes/tracked/settings",
            "_routes/tracked/settings?format=yaml",
            "_tasks?detailed&pretty",
            "_tasks/_all/print_stack",
            "_tasks/_all/print_stack?format=yaml",
        ] {
            let text = service.admin(path).await.text;
            assert!(text.contains("typed "), "{path}: {text}");
            assert_visible(path, &text);
        }
        // JSON keeps the original text.
        let audit = service.admin("_audit").await;
        assert_visible("_audit", &audit.text);
        let records = audit.json()["audit"].clone();
        let reasons = records.as_array().expect("a list").iter();
        assert_eq!(
            reasons.filter(|record| record["reason"] == *typed).count(),
            1,
            "{records:#}"
        );
        let tasks = service.admin_json("_cat/tasks?format=json&h=*").await;
        let tasks = tasks.as_array().expect("a table").iter();
        assert_eq!(tasks.filter(|task| task["name"] == *typed).count(), 1);
        drop(client);
        service.wait_for("tracked", "stats.req.active", 0).await;
    });
}

/// Holds 7.1 of docs/admin-api.md.
#[test]
fn no_request_to_the_service_can_drive_a_terminal_that_shows_it() {
    alone(async {
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
            assert_visible(path, &text);
        }
        let text = service.admin("_cat/tasks?h=uri,x_opaque_id").await.text;
        let lines = text.lines().filter(|line| line.contains("/terminal"));
        assert_eq!(lines.count(), 1, "{text:?}");
        drop(client);
        service.wait_for("terminal", "stats.req.active", 0).await;
    });
}
