//! The whole incident, automated: a service hangs, the cause is found, the damage is contained.
//!
//! ```text
//! cargo run --example incident
//! ```
//!
//! The service is `sample_app`, in this process. Its clients use real HTTP, and the engineer uses
//! the real Unix socket. The example exits with an error if a step does not have the expected
//! result.

#[allow(dead_code, unreachable_pub)]
#[path = "sample_app.rs"]
mod sample_app;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use underscore_runtime::serve_admin;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// More than any step takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Requests that hang are interrupted long before this, so a timeout is a bug.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The lifetime of the last step's limit.
const LIMITED_FOR: &str = "3s";

#[tokio::main]
async fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("app.sock");
    let address = start_service()?;
    let admin = serve_admin(&socket)?;
    let incident = Incident::new(address, socket)?;
    incident.run().await?;
    admin.shutdown().await;
    Ok(())
}

/// Starts the service on its own single-threaded runtime, as `sample_app` does.
fn start_service() -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // It runs until the process exits.
    thread::spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            axum::serve(listener, sample_app::app()).await
        })
    });
    Ok(address)
}

struct Incident {
    address: SocketAddr,
    socket: PathBuf,
    service: Client,
    admin: Client,
}

impl Incident {
    fn new(address: SocketAddr, socket: PathBuf) -> Result<Self> {
        let service = Client::builder().timeout(CLIENT_TIMEOUT);
        let admin = Client::builder()
            .timeout(CLIENT_TIMEOUT)
            .unix_socket(socket.clone());
        Ok(Incident {
            address,
            socket,
            service: service.build()?,
            admin: admin.build()?,
        })
    }

    async fn run(&self) -> Result<()> {
        println!(
            "A service with three permits is at http://{}.",
            self.address
        );
        println!("/once takes one permit, /twice takes two, each for half a second.");
        println!("Its admin API is on a Unix socket:");
        println!();
        println!("$ SOCKET={}", self.socket.display());
        let clients = self.hang().await?;
        self.find_the_cause().await?;
        self.end_it(clients).await?;
        self.look_back().await?;
        self.limit().await?;
        self.audit().await?;
        println!();
        println!("No deployment, and no restart.");
        Ok(())
    }

    /// Three of five requests hang.
    async fn hang(&self) -> Result<JoinSet<reqwest::Result<StatusCode>>> {
        chapter("Five concurrent requests to /once are answered, to /twice they are not");
        let answers = self.requests("once", 5).await?;
        println!("five requests to /once: {answers:?}");
        check(answers == [200; 5], "all five /once are answered")?;
        let mut clients = self.clients("twice", 5);
        for _ in 0..2 {
            let status = clients.join_next().await.ok_or("a client is missing")???;
            println!("a request to /twice: {status}");
            check(status == StatusCode::OK, "two of five are answered")?;
        }
        println!("... and the other three hang.");
        self.expect("twice", 3, 5).await?;
        Ok(clients)
    }

    async fn find_the_cause(&self) -> Result<()> {
        chapter("What is wrong?");
        self.wait_for_line(
            "_cat/health?h=status,symptom,subject",
            "red deadlock /twice",
        )
        .await?;
        let health = self.get("_cat/health?v").await?;
        check(
            health.contains("all 3 known holders of permits.acquire() wait for it"),
            "the cause is named",
        )?;
        chapter("Who holds what others wait for?");
        let waits = self.get("_cat/waits?v").await?;
        let (first, second) = acquires();
        for line in [first, second] {
            let place = format!("examples/sample_app.rs:{line} ");
            check(waits.contains(&place), "both lines are shown")?;
        }
        println!();
        println!("All three wait at line {second} and hold what they took at line {first}:");
        println!();
        println!("  {}", source_line(first));
        println!("  {}", source_line(second));
        Ok(())
    }

    /// The permits are released, and the clients are answered.
    async fn end_it(&self, mut clients: JoinSet<reqwest::Result<StatusCode>>) -> Result<()> {
        chapter("End it: the column `next` is what to type");
        let next = self.ask("_cat/health?h=next&size=1").await?;
        let path = next.trim().strip_prefix("POST /");
        let path = path.ok_or("the next step is a POST")?;
        let report = self.change(Method::POST, path, None).await?;
        check(report["interrupted"] == 3, "three requests are interrupted")?;
        while let Some(status) = clients.join_next().await {
            let status = status??;
            println!("a client gets {status}");
            check(status == 503, "an interrupted client gets 503")?;
        }
        let answers = self.requests("once", 1).await?;
        check(answers == [200], "the permits are available again")?;
        self.wait_for_line("_cat/health?h=status", "green").await?;
        self.get("_cat/health?v").await?;
        Ok(())
    }

    /// The requests are gone, and their clients are still asking what happened.
    async fn look_back(&self) -> Result<()> {
        chapter("And a minute later: who was it?");
        let columns = "id,end,status,took,slowest_at,slowest_for,interrupted_by";
        let ended = self
            .get(&format!("_cat/ended/twice?v&h={columns}&s=end:desc,id"))
            .await?;
        let interrupted = ended.matches(" interrupted ").count();
        check(interrupted == 3, "the three have left a record")
    }

