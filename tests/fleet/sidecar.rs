//! The sidecar of the manifests, with a real haproxy.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use axum::Router;
use reqwest::{Client, Method, StatusCode};

use crate::fleet;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service, tools};

struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The file of this name in a `ConfigMap`.
fn config(name: &str) -> String {
    let manifest = fs::read_to_string(fleet("deployment.yaml")).expect("it is there");
    let (_, after) = manifest
        .split_once(&format!("  {name}: |\n"))
        .expect("a file");
    let lines = after.lines();
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with("    "));
    let lines = lines.map(|line| line.strip_prefix("    ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

async fn status(client: &Client, method: Method, url: &str) -> Option<StatusCode> {
    Some(client.request(method, url).send().await.ok()?.status())
}

#[tokio::test]
async fn the_sidecar_serves_the_api_to_loopback_and_the_metrics_to_all() {
    own_process!();
    if !tools::have(&["haproxy"], "apt-get install haproxy") {
        return;
    }
    let service = Service::start(Router::new()).await;
    let socket = service.directory.path().join("app.sock");
    let [forwarded, metrics] = [free_port(), free_port()];
    let config = config("haproxy.cfg")
        .replace("127.0.0.1:9000", &format!("127.0.0.1:{forwarded}"))
        .replace(":9100", &format!("127.0.0.1:{metrics}"))
        .replace("/run/admin/app.sock", socket.to_str().expect("it is UTF-8"));
    let file = service.directory.path().join("haproxy.cfg");
    fs::write(&file, config).expect("it is written");
    let proxy = Command::new("haproxy").arg("-f").arg(&file).spawn();
    let _proxy = Proxy(proxy.expect("it starts"));

    let client = Client::new();
    let api = format!("http://localhost:{forwarded}");
    let deadline = Instant::now() + PATIENCE;
    while status(&client, Method::GET, &api).await != Some(StatusCode::OK) {
        assert!(Instant::now() < deadline, "it never answers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let page = client.get(format!("{api}/_live")).send().await;
    assert_eq!(page.expect("it answers").status(), 200);
    let change = format!("{api}/_routes/_all/interrupt?reason=sidecar");
    assert_eq!(
        status(&client, Method::POST, &change).await,
        Some(StatusCode::OK)
    );

    let network = format!("http://127.0.0.1:{metrics}");
    let scraped = client.get(format!("{network}/metrics")).send().await;
    let scraped = scraped
        .expect("it answers")
        .text()
        .await
        .expect("it is text");
    assert!(scraped.contains("underscore_health_status"), "{scraped}");
    for path in [
        "/",
        "/_metrics",
        "/_live",
        "/_cat/tasks",
        "/metrics/../_tasks",
        "/_bundle",
    ] {
        let found = status(&client, Method::GET, &format!("{network}{path}")).await;
        assert_eq!(found, Some(StatusCode::NOT_FOUND), "{path}");
    }
    for path in ["/metrics", "/_routes/_all/interrupt"] {
        let found = status(&client, Method::POST, &format!("{network}{path}")).await;
        assert_eq!(found, Some(StatusCode::NOT_FOUND), "{path}");
    }
}
