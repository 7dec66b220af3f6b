//! Who may change something through a socket that more people may connect to.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use underscore_runtime::{AdminBuilder, AdminServer, underscore_route};

#[underscore_route]
async fn never_mounted() {}

struct Api {
    client: Client,
    server: Option<AdminServer>,
    _directory: tempfile::TempDir,
}

impl Api {
    fn start(builder: &AdminBuilder) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let server = builder.serve(directory.path().join("app.sock"));
        let server = server.expect("the socket is bound");
        let client = Client::builder().unix_socket(server.path()).build();
        Api {
            client: client.expect("a client"),
            server: Some(server),
            _directory: directory,
        }
    }

    async fn ask(&self, method: Method, path: &str) -> (u16, Value) {
        let request = self.client.request(method, format!("http://./{path}"));
        let body = json!({"transient": {}});
        let answer = request.json(&body).send().await.expect("it answers");
        (
            answer.status().as_u16(),
            answer.json().await.unwrap_or_default(),
        )
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown();
        }
    }
}

/// The user and the group of this process.
fn own() -> (u32, u32) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let metadata = Path::metadata(file.path()).expect("it is there");
    (metadata.uid(), metadata.gid())
}

const SETTINGS: &str = "_routes/_all/settings";

#[tokio::test]
async fn others_than_those_named_may_look_and_are_told_why_they_may_not_change() {
    let (uid, gid) = own();
    let api = Api::start(
        &AdminBuilder::new()
            .changes_by_uids([uid + 1])
            .changes_by_gids([gid + 1]),
    );
    for (method, path) in [
        (Method::PUT, SETTINGS),
        (Method::POST, "_routes/_all/interrupt"),
        (Method::POST, "_tasks/_all/_cancel"),
    ] {
        let (status, answer) = api.ask(method, path).await;
        assert_eq!(status, 403, "{path}: {answer}");
        assert_eq!(answer["error"]["type"], "security_exception");
        let reason = answer["error"]["reason"].as_str().expect("text");
        assert!(
            reason.contains(&format!("this is user [{uid}] of group [{gid}]")),
            "{reason}"
        );
    }
    assert_eq!(api.ask(Method::GET, SETTINGS).await.0, 200);
    let (_, audit) = api
        .ask(Method::GET, "_cat/audit?format=json&h=status")
        .await;
    let refused = audit.as_array().expect("a table").iter();
    assert_eq!(
        refused.filter(|row| row["status"] == 403).count(),
        3,
        "each is a record"
    );
}

#[tokio::test]
async fn a_user_or_a_group_that_is_named_may_change() {
    let (uid, gid) = own();
    for builder in [
        AdminBuilder::new(),
        AdminBuilder::new().changes_by_uids([uid + 1, uid]),
        AdminBuilder::new()
            .changes_by_uids([uid + 1])
            .changes_by_gids([gid]),
    ] {
        let api = Api::start(&builder);
        assert_eq!(api.ask(Method::PUT, SETTINGS).await.0, 200, "{builder:?}");
    }
}
