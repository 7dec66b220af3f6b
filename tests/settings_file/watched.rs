//! Changes of the file by others while the service runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use super::Kept;
use crate::support::narrow_umask;

const AUDIT: &str = "_cat/audit?format=json&h=action,target,before,after,reason";

/// Updates files as Kubernetes does for a `ConfigMap`: the file is a link through a link to a
/// directory, and the latter link is replaced atomically.
fn mount(volume: &Path, version: &str, text: &str) {
    narrow_umask();
    let directory = volume.join(version);
    fs::create_dir(&directory).expect("made");
    fs::write(directory.join("settings.json"), text).expect("written");
    symlink(version, volume.join("..data_tmp")).expect("linked");
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).expect("swapped");
    let _ = symlink("..data/settings.json", volume.join("settings.json"));
}

fn preempt(status: u16) -> String {
    json!({"steered": {"persistent": {"preempt": {"status": status}}}}).to_string()
}

async fn error(kept: &Kept, wanted: impl Fn(&Value) -> bool) -> Value {
    let about = kept
        .wait_until("", |about| wanted(&about["settings_file"]["error"]))
        .await;
    about["settings_file"]["error"].clone()
}

async fn newest(kept: &Kept) -> Value {
    let rows = kept.service.admin_json(AUDIT).await;
    let rows = rows.as_array().expect("a table");
    let of_file = rows.iter().find(|row| row["action"] == "file");
    of_file.expect("a record of the file").clone()
}

/// Holds 4.60 of docs/admin-api.md.
#[tokio::test]
async fn a_replaced_config_map_is_applied_and_an_invalid_one_is_reported() {
    narrow_umask();
    let volume = tempfile::tempdir().expect("a directory");
    mount(volume.path(), "..1", &preempt(501));
    let file = volume.path().join("settings.json");
    let kept = Kept::start_in(volume, file).await;
    let volume = kept.file.parent().expect("it has one").to_owned();
    assert_eq!(kept.service.get("/steered").await.status, 501);

    mount(&volume, "..2", &preempt(502));
    let status = |status: u16| {
        move |settings: &Value| {
            let mut routes = settings.as_object().expect("routes").values();
            routes.any(|route| route["persistent"]["preempt.status"] == status)
        }
    };
    let all = "_routes/settings?flat_settings";
    kept.wait_until(all, status(502)).await;
    assert_eq!(kept.service.get("/steered").await.status, 502);
    let record = newest(&kept).await;
    assert_eq!(record["target"], kept.file.display().to_string());
    assert_eq!(record["before"], preempt(501));
    assert_eq!(record["after"], preempt(502));
    assert_eq!(record["reason"], Value::Null);

    mount(&volume, "..3", &preempt(999));
    let told = error(&kept, Value::is_string).await;
    let told = told.as_str().expect("a string");
    assert!(
        told.contains("[persistent.preempt.status] must be"),
        "{told}"
    );
    assert_eq!(newest(&kept).await["reason"], told);
    assert_eq!(
        kept.service.get("/steered").await.status,
        502,
        "the last good one stays"
    );

    mount(&volume, "..4", &preempt(503));
    error(&kept, Value::is_null).await;
    kept.wait_until(all, status(503)).await;
    assert_eq!(kept.service.get("/steered").await.status, 503);
    // The link stays.
    assert!(kept.file.is_symlink() && volume.join("..data").is_symlink());
}

/// Holds 4.61 of docs/admin-api.md.
#[tokio::test]
async fn a_removed_file_keeps_its_settings_and_is_created_by_the_next_change() {
    let kept = Kept::start(Some(&preempt(501))).await;
    fs::remove_file(&kept.file).expect("removed");
    let told = error(&kept, Value::is_string).await;
    assert!(told.as_str().expect("a string").contains("it is missing"));
    assert_eq!(kept.service.get("/steered").await.status, 501);
    let body = json!({"persistent": {"delay": "1ms"}});
    let path = "_routes/steered/settings";
    kept.service.put(path, body).await.ok_json();
    assert_eq!(
        kept.on_disk(),
        json!({"steered": {"persistent": {"delay": "1ms", "preempt": {"status": 501}}}})
    );
    error(&kept, Value::is_null).await;
}

#[tokio::test]
async fn a_change_over_the_api_builds_on_an_edit_just_before() {
    let kept = Kept::start(Some("{}")).await;
    fs::write(&kept.file, preempt(501)).expect("written");
    let body = json!({"persistent": {"preempt.text": "both"}});
    let path = "_routes/steered/settings";
    kept.service.put(path, body).await.ok_json();
    let preempted = kept.service.get("/steered").await;
    assert_eq!((preempted.status, &*preempted.text), (501, "both"));
}

#[tokio::test]
async fn an_identical_file_is_not_a_change() {
    let kept = Kept::start(Some(&preempt(501))).await;
    fs::write(&kept.file, "{").expect("written");
    error(&kept, Value::is_string).await;
    let before = newest(&kept).await;
    fs::write(&kept.file, preempt(501)).expect("written");
    error(&kept, Value::is_null).await;
    assert_eq!(newest(&kept).await, before);
}

#[tokio::test]
async fn a_restored_file_applies_again_and_can_be_changed() {
    let kept = Kept::start(Some(&preempt(501))).await;
    let aside = kept.file.with_extension("aside");
    fs::rename(&kept.file, &aside).expect("moved away");
    error(&kept, Value::is_string).await;
    fs::rename(&aside, &kept.file).expect("moved back");
    error(&kept, Value::is_null).await;
    let body = json!({"persistent": {"delay": "1ms"}});
    let path = "_routes/steered/settings";
    kept.service.put(path, body).await.ok_json();
}

/// Holds 4.64 of docs/admin-api.md.
#[tokio::test]
async fn a_dry_run_is_refused_exactly_if_the_change_is() {
    let kept = Kept::start(Some(&preempt(501))).await;
    fs::remove_file(&kept.file).expect("removed");
    error(&kept, Value::is_string).await;
    let body = json!({"persistent": {"delay": "1ms"}});
    let path = "_routes/steered/settings";
    let dry = kept
        .service
        .put(&format!("{path}?dry_run"), body.clone())
        .await;
    assert_eq!(dry.status, 200, "{dry:?}");
    kept.service.put(path, body).await.ok_json();
}
