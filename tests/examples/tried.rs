//! What an example prints, played line by line. A test names a part of each line that it plays, so that it cannot get
//! out of step with them.

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

/// An example that runs, and the lines that were not played yet.
pub struct Tried {
    example: Example,
    operator: Client,
    client: Client,
    lines: VecDeque<String>,
    variables: HashMap<String, String>,
    /// The calls that were begun in the background.
    begun: Vec<AbortHandle>,
}

impl Tried {
    /// Starts an example and reads what it prints.
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

    /// Gets something from the service that is in none of the lines.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.example.base));
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// Sends the next line, which is one call.
    pub async fn send(&mut self, part: &str) -> Answer {
        match self.next(part).await {
            Command::Curl { curl, .. } => self.answer(&curl).await,
            other => panic!("{part}: {other:?}"),
        }
    }

    /// Sends the next line again and again until what comes back is as it should be.
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

    /// Sends the next line, which is many calls, and waits for all answers.
    pub async fn together(&mut self, part: &str) -> Vec<Answer> {
        let Command::Together(calls) = self.next(part).await else {
            panic!("{part} is no load");
        };
        let calls = calls.iter().map(|call| self.answer(call));
        futures_util::future::join_all(calls).await
    }

    /// Sends the next line, whose calls go on meanwhile.
    pub async fn begin(&mut self, part: &str) -> Vec<Meanwhile> {
        let Command::Background(calls) = self.next(part).await else {
            panic!("{part} goes on in the foreground");
        };
        let begun: Vec<Meanwhile> = calls.iter().map(|call| self.meanwhile(call)).collect();
        let ends = begun.iter().map(|call| call.end.abort_handle());
        self.begun.extend(ends);
        begun
    }

    /// Plays the next line, which sets a variable, and returns what it was set to.
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

    /// All lines were played: ends what hears no signal.
    pub fn kill(self) {
        assert!(self.lines.is_empty(), "not played: {:#?}", self.lines);
    }

    /// All lines were played: ends the example as Ctrl-C does, which leaves nothing behind.
    pub fn end(mut self) {
        assert!(self.lines.is_empty(), "not played: {:#?}", self.lines);
        let ended = self.example.interrupt();
        assert!(ended.success(), "{ended}");
        let left = std::fs::read_dir(self.example.directory.path());
        assert_eq!(left.expect("it can be listed").count(), 0);
    }

    /// The next line, in which `part` has to stand.
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

    /// Waits for what a person waits for with `sleep 1`: that all that was begun has come as far as it comes.
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

/// A call that goes on while others are made.
pub struct Meanwhile {
    seen: Arc<Mutex<Vec<u8>>>,
    end: JoinHandle<(StatusCode, Result<(), String>)>,
}

impl Meanwhile {
    /// What it has printed.
    pub fn seen(&self) -> String {
        let seen = self.seen.lock().expect("nobody panicked");
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Waits until it has printed this.
    pub async fn sees(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.seen().contains(text) {
            assert!(Instant::now() < deadline, "no {text} in {:?}", self.seen());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether it goes on still.
    pub fn goes_on(&self) -> bool {
        !self.end.is_finished()
    }

    /// Waits for its end: the status, what it has printed, and whether that was all.
    pub async fn ended(self) -> (u16, String, Result<(), String>) {
        let ended = tokio::time::timeout(PATIENCE, self.end).await;
        let (status, complete) = ended.expect("it ends").expect("no panic");
        let seen = self.seen.lock().expect("nobody panicked");
        let seen = String::from_utf8_lossy(&seen).into_owned();
        (status.as_u16(), seen, complete)
    }
}

/// Reads an answer to its end, or what comes over a connection that was handed over.
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
