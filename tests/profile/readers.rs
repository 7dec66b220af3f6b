//! Programs that read a profile, independent of its writer.

use std::process::Command;

use reqwest::Method;

use crate::ALONE;
use crate::load::{Load, app};
use crate::support::{Service, tools};
use crate::weights::folded;

/// Holds 11.6 of docs/admin-api.md.
#[tokio::test]
async fn inferno_reads_folded_stacks() {
    let _alone = ALONE.lock().await;
    let service = Service::start(app()).await;
    let mut load = Load::new();
    load.keep(&service, "/hostile", 1);
    load.keep(&service, "/branches", 1);
    service.wait_for_waiting("profile.hostile", 1).await;
    let answer = service.admin("_profile?seconds=1").await;
    let (_, stacks) = folded(&answer.text);
    let mut svg = Vec::new();
    let mut options = inferno::flamegraph::Options::default();
    inferno::flamegraph::from_lines(&mut options, answer.text.lines(), &mut svg)
        .expect("it reads them");
    let svg = String::from_utf8(svg).expect("text");
    let all: u32 = stacks.iter().map(|(_, weight)| weight).sum();
    assert!(
        svg.contains(&format!("total_samples=\"{all}\"")),
        "the first line is skipped"
    );
    assert!(svg.contains("<title>GET /hostile ("));
}

/// Holds 11.8 of docs/admin-api.md.
#[tokio::test]
async fn go_tool_pprof_reads_a_profile() {
    let _alone = ALONE.lock().await;
    let service = Service::start(app()).await;
    let mut load = Load::new();
    load.keep(&service, "/hostile", 1);
    load.keep(&service, "/branches", 2);
    service.wait_for_waiting("profile.hostile", 1).await;
    service
        .wait_for("profile.branches", "stats.req.active", 2)
        .await;
    let request = service.admin_builder(Method::GET, "_profile?seconds=1&format=pprof");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    let disposition = "attachment; filename=\"profile.pb.gz\"";
    assert_eq!(answer.headers()["content-disposition"], disposition);
    let bytes = answer.bytes().await.expect("a body");
    let file = service.directory.path().join("profile.pb.gz");
    std::fs::write(&file, &bytes).expect("written");

    if !tools::have(&["go"], "apt-get install golang-go") {
        return;
    }
    let pprof = |arguments: &[&str]| {
        let read = Command::new("go")
            .args(["tool", "pprof"])
            .args(arguments)
            .arg(&file)
            .env("HOME", service.directory.path())
            .output()
            .expect("it runs");
        assert!(read.status.success(), "{read:?}");
        String::from_utf8(read.stdout).expect("text")
    };
    let top = pprof(&["-top", "-cum"]);
    assert!(top.contains("Type: request_time"), "{top}");
    assert!(top.contains("GET /branches"), "{top}");
    assert!(
        top.contains("profile::load::branches tests/profile/load.rs:"),
        "{top}"
    );
    let focused = pprof(&[
        "-top",
        "-sample_index=samples",
        "-tagfocus=route=GET /hostile",
    ]);
    assert!(focused.contains("alert(1)"), "{focused}");
    assert!(!focused.contains("GET /branches"), "{focused}");
    let comments = pprof(&["-comments"]);
    assert!(comments.contains(" passes, "), "{comments}");
}
