//! `/`: the identity of the process.

use std::sync::OnceLock;
use std::time::SystemTime;

use super::error::Error;
#[cfg(feature = "live")]
use super::live;
use super::render::{Answer, Node};
use super::request::Request;
use crate::clock::Instant;
use crate::health;
use crate::settings_file;
use crate::units;

/// On both clocks: if one was derived from the other, the time of day would vary between answers.
static START: OnceLock<(Instant, SystemTime)> = OnceLock::new();

/// Records the start of the admin API, which is taken for the start of the process.
pub(super) fn record_start() {
    start();
}

/// The start of the admin API.
pub(super) fn start() -> (Instant, SystemTime) {
    *START.get_or_init(|| (Instant::now(), SystemTime::now()))
}

#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
pub(super) fn root(request: &Request) -> Result<Answer, Error> {
    #[cfg(feature = "live")]
    if live::is_wanted(request) {
        return Ok(live::redirect(request));
    }
    let uptime = Instant::now().since(start().0);
    let version = request.policy.version.as_deref();
    let mut about = vec![
        ("name", Node::text(process_name())),
        ("status", Node::text(health::status().word())),
        ("version", version.map_or(Node::Null, Node::text)),
        ("underscore_version", Node::text(env!("CARGO_PKG_VERSION"))),
        ("pid", Node::Integer(std::process::id().into())),
        ("uptime", Node::text(units::human(uptime))),
        ("uptime_in_seconds", Node::Float(units::seconds(uptime))),
        ("tagline", Node::text("You Know, for Incidents")),
    ];
    if let Some((path, error)) = settings_file::path_and_error() {
        let error = error.map_or(Node::Null, Node::text);
        let file = [("path", Node::text(path)), ("error", error)];
        about.push(("settings_file", Node::object(file)));
    }
    Ok(Answer::Node(Node::object(about)))
}

/// The name of the executable.
pub(super) fn process_name() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_deref().and_then(std::path::Path::file_name);
    name.map_or_else(
        || "-".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}
