//! What the admin API of this process lists.

use std::io::{Error, Read, Write};
use std::os::unix::net::UnixStream;

use underscore_runtime::serve_admin;

/// The handlers of the rows of `_cat/routes`.
pub(crate) fn handlers() -> std::io::Result<Vec<String>> {
    let directory = tempfile::tempdir()?;
    let admin = serve_admin(directory.path().join("app.sock"))?;
    let mut connection = UnixStream::connect(admin.path())?;
    connection.write_all(
        b"GET /_cat/routes?h=handler HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    admin.shutdown();
    match answer.split_once("\r\n\r\n") {
        Some((head, rows)) if head.starts_with("HTTP/1.1 200") => {
            Ok(rows.lines().map(|row| row.trim().to_owned()).collect())
        }
        _ => Err(Error::other(answer)),
    }
}
