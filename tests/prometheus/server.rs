//! Prometheus as a child process, with its data in a temporary directory and on a free port.

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::PATIENCE;
use crate::support::example::Example;
use crate::tools::fleet;

/// A running Prometheus, killed on drop.
pub(crate) struct Prometheus {
    process: Child,
    base: String,
    client: Client,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts one that scrapes these targets twice a second, each as `OpenMetrics` and as
    /// text, and evaluates the alert rules every second.
    pub(crate) fn start(targets: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let config = directory.path().join("prometheus.yml");
        let rules = fleet().join("alerts.yml");
        fs::write(
            &config,
            configuration(targets, &rules.display().to_string()),
        )
        .expect("it can be written");
        let flag = |name: &str, value: &str| format!("--{name}={value}");
        let data = directory.path().join("data");
        let mut process = Command::new("prometheus")
            .arg(flag("config.file", &config.display().to_string()))
            .arg(flag("storage.tsdb.path", &data.display().to_string()))
            .arg(flag("web.listen-address", "127.0.0.1:0"))
            .arg(flag("enable-feature", "exemplar-storage"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut log = BufReader::new(process.stderr.take().expect("it is piped"));
        let address = log
            .by_ref()
            .lines()
            .map(|line| line.expect("it is text"))
            .find_map(|line| {
                let (_, address) = line.split_once("msg=\"Listening on\" address=")?;
                Some(address.to_owned())
            });
        // It must not block on a full pipe.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Prometheus {
            process,
            base: format!("http://{}", address.expect("it listens")),
            client: Example::client(),
            _directory: directory,
        }
    }

    /// The answer of an endpoint of its API, once it is ready.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let url = format!("{}/api/v1/{path}", self.base);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let response = self.client.get(&url).send().await.expect("it answers");
            if response.status() != 503 {
                let answer: Value = response.json().await.expect("it is JSON");
                assert_eq!(answer["status"], "success", "{url}: {answer}");
                return answer["data"].clone();
            }
            assert!(Instant::now() < deadline, "{url}: it is never ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The value of a query for one number, `None` if there is none.
    pub(crate) async fn number(&self, query: &str) -> Option<f64> {
        let data = self.get(&format!("query?query={}", encoded(query))).await;
        let results = data["result"].as_array().expect("it has results");
        assert!(results.len() <= 1, "{query}: {data}");
        let value = results.first()?["value"][1].as_str().expect("a value");
        Some(value.parse().expect("a number"))
    }

    /// Waits until the query has this value.
    pub(crate) async fn wait_for(&self, query: &str, expected: f64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.number(query).await;
            if seen.is_some_and(|seen| (seen - expected).abs() < 1e-9) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{query} is {seen:?}, not {expected}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(targets: &[&str], rules: &str) -> String {
    let targets = targets.join("\", \"");
    let mut text = format!(
        "global:\n  scrape_interval: 500ms\n  scrape_timeout: 500ms\n  evaluation_interval: 1s\n\
         rule_files: [\"{rules}\"]\nscrape_configs:\n"
    );
    for (job, params) in [("openmetrics", "{}"), ("text", "{format: [text]}")] {
        let _ = write!(
            text,
            "  - job_name: {job}\n    params: {params}\n    static_configs:\n      \
             - targets: [\"{targets}\"]\n"
        );
    }
    text
}

/// `text` as a value in a query string.
pub(crate) fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}
