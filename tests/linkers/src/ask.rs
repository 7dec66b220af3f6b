//! Queries the admin API of this process.

use std::io::{Error, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use underscore_runtime::serve_admin;

/// The handlers of the rows of `_cat/routes`.
pub(crate) fn handlers() -> std::io::Result<Vec<String>> {
    let directory = tempfile::tempdir()?;
    let admin = serve_admin(directory.path().join("app.sock"))?;
    let handlers = handlers_at(admin.path());
    admin.shutdown_blocking();
    handlers
}

/// The same, of the admin API at a path.
pub(crate) fn handlers_at(path: &Path) -> std::io::Result<Vec<String>> {
    let mut connection = UnixStream::connect(path)?;
    connection.write_all(
        b"GET /_cat/routes?h=handler HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, rows)) if head.starts_with("HTTP/1.1 200") => {
            Ok(rows.lines().map(|row| row.trim().to_owned()).collect())
        }
        _ => Err(Error::other(answer)),
    }
}
