//! A client that writes arbitrary bytes at any pace, and a check that others are still served.

use std::time::{Duration, Instant};

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use underscore_runtime::AdminBuilder;

use crate::support::{Answer, PATIENCE, Service};

/// A request that every server answers.
pub(crate) const ROOT: &[u8] = b"GET / HTTP/1.1\r\nhost: .\r\n\r\n";

/// Longest acceptable time of a read during an incident.
const AT_ONCE: Duration = Duration::from_millis(200);

/// A connection to the admin API.
pub(crate) struct Raw {
    pub(crate) socket: UnixStream,
    /// Bytes after the last parsed response.
    read: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Raw {
    pub(crate) async fn connect(service: &Service) -> Self {
        let socket = UnixStream::connect(service.directory.path().join("app.sock"));
        Raw {
            socket: socket.await.expect("the server listens"),
            read: Vec::new(),
        }
    }

    /// Sends bytes. False if the server has closed the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).await.is_ok()
    }

    /// Sends one byte after another until the server responds.
    pub(crate) async fn dribble(&mut self, byte: u8, every: Duration) {
        let end = Instant::now() + PATIENCE;
        while tokio::time::timeout(every, self.socket.readable())
            .await
            .is_err()
        {
            assert!(Instant::now() < end, "it is read for ever");
            self.send(&[byte]).await;
        }
    }

    /// Reads one response.
    pub(crate) async fn answer(&mut self) -> Answered {
        let answer = tokio::time::timeout(PATIENCE, self.try_answer());
        answer.await.expect("an answer in time").expect("an answer")
    }

    /// Reads one response, `None` if the connection is closed before its end.
    pub(crate) async fn try_answer(&mut self) -> Option<Answered> {
        loop {
            if let Some((answered, rest)) = Answered::parse(&self.read) {
                self.read.drain(..self.read.len() - rest);
                return Some(answered);
            }
            let mut buffer = [0; 4096];
            match self.socket.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.read.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Waits until the server closes the connection, without a response.
    pub(crate) async fn closed(&mut self) {
        let answer = tokio::time::timeout(PATIENCE, self.try_answer()).await;
        let answer = answer.expect("it is closed");
        assert!(answer.is_none() && self.read.is_empty(), "{answer:?}");
    }

    /// True if the server has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        match self.socket.try_read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

impl Answered {
    /// The first response in `bytes`, and the number of bytes after it.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let line = line.to_ascii_lowercase();
            line.strip_prefix("content-length: ")?.parse::<usize>().ok()
        });
        let body = bytes.get(end..end + length.unwrap_or(0))?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let answered = Answered {
            status,
            body: String::from_utf8_lossy(body).into_owned(),
            head,
        };
        Some((answered, bytes.len() - end - length.unwrap_or(0)))
    }

    /// Type and reason of an error.
    pub(crate) fn error(&self) -> (String, String) {
        let answer = Answer {
            status: self.status,
            reason: String::new(),
            content_type: String::new(),
            headers: reqwest::header::HeaderMap::new(),
            text: self.body.clone(),
        };
        answer.error()
    }
}

/// A service without routes.
pub(crate) async fn served(builder: &AdminBuilder) -> Service {
    Service::start_with(Router::new(), builder).await
}

/// Asserts that new connections are answered in time. The best of several tries counts, because the
/// machine may be busy.
pub(crate) async fn others_are_served(service: &Service) {
    for path in ["", "_cat/tasks", "_cat/routes"] {
        let mut best = Duration::MAX;
        for _ in 0..10 {
            let begun = Instant::now();
            assert_eq!(service.admin(path).await.status, 200, "{path}");
            best = best.min(begun.elapsed());
            if best < AT_ONCE {
                break;
            }
        }
        assert!(best < AT_ONCE, "{path} takes {best:?}");
    }
}
