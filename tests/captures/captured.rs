//! What the service writes when its health turns red, and how it is listed and sent.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use axum::http::header::CONTENT_DISPOSITION;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::support::Service;
use crate::support::process::own_process;
use crate::support::sentences::did_you_mean;
use crate::unpacked::{FILES, Unpacked, have_tar};
use crate::{
    BLOCKING, app, block, capturing, events, is_one_complete, start, wait_for_captures,
    wait_for_red,
};

/// Holds 1.92, 1.93, 16.3, 19.11 of docs/admin-api.md.
#[tokio::test]
async fn a_blocked_service_is_captured() {
    own_process!();
    if !have_tar() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let service = start(capturing(directory.path())).await;
    let _client = block(&service, "/blocks?token=secret").await;
    let rows = wait_for_captures(&service, is_one_complete).await;
    let row = &rows[0];
    assert_eq!(row["cause"], "all workers blocked");
    assert_eq!(row["pid"], std::process::id());
    let name = row["name"].as_str().expect("a name");
    assert!(name.ends_with("Z-all_workers_blocked.tar.gz"), "{name}");

    let path = directory.path().join(name);
    let metadata = fs::metadata(&path).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(row["size"], metadata.len());
    let files = fs::read_dir(directory.path()).expect("it is read");
    assert_eq!(
        files.count(),
        1,
        "neither a first nor a temporary file is left"
    );

    let sent = service.admin_builder(Method::GET, &format!("_captures/{name}"));
    let sent = sent.send().await.expect("the admin API answers");
    assert_eq!(sent.status(), 200);
    let disposition = sent.headers()[CONTENT_DISPOSITION].to_str().expect("text");
    assert_eq!(disposition, format!("attachment; filename=\"{name}\""));
    let sent = sent.bytes().await.expect("a body");
    assert_eq!(sent, fs::read(&path).expect("it is read"));

    let bundle = Unpacked::of_bytes(&sent);
    assert_eq!(bundle.names, FILES);
    assert_eq!(bundle.text("errors.txt"), "");
    let readme = bundle.text("README.txt");
    assert!(readme.contains("all workers blocked /blocks: "), "{readme}");
    for name in ["health.txt", "workers.txt"] {
        let text = bundle.text(name);
        assert!(text.contains("tests/captures/main.rs:"), "{name}: {text}");
    }
    assert!(bundle.text("tasks.txt").contains(" /blocks "));
    for hidden in ["secret", "header-7"] {
        assert_eq!(bundle.containing(hidden), [""; 0]);
    }

    let events = events(&service).await;
    let complete = events.iter().map(|event| &event["complete"]);
    assert_eq!(complete.collect::<Vec<_>>(), [false, true], "{events:#?}");
    assert_eq!(events[1]["name"], name);
    assert_eq!(events[1]["cause"], "all workers blocked");
}

/// Holds 19.12 of docs/admin-api.md.
#[tokio::test]
async fn the_same_cause_is_captured_once() {
    own_process!();
    let directory = tempfile::tempdir().expect("a directory");
    let service = start(capturing(directory.path())).await;
    let _first = block(&service, "/blocks").await;
    wait_for_captures(&service, is_one_complete).await;
    BLOCKING.open();
    service.wait_for_ends("blocks", &[("completed", 1)]).await;
    let _second = block(&service, "/blocks/again").await;
    // Red for two seconds, so that the background thread has looked.
    wait_for_red(&service, 4.5).await;
    wait_for_captures(&service, is_one_complete).await;
    assert_eq!(events(&service).await.len(), 2);
}

/// Holds 19.14 of docs/admin-api.md.
#[tokio::test]
async fn no_name_leads_out_of_the_directory() {
    own_process!();
    let parent = tempfile::tempdir().expect("a directory");
    let directory = parent.path().join("captures");
    let service = Service::start_with(app(), &capturing(&directory)).await;
    let old = "underscore-shop-7-20261123T031426.935Z-deadlock.tar.gz";
    fs::write(directory.join(old), "of another process").expect("written");
    for (path, content) in [
        (parent.path().join("secret"), "secret"),
        (parent.path().join(old), "secret"),
        (directory.join("notes.txt"), "secret"),
    ] {
        fs::write(path, content).expect("written");
    }
    let listed = service
        .admin("_cat/captures?h=name,time,cause,size,pid,complete")
        .await;
    assert_eq!(
        listed.text.split_whitespace().collect::<Vec<_>>(),
        [old, "1795403666935", "deadlock", "18b", "7", "true"]
    );
    assert_eq!(
        service.admin(&format!("_captures/{old}")).await.text,
        "of another process"
    );
    for name in [
        "%2e%2e%2fsecret",
        "..%2Fsecret",
        "notes.txt",
        &format!("..%2f{old}"),
        &format!(".%2f{old}"),
        &format!(
            "{}%2Fsecret",
            parent.path().display().to_string().replace('/', "%2F")
        ),
        "a%00b",
    ] {
        let answer = service.admin(&format!("_captures/{name}")).await;
        assert_eq!(answer.status, 404, "{name}: {}", answer.text);
        assert!(
            !answer.text.contains("\"secret\""),
            "{name}: {}",
            answer.text
        );
    }
    // As clients write it that do not resolve the dots themselves.
    for path in ["/_captures/../secret", "/_captures/%2e%2e", "/_captures/.."] {
        let answer = ask(&service, path).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    let typo = old.replace("shop", "sohp");
    let (_, reason) = service.admin(&format!("_captures/{typo}")).await.error();
    let expected = did_you_mean!("underscore-shop-7-20261123T031426.935Z-deadlock.tar.gz");
    assert!(reason.contains(expected), "{reason}");
}

/// Sends a request with this path as it is.
async fn ask(service: &Service, path: &str) -> String {
    let socket = service.directory.path().join("app.sock");
    let mut client = UnixStream::connect(socket).await.expect("it listens");
    let head = format!("GET {path} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    answer
}

/// Holds 1.92, 1.93 of docs/admin-api.md.
#[tokio::test]
async fn without_a_directory_there_are_none() {
    own_process!();
    let service = Service::start(app()).await;
    assert_eq!(service.admin("_cat/captures").await.text, "");
    let answer = service.admin("_captures/any").await;
    let (_, reason) = answer.error();
    assert_eq!(answer.status, 404);
    assert!(reason.contains("AdminBuilder::capture_to"), "{reason}");
}
