//! The two examples as child processes: `incident` solves its incident, and `sample_app` behaves as
//! documented, over the command line, real HTTP and the real Unix socket.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::example::{Example, binary};

/// The service of the incident, with clients for the service and for its admin API.
struct SampleApp {
    example: Example,
    client: Client,
    operator: Client,
}

impl SampleApp {
    fn start() -> Self {
        let example = Example::start("sample_app");
        SampleApp {
            client: Example::client(),
            operator: example.operator(),
            example,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> String {
        let mut request = self.operator.request(method, format!("http://./{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the admin API answers");
        response.text().await.expect("it answers to the end")
    }

    async fn get(&self, path: &str) -> String {
        self.ask(Method::GET, path, None).await
    }

    /// `GET '_cat/routes' | grep GET | grep twice | cut -f1 -d' '`
    async fn id_of_twice(&self) -> String {
        let table = self.get("_cat/routes").await;
        let row = table
            .lines()
            .find(|row| row.contains("GET") && row.contains("twice"));
        let id = row.expect("there is such a row").split(' ').next();
        id.expect("a row has fields").to_owned()
    }

    /// Sends concurrent requests and yields their statuses in order of completion.
    fn clients(&self, path: &str, count: usize) -> tokio::task::JoinSet<u16> {
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..count {
            let request = self
                .client
                .get(format!("{}{path}?{number}", self.example.base))
                .send();
            clients.spawn(async move { request.await.expect("it answers").status().as_u16() });
        }
        clients
    }

    /// Waits until the row of `/twice` has these numbers.
    async fn wait_for(&self, active: u64, total: u64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.get("_cat/routes/twice?format=json").await;
            let rows: Value = serde_json::from_str(&rows).expect("it is JSON");
            let row = &rows[0];
            if row["stats.req.active"] == active && row["stats.req.total"] == total {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "never {active} of {total}: {row}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The line of the last `.acquire` in the source of the example.
fn second_acquire() -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sample_app.rs");
    let source = std::fs::read_to_string(path).expect("the source is there");
    let lines = source.lines().enumerate();
    let last = lines.filter(|(_, line)| line.contains(".acquire")).last();
    last.expect("it acquires").0 + 1
}

#[test]
fn the_incident_is_solved() {
    let output = Command::new(binary("incident"))
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let stuck = format!("examples/sample_app.rs:{}", second_acquire());
    let (found, looked_back) = text
        .split_once("And a minute later")
        .expect("it looks back");
    assert!(
        looked_back.contains(&stuck),
        "one of them in _ended: {text}"
    );
    let listed = found.matches(&stuck).count();
    assert_eq!(listed, 1, "the row of _cat/waits: {text}");
}

#[tokio::test]
async fn three_of_five_hang_at_the_second_acquire_and_are_ended() {
    let app = SampleApp::start();
    let mut clients = app.clients("/twice", 5);
    assert_eq!(
        clients
            .join_next()
            .await
            .expect("one answers")
            .expect("no panic"),
        200
    );
    assert_eq!(
        clients
            .join_next()
            .await
            .expect("two answer")
            .expect("no panic"),
        200
    );
    app.wait_for(3, 5).await;

    let tasks = app.get("_cat/tasks?h=where").await;
    let stuck = format!("examples/sample_app.rs:{}", second_acquire());
    assert_eq!(tasks.lines().collect::<Vec<_>>(), [stuck.as_str(); 3]);

    let id = app.id_of_twice().await;
    let report = app
        .ask(Method::POST, &format!("_routes/{id}/interrupt"), None)
        .await;
    assert!(report.contains("\"interrupted\":3"), "{report}");
    assert_eq!(clients.join_all().await, [503; 3]);
    app.wait_for(0, 5).await;
    assert_eq!(app.get("_cat/tasks").await, "");
    assert_eq!(
        app.clients("/once", 3).join_all().await,
        [200; 3],
        "all permits are back"
    );
}

#[tokio::test]
async fn a_preempted_route_answers_at_once_and_is_opened_again() {
    let app = SampleApp::start();
    let id = app.id_of_twice().await;
    let path = format!("_routes/{id}/settings");
    let body = json!({"transient": {"preempt": {"status": 503}}});
    app.ask(Method::PUT, &path, Some(body)).await;
    assert_eq!(app.clients("/twice", 5).join_all().await, [503; 5]);
    app.wait_for(0, 5).await;
    app.ask(
        Method::PUT,
        &path,
        Some(json!({"transient": {"preempt": null}})),
    )
    .await;
    assert_eq!(app.clients("/twice", 1).join_all().await, [200]);
    assert_eq!(
        app.id_of_twice().await,
        id,
        "the id has not changed with the first request"
    );
}

/// Holds 2.11 of docs/admin-api.md.
#[tokio::test]
async fn ids_are_the_same_after_a_restart_and_ctrl_c_removes_the_socket() {
    let mut first = SampleApp::start();
    let id = first.id_of_twice().await;
    let hanging = first.clients("/twice", 5);
    first.wait_for(3, 5).await;
    // A sign that both requests hang.
    let ended = first.example.interrupt();
    assert!(ended.success(), "{ended}");
    assert!(!first.example.admin.exists());
    let left = std::fs::read_dir(first.example.directory.path()).expect("it can be listed");
    assert_eq!(left.count(), 0);
    drop(hanging);
    assert_eq!(SampleApp::start().id_of_twice().await, id);
}

#[test]
fn the_guide_shows_the_line_of_the_service() {
    let guide = include_str!("../../underscore-runtime/guide.md");
    let prose = format!("Line {} is the second `acquire`", second_acquire());
    assert!(guide.contains(&prose), "{prose}");
}
