//! Changes through the admin API: the content of the file, and errors if it cannot be written.

use std::io::ErrorKind;

use axum::body::Body;
use axum::http::Request;
use reqwest::Method;
use serde_json::json;
use tower::ServiceExt;
use underscore_runtime::{AdminBuilder, admin_router};

use super::{Kept, app, id_of, turn};
use crate::support::sentences::{NOTHING_WAS_CHANGED, did_you_mean};
use crate::support::{PATIENCE, Service, narrow_umask};

const STEERED: &str = "_routes/steered/settings";

/// Holds 4.52 of docs/admin-api.md.
#[tokio::test]
async fn a_persistent_setting_is_written_and_applied_before_the_answer() {
    let kept = Kept::start(None).await;
    let id = id_of(&kept.service, "steered").await;
    let body = json!({"persistent": {"preempt": {"status": 418}, "timeout": "9s"}});
    let answer = kept.service.put(STEERED, body).await.ok_json();
    let section = json!({"preempt": {"status": 418}, "timeout": "9s"});
    assert_eq!(
        answer,
        json!({id: {"transient": {}, "persistent": section}})
    );
    assert_eq!(
        kept.on_disk(),
        json!({"settings_file::steered": {"persistent": section}})
    );
    assert_eq!(kept.service.get("/steered").await.status, 418);

    let body = json!({"persistent": {"preempt": null}});
    kept.service.put(STEERED, body).await.ok_json();
    assert_eq!(
        kept.on_disk(),
        json!({"settings_file::steered": {"persistent": {"timeout": "9s"}}}),
        "what is not mentioned stays"
    );
    assert_eq!(kept.service.get("/steered").await.status, 200);
    let body = json!({"persistent": null});
    kept.service.put(STEERED, body).await.ok_json();
    assert_eq!(kept.on_disk(), json!({}));
}

/// Holds 4.53, 4.54 of docs/admin-api.md.
#[tokio::test]
async fn transient_overrides_persistent_which_overrides_the_default() {
    let kept = Kept::start(None).await;
    let body = json!({
        "persistent": {"preempt.status": 500, "preempt.text": "p"},
        "transient": {"preempt.status": 501},
        "expires_in": "1h"
    });
    let answer = kept.service.put(STEERED, body).await.ok_json();
    let id = id_of(&kept.service, "steered").await;
    assert_eq!(
        answer[&id]["transient"],
        json!({"preempt": {"status": 501}})
    );
    let preempted = kept.service.get("/steered").await;
    assert_eq!((preempted.status, &*preempted.text), (501, "p"));
    let defaults = kept
        .service
        .admin_json(&format!("{STEERED}?include_defaults&flat_settings"))
        .await;
    let defaults = defaults[&id]["defaults"]
        .as_object()
        .expect("an object")
        .clone();
    assert!(!defaults.contains_key("preempt.status") && !defaults.contains_key("preempt.text"));
    assert!(defaults.contains_key("preempt.ratio"));

    let body = json!({"transient": null});
    kept.service.put(STEERED, body).await.ok_json();
    assert_eq!(kept.service.get("/steered").await.status, 500);
    // Only transient settings expire.
    let body = json!({"persistent": {"timeout": "1s"}, "expires_in": "1h"});
    let refused = kept.service.put(STEERED, body).await;
    assert_eq!(refused.status, 400);
    assert!(refused.error().1.contains("[expires_in]"), "{refused:?}");
}

#[tokio::test]
async fn a_mount_has_its_own_settings_before_its_first_request() {
    let kept = Kept::start(None).await;
    for path in ["/one", "/two"] {
        kept.service.get(path).await;
    }
    let rows = kept
        .service
        .admin_json("_cat/routes/twofold?format=json")
        .await;
    let two = rows[1]["id"].as_str().expect("an id").to_owned();
    let body = json!({"persistent": {"preempt.status": 410}});
    kept.service
        .put(&format!("_routes/{two}/settings"), body)
        .await
        .ok_json();
    let statuses = [
        kept.service.get("/one").await.status,
        kept.service.get("/two").await.status,
    ];
    assert_eq!(statuses, [200, 410]);
    assert_eq!(
        kept.on_disk(),
        json!({two.as_str(): {"persistent": {"preempt": {"status": 410}}}})
    );
    // A pattern over all mounts clears the settings of each mount.
    let body = json!({"persistent": {"preempt.status": 411}});
    kept.service
        .put("_routes/twofol*/settings", body)
        .await
        .ok_json();
    assert_eq!(
        kept.on_disk(),
        json!({"settings_file::twofold": {"persistent": {"preempt": {"status": 411}}}})
    );
}

