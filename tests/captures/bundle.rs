//! The files of a bundle, its name, and what is refused.

use std::io::Write;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::Value;

use crate::support::Service;
use crate::support::process::own_process;
use crate::unpacked::{FILES, Unpacked, have_tar};
use crate::{app, block};

/// Holds 1.91, 19.1, 19.2, 19.3 of docs/admin-api.md.
#[tokio::test]
async fn a_bundle_has_the_answers_of_the_endpoints() {
    own_process!();
    if !have_tar() {
        return;
    }
    let service = Service::start(app()).await;
    let _client = service.connect().await;
    let waiting = service.get("/waits");
    let bundle = async {
        service.wait_for_waiting("waits", 1).await;
        service.set("waits", "limit.active", 7).await;
        Unpacked::get(&service, "").await
    };
    let bundle = tokio::select! {
        _ = waiting => panic!("it waits"),
        bundle = bundle => bundle,
    };
    assert_eq!(bundle.names, FILES);
    assert_eq!(bundle.text("errors.txt"), "");
    let readme = bundle.text("README.txt");
    for name in FILES
        .iter()
        .filter(|name| !matches!(**name, "README.txt" | "errors.txt"))
    {
        assert!(readme.contains(name), "{name} is not in {readme}");
    }
    let json = |name: &str| -> Value { serde_json::from_str(&bundle.text(name)).expect("JSON") };
    assert_eq!(json("about.json")["pid"], std::process::id());
    let line = "tests/captures/main.rs:";
    for name in [
        "tasks.txt",
        "tasks.json",
        "print_stack.txt",
        "stacks.txt",
        "awaits.txt",
    ] {
        let text = bundle.text(name);
        assert!(text.contains(line), "{name}: {text}");
    }
    assert!(bundle.text("profile.folded").contains("pending"));
    assert!(json("profile.json").is_object());
    assert_eq!(bundle.bytes("profile.pb.gz")[..2], [0x1f, 0x8b]);
    assert!(
        bundle
            .text("settings.json")
            .contains(r#""limit.active" : 7"#)
    );
    assert!(bundle.text("audit.txt").contains("settings"));
    assert!(bundle.text("health.txt").starts_with("status"));
    assert!(bundle.text("metrics_end.txt").contains("underscore_"));
    assert!(bundle.text("process/threads.txt").contains("underscore-"));
    assert!(bundle.text("process/limits").contains("Max open files"));
    // As the endpoint writes it, apart from what changes from moment to moment.
    let columns = |text: &str| text.lines().next().map(str::to_owned);
    let routes = service.admin("_cat/routes?v").await;
    assert_eq!(columns(&bundle.text("routes.txt")), columns(&routes.text));
}

/// Holds 19.4, 19.5 of docs/admin-api.md.
#[tokio::test]
async fn it_is_an_attachment_with_a_name() {
    let service = Service::start(app()).await;
    let answer = loop {
        let answer = service.admin("_bundle?seconds=1").await;
        // Another test of this process has its turn.
        if answer.status != 429 {
            break answer;
        }
    };
    assert_eq!(
        (answer.status, &*answer.content_type),
        (200, "application/gzip")
    );
    let disposition = answer.headers["content-disposition"]
        .to_str()
        .expect("text");
    let name = disposition.strip_prefix("attachment; filename=\"");
    let name = name
        .and_then(|name| name.strip_suffix("\""))
        .expect(disposition);
    assert!(name.starts_with("underscore-captures-"), "{name}");
    assert!(
        name.contains(&format!("-{}-20", std::process::id())),
        "{name}"
    );
    assert!(name.ends_with("Z.tar.gz"), "{name}");
    for wrong in ["0", "61", "soon"] {
        let answer = service.admin(&format!("_bundle?seconds={wrong}")).await;
        assert_eq!(answer.status, 400);
    }
}

/// Holds 19.10 of docs/admin-api.md.
#[tokio::test]
async fn words_that_it_does_not_know_are_refused() {
    let service = Service::start(app()).await;
    for (parameters, expected) in [
        ("without=url", "did you mean [uri]?"),
        ("without=uri,cookies", "uri, remote, headers"),
        ("with=headers", "use one of query"),
        ("minutes=1", "unrecognized parameter"),
    ] {
        let answer = service.admin(&format!("_bundle?{parameters}")).await;
        let (_, reason) = answer.error();
        assert_eq!(answer.status, 400, "{reason}");
        assert!(reason.contains(expected), "{reason}");
    }
}

/// Holds 19.7 of docs/admin-api.md.
#[tokio::test]
async fn a_second_one_is_refused_meanwhile_and_made_when_the_first_has_left() {
    own_process!();
    let service = Service::start(app()).await;
    let (long, refused) = loop {
        let long = service.admin_builder(Method::GET, "_bundle?seconds=60");
        let long = tokio::spawn(long.send());
        let answer = service.admin("_bundle?seconds=1").await;
        if answer.status != 200 {
            break (long, answer);
        }
        // It was the first one, and the long one was refused.
        long.abort();
    };
    let (kind, reason) = refused.error();
    assert_eq!((refused.status, &*kind), (429, "limit_reached"));
    assert!(reason.contains("another bundle is in progress"), "{reason}");
    long.abort();
    while service.admin("_bundle?seconds=1").await.status != 200 {}
}

/// Holds 19.7 of docs/admin-api.md.
#[tokio::test]
async fn it_is_made_while_every_worker_is_blocked() {
    own_process!();
    if !have_tar() {
        return;
    }
    let service = Service::start_on_workers(1, app()).await;
    let _client = block(&service, "/blocks").await;
    let blocked = || async {
        let workers = service.admin("_cat/workers?h=state").await.text;
        workers.contains("blocked")
    };
    while !blocked().await {}
    let bundle = Unpacked::get(&service, "").await;
    assert_eq!(bundle.names, FILES);
    let workers = bundle.text("workers.txt");
    assert!(workers.contains("tests/captures/main.rs:"), "{workers}");
}

/// Holds 19.1 of docs/admin-api.md.
#[tokio::test]
async fn its_profile_is_read_by_gzip() {
    own_process!();
    if !have_tar() {
        return;
    }
    let service = Service::start(app()).await;
    let bundle = Unpacked::get(&service, "").await;
    let mut gzip = Command::new("gzip")
        .arg("-t")
        .stdin(Stdio::piped())
        .spawn()
        .expect("gzip runs");
    let mut stdin = gzip.stdin.take().expect("it is piped");
    stdin
        .write_all(&bundle.bytes("profile.pb.gz"))
        .expect("it reads");
    drop(stdin);
    assert!(gzip.wait().expect("it ends").success());
}
