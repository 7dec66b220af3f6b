//! Writes a bundle: each file is read by the handler of an endpoint and written as that endpoint
//! writes it. A file that cannot be read is a note.

use std::fmt::Write;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use super::archive::{Archive, MAX_SIZE};
use super::contents::{ANSWERS, AnswerFile, MAX_ROWS, METRICS_BEGIN, METRICS_END};
use super::process;
use super::redaction::Redaction;
use crate::admin::error::Error;
use crate::admin::params;
use crate::admin::profile;
use crate::admin::render::{Align, Answer, Rows, Style};
use crate::admin::request::Request;
use crate::admin::root::process_name;
use crate::admin::words::date_and_time;
use crate::sampling::profile::{Filter, Profile, Session};
use crate::sync::contained;
use crate::task;
use crate::units::human;
use crate::visible::visible;

/// Maximum time to read a file.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);

/// The files of a profile, each with what it is for.
const PROFILE_FILES: [(&str, &str); 3] = [
    (
        "profile.folded",
        "where the time of requests passes, a stack on each line",
    ),
    ("profile.pb.gz", "the same for `go tool pprof`"),
    ("profile.json", "the same as JSON"),
];

type ReadText = fn() -> io::Result<String>;

/// The files of the kernel, each with what it is.
const PROCESS_FILES: [(&str, ReadText, &str); 4] = [
    (
        "process/status",
        process::status,
        "/proc/self/status: memory, threads, signals",
    ),
    ("process/limits", process::limits, "/proc/self/limits"),
    (
        "process/descriptors.txt",
        process::descriptors,
        "number of open descriptors of each kind",
    ),
    (
        "process/threads.txt",
        process::threads,
        "threads, and what each waits for in the kernel",
    ),
];

/// A bundle in progress.
pub(in crate::admin) struct Bundle {
    archive: Archive,
    request: Request,
    redaction: Redaction,
    /// No file is begun after this moment.
    deadline: Option<Instant>,
}

impl Bundle {
    /// A bundle for the client of `request`. `cause` is why the service has written it.
    pub(super) fn new(request: &Request, redaction: Redaction, cause: Option<&str>) -> Self {
        let time = SystemTime::now();
        let mut request = request.clone();
        request.max_tasks = Some(MAX_ROWS);
        if !redaction.shows_queries() {
            request.uris = request.uris.without_queries();
        }
        let mut archive = Archive::new(time, MAX_SIZE);
        archive.add("README.txt", readme(time, cause).as_bytes());
        Bundle {
            archive,
            request,
            redaction,
            deadline: None,
        }
    }

    /// A bundle that is done within about `limit`.
    pub(super) fn within(self, limit: Duration) -> Self {
        Bundle {
            deadline: Instant::now().checked_add(limit),
            ..self
        }
    }

    pub(super) fn begin_metrics(&mut self) {
        self.answer(&METRICS_BEGIN);
    }

    pub(super) fn end_metrics(&mut self) {
        self.answer(&METRICS_END);
    }

    /// Adds an answer.
    pub(super) fn answer(&mut self, file: &AnswerFile) {
        let time = match self.deadline {
            None => FILE_TIMEOUT,
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
        };
        if time.is_zero() {
            self.archive
                .note(file.name, "left out, because there was no time for it");
            return;
        }
        let request = self.part(file);
        request.cancellation().start(time);
        let answered = contained(|| (file.handler)(&request).map(|answer| body(&request, answer)));
        let error = match answered {
            _ if request.cancellation().is_past_deadline() => {
                format!("left out: it was not complete within {}", human(time))
            }
            None => "left out: reading it has panicked".to_owned(),
            Some(Err(error)) => error.reason().to_owned(),
            Some(Ok((total, bytes))) => {
                let bytes = if file.has_sentences {
                    self.redaction.sentences(bytes)
                } else {
                    bytes
                };
                self.archive.add(file.name, &bytes);
                self.note_rest(file.name, total);
                return;
            }
        };
        self.archive.note(file.name, &error);
    }

    /// Adds what the kernel knows.
    pub(super) fn process(&mut self) {
        for (name, read, _) in PROCESS_FILES {
            match read() {
                Ok(text) => self.archive.add(name, text.as_bytes()),
                Err(error) => self.archive.note(name, &process::reason(&error)),
            }
        }
    }

