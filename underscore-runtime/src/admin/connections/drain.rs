//! `GET /_drain` and `POST /_drain`: begins a graceful shutdown and reports its progress.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant as Deadline, sleep, timeout};

use super::parse_states;
use crate::admin::cancellation::Cancellation;
use crate::admin::endpoint::AnswerFuture;
use crate::admin::error::Error;
use crate::admin::filter_path::FilterPath;
use crate::admin::offload::Offload;
use crate::admin::params::{self, DRAIN};
use crate::admin::render::{Answer, Format, Node, Style};
use crate::admin::request::Request;
use crate::admin::words;
use crate::clock::Instant;
use crate::connection::{ConnectionState, OpenConnection, all, drain, removed};
use crate::sync::Arc;
use crate::units;

/// Default of `timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum of `timeout`.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// Minimum time between two reports, and maximum time between two attempts to close connections.
const PERIOD: Duration = Duration::from_secs(1);

/// Minimum time between two checks: when many connections end at once, each of them is notified.
const PAUSE: Duration = Duration::from_millis(10);

/// Maximum number of connections that a report lists.
const MAX_LISTED: usize = 100;

/// `GET /_drain`.
#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
pub(in crate::admin) fn get(_: &Request) -> Result<Answer, Error> {
    Ok(Answer::Node(DrainReport::now(0).node()))
}

/// `POST /_drain`.
pub(in crate::admin) fn post(request: Request, _: Offload) -> AnswerFuture {
    Box::pin(async move {
        request.no_body(DRAIN)?;
        let options = Options::read(&request)?;
        if request.flag(&params::DRY_RUN) {
            return Ok(options.would_close());
        }
        if !drain::is_awaited() && drain::since().is_none() {
            return Err(Error::no_drain());
        }
        drain::begin();
        let form = match request.format() {
            Some(Format::Text) => LineFormat::Text,
            None if request.accepts(words::NDJSON) => LineFormat::Ndjson,
            _ => {
                let report = options.follow(None).await;
                return Ok(Answer::Node(report.node()));
            }
        };
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            options.follow(Some((form, sender))).await;
        });
        Ok(Answer::Stream {
            content_type: form.content_type(),
            body: Body::new(Lines(receiver)),
        })
    })
}

/// The parameters of `POST /_drain`.
struct Options {
    timeout: Duration,
    /// Connections in these states are closed.
    close: Vec<ConnectionState>,
    /// Applied to each line of a stream. The dispatcher applies it to other answers.
    filter: Option<FilterPath>,
}

/// The format of a stream of reports, one per line.
#[derive(Clone, Copy)]
enum LineFormat {
    Text,
    Ndjson,
}

impl Options {
    fn read(request: &Request) -> Result<Self, Error> {
        let timeout = request.duration(&params::TIMEOUT);
        let close = request.value(&params::CLOSE);
        let close = close.map(|list| parse_states(&params::CLOSE, list));
        Ok(Options {
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT).min(MAX_TIMEOUT),
            close: close.transpose()?.unwrap_or_default(),
            filter: request
                .value(&params::FILTER_PATH)
                .and_then(FilterPath::parse),
        })
    }

    fn is_closed(&self, connection: &Arc<dyn OpenConnection>) -> bool {
        self.close.contains(&connection.info().state())
    }

    fn would_close(&self) -> Answer {
        let closed = all().iter().filter(|it| self.is_closed(it)).count();
        let hit = Node::object([("connections", Node::Integer(closed as u64))]);
        let mut answer = vec![
            ("dry_run".into(), Node::Bool(true)),
            ("would_hit".into(), hit),
        ];
        if let Node::Object(report) = DrainReport::now(0).node() {
            answer.extend(report);
        }
        Answer::Node(Node::Object(answer))
    }

    /// Closes connections in the states of `close` until no connection is left or the timeout is
    /// over. Sends reports to `lines`, and returns the last one.
    async fn follow(self, lines: Option<(LineFormat, mpsc::Sender<Bytes>)>) -> DrainReport {
        let end = Deadline::now().checked_add(self.timeout);
        let mut next = Deadline::now();
        let mut closed = 0_u64;
        loop {
            let removed = removed();
            for connection in all().iter().filter(|it| self.is_closed(it)) {
                closed = closed.saturating_add(u64::from(connection.close()));
            }
            let now = Deadline::now();
            let mut report = DrainReport::now(closed);
            report.is_last = report.left.is_empty() || end.is_some_and(|end| now >= end);
            if let Some((form, lines)) = &lines
                && (report.is_last || now >= next)
            {
                next = now.checked_add(PERIOD).unwrap_or(now);
                let line = form.write(&report, self.filter.as_ref());
                let has_left = if report.is_last {
                    lines.send(line).await.is_err()
                } else {
                    // A client that does not read misses lines, and does not delay the closing.
                    matches!(lines.try_send(line), Err(TrySendError::Closed(_)))
                };
                if has_left {
                    // The service continues to drain.
                    return report;
                }
            }
            if report.is_last {
                return report;
            }
            let until_end = end.map_or(PERIOD, |end| end.saturating_duration_since(now));
            // Either way, the connections are checked again.
            let _ = timeout(PERIOD.min(until_end), removed).await;
            sleep(PAUSE).await;
        }
    }
}

