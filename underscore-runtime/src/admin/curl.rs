//! The command line that sends a request to the admin API, for the client to copy.

use std::path::PathBuf;

use axum::extract::{ConnectInfo, OriginalUri, Request as HttpRequest};
use axum::http::header::HOST;

use super::audit::Peer;
use super::policy::Policy;
use crate::shell::{always_quoted, quoted};

/// The way in which a client reaches the admin API.
#[derive(Clone, Debug)]
pub(super) enum Curl {
    /// Through the socket at this path.
    Socket(PathBuf),
    /// Below this URL.
    Url(String),
}

impl Curl {
    /// The way in which `request` has come.
    pub(super) fn new(policy: &Policy, request: &HttpRequest) -> Self {
        let extensions = request.extensions();
        let is_from_socket = extensions.get::<ConnectInfo<Peer>>().is_some();
        if let Some(socket) = policy.socket.as_ref().filter(|_| is_from_socket) {
            return Curl::Socket(socket.clone());
        }
        let host = request
            .headers()
            .get(HOST)
            .and_then(|host| host.to_str().ok());
        let host = host.or_else(|| Some(request.uri().authority()?.as_str()));
        let prefix = || {
            let OriginalUri(original) = extensions.get()?;
            original.path().strip_suffix(request.uri().path())
        };
        Curl::Url(format!(
            "http://{}{}",
            host.filter(|host| !host.is_empty()).unwrap_or("HOST"),
            prefix().unwrap_or_default()
        ))
    }

    /// The way for anyone who reads what the service has written.
    pub(super) fn of_service(policy: &Policy) -> Self {
        match &policy.socket {
            Some(socket) => Curl::Socket(socket.clone()),
            None => Curl::Url("http://HOST".to_owned()),
        }
    }

    /// The command for a request such as `POST /_routes/twice/interrupt`, quoted for a shell.
    pub(super) fn line(&self, request: &str) -> String {
        let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
        let method = match method {
            "GET" => String::new(),
            method => format!(" -X {method}"),
        };
        match self {
            Curl::Socket(socket) => {
                let socket = socket.to_string_lossy();
                let url = always_quoted(&format!("http://.{path}"));
                format!("curl{method} --unix-socket {} {url}", quoted(&socket))
            }
            Curl::Url(base) => {
                let url = always_quoted(&format!("{base}{path}"));
                format!("curl{method} {url}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 14.8 of docs/admin-api.md.
    #[test]
    fn a_command_is_quoted_for_a_shell() {
        let socket = |path: &str| Curl::Socket(path.into());
        assert_eq!(
            socket("/run/app.sock").line("POST /_routes/twice/interrupt"),
            "curl -X POST --unix-socket /run/app.sock 'http://./_routes/twice/interrupt'"
        );
        assert_eq!(
            socket("/run/it's a.sock").line("GET /_cat/tasks?v&h=id"),
            r"curl --unix-socket '/run/it'\''s a.sock' 'http://./_cat/tasks?v&h=id'"
        );
        assert_eq!(
            Curl::Url("http://localhost:8080/ops".to_owned()).line("GET /"),
            "curl 'http://localhost:8080/ops/'"
        );
    }
}
