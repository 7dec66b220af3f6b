//! Persistent settings and their file: restarts, crashes, and changes by others.
//!
//! A process has one settings file, so the tests run one after another.

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod layered;
mod loadable;
mod permissions;
mod watched;
mod written;

use std::path::{Path, PathBuf};
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use support::{PATIENCE, Service, narrow_umask};
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

/// A service with a settings file, the only one at a time.
struct Kept {
    service: Service,
    file: PathBuf,
    _directory: TempDir,
    _turn: MutexGuard<'static, ()>,
}

async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    narrow_umask();
    TURN.lock().await
}

impl Kept {
    /// Starts with the file content `text`, or without a file.
    async fn start(text: Option<&str>) -> Self {
        Self::start_with(text, app()).await
    }

    /// `start` with another service.
    async fn start_with(text: Option<&str>, app: Router) -> Self {
        narrow_umask();
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("settings.json");
        if let Some(text) = text {
            std::fs::write(&file, text).expect("written");
        }
        Self::serve(directory, file, app).await
    }

    async fn start_in(directory: TempDir, file: PathBuf) -> Self {
        Self::serve(directory, file, app()).await
    }

    async fn serve(directory: TempDir, file: PathBuf, app: Router) -> Self {
        let turn = turn().await;
        let builder = AdminBuilder::new().settings_file(&file);
        Kept {
            service: Service::start_with(app, &builder).await,
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

    /// Waits until `holds` is true of the response to a GET.
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
        // Reset the settings for the next test, also after a failure.
        let _ = std::fs::write(&self.file, "{}");
    }
}

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).expect("it is there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The id of the only handler of this name.
async fn id_of(service: &Service, name: &str) -> String {
    let id = service.route(name).await["id"].clone();
    id.as_str().expect("an id").to_owned()
}
