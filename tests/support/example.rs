//! An example of this package as a child process, built if necessary, on a free port, with its
//! socket in a temporary directory.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use reqwest::{Client, ClientBuilder};
use tempfile::TempDir;

use super::PATIENCE;

/// A running example, killed on drop.
pub struct Example {
    pub process: Child,
    /// Base URL of the service.
    pub base: String,
    pub admin: PathBuf,
    pub directory: TempDir,
    /// Kept open, so that the service can write to it.
    stdout: Option<BufReader<ChildStdout>>,
    log: Log,
}

/// What a process has written to stderr.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Example {
    /// Starts an example that takes `--listen` and `--admin`, and waits until it listens.
    pub fn start(name: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let admin = directory.path().join("app.sock");
        let log = Log::default();
        let (process, stdout, base) = launch(name, &admin, &log);
        Example {
            process,
            base,
            admin,
            directory,
            stdout: Some(stdout),
            log,
        }
    }

    /// Restarts it with the same socket after it has exited.
    pub fn restart(&mut self, name: &str) {
        let (process, stdout, base) = launch(name, &self.admin, &self.log);
        (self.process, self.stdout, self.base) = (process, Some(stdout), base);
    }

    /// Its output after the first line, up to the line `last`.
    pub fn printed_until(&mut self, last: &str) -> Vec<String> {
        let stdout = self.stdout.as_mut().expect("it is read");
        let lines = stdout.by_ref().lines();
        let lines = lines.map(|line| line.expect("it is text"));
        lines.take_while(|line| line != last).collect()
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Closes the read end of its output.
    pub fn stop_reading(&mut self) {
        self.stdout = None;
    }

    /// Sends SIGINT and waits for its exit.
    pub fn interrupt(&mut self) -> ExitStatus {
        let pid = self.process.id().to_string();
        let told = Command::new("kill").args(["-INT", &pid]).status();
        assert!(told.expect("kill runs").success());
        self.process.wait().expect("it ends")
    }

    /// A client of the service.
    pub fn client() -> Client {
        built(Client::builder())
    }

    /// A client of its admin API.
    pub fn operator(&self) -> Client {
        built(Client::builder().unix_socket(self.admin.clone()))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// Starts an example and waits until it prints its address.
fn launch(name: &str, admin: &Path, log: &Log) -> (Child, BufReader<ChildStdout>, String) {
    let mut process = Command::new(binary(name))
        .args(["--listen", "127.0.0.1:0", "--admin"])
        .arg(admin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    log.keep(process.stderr.take().expect("it is piped"));
    let stdout = process.stdout.take().expect("it is piped");
    let (mut stdout, mut first) = (BufReader::new(stdout), String::new());
    stdout.read_line(&mut first).expect("it greets");
    let base = first
        .split([' ', ','])
        .find(|word| word.starts_with("http://"));
    let base = base.unwrap_or_else(|| panic!("it does not listen: {first}{}", log.text()));
    let base = base.to_owned();
    (process, stdout, base)
}

impl Log {
    fn text(&self) -> String {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Keeps what is written to `stderr`, until it is closed.
    fn keep(&self, mut stderr: ChildStderr) {
        let log = self.clone();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                let mut log = log.0.lock().unwrap_or_else(PoisonError::into_inner);
                log.extend_from_slice(&bytes[..count]);
            }
        });
    }
}

/// The examples that this process has built or found up to date.
static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Path of an example's binary, which is built if it is out of date.
pub fn binary(name: &str) -> PathBuf {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(name) {
        build(name);
        built.insert(name.to_owned());
    }
    // The test binary is in `target/debug/deps` or the like.
    let test = std::env::current_exe().expect("it has a path");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("cargo's folders");
    profile.join("examples").join(name)
}

fn build(name: &str) {
    let package = ["--package", "underscore", "--example", name];
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet"])
        .args(package)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "example {name} does not build");
}

fn built(client: ClientBuilder) -> Client {
    let client = client.timeout(PATIENCE).pool_max_idle_per_host(0);
    client.build().expect("a client can be built")
}
