//! Executes the commands that an example prints, line by line. A test names a part of each line, so
//! the two cannot diverge.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::task::{AbortHandle, JoinHandle};

use super::shell::{Command, Curl, read};
use super::support::example::Example;
use super::support::{Answer, PATIENCE};

/// A running example and its remaining lines.
pub struct Tried {
    example: Example,
    operator: Client,
    client: Client,
    lines: VecDeque<String>,
    variables: HashMap<String, String>,
    /// The calls in the background.
    begun: Vec<AbortHandle>,
}

impl Tried {
    /// Starts an example and reads its output.
    pub fn start(name: &str) -> Self {
        let mut example = Example::start(name);
        let printed = example.printed_until("Ctrl-C ends it").join("\n");
        let printed = printed.replace("\\\n", "");
        let lines = printed.lines().map(str::trim);
        let is_typed = |line: &&str| !line.is_empty() && !line.starts_with('#');
        Tried {
            lines: lines.filter(is_typed).map(str::to_owned).collect(),
            operator: example.operator(),
            client: Example::client(),
            variables: HashMap::new(),
            begun: Vec::new(),
            example,
        }
    }

    /// Sends a GET to the service that is not among the lines.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.example.base));
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// Executes the next line, a single call.
    pub async fn send(&mut self, part: &str) -> Answer {
        match self.next(part).await {
            Command::Curl { curl, .. } => self.answer(&curl).await,
            other => panic!("{part}: {other:?}"),
        }
    }

