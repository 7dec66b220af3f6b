//! Minimal HTTP for the clients, on a connection that can be dropped at any byte.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads to the end of the connection, or up to a number of bytes.
pub(crate) async fn read(connection: &mut (impl AsyncRead + Unpin), most: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 2048];
    while all.len() < most {
        match connection.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(count) => all.extend_from_slice(&piece[..count]),
        }
    }
    all
}

/// Sends a request; the connection ends with its response.
pub(crate) async fn send(
    connection: &mut (impl AsyncWrite + Unpin),
    line: &str,
    headers: &str,
    body: &str,
) {
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: soak\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    // A refused request shows when its response is read.
    let _ = connection.write_all(request.as_bytes()).await;
}

/// The body of a response with status 200.
pub(crate) fn body_of_ok(answer: &[u8]) -> Option<String> {
    let answer = String::from_utf8_lossy(answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
}
