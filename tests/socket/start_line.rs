//! The line that a server logs at its start.

use std::fmt::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use underscore_runtime::{AdminBuilder, AdminServer, serve_admin, underscore_route};

use super::{PATIENCE, Place};

#[underscore_route]
async fn never_mounted() {}

/// Sends each event of the level `INFO` as text.
struct Lines(Sender<String>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "underscore" && *metadata.level() == Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        // An error means that the test has ended.
        let _ = self.0.send(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").expect("a string takes all");
    }
}

/// The line of a server that is started with a log of its own.
fn line(serve: impl FnOnce() -> AdminServer) -> String {
    let (sender, lines) = channel();
    let admin = tracing::subscriber::with_default(Lines(sender), serve);
    let line = lines.recv_timeout(PATIENCE).expect("a line");
    admin.shutdown_blocking();
    assert_eq!(lines.try_recv().ok(), None, "one line");
    line
}

fn command(path: &str) -> String {
    format!("try `curl --unix-socket {path} 'http://./_cat/tasks?v'`")
}

#[test]
fn a_server_logs_its_path_its_handlers_and_a_command_at_its_start() {
    let place = Place::new();
    let path = place.path("app.sock");
    let line = line(|| serve_admin(&path).expect("it is bound"));
    let path = path.to_str().expect("text");
    for part in [&command(path), &format!("path=\"{path}\"")] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let (_, handlers) = line.split_once("handlers=").expect("their number");
    assert!(
        handlers.starts_with(|digit| matches!(digit, '1'..='9')),
        "{line}"
    );
}

#[test]
fn the_command_quotes_a_path_for_the_shell() {
    let place = Place::new();
    let path = place.path("my app's.sock");
    let line = line(|| serve_admin(&path).expect("it is bound"));
    let quoted = format!(r"'{}'", path.to_str().expect("text").replace('\'', r"'\''"));
    assert!(line.contains(&command(&quoted)), "{line}");
}

#[test]
fn a_socket_that_was_passed_in_is_logged_with_its_path() {
    let place = Place::new();
    let path = place.path("app.sock");
    let listener = UnixListener::bind(&path).expect("it is bound");
    let served = || AdminBuilder::new().serve_listener(listener);
    let line = line(|| served().expect("it is served"));
    assert!(
        line.contains(&command(path.to_str().expect("text"))),
        "{line}"
    );
    assert!(Path::exists(&path), "the file is not the server's");
}