/// Holds 4.57 of docs/admin-api.md.
#[tokio::test]
async fn routes_that_this_build_does_not_have_are_kept_and_shown() {
    let gone = json!({"persistent": {"a setting of another build": [1, null], "timeout": "1s"}});
    let text = json!({"gone::handler": gone, "0badc0de": {"persistent": {"timeout": "2s"}}});
    let kept = Kept::start(Some(&text.to_string())).await;
    let shown = kept.settings().await;
    assert_eq!(shown["gone::handler"]["persistent"], gone["persistent"]);
    assert_eq!(shown["gone::handler"]["unknown"], true);
    assert_eq!(shown["0badc0de"]["unknown"], true);

    let body = json!({"persistent": {"timeout": "3s"}});
    kept.service.put(STEERED, body).await.ok_json();
    let on_disk = kept.on_disk();
    assert_eq!(on_disk["gone::handler"], gone);
    assert_eq!(on_disk["0badc0de"], text["0badc0de"]);
    assert_eq!(
        on_disk["settings_file::steered"]["persistent"]["timeout"],
        "3s"
    );
}

#[tokio::test]
async fn the_name_of_a_route_in_the_file_is_kept() {
    let text = json!({"steered": {"persistent": {"timeout": "1s"}}});
    let kept = Kept::start(Some(&text.to_string())).await;
    let body = json!({"persistent": {"delay": "1ms"}});
    kept.service.put(STEERED, body).await.ok_json();
    assert_eq!(
        kept.on_disk(),
        json!({"steered": {"persistent": {"delay": "1ms", "timeout": "1s"}}})
    );
}

/// Holds 4.58 of docs/admin-api.md.
#[tokio::test]
async fn a_file_that_cannot_be_written_changes_nothing() {
    let kept = Kept::start(None).await;
    // Not by the directory's mode, which does not apply to root.
    let directory = kept.file.parent().expect("it has one");
    std::fs::remove_dir_all(directory).expect("removed");
    let before = kept.settings().await;
    let body = json!({"persistent": {"timeout": "1s"}, "transient": {"delay": "1ms"}});
    let refused = kept.service.put(STEERED, body).await;
    assert_eq!(refused.status, 500);
    let (kind, reason) = refused.error();
    assert_eq!(kind, "settings_file_exception");
    assert!(reason.contains(NOTHING_WAS_CHANGED), "{reason}");
    assert_eq!(kept.settings().await, before);
    assert!(!kept.file.exists());
    let audit = kept
        .service
        .admin_json("_cat/audit?format=json&h=action,status&size=1")
        .await;
    assert_eq!(audit, json!([{"action": "settings", "status": 500}]));
}

/// Holds 4.58 of docs/admin-api.md.
#[tokio::test]
async fn a_broken_file_is_not_overwritten() {
    let kept = Kept::start(Some("{}")).await;
    std::fs::write(&kept.file, "{ half").expect("written");
    let body = json!({"persistent": {"timeout": "1s"}, "transient": {"delay": "1ms"}});
    let before = kept.settings().await;
    for dry_run in ["", "?dry_run"] {
        let refused = kept
            .service
            .put(&format!("{STEERED}{dry_run}"), body.clone())
            .await;
        assert_eq!(refused.status, 409);
        assert!(refused.error().1.contains("not JSON"), "{refused:?}");
    }
    assert_eq!(kept.settings().await, before);
    let text = std::fs::read_to_string(&kept.file).expect("it is there");
    assert_eq!(text, "{ half");
}

/// Holds 4.59 of docs/admin-api.md.
#[tokio::test]
async fn an_invalid_file_keeps_the_service_from_starting_and_is_left_unchanged() {
    let _turn = turn().await;
    let directory = tempfile::tempdir().expect("a directory");
    let (file, socket) = (
        directory.path().join("settings.json"),
        directory.path().join("app.sock"),
    );
    for (text, why) in [
        ("", "the file is empty"),
        (r#"{"settings_file::steered": {"persi"#, "line 1 column 34"),
        (r#"{"listen": "0.0.0.0:80"}"#, "[listen] must be an object"),
        (
            r#"{"steered": {"persistent": {"timeuot": "1s"}}}"#,
            did_you_mean!("timeout"),
        ),
        (
            r#"{"steered": {"persistent": {"timeout": 1}}}"#,
            "in [steered]: setting [persistent.timeout] must be",
        ),
        (
            r#"{"steered": {"persistent": {}}, "settings_file::steered": {"persistent": {}}}"#,
            "are one route",
        ),
    ] {
        std::fs::write(&file, text).expect("written");
        let error = AdminBuilder::new()
            .settings_file(&file)
            .serve(&socket)
            .expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        let said = error.to_string();
        assert!(said.contains(why), "{text}: {said}");
        assert!(said.contains(&file.display().to_string()), "{said}");
        assert!(said.contains("move it away"), "{said}");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), text);
        assert!(!socket.exists(), "nothing is served");
    }
    let nowhere = directory.path().join("nowhere/settings.json");
    let error = AdminBuilder::new().settings_file(&nowhere).serve(&socket);
    let error = error.expect_err("no directory");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("create it"), "{error}");
}

