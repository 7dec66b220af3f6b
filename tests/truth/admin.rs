//! A blocking client of the admin API, over its real socket. The clients of `support` need a
//! runtime, and these tests decide when one runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;
use underscore_runtime::{AdminServer, serve_admin};

/// The admin server of this process.
static SERVER: LazyLock<(TempDir, PathBuf, AdminServer)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("app.sock");
    let server = serve_admin(&path).expect("the socket is bound");
    (directory, path, server)
});

/// A connection to the admin API.
pub struct Operator(BufReader<UnixStream>);

impl Operator {
    pub fn connect() -> Self {
        let stream = UnixStream::connect(&SERVER.1).expect("it listens");
        Operator(BufReader::new(stream))
    }

    pub fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, "")
    }

    pub fn post(&mut self, path: &str) -> Value {
        self.ask("POST", path, "")
    }

    pub fn put(&mut self, path: &str, body: &Value) -> Value {
        self.ask("PUT", path, &body.to_string())
    }

    /// The rows of a table.
    pub fn rows(&mut self, path: &str) -> Vec<Value> {
        let rows = self.get(path);
        rows.as_array().expect("a table").clone()
    }

    /// Sends a GET and returns the JSON of the response. An error has a `status`, which no caller
    /// expects.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Value {
        let length = body.len();
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let stream = self.0.get_mut();
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut length = None;
        let mut status = String::new();
        self.0.read_line(&mut status).expect("it answers");
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("it answers");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().ok();
            }
        }
        let mut body = vec![0; length.expect("these answers are not long")];
        self.0.read_exact(&mut body).expect("it answers");
        let body = String::from_utf8(body).expect("text");
        assert!(status.contains(" 200 "), "{method} {path}: {status}{body}");
        serde_json::from_str(&body).expect("JSON")
    }
}
