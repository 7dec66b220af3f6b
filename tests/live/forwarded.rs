//! The sidecar of docs/live.md, with a real socat.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use axum::Router;

use crate::support::Service;
use crate::support::process::own_process;
use crate::support::tools;

const PAGE: &str = include_str!("../../underscore-runtime/docs/live.md");

struct Sidecar(Child);

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The arguments of the container with socat.
fn arguments() -> Vec<&'static str> {
    let (_, after) = PAGE.split_once("    args:\n").expect("a manifest");
    let arguments = after
        .lines()
        .map_while(|line| line.trim().strip_prefix("- "));
    arguments.collect()
}

#[tokio::test]
async fn the_sidecar_of_the_docs_forwards_a_port_to_the_page() {
    own_process!();
    if !tools::have(&["socat"], "apt-get install socat") {
        return;
    }
    let service = Service::start(Router::new()).await;
    let socket = service.directory.path().join("app.sock");
    let socket = socket.to_str().expect("it is UTF-8");
    let arguments = arguments();
    assert_eq!(arguments.len(), 2, "{arguments:?}");
    let arguments = arguments
        .iter()
        // A free port.
        .map(|argument| argument.replace("TCP-LISTEN:9000", "TCP-LISTEN:0"))
        .map(|argument| argument.replace("/run/admin/app.sock", socket));
    let mut sidecar = Command::new("socat")
        // Prints the port.
        .args(["-d", "-d"])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .map(Sidecar)
        .expect("socat starts");
    let log = sidecar.0.stderr.take().expect("it is piped");
    let listens = |line: &String| line.contains("listening on");
    let line = BufReader::new(log)
        .lines()
        .map_while(Result::ok)
        .find(listens);
    let line = line.expect("it listens");
    let (_, port) = line.rsplit_once(':').expect("a port");
    let page = reqwest::get(format!("http://localhost:{port}/_live")).await;
    let page = page.expect("it answers").text().await.expect("it is text");
    assert!(page.starts_with("<!doctype html>"), "{page}");
    let url = format!("http://localhost:{port}/_routes/_all/interrupt?reason=forwarded");
    let change = reqwest::Client::new().post(url).send().await;
    assert_eq!(change.expect("it answers").status(), 200);
    let audit = service.admin("_cat/audit?h=process,reason").await.text;
    assert!(audit.contains("socat forwarded"), "{audit}");
}