impl LineFormat {
    fn content_type(self) -> &'static str {
        match self {
            LineFormat::Text => "text/plain; charset=UTF-8",
            LineFormat::Ndjson => words::NDJSON,
        }
    }

    fn write(self, report: &DrainReport, filter: Option<&FilterPath>) -> Bytes {
        let mut line = match self {
            LineFormat::Text => report.text().into_bytes(),
            LineFormat::Ndjson => {
                let cancellation = Cancellation::default();
                let node = report.node();
                let node = match filter {
                    Some(filter) => filter.apply(node, &cancellation),
                    None => node,
                };
                let style = Style {
                    format: Some(Format::Json),
                    pretty: false,
                };
                let (_, line) = Answer::Node(node).into_body(style, &cancellation);
                line
            }
        };
        line.push(b'\n');
        line.into()
    }
}

/// The state of a drain: the connections that are left, and the number of closed ones.
struct DrainReport {
    since: Option<Instant>,
    now: Instant,
    /// The connections that are left, each with its state.
    left: Vec<(Arc<dyn OpenConnection>, ConnectionState)>,
    closed: u64,
    is_last: bool,
}

impl DrainReport {
    fn now(closed: u64) -> Self {
        DrainReport {
            since: drain::since(),
            now: Instant::now(),
            left: all().into_iter().map(with_state).collect(),
            closed,
            is_last: false,
        }
    }

    /// Number of connections left in each state.
    fn states(&self) -> impl Iterator<Item = (ConnectionState, usize)> {
        let states = words::CONNECTION_STATES.into_iter().map(|state| {
            let left = self.left.iter().map(|(_, state)| *state);
            (state, left.filter(|left| *left == state).count())
        });
        states.filter(|(_, count)| *count > 0)
    }

    /// The request that closes all connections left, in the last report only.
    fn next(&self) -> Option<String> {
        let states = self.states().map(|(state, _)| state);
        // Those that are closed already wait for their owner.
        let states = states.filter(|state| *state != ConnectionState::Closing);
        let states: Vec<&str> = states.map(words::connection_state).collect();
        let is_stuck = self.is_last && !states.is_empty();
        is_stuck.then(|| format!("POST /_connections/_close?state={}", states.join(",")))
    }

    fn node(&self) -> Node {
        let draining_for = self.since.map(|since| self.now.since(since));
        let states = self.states().map(|(state, count)| {
            let count = Node::Integer(count as u64);
            (words::connection_state(state), count)
        });
        let listed = self
            .left
            .iter()
            .take(MAX_LISTED)
            .map(|(connection, state)| {
                let info = connection.info();
                let age = units::seconds(info.age(self.now));
                let about = Node::object([
                    ("remote", Node::text(info.remote().to_owned())),
                    ("state", Node::text(words::connection_state(*state))),
                    ("age_in_seconds", Node::Float(age)),
                    ("tasks", Node::Integer(info.active().into())),
                ]);
                (info.id().to_string(), about)
            });
        let mut node = vec![
            ("draining", Node::Bool(self.since.is_some())),
            (
                "draining_for_in_seconds",
                draining_for.map_or(Node::Null, |time| Node::Float(units::seconds(time))),
            ),
            ("closed", Node::Integer(self.closed)),
            ("left", Node::Integer(self.left.len() as u64)),
            ("states", Node::object(states)),
            ("connections", Node::object(listed)),
        ];
        node.extend(self.next().map(|next| ("next", Node::text(next))));
        Node::object(node)
    }

    /// The report as text: `3.2s: 2 left, 1 active (7), 1 idle (9); 4 closed`.
    fn text(&self) -> String {
        let time = self.since.map(|since| self.now.since(since));
        let mut text = units::human(time.unwrap_or_default());
        // Writing to a `String` cannot fail.
        let _ = write!(text, ": {} left", self.left.len());
        for (state, count) in self.states() {
            let ids: Vec<String> = self
                .left
                .iter()
                .filter(|(_, left)| *left == state)
                .take(MAX_LISTED)
                .map(|(connection, _)| connection.info().id().to_string())
                .collect();
            let more = if ids.len() < count { ",..." } else { "" };
            let _ = write!(
                text,
                ", {count} {} ({}{more})",
                words::connection_state(state),
                ids.join(",")
            );
        }
        let _ = write!(text, "; {} closed", self.closed);
        if let Some(next) = self.next() {
            let _ = write!(text, "\nnext: {next}");
        }
        text
    }
}

fn with_state(connection: Arc<dyn OpenConnection>) -> (Arc<dyn OpenConnection>, ConnectionState) {
    let state = connection.info().state();
    (connection, state)
}

/// A response body of lines, each sent when it is available.
struct Lines(mpsc::Receiver<Bytes>);

impl HttpBody for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
