//! `persistent` settings and the file that they are kept in: what a restart, a crash and somebody else's hand
//! make of them.
//!
//! The settings of a process are in one file, so that the tests of this binary take turns.

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod loadable;
mod watched;
mod written;

use std::path::{Path, PathBuf};
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use support::{PATIENCE, Service};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use underscore_runtime::{AdminBuilder, underscore_route};

#[underscore_route(name = "steered")]
async fn steered() -> &'static str {
    "answered\n"
}

#[underscore_route(name = "twofold")]
async fn twofold() {}

fn app() -> Router {
    Router::new()
        .route("/steered", get(steered))
        .route("/one", get(twofold))
        .route("/two", get(twofold))
}

/// A service with a settings file. While there is one, no other test has one.
struct Kept {
    service: Service,
    file: PathBuf,
    _directory: TempDir,
    _turn: MutexGuard<'static, ()>,
}

async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

impl Kept {
    /// Starts with a file that says `text`, or with none.
    async fn start(text: Option<&str>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("settings.json");
        if let Some(text) = text {
            std::fs::write(&file, text).expect("written");
        }
        Self::start_in(directory, file).await
    }

    async fn start_in(directory: TempDir, file: PathBuf) -> Self {
        let turn = turn().await;
        let builder = AdminBuilder::new().settings_file(&file);
        Kept {
            service: Service::start_with(app(), &builder).await,
            file,
            _directory: directory,
            _turn: turn,
        }
    }

    fn on_disk(&self) -> Value {
        read(&self.file)
    }

    async fn settings(&self) -> Value {
        self.service
            .admin_json("_routes/settings?flat_settings")
            .await
    }

    /// Waits until `holds` of what `GET path` answers.
    async fn wait_until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.service.admin_json(path).await;
            if holds(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path}: {answer:#}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // The next test starts without settings, whatever became of this one.
        let _ = std::fs::write(&self.file, "{}");
    }
}

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).expect("it is there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The id of the only handler that `name` names.
async fn id_of(service: &Service, name: &str) -> String {
    let id = service.route(name).await["id"].clone();
    id.as_str().expect("an id").to_owned()
}