#[tokio::test]
async fn a_second_server_of_the_process_has_the_same_file_or_none() {
    let kept = Kept::start(None).await;
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("other.sock");
    let other = directory.path().join("other.json");
    let error = AdminBuilder::new().settings_file(&other).serve(&socket);
    let error = error.expect_err("another file");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(!socket.exists());
    let same = AdminBuilder::new().settings_file(&kept.file).serve(&socket);
    same.expect("the same file").shutdown_blocking();
    let body = json!({"persistent": {"timeout": "1s"}});
    kept.service.put(STEERED, body).await.ok_json();
}

/// Holds 4.52 of docs/admin-api.md.
#[tokio::test]
async fn without_a_file_persistent_settings_are_refused_with_the_cure() {
    let _turn = turn().await;
    let service = Service::start(app()).await;
    let body = json!({"persistent": {"timeout": "1s"}});
    let refused = service.put(STEERED, body).await;
    assert_eq!(refused.status, 400);
    let (kind, reason) = refused.error();
    assert_eq!(kind, "illegal_argument_exception");
    assert!(reason.contains("AdminBuilder::settings_file"), "{reason}");
    let about = service.admin_request(Method::GET, "", None).await.ok_json();
    assert_eq!(about.get("settings_file"), None);
}

#[tokio::test]
async fn a_dangling_link_leads_to_the_new_file() {
    narrow_umask();
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("state/settings.json");
    std::fs::create_dir(directory.path().join("state")).expect("made");
    let link = directory.path().join("settings.json");
    std::os::unix::fs::symlink("state/settings.json", &link).expect("linked");
    let kept = Kept::start_in(directory, link.clone()).await;
    let body = json!({"persistent": {"timeout": "1s"}});
    kept.service.put(STEERED, body).await.ok_json();
    assert!(link.is_symlink() && target.is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starting_server_and_a_change_do_not_deadlock() {
    let _turn = turn().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("settings.json");
    // Threads of their own, so that a deadlock does not block the test.
    let (started, all_started) = tokio::sync::oneshot::channel();
    let starting = std::thread::spawn(move || {
        for _ in 0..50 {
            let builder = AdminBuilder::new().settings_file(&file);
            let admin = builder.serve(directory.path().join("app.sock"));
            admin.expect("it is served").shutdown_blocking();
        }
        let _ = started.send(());
    });
    std::thread::spawn({
        let runtime = tokio::runtime::Handle::current();
        move || {
            while !starting.is_finished() {
                let request = Request::put("/_routes/steered/settings");
                let request = request.body(Body::from(r#"{"transient":{"delay":null}}"#));
                let answer = admin_router().oneshot(request.expect("a request"));
                let answer = runtime.block_on(answer).expect("it is answered");
                assert_eq!(answer.status(), 200);
            }
        }
    });
    let started = tokio::time::timeout(PATIENCE, all_started).await;
    started
        .expect("they do not wait")
        .expect("all of them start");
}

/// Settings of a mount from the file are shown and reset, though it had no request since the start.
#[tokio::test]
async fn settings_of_a_mount_without_requests_are_shown_and_can_be_reset() {
    let kept = Kept::start(None).await;
    let id = id_of_handler(&kept, "twofold").await;
    let name = format!("{id}-0123");
    let text = json!({name.as_str(): {"persistent": {"timeout": "9s"}}});
    std::fs::write(&kept.file, text.to_string()).expect("written");
    let shown = kept
        .wait_until("_routes/settings", |settings| settings.get(&name).is_some())
        .await;
    assert_eq!(
        shown[&name],
        json!({"persistent": {"timeout": "9s"}, "unmounted": true})
    );
    let body = json!({"persistent": null});
    kept.service
        .put("_routes/_all/settings", body)
        .await
        .ok_json();
    assert_eq!(kept.on_disk(), json!({}));
    assert_eq!(kept.settings().await.get(&name), None);
}

/// The common prefix of all ids of a handler.
async fn id_of_handler(kept: &Kept, name: &str) -> String {
    let rows = kept
        .service
        .admin_json(&format!("_cat/routes/{name}?format=json"))
        .await;
    let id = rows[0]["id"].as_str().expect("an id");
    id.split('-').next().unwrap_or(id).to_owned()
}