    async fn limit(&self) -> Result<()> {
        chapter("Two at a time cannot block each other: set a limit that expires");
        let settings = "_routes/twice/settings";
        let body = json!({"transient": {"limit.active": 2}, "expires_in": LIMITED_FOR});
        let would = self
            .change(
                Method::PUT,
                &format!("{settings}?dry_run&filter_path=would_hit"),
                Some(body.clone()),
            )
            .await?;
        check(
            would["would_hit"]["tasks"] == 0,
            "no task would be affected now",
        )?;
        self.change(Method::PUT, settings, Some(body)).await?;
        let mut answers = self.requests("twice", 5).await?;
        answers.sort_unstable();
        println!();
        println!("five requests to /twice: {answers:?}");
        check(
            answers == [200, 200, 503, 503, 503],
            "two are answered, three get 503, none hangs",
        )?;
        self.expect("twice", 0, 10).await?;
        println!("... and when the limit has expired, nothing is set:");
        self.wait_for_no_limit().await?;
        let set = self.get(settings).await?;
        check(!set.contains("limit"), "the limit has expired")
    }

    async fn wait_for_no_limit(&self) -> Result<()> {
        let url = "http://./_routes/twice/settings";
        let deadline = Instant::now() + PATIENCE;
        while self
            .admin
            .get(url)
            .send()
            .await?
            .text()
            .await?
            .contains("limit")
        {
            check(Instant::now() < deadline, "the limit expires")?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn audit(&self) -> Result<()> {
        chapter("Who changed what?");
        let audit = self
            .get("_cat/audit?v&h=timestamp,uid,action,target,status")
            .await?;
        let actions: Vec<&str> = audit
            .lines()
            .skip(1)
            .filter_map(|row| row.split_whitespace().nth(2))
            .collect();
        check(
            actions == ["expire", "settings", "interrupt"],
            "every change and the expiry are recorded",
        )
    }

    /// The answer to a read.
    async fn ask(&self, path: &str) -> Result<String> {
        let response = self.admin.get(format!("http://./{path}")).send().await?;
        Ok(response.error_for_status()?.text().await?)
    }

    /// Repeats a read until its answer is this line.
    async fn wait_for_line(&self, path: &str, line: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.ask(path).await?.trim() != line {
            check(Instant::now() < deadline, line)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Prints a curl command and its output.
    async fn get(&self, path: &str) -> Result<String> {
        println!("$ curl -s --unix-socket $SOCKET 'http://./{path}'");
        let text = self.ask(path).await?;
        println!("{}", text.trim_end());
        Ok(text)
    }

    async fn change(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self
            .admin
            .request(method.clone(), format!("http://./{path}"));
        print!("$ curl -s --unix-socket $SOCKET -X {method} 'http://./{path}'");
        if let Some(body) = body {
            print!(" \\\n    -H 'Content-Type: application/json' -d '{body}'");
            request = request.json(&body);
        }
        println!();
        let text = request.send().await?.error_for_status()?.text().await?;
        println!("{}", text.trim_end());
        Ok(serde_json::from_str(&text)?)
    }

    /// Sends concurrent requests to the service.
    fn clients(&self, path: &str, count: usize) -> JoinSet<reqwest::Result<StatusCode>> {
        let mut clients = JoinSet::new();
        for number in 1..=count {
            let url = format!("http://{}/{path}?{number}", self.address);
            let request = self.service.get(url).send();
            clients.spawn(async move { Ok(request.await?.status()) });
        }
        clients
    }

    /// Sends concurrent requests to the service and returns their statuses.
    async fn requests(&self, path: &str, count: usize) -> Result<Vec<u16>> {
        let mut statuses = Vec::new();
        for status in self.clients(path, count).join_all().await {
            statuses.push(status?.as_u16());
        }
        Ok(statuses)
    }

    /// Waits until a route has these counters.
    async fn expect(&self, route: &str, active: u64, total: u64) -> Result<()> {
        let what = format!("/{route} has {active} requests in flight of {total}");
        self.wait_for(&what, route, |a, t| (a, t) == (active, total))
            .await
    }

    async fn wait_for(
        &self,
        what: &str,
        route: &str,
        reached: impl Fn(u64, u64) -> bool,
    ) -> Result<()> {
        let url = format!("http://./_cat/routes/{route}?format=json");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows: Value = self.admin.get(&url).send().await?.json().await?;
            let count = |column: &str| rows[0][column].as_u64().unwrap_or(u64::MAX);
            if reached(count("stats.req.active"), count("stats.req.total")) {
                return Ok(());
            }
            check(Instant::now() < deadline, what)?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn chapter(title: &str) {
    println!();
    println!("== {title}");
    println!();
}

/// Fails unless a step has the expected result.
fn check(holds: bool, expected: &str) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(format!("this did not happen: {expected}").into())
    }
}

const SERVICE: &str = include_str!("sample_app.rs");

/// The lines of the two acquires in `/twice`, the last ones of the file.
fn acquires() -> (usize, usize) {
    let lines = SERVICE.lines().enumerate();
    let acquires = lines.filter(|(_, line)| line.contains(".acquire"));
    acquires.fold((0, 0), |(_, second), (index, _)| (second, index + 1))
}

fn source_line(line: usize) -> &'static str {
    let line = SERVICE.lines().nth(line - 1);
    line.unwrap_or_default().trim()
}