    /// Adds a profile, or the reason why there is none.
    pub(super) fn profile(&mut self, profile: Result<&Profile, &str>) {
        match profile {
            Ok(profile) => {
                for (name, answer) in profile::files(profile) {
                    match answer {
                        Ok(answer) => self.archive.add(name, &body(&self.request, answer).1),
                        Err(error) => self.archive.note(name, error.reason()),
                    }
                }
            }
            Err(why) => {
                for (name, _) in PROFILE_FILES {
                    self.archive.note(name, why);
                }
            }
        }
    }

    /// Notes why the numbers after the profile are missing.
    pub(super) fn without_end_metrics(&mut self, why: &str) {
        self.archive.note(METRICS_END.name, why);
    }

    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.archive.finish()
    }

    /// The request for a file.
    fn part(&self, file: &AnswerFile) -> Request {
        let query = form_urlencoded::parse(file.query.as_bytes());
        let mut given: Vec<(String, String)> = query.into_owned().collect();
        for (name, value) in &mut given {
            if name == params::H.name {
                *value = self.redaction.columns(value);
            }
        }
        let filter = self.redaction.filter_path();
        given.extend(filter.map(|filter| (params::FILTER_PATH.name.to_owned(), filter)));
        let mut request = self.request.part(file.path, given);
        if file.path.contains("_all") {
            request.argument = Some("_all".to_owned());
        }
        request
    }

    /// Notes how many rows a table has, or how many tasks there are, if those are more.
    fn note_rest(&mut self, name: &str, rows: Option<usize>) {
        let tasks = matches!(name, "tasks.json" | "print_stack.txt").then(task::live_count);
        if let Some(total) = rows.or(tasks).filter(|total| *total > MAX_ROWS) {
            self.archive
                .note(name, &format!("the first {MAX_ROWS} of {total}"));
        }
    }
}

/// The number of rows and the body of an answer, as the dispatcher writes it.
fn body(request: &Request, answer: Answer) -> (Option<usize>, Vec<u8>) {
    let answer = request.filtered(answer);
    let rows = match &answer {
        Answer::Table(table) => Some(table.total),
        _ => None,
    };
    let style = Style {
        format: request.format(),
        pretty: request.flag(&params::PRETTY),
    };
    (rows, answer.into_body(style, request.cancellation()).1)
}

/// Begins the profile of a bundle.
pub(super) fn begin_profile() -> Result<Session, Error> {
    use crate::sampling::profile::MAX_SESSIONS;
    Session::start(Filter::default()).map_err(|_| Error::too_many_profiles(MAX_SESSIONS))
}

/// What the bundle is, and what each file is.
fn readme(time: SystemTime, cause: Option<&str>) -> String {
    let mut text = format!(
        "A bundle of the service {}, pid {}, written at {} by underscore {}.\n",
        visible(&process_name()),
        std::process::id(),
        date_and_time(time),
        env!("CARGO_PKG_VERSION"),
    );
    if let Some(cause) = cause {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "The service has written it by itself: {}.",
            visible(cause)
        );
    }
    text.push_str(
        "\nBegin with health.txt. The files were read one after the other, so they may differ by the\n\
         requests that have begun or ended meanwhile. Tables and lists of tasks have at most 10000\n\
         rows. errors.txt says which files are missing or incomplete, and why.\n\n",
    );
    let mut rows = Rows::new([Align::Left; 3]);
    rows.push(["file", "content", "request"].iter());
    let answers = [&METRICS_BEGIN]
        .into_iter()
        .chain(ANSWERS)
        .chain([&METRICS_END]);
    for file in answers {
        let query = match file.query {
            "" => String::new(),
            query => format!("?{query}"),
        };
        let request = format!("GET {}{query}", file.path);
        rows.push([file.name, file.about, &request].iter());
    }
    for (name, about) in PROFILE_FILES {
        rows.push([name, about, "GET /_profile"].iter());
    }
    for (name, _, about) in PROCESS_FILES {
        rows.push([name, about, "-"].iter());
    }
    text.push_str(&rows.into_text(|| true));
    text
}
