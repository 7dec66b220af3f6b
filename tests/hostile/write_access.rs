//! Write access through a socket that several users may connect to.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use underscore_runtime::{AdminBuilder, AdminServer, underscore_route};

use crate::support::process::own_process;
use crate::support::sentences::this_is_user;

#[underscore_route]
async fn never_mounted() {}

struct Api {
    client: Client,
    server: Option<AdminServer>,
    _directory: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Api {
    /// Serialised, because the tests read the audit of the process.
    async fn start(builder: &AdminBuilder) -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        let directory = tempfile::tempdir().expect("a directory can be made");
        let server = builder.serve(directory.path().join("app.sock"));
        let server = server.expect("the socket is bound");
        let client = Client::builder().unix_socket(server.path()).build();
        Api {
            client: client.expect("a client"),
            server: Some(server),
            _directory: directory,
            _turn: turn,
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
            server.shutdown_blocking();
        }
    }
}

/// User and group of this process.
fn own() -> (u32, u32) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let metadata = Path::metadata(file.path()).expect("it is there");
    (metadata.uid(), metadata.gid())
}

const SETTINGS: &str = "_routes/_all/settings";

/// Holds 6.18 of docs/admin-api.md.
#[tokio::test]
async fn users_not_on_the_list_may_read_and_are_refused_with_the_reason_if_they_change() {
    own_process!();
    let (uid, gid) = own();
    let api = Api::start(
        &AdminBuilder::new()
            .allow_changes_from_uids([uid + 1])
            .allow_changes_from_gids([gid + 1]),
    )
    .await;
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
            reason.contains(&format!(this_is_user!("{}", "{}"), uid, gid)),
            "{reason}"
        );
    }
    assert_eq!(api.ask(Method::GET, SETTINGS).await.0, 200);
    let (_, audit) = api
        .ask(Method::GET, "_cat/audit?format=json&h=status&size=3")
        .await;
    let refused = audit.as_array().expect("a table").iter();
    assert_eq!(
        refused.filter(|row| row["status"] == 403).count(),
        3,
        "each is a record"
    );
}

/// Holds 6.18 of docs/admin-api.md.
#[tokio::test]
async fn a_user_or_a_group_on_the_list_may_change() {
    own_process!();
    let (uid, gid) = own();
    for builder in [
        AdminBuilder::new(),
        AdminBuilder::new().allow_changes_from_uids([uid + 1, uid]),
        AdminBuilder::new()
            .allow_changes_from_uids([uid + 1])
            .allow_changes_from_gids([gid]),
    ] {
        let api = Api::start(&builder).await;
        assert_eq!(api.ask(Method::PUT, SETTINGS).await.0, 200, "{builder:?}");
    }
}

/// Environment variable with the socket for `another_user`.
const SOCKET: &str = "UNDERSCORE_TEST_SOCKET";

/// A user id that is not in use.
const NOBODY: u32 = 61_234;

/// Run by another user, as a child process: sends a change and prints the answer.
#[test]
fn another_user() {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return;
    };
    let mut connection = UnixStream::connect(socket).expect("the mode lets it in");
    let request = "POST /_tasks/_all/_cancel HTTP/1.0\r\n\r\n";
    connection.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    println!("{answer}");
}

/// Two real users. Only root can switch users; without it, the tests above have to do.
#[tokio::test]
async fn of_two_users_only_the_one_on_the_list_may_change() {
    own_process!();
    let (uid, _) = own();
    if uid != 0 {
        return;
    }
    for (allowed, status) in [([0], "403 Forbidden"), ([NOBODY], "200 OK")] {
        let builder = AdminBuilder::new()
            .mode(0o666)
            .allow_changes_from_uids(allowed);
        let api = Api::start(&builder).await;
        let socket = api.server.as_ref().expect("it runs").path().to_owned();
        // The other user needs access to the directory and to this binary.
        let directory = socket.parent().expect("it has one");
        std::fs::set_permissions(directory, Permissions::from_mode(0o755)).expect("set");
        let own_binary = std::env::current_exe().expect("this binary");
        let binary = directory.join("binary");
        std::fs::copy(own_binary, &binary).expect("copied");
        let other = tokio::task::spawn_blocking(move || {
            Command::new(binary)
                .args(["--exact", "write_access::another_user", "--nocapture"])
                .env(SOCKET, socket)
                .current_dir("/")
                .gid(NOBODY)
                .uid(NOBODY)
                .output()
        });
        let output = other.await.expect("no panic").expect("it runs");
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.contains(status), "{allowed:?}: {answer}");
        assert_eq!(
            answer.contains(this_is_user!(61234, 61234)),
            status.starts_with("403"),
            "{answer}"
        );
        let (_, audit) = api
            .ask(Method::GET, "_cat/audit?format=json&h=uid&size=1")
            .await;
        assert_eq!(audit, json!([{"uid": NOBODY}]));
    }
}