    /// Repeats the next line until its output is as expected.
    pub async fn look(&mut self, part: &str, is_so: impl Fn(&str) -> bool) -> String {
        let Command::Curl { curl, .. } = self.next(part).await else {
            panic!("{part} is no call");
        };
        assert!(curl.method.is_none() && curl.body.is_none(), "{curl:?}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.answer(&curl).await.text;
            if is_so(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "{part} is never so:\n{seen}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Executes the next line, several calls, and waits for all responses.
    pub async fn together(&mut self, part: &str) -> Vec<Answer> {
        let Command::Together(calls) = self.next(part).await else {
            panic!("{part} is no load");
        };
        let calls = calls.iter().map(|call| self.answer(call));
        futures_util::future::join_all(calls).await
    }

    /// Executes the next line in the background.
    pub async fn begin(&mut self, part: &str) -> Vec<Meanwhile> {
        let Command::Background(calls) = self.next(part).await else {
            panic!("{part} goes on in the foreground");
        };
        let begun: Vec<Meanwhile> = calls.iter().map(|call| self.meanwhile(call)).collect();
        let ends = begun.iter().map(|call| call.end.abort_handle());
        self.begun.extend(ends);
        begun
    }

    /// Executes the next line, an assignment, and returns the value.
    pub async fn take(&mut self, part: &str) -> String {
        let Command::Take { name, curl, word } = self.next(part).await else {
            panic!("{part} sets no variable");
        };
        let mut taken = self.answer(&curl).await.text.trim_end().to_owned();
        if let Some(word) = word {
            let mut rows = taken.lines().filter(|row| row.contains(&word));
            let field = rows.next().and_then(|row| row.split(' ').next());
            taken = field.expect("there is such a row").to_owned();
        }
        self.variables.insert(name, taken.clone());
        taken
    }

    /// Waits until its log contains this, and returns the log.
    pub async fn logs(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.example.log();
            if log.contains(text) {
                return log;
            }
            assert!(Instant::now() < deadline, "no {text} in {log}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills the example after its last line.
    pub fn kill(self) {
        assert!(self.lines.is_empty(), "not played: {:#?}", self.lines);
    }

    /// Interrupts the example with SIGINT after its last line; it must leave nothing behind.
    pub fn end(mut self) {
        assert!(self.lines.is_empty(), "not played: {:#?}", self.lines);
        let ended = self.example.interrupt();
        assert!(ended.success(), "{ended}");
        let left = std::fs::read_dir(self.example.directory.path());
        assert_eq!(left.expect("it can be listed").count(), 0);
    }

    /// The next line, which must contain `part`.
    async fn next(&mut self, part: &str) -> Command {
        loop {
            let line = self.lines.pop_front();
            let line = line.unwrap_or_else(|| panic!("no line is left for {part}"));
            match read(&line, &self.variables).unwrap_or_else(|why| panic!("{why}")) {
                Command::Sleep => self.all_wait().await,
                command => {
                    assert!(line.contains(part), "{part} is not in {line}");
                    return command;
                }
            }
        }
    }

    /// Stands in for `sleep 1`: waits until all calls in the background wait or run.
    async fn all_wait(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self
                .operator
                .get("http://./_cat/tasks?h=where,state&format=json");
            let rows = Answer::of(request.send().await.expect("an answer")).await;
            let rows = rows.ok_json();
            let waits = |row: &&Value| row["where"].is_string() || row["state"] == "running";
            let waiting = rows.as_array().expect("a table").iter().filter(waits);
            let going_on = self.begun.iter().filter(|call| !call.is_finished());
            if waiting.count() == going_on.count() {
                return;
            }
            assert!(Instant::now() < deadline, "they do not wait: {rows:#}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn answer(&self, curl: &Curl) -> Answer {
        Answer::of(self.request(curl).send().await.expect("an answer")).await
    }

    fn request(&self, curl: &Curl) -> reqwest::RequestBuilder {
        let client = match &curl.socket {
            Some(socket) => {
                assert_eq!(*socket, self.example.admin.display().to_string());
                &self.operator
            }
            None => &self.client,
        };
        curl.request(client, &curl.url).expect("a request")
    }

    fn meanwhile(&self, curl: &Curl) -> Meanwhile {
        let request = self.request(curl).timeout(4 * PATIENCE);
        let seen = Arc::default();
        let printed = Arc::clone(&seen);
        let end = tokio::spawn(async move {
            let response = request.send().await.expect("a head");
            let status = response.status();
            (status, print(response, &printed).await)
        });
        Meanwhile { seen, end }
    }
}

/// A call in the background.
pub struct Meanwhile {
    seen: Arc<Mutex<Vec<u8>>>,
    end: JoinHandle<(StatusCode, Result<(), String>)>,
}

impl Meanwhile {
    /// Its output so far.
    pub fn seen(&self) -> String {
        let seen = self.seen.lock().expect("nobody panicked");
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Waits until its output contains this.
    pub async fn sees(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.seen().contains(text) {
            assert!(Instant::now() < deadline, "no {text} in {:?}", self.seen());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// True if it has not ended.
    pub fn goes_on(&self) -> bool {
        !self.end.is_finished()
    }

    /// Waits for its end and returns the status, the output, and true if the output was complete.
    pub async fn ended(self) -> (u16, String, Result<(), String>) {
        let ended = tokio::time::timeout(PATIENCE, self.end).await;
        let (status, complete) = ended.expect("it ends").expect("no panic");
        let seen = self.seen.lock().expect("nobody panicked");
        let seen = String::from_utf8_lossy(&seen).into_owned();
        (status.as_u16(), seen, complete)
    }
}

/// Reads a response to its end, or the data of an upgraded connection.
async fn print(mut response: Response, printed: &Mutex<Vec<u8>>) -> Result<(), String> {
    let print = |bytes: &[u8]| {
        let mut printed = printed.lock().expect("nobody panicked");
        printed.extend_from_slice(bytes);
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let mut connection = response.upgrade().await.map_err(|why| why.to_string())?;
        let mut buffer = [0; 1024];
        loop {
            let read = connection.read(&mut buffer).await;
            match read.map_err(|why| why.to_string())? {
                0 => return Ok(()),
                count => print(&buffer[..count]),
            }
        }
    }
    while let Some(bytes) = response.chunk().await.map_err(|why| why.to_string())? {
        print(&bytes);
    }
    Ok(())
}
