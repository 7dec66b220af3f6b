//! The clients of the service: they send requests of all kinds, and many disconnect before the
//! response.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::random::Random;
use crate::{Soak, http};

/// Longer than any response takes, except the endless ones.
const MOST_PATIENT: Duration = Duration::from_secs(3);

/// Clients in sequence until the soak test ends.
pub(crate) async fn run(soak: Arc<Soak>, mut random: Random) {
    while soak.goes_on() {
        soak.rest().await;
        soak.counts.requests.fetch_add(1, Ordering::Relaxed);
        let patience = if random.percent(25) {
            soak.counts.left.fetch_add(1, Ordering::Relaxed);
            random.millis(15)
        } else {
            MOST_PATIENT
        };
        let client = async {
            if let Ok(connection) = TcpStream::connect(soak.service).await {
                ask(connection, &mut random).await;
            }
        };
        // Dropping the connection disconnects at any point.
        let _ = timeout(patience, client).await;
        let pause = Duration::from_millis(10) + random.millis(80);
        tokio::time::sleep(pause).await;
    }
}

async fn ask(mut connection: TcpStream, random: &mut Random) {
    let paths = [
        "GET /plain",
        "GET /plain",
        "POST /plain",
        "HEAD /plain",
        "GET /nested/plain",
        "GET /plain?query=\u{1b}[2J",
        "GET /awaiting/",
        "GET /awaiting/",
        "GET /nested/awaiting/",
        "GET /awaiting/word",
        "POST /body",
        "POST /body",
        "GET /streaming",
        "GET /streaming",
        "GET /endless",
        "GET /panicking",
        "GET /slow",
        "POST /background",
        "GET /socket",
        "GET /nowhere",
        "DELETE /plain",
    ];
    let path = random.of(&paths);
    let line = if path.ends_with("awaiting/") {
        format!("{path}{}", random.below(1000))
    } else {
        path.to_owned()
    };
    let number = random.below(1 << 32);
    let marks = format!("x-opaque-id: soak-{number}\r\nx-request-id: {number}\r\n");
    match path {
        "GET /socket" => chat(connection, random).await,
        "POST /body" => {
            let body = "b".repeat(usize::try_from(random.below(40_000)).unwrap_or(0));
            if random.percent(20) {
                // Disconnects in the middle of its body.
                let head =
                    format!("{line} HTTP/1.1\r\nhost: soak\r\ncontent-length: 50000\r\n\r\n");
                let _ = connection.write_all(head.as_bytes()).await;
                let _ = connection.write_all(body.as_bytes()).await;
                tokio::time::sleep(random.millis(20)).await;
                return;
            }
            http::send(&mut connection, &line, &marks, &body).await;
            http::read(&mut connection, usize::MAX).await;
        }
        "GET /endless" | "GET /slow" => {
            http::send(&mut connection, &line, &marks, "").await;
            let patience = random.millis(1500);
            let _ = timeout(patience, http::read(&mut connection, usize::MAX)).await;
        }
        _ => {
            http::send(&mut connection, &line, &marks, "").await;
            let most = if random.percent(10) { 100 } else { usize::MAX };
            http::read(&mut connection, most).await;
        }
    }
}

/// A websocket: a few messages, then the client disconnects.
async fn chat(mut connection: TcpStream, random: &mut Random) {
    let upgrade = "GET /socket HTTP/1.1\r\nhost: soak\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let _ = connection.write_all(upgrade.as_bytes()).await;
    http::read(&mut connection, 100).await;
    for _ in 0..random.below(4) {
        // A text of two letters, with a mask of zeros.
        let _ = connection
            .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
            .await;
        let _ = timeout(Duration::from_millis(200), http::read(&mut connection, 4)).await;
        tokio::time::sleep(random.millis(20)).await;
    }
    if random.percent(50) {
        let _ = connection.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await;
        let _ = timeout(Duration::from_millis(200), http::read(&mut connection, 2)).await;
    }
}
