//! The settings file after a crash: child processes of this binary are killed.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use underscore_runtime::AdminBuilder;

use super::{app, read};
use crate::support::{PATIENCE, narrow_umask};

/// Environment variable with the directory of the child.
const DIRECTORY: &str = "UNDERSCORE_TEST_CHILD";

/// Number of kills.
const KILLS: u64 = 300;

/// The child process of the other tests, which exits with them.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    let builder = AdminBuilder::new().settings_file(directory.join("settings.json"));
    let admin = builder.serve(directory.join("app.sock"));
    let _admin = admin.expect("it is served");
    let http = directory.join("http.sock");
    let _ = std::fs::remove_file(&http);
    let listener = UnixListener::bind(http).expect("bound");
    tokio::spawn(axum::serve(listener, app()).into_future());
    let parent = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    let _ = parent.await;
}

/// A child process, killed on drop.
pub(super) struct Process {
    child: Child,
    http: Client,
}

impl Process {
    /// Starts a process and waits until it listens.
    async fn start(directory: &Path) -> Self {
        let binary = std::env::current_exe().expect("this binary");
        Self::start_by(&mut Command::new(binary), directory).await
    }

    /// Starts it with a command that runs this binary with the appended arguments.
    pub(super) async fn start_by(command: &mut Command, directory: &Path) -> Self {
        for socket in ["app.sock", "http.sock"] {
            let _ = std::fs::remove_file(directory.join(socket));
        }
        let child = command
            .args(["--exact", "crash::child", "--quiet"])
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let http = directory.join("http.sock");
        let mut process = Process {
            child: child.expect("it starts"),
            http: client(&http),
        };
        let deadline = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(&http).is_err() {
            let ended = process.child.try_wait().expect("it can be asked");
            assert!(ended.is_none() && Instant::now() < deadline, "{ended:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        process
    }

    /// The status of a GET of its service.
    pub(super) async fn status(&self, path: &str) -> u16 {
        let answer = self.http.get(format!("http://.{path}")).send().await;
        answer.expect("an answer").status().as_u16()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client(socket: &Path) -> Client {
    let client = Client::builder().timeout(PATIENCE).unix_socket(socket);
    client.build().expect("a client")
}

/// Sets a number. True if the response is 200, false if there is none.
async fn put(admin: &Client, number: u64) -> bool {
    let body = json!({"persistent": {"limit.active": number}});
    let url = "http://./_routes/steered/settings";
    match admin.put(url).json(&body).send().await {
        Ok(answer) => {
            assert_eq!(answer.status(), 200);
            answer.bytes().await.is_ok()
        }
        Err(_) => false,
    }
}

fn on_disk(file: &Path) -> u64 {
    if !file.exists() {
        return 0;
    }
    let number = &read(file)["settings_file::steered"]["persistent"]["limit"]["active"];
    number.as_u64().expect("a number")
}

/// Holds 4.56 of docs/admin-api.md.
#[tokio::test]
async fn a_kill_at_any_time_leaves_the_old_text_or_the_new_one() {
    narrow_umask();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("settings.json");
    let mut number = 0;
    for round in 0..KILLS {
        let process = Process::start(directory.path()).await;
        let admin = client(&directory.path().join("app.sock"));
        // Wait for one write, so that the kill comes during writes on a slow disk, too.
        assert!(put(&admin, number + 1).await);
        number += 1;
        // Spread over several milliseconds, the time of a few changes.
        let after = Duration::from_micros(round * 7_919 % 15_000);
        let kill = std::thread::spawn(move || {
            std::thread::sleep(after);
            drop(process);
        });
        while put(&admin, number + 1).await {
            number += 1;
        }
        kill.join().expect("it is killed");
        let found = on_disk(&file);
        assert!(
            found == number || found == number + 1,
            "{found} is on the disk, and {number} was answered"
        );
        number = found;
    }
}

/// Holds 4.55 of docs/admin-api.md.
#[tokio::test]
async fn persistent_settings_apply_to_the_first_request_after_a_restart() {
    narrow_umask();
    let directory = tempfile::tempdir().expect("a directory");
    let (admin, http) = (
        directory.path().join("app.sock"),
        directory.path().join("http.sock"),
    );
    let process = Process::start(directory.path()).await;
    let body = json!({
        "persistent": {"preempt.status": 418},
        "transient": {"preempt.text": "until it ends"}
    });
    let url = "http://./_routes/steered/settings";
    let answer = client(&admin).put(url).json(&body).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    drop(process);
    let _process = Process::start(directory.path()).await;
    let answer = client(&http).get("http://./steered").send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.text().await.expect("text"), "");
    let answer = client(&admin).get(url).send().await.expect("an answer");
    let settings: Value = answer.json().await.expect("JSON");
    let settings = settings.as_object().expect("an object").values().next();
    assert_eq!(
        settings,
        Some(&json!({"transient": {}, "persistent": {"preempt": {"status": 418}}}))
    );
}
