//! The check of the options before anything is served. A value that cannot be used is an error and
//! not replaced by another one, which its author would not notice.

use std::io::{self, ErrorKind};
use std::time::Duration;

use axum::http::HeaderName;

use super::AdminBuilder;
use crate::serve::limits::MIN_TIMEOUT;
use crate::visible::echo;
use crate::workers;

impl AdminBuilder {
    /// Fails if an option has a value that cannot be used.
    pub(super) fn check(&self) -> io::Result<()> {
        check_mode(self.mode)?;
        check_connections(self.limits.connections)?;
        check_timeout("read_timeout", self.limits.read)?;
        check_timeout("keep_alive_timeout", self.limits.keep_alive)?;
        check_blocked_after(self.blocked_after)?;
        self.check_capture_limits()?;
        self.policy
            .hosts
            .iter()
            .try_for_each(|name| check_host(name))?;
        self.guard_types
            .iter()
            .try_for_each(|path| check_guard_type(path))?;
        self.policy
            .preempt_headers
            .iter()
            .try_for_each(|name| check_header(name))
    }

    /// Sets the limit of the process. Fails if it has another one.
    pub(super) fn set_blocked_after(&self) -> io::Result<()> {
        let Some(limit) = self.blocked_after else {
            return Ok(());
        };
        workers::set_blocked_after(limit).map_err(|other| {
            invalid(format!(
                "`blocked_after` is {limit:?}, but this process has {other:?} already; it applies \
                 to the whole process, so set the same value for each server"
            ))
        })
    }
}

fn check_mode(mode: u32) -> io::Result<()> {
    if mode <= 0o777 {
        return Ok(());
    }
    Err(invalid(format!(
        "`mode` is {mode:#o}, but must be at most 0o777; set the permission bits only, as in 0o660"
    )))
}

fn check_connections(connections: usize) -> io::Result<()> {
    if connections > 0 {
        return Ok(());
    }
    let cure = "but must be at least 1; to serve no clients, do not call `serve`";
    Err(invalid(format!("`max_connections` is 0, {cure}")))
}

fn check_timeout(option: &str, limit: Duration) -> io::Result<()> {
    if limit >= MIN_TIMEOUT {
        return Ok(());
    }
    Err(invalid(format!(
        "`{option}` is {limit:?}, but must be at least {MIN_TIMEOUT:?}, so that a client that the \
         system has not scheduled yet is not late; set a longer time"
    )))
}

fn check_blocked_after(limit: Option<Duration>) -> io::Result<()> {
    if limit != Some(Duration::ZERO) {
        return Ok(());
    }
    let cure = "but must be longer, or every poll would count as blocked; set 4ms or more";
    Err(invalid(format!("`blocked_after` is 0, {cure}")))
}

/// Hosts are compared without a port.
fn check_host(name: &str) -> io::Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.is_empty() && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(invalid(format!(
        "`hosts` has [{}], which is not a host name; name it without scheme, port and path, as in \
         ops.example.com",
        echo(name)
    )))
}

/// Types are compared without their generic arguments.
fn check_guard_type(path: &str) -> io::Result<()> {
    let is_segment = |segment: &str| {
        let is_word = |part: char| part.is_alphanumeric() || part == '_';
        !segment.is_empty() && segment.chars().all(is_word)
    };
    if path.split("::").all(is_segment) {
        return Ok(());
    }
    Err(invalid(format!(
        "`guard_type` has [{}], which is not the path of a type; name it without generic arguments, \
         as in DbClient or db::DbClient",
        echo(path)
    )))
}

fn check_header(name: &str) -> io::Result<()> {
    if HeaderName::from_bytes(name.as_bytes()).is_ok() {
        return Ok(());
    }
    Err(invalid(format!(
        "`preempt_headers` has [{}], which is not a header name; write it as in location",
        echo(name)
    )))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(builder: &AdminBuilder) -> String {
        let directory = tempfile::tempdir().expect("a directory");
        let served = builder.serve(directory.path().join("app.sock"));
        let error = served.expect_err("the value cannot be used");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let left = directory.path().read_dir().expect("listed").count();
        assert_eq!(left, 0, "{error}");
        error.to_string()
    }

    #[test]
    fn a_value_that_cannot_be_used_is_an_error_with_the_value_and_the_cure() {
        let new = AdminBuilder::new;
        let short = Duration::from_millis(99);
        for (builder, value, cure) in [
            (new().mode(0o1777), "`mode` is 0o1777", "at most 0o777"),
            (
                new().max_connections(0),
                "`max_connections` is 0",
                "at least 1",
            ),
            (
                new().read_timeout(short),
                "`read_timeout` is 99ms",
                "at least 100ms",
            ),
            (
                new().keep_alive_timeout(short),
                "`keep_alive_timeout` is 99ms",
                "at least 100ms",
            ),
            (
                new().blocked_after(Duration::ZERO),
                "`blocked_after` is 0",
                "4ms or more",
            ),
            (
                new().hosts(["https://a.b"]),
                "[https://a.b]",
                "without scheme",
            ),
            (
                new().hosts(["a.b:443"]),
                "[a.b:443]",
                "without scheme, port",
            ),
            (new().hosts([""]), "[]", "as in ops.example.com"),
            (new().preempt_headers(["a b"]), "[a b]", "as in location"),
            (
                new().guard_type("Pooled<Db>"),
                "[Pooled<Db>]",
                "without generic",
            ),
            (new().guard_type("db::"), "[db::]", "as in DbClient"),
        ] {
            let error = refused(&builder);
            assert!(error.contains(value) && error.contains(cure), "{error}");
        }
    }

    #[test]
    fn the_smallest_values_that_can_be_used_are_served() {
        let directory = tempfile::tempdir().expect("a directory");
        let builder = AdminBuilder::new()
            .mode(0o777)
            .max_connections(1)
            .read_timeout(MIN_TIMEOUT)
            .keep_alive_timeout(MIN_TIMEOUT)
            .hosts(["ops.example.com"])
            .preempt_headers(["Set-Cookie"]);
        let admin = builder.serve(directory.path().join("app.sock"));
        admin.expect("it is served").shutdown_blocking();
    }

    #[test]
    fn another_limit_of_polls_than_the_process_has_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let serve = |millis, name: &str| {
            let limit = Duration::from_millis(millis);
            let builder = AdminBuilder::new().blocked_after(limit);
            builder.serve(directory.path().join(name))
        };
        // The default, so that other tests of this process see no difference.
        let first = serve(100, "first.sock").expect("it is served");
        let error = refused(&AdminBuilder::new().blocked_after(Duration::from_millis(50)));
        for part in [
            "`blocked_after` is 50ms",
            "has 100ms already",
            "the same value",
        ] {
            assert!(error.contains(part), "{error}");
        }
        serve(100, "second.sock")
            .expect("the same value")
            .shutdown_blocking();
        first.shutdown_blocking();
    }
}
