//! Sends requests to every path of a running example and reads what its layer has counted.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::layer::Source;

/// Deadline of a start, and of a count.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time for the head of a response. Some routes do not answer.
const HEAD: Duration = Duration::from_millis(500);

/// Examples that send a request to themselves for each successful one to this port and path.
const ASKS_ITSELF: &[(&str, u16, &str)] = &[
    ("example-reqwest-response", 3000, "/"),
    ("example-reverse-proxy", 4000, "/"),
];

pub(crate) const TITLES: &str = "example                                         sent  own counted   404   405   101 unanswered  routes  result";

/// What was sent to an example, and what was counted.
#[derive(Default)]
pub(crate) struct Counts {
    name: String,
    sent: u64,
    /// Requests of the example to itself.
    own: u64,
    counted: u64,
    not_found: u64,
    not_allowed: u64,
    upgraded: u64,
    unanswered: u64,
    routes: usize,
}

impl Counts {
    pub(crate) fn are_right(&self) -> bool {
        self.counted == self.sent + self.own
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            name,
            sent,
            own,
            counted,
            not_found,
            not_allowed,
            upgraded,
            unanswered,
            routes,
        } = self;
        let result = if self.are_right() {
            "each counted once"
        } else {
            "FAILED"
        };
        write!(
            f,
            "{name:<47} {sent:>4} {own:>4} {counted:>7} {not_found:>5} {not_allowed:>5} {upgraded:>5} {unanswered:>10} {routes:>7}  {result}"
        )
    }
}

/// A running example, killed on drop.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an example, sends its requests, and returns the counts.
pub(crate) fn drive(
    name: &str,
    mut command: Command,
    socket: &Path,
    source: &Source,
) -> Result<Counts, String> {
    let told = |error: io::Error| error.to_string();
    let _ = fs::remove_file(socket);
    let mut running = Running(command.spawn().map_err(told)?);
    let ports = ports(&mut running.0)?;
    let mut counts = Counts {
        name: name.to_owned(),
        ..Counts::default()
    };
    for port in ports {
        for path in paths(source) {
            for request in requests(&path) {
                let status = status(port, &request);
                counts.sent += 1;
                match status {
                    Some(404) => counts.not_found += 1,
                    Some(405) => counts.not_allowed += 1,
                    Some(101) => counts.upgraded += 1,
                    Some(200..300) if ASKS_ITSELF.contains(&(name, port, &path)) => counts.own += 1,
                    Some(_) => {}
                    None => counts.unanswered += 1,
                }
            }
        }
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = admin(socket, "/_cat/routes?format=json&h=*").map_err(told)?;
        let rows = rows.as_array().cloned().unwrap_or_default();
        let totals = rows
            .iter()
            .map(|row| row["stats.req.total"].as_u64().unwrap_or_default());
        (counts.counted, counts.routes) = (totals.sum(), rows.len());
        if counts.are_right() || Instant::now() > deadline {
            return Ok(counts);
        }
        sleep(Duration::from_millis(20));
    }
}

/// The ports on which the process listens, once their number no longer grows.
fn ports(process: &mut Child) -> Result<BTreeSet<u16>, String> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = BTreeSet::new();
    loop {
        sleep(Duration::from_millis(200));
        if let Some(status) = process.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("it has exited: {status}"));
        }
        let now = listening(process.id()).map_err(|error| error.to_string())?;
        if !now.is_empty() && now == last {
            return Ok(now);
        }
        if Instant::now() > deadline {
            return Err("it does not listen".to_owned());
        }
        last = now;
    }
}

/// The TCP ports of the listeners of a process.
fn listening(process: u32) -> io::Result<BTreeSet<u16>> {
    let mut sockets = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
        if let Ok(target) = fs::read_link(entry?.path())
            && let Some(inode) = target.to_string_lossy().strip_prefix("socket:[")
        {
            sockets.insert(inode.trim_end_matches(']').to_owned());
        }
    }
    let table = fs::read_to_string("/proc/net/tcp")?;
    let ports = table.lines().skip(1).filter_map(|row| {
        let cells: Vec<&str> = row.split_whitespace().collect();
        let (address, state, inode) = (cells.get(1)?, cells.get(3)?, cells.get(9)?);
        let port = u16::from_str_radix(address.split_once(':')?.1, 16).ok()?;
        (*state == "0A" && sockets.contains(*inode)).then_some(port)
    });
    Ok(ports.collect())
}

/// The paths to try: each route, below each prefix as well, and some that nothing answers.
fn paths(source: &Source) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = ["/", "/index.html", "/not/there"].map(str::to_owned).into();
    paths.extend(source.routes.iter().cloned());
    for prefix in &source.prefixes {
        let below = source.routes.iter().map(|route| format!("{prefix}{route}"));
        paths.extend(below);
        paths.extend([
            prefix.clone(),
            format!("{prefix}/"),
            format!("{prefix}/index.html"),
        ]);
    }
    paths.into_iter().map(|path| concrete(&path)).collect()
}

/// A path with values in the place of its parameters.
fn concrete(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment.find('{') {
        Some(at) => format!("{}1", &segment[..at]),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The requests for a path.
fn requests(path: &str) -> Vec<String> {
    let head = |method: &str| format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let plain = ["GET", "HEAD", "OPTIONS"]
        .map(|method| format!("{}Connection: close\r\n\r\n", head(method)));
    let with_body =
        ["POST", "PUT", "PATCH", "DELETE"].map(|method| format!("{}{body}", head(method)));
    let upgrade = format!(
        "{}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        head("GET")
    );
    plain
        .into_iter()
        .chain(with_body)
        .chain([upgrade])
        .collect()
}

/// Sends a request, and returns the status of the response, `None` if there is none in time.
fn status(port: u16, request: &str) -> Option<u16> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).ok()?;
    connection.set_read_timeout(Some(HEAD)).ok()?;
    connection.write_all(request.as_bytes()).ok()?;
    let mut line = [0; 12];
    connection.read_exact(&mut line).ok()?;
    // The rest is read so that a response that ends can do so.
    let _ = io::copy(&mut connection.take(1 << 20), &mut io::sink());
    str::from_utf8(&line[9..]).ok()?.parse().ok()
}

/// A response of the admin API.
fn admin(socket: &Path, path: &str) -> io::Result<Value> {
    let mut connection = UnixStream::connect(socket)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    connection.read_to_string(&mut response)?;
    let (_, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    serde_json::from_str(body).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_tried_below_every_prefix_with_values() {
        let mut source = Source::default();
        source.routes.push("/{id}/x".to_owned());
        source.prefixes.push("/api".to_owned());
        let expected = [
            "/",
            "/1/x",
            "/api",
            "/api/",
            "/api/1/x",
            "/api/index.html",
            "/index.html",
            "/not/there",
        ];
        assert_eq!(paths(&source), expected.map(str::to_owned).into());
    }
}
