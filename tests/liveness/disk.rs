//! The disk of the settings file is full, refuses new files, or does not respond.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::Process;
use super::{client_answers_soon, soon};
use crate::support::sentences::{NOTHING_WAS_CHANGED, USE_TRANSIENT};
use crate::support::{Answer, PATIENCE, narrow_umask};

const OLD: &str = r#"{"steered": {"persistent": {"timeout": "9s"}}}"#;

fn directory() -> TempDir {
    narrow_umask();
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("disk")).expect("made");
    fs::write(directory.path().join("disk/settings.json"), OLD).expect("written");
    directory
}

async fn put(process: &Process, body: Value) -> Answer {
    let request = process.admin.put("http://./_routes/steered/settings");
    Answer::of(request.json(&body).send().await.expect("it answers")).await
}

async fn get(process: &Process, path: &str) -> Value {
    let request = process.admin.get(format!("http://./{path}"));
    let answer = request.send().await.expect("it answers");
    Answer::of(answer).await.ok_json()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it can be listed");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("text"))
        .collect();
    names.sort();
    names
}

/// Asserts that a change is refused with the reason and that nothing has changed.
async fn is_refused(process: &Process, disk: &Path, why: &str) {
    let before = get(process, "_routes/settings").await;
    let left = names(disk);
    let body = json!({"persistent": {"timeout": "1s"}, "transient": {"delay": "1ms"}});
    soon("refusal", async || {
        let refused = put(process, body.clone()).await;
        assert_eq!(refused.status, 500, "{refused:?}");
        let (kind, reason) = refused.error();
        assert_eq!(kind, "settings_file_exception");
        for part in [
            "disk/settings.json",
            why,
            NOTHING_WAS_CHANGED,
            USE_TRANSIENT,
        ] {
            assert!(reason.contains(part), "{part} in {reason}");
        }
    })
    .await;
    assert_eq!(get(process, "_routes/settings").await, before);
    let text = fs::read_to_string(disk.join("settings.json")).expect("it is there");
    assert_eq!(text, OLD);
    assert_eq!(names(disk), left, "something is left behind");
    client_answers_soon(&process.admin).await;
    // A transient change needs no disk.
    let transient = put(process, json!({"transient": {"delay": "1ms"}})).await;
    assert_eq!(transient.status, 200, "{transient:?}");
}

#[tokio::test]
async fn it_answers_and_changes_nothing_when_the_disk_is_full() {
    let directory = directory();
    // A disk of 64 KiB, filled up.
    let before = format!(
        "cd '{}' && mount -t tmpfs -o size=64k tmpfs disk && printf '%s' '{OLD}' > disk/settings.json
         dd if=/dev/zero of=disk/filler bs=1k 2> /dev/null",
        directory.path().display()
    );
    let Some(process) = Process::start_with_mounts("settings", &directory, &before) else {
        println!("skipped: this system lets nobody mount anything");
        return;
    };
    let disk = process.path(&directory.path().join("disk"));
    is_refused(&process, &disk, "No space left on device").await;
    fs::remove_file(disk.join("filler")).expect("removed");
    let answer = put(&process, json!({"persistent": {"timeout": "1s"}})).await;
    assert_eq!(answer.status, 200, "there is room again: {answer:?}");
    assert_eq!(names(&disk), ["settings.json"]);
}

#[tokio::test]
async fn it_answers_and_changes_nothing_when_files_cannot_be_written() {
    let directory = directory();
    let before = "trap '' XFSZ; ulimit -f 0";
    let process = Process::start("settings", &directory, before);
    is_refused(&process, &directory.path().join("disk"), "File too large").await;
}

#[tokio::test]
async fn it_answers_when_a_pipe_is_in_the_place_of_the_settings_file() {
    let directory = directory();
    let file = directory.path().join("disk/settings.json");
    let process = Process::start("settings", &directory, "");
    let before = get(&process, "_routes/settings").await;
    fs::remove_file(&file).expect("removed");
    let made = Command::new("mkfifo").arg(&file).status();
    assert!(made.expect("it runs").success());
    wait_for_error(&process, |error| error.contains("not a file")).await;
    soon("refusal", async || {
        let refused = put(&process, json!({"persistent": {"timeout": "1s"}})).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(refused.error().1.contains("not a file"), "{refused:?}");
    })
    .await;
    client_answers_soon(&process.admin).await;
    assert_eq!(get(&process, "_routes/settings").await, before);
    fs::remove_file(&file).expect("removed");
    fs::write(&file, OLD).expect("written");
    wait_for_error(&process, str::is_empty).await;
    let answer = put(&process, json!({"persistent": {"timeout": "1s"}})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Waits for this error about the settings file.
async fn wait_for_error(process: &Process, is_it: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let about = get(process, "").await;
        let error = &about["settings_file"]["error"];
        if is_it(error.as_str().unwrap_or_default()) {
            return;
        }
        assert!(Instant::now() < deadline, "{about:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
