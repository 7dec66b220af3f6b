//! A follower that reads when the test wants it to.

use std::path::Path;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::support::{PATIENCE, Service};

/// Sends the request of a follower, and reads nothing.
pub async fn send(service: &Service, parameters: &str) -> UnixStream {
    send_to(&service.directory.path().join("app.sock"), parameters).await
}

pub async fn send_to(socket: &Path, parameters: &str) -> UnixStream {
    let mut connection = UnixStream::connect(socket).await.expect("it listens");
    let request = format!("GET /_events?follow&{parameters} HTTP/1.1\r\nhost: .\r\n\r\n");
    let sent = connection.write_all(request.as_bytes()).await;
    sent.expect("the server reads");
    connection
}

/// The chunked body of an answer so far.
#[derive(Default)]
pub struct Body {
    received: Vec<u8>,
}

impl Body {
    /// Reads until `is_enough` holds of the events, and returns them with the text.
    pub async fn read(
        &mut self,
        connection: &mut UnixStream,
        is_enough: impl Fn(&[Value]) -> bool,
    ) -> (Vec<Value>, String) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let text = self.decoded();
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            let lines = text[..whole].lines();
            let events: Vec<Value> = lines
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect();
            if is_enough(&events) {
                return (events, text);
            }
            let read = timeout(PATIENCE, connection.read(&mut buffer)).await;
            let read = read.expect("more in time").expect("it is open");
            assert!(read > 0, "the answer ends after {} events", events.len());
            self.received.extend_from_slice(&buffer[..read]);
        }
    }

    /// The text of the chunks that have arrived.
    fn decoded(&self) -> String {
        let find = |bytes: &[u8], end: &[u8]| bytes.windows(end.len()).position(|it| it == end);
        let Some(head) = find(&self.received, b"\r\n\r\n") else {
            return String::new();
        };
        let mut rest = &self.received[head + 4..];
        let mut text = Vec::new();
        while let Some(end) = find(rest, b"\r\n") {
            let size = std::str::from_utf8(&rest[..end]).expect("digits");
            let size = usize::from_str_radix(size, 16).expect("a size");
            let Some(chunk) = rest.get(end + 2..end + 2 + size) else {
                break;
            };
            text.extend_from_slice(chunk);
            rest = rest.get(end + 2 + size + 2..).unwrap_or_default();
        }
        // A chunk may end within a character.
        String::from_utf8_lossy(&text).into_owned()
    }
}
