//! Executes the commands of a session, with its own HTTP clients in place of `curl`.
//!
//! Addresses and sockets in the README are the examples' defaults, as in their `--help`; here each
//! example runs on a free port with a socket in a temporary directory. The output of the examples
//! themselves is not part of a session.

use std::collections::HashMap;
use std::process::Command as Process;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};

use super::shell::{Command, Curl, read};
use super::shown::{Form, to_show};
use super::support::Answer;
use super::support::example::{Example, binary};

/// Maximum time for which a read is repeated until it matches the README: several times as long as
/// a request of the examples takes.
const SETTLES: Duration = Duration::from_secs(10);

/// A running session.
#[derive(Default)]
pub struct Player {
    variables: HashMap<String, String>,
    services: Vec<Service>,
}

/// A running example, and its address in the README.
struct Service {
    example: Example,
    operator: Client,
    base: String,
    socket: String,
}

/// Output of calls in the background.
type Printed = Arc<Mutex<String>>;

impl Player {
    /// Executes `line` and returns what the README must show of its output, if it shows `shown`
    /// now.
    ///
    /// A call in the background may print more later; output after `shown` is not waited for.
    ///
    /// # Errors
    ///
    /// A command that cannot be executed, or a table that does not line up.
    pub async fn play(&mut self, line: &str, shown: &[String]) -> Result<Vec<String>, String> {
        match read(line, &self.variables)? {
            Command::Set(name, value) => {
                self.variables.insert(name, value);
                Ok(Vec::new())
            }
            Command::Serve(name) => {
                self.services.push(Service::start(&name)?);
                Ok(Vec::new())
            }
            Command::Background(calls) => {
                let printed = Printed::default();
                for call in calls {
                    tokio::spawn(print(self.request(&call)?, Arc::clone(&printed)));
                }
                let look = async || Ok(printed.lock().expect("nobody panicked").clone());
                settled(Form::Lines, shown, look).await
            }
            Command::Together(_) | Command::Take { .. } | Command::Sleep => {
                Err(format!("only what an example prints has this form: {line}"))
            }
            Command::Curl { curl, first_line } => {
                let form = form(&curl);
                let call = async || {
                    let output = output(self.request(&curl)?, curl.head).await?;
                    let end = if first_line { output.find('\n') } else { None };
                    Ok(output[..end.unwrap_or(output.len())].to_owned())
                };
                if only_looks(&curl) {
                    settled(form, shown, call).await
                } else {
                    to_show(form, shown, &lines(&call().await?))
                }
            }
        }
    }

    fn request(&self, curl: &Curl) -> Result<RequestBuilder, String> {
        let is_meant = |service: &&Service| match &curl.socket {
            Some(socket) => service.socket == *socket,
            None => curl.url.starts_with(&format!("{}/", service.base)),
        };
        // The last one that was started with this name.
        let service = self.services.iter().rev().find(is_meant);
        let service = service.ok_or_else(|| format!("nothing was started for {curl:?}"))?;
        let (client, url) = if curl.socket.is_some() {
            (service.operator.clone(), curl.url.clone())
        } else {
            let path = &curl.url[service.base.len()..];
            (Example::client(), format!("{}{path}", service.example.base))
        };
        curl.request(&client, &url)
    }
}

impl Service {
    fn start(name: &str) -> Result<Self, String> {
        // Not in the temporary directory of the user.
        let help = Process::new(binary(name))
            .arg("--help")
            .env_remove("TMPDIR")
            .output()
            .map_err(|error| error.to_string())?;
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let default = |option: &str| {
            let (_, rest) = help.split_once(&format!("[{option} "))?;
            Some(rest.split_once(']')?.0.to_owned())
        };
        let (listen, socket) = default("--listen")
            .zip(default("--admin"))
            .ok_or_else(|| format!("the help of {name} does not say where it listens: {help}"))?;
        let example = Example::start(name);
        Ok(Service {
            operator: example.operator(),
            example,
            base: format!("http://{listen}"),
            socket,
        })
    }
}

/// Repeats a read until its output is as the README shows it, or the time is over.
async fn settled(
    form: Form,
    shown: &[String],
    look: impl AsyncFn() -> Result<String, String>,
) -> Result<Vec<String>, String> {
    let deadline = Instant::now() + SETTLES;
    loop {
        let seen = to_show(form, shown, &lines(&look().await?))?;
        if seen == shown || Instant::now() > deadline {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The lines of an output without trailing empty ones.
fn lines(output: &str) -> Vec<String> {
    output
        .trim_end_matches('\n')
        .lines()
        .map(str::to_owned)
        .collect()
}

/// True if a call of the admin API is a read, so that it can be repeated.
fn only_looks(curl: &Curl) -> bool {
    curl.socket.is_some() && curl.method.is_none() && curl.body.is_none()
}

/// Tables with headings are laid out in columns.
fn form(curl: &Curl) -> Form {
    let (path, query) = curl.url.split_once('?').unwrap_or((&curl.url, ""));
    if path.contains("/_cat/") && query.split('&').any(|parameter| parameter == "v") {
        Form::Table
    } else {
        Form::Lines
    }
}

/// The output of `curl`, with the response head if requested.
async fn output(request: RequestBuilder, head: bool) -> Result<String, String> {
    let response = request.send().await.map_err(|error| error.to_string())?;
    let version = response.version();
    let answer = Answer::of(response).await;
    if !head {
        return Ok(answer.text);
    }
    let status = format!("{version:?} {} {}", answer.status, answer.reason);
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        format!("{name}: {value}")
    });
    let head: Vec<String> = std::iter::once(status).chain(headers).collect();
    Ok(format!("{}\n\n{}", head.join("\n"), answer.text))
}

/// A call in the background.
async fn print(request: RequestBuilder, printed: Printed) {
    // Silent about failures, as `curl -s`.
    if let Ok(output) = output(request, false).await {
        printed.lock().expect("nobody panicked").push_str(&output);
    }
}
