//! The files of a bundle that are answers of this API, each with its request.

use crate::admin::endpoint::ReadHandler;
use crate::admin::{cat, ended, events, health_report, logger, metrics, root, routes, tasks};

/// Maximum number of rows of a table and of tasks in a structure.
pub(super) const MAX_ROWS: usize = 10_000;

/// A file with the answer to a request.
pub(super) struct AnswerFile {
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    pub(super) query: &'static str,
    pub(super) handler: ReadHandler,
    /// Description for the README.
    pub(super) about: &'static str,
    /// True if it may contain sentences with addresses of clients.
    pub(super) has_sentences: bool,
}

impl AnswerFile {
    const fn new(
        name: &'static str,
        (path, query): (&'static str, &'static str),
        handler: ReadHandler,
        about: &'static str,
    ) -> Self {
        AnswerFile {
            name,
            path,
            query,
            handler,
            about,
            has_sentences: false,
        }
    }

    const fn with_sentences(self) -> Self {
        AnswerFile {
            has_sentences: true,
            ..self
        }
    }
}

/// The numbers before the profile.
pub(super) const METRICS_BEGIN: AnswerFile = AnswerFile::new(
    "metrics_begin.txt",
    ("/_metrics", "format=text"),
    metrics::get,
    "the numbers before the profile",
);

/// The numbers after it: the difference is what happened meanwhile.
pub(super) const METRICS_END: AnswerFile = AnswerFile::new(
    "metrics_end.txt",
    ("/_metrics", "format=text"),
    metrics::get,
    "the numbers after the profile",
);

/// The other answers, the most important first: if time or space runs out, it does for the last.
pub(super) const ANSWERS: &[AnswerFile] = &[
    AnswerFile::new("about.json", ("/", "pretty"), root::root, "the process"),
    AnswerFile::new(
        "health.txt",
        ("/_cat/health", "v"),
        cat::health::table,
        "what is wrong, the worst first: begin here",
    )
    .with_sentences(),
    AnswerFile::new(
        "health.json",
        ("/_health_report", "pretty"),
        health_report::get,
        "the same by rule",
    )
    .with_sentences(),
    AnswerFile::new(
        "workers.txt",
        ("/_cat/workers", "v"),
        cat::workers::table,
        "worker threads, and the line that each is blocked after",
    ),
    AnswerFile::new(
        "events.ndjson",
        ("/_events", "format=json"),
        events::get,
        "what has happened, the oldest first",
    )
    .with_sentences(),
    AnswerFile::new(
        "stacks.txt",
        ("/_cat/stacks", "v&size=10000"),
        cat::stacks::table,
        "requests and tasks, grouped by the line that they wait at",
    ),
    AnswerFile::new(
        "tasks.txt",
        (
            "/_cat/tasks",
            "v&size=10000&h=id,parent_task_id,name,type,method,path,uri,state,stage,running_time,\
             waiting_time,where,awaiting,holding,remote,connection,x_opaque_id,request_id,trace_id",
        ),
        cat::tasks::table,
        "each request and task, the oldest first",
    ),
    AnswerFile::new(
        "waits.txt",
        ("/_cat/waits", "v&size=10000"),
        cat::waits::table,
        "locks, semaphores and pools that tasks wait for, and who holds them",
    ),
    AnswerFile::new(
        "routes.txt",
        ("/_cat/routes", "v&size=10000"),
        cat::routes::table,
        "routes with their rates, failures and latencies",
    ),
    AnswerFile::new(
        "awaits.txt",
        ("/_cat/awaits", "v&size=10000"),
        cat::awaits::table,
        "awaits with their share of the time of all requests",
    ),
    AnswerFile::new(
        "audit.txt",
        ("/_cat/audit", "v"),
        cat::audit::table,
        "changes of operators, the newest first",
    ),
    AnswerFile::new(
        "ended.txt",
        (
            "/_cat/ended",
            "v&size=10000&h=id,method,path,uri,status,end,took,slowest_at,slowest_for,\
             slowest_awaiting,slow,where,awaiting,ended,remote,request_id,trace_id,x_opaque_id,\
             reason,interrupted_by,panic,panicked_at",
        ),
        cat::ended::table,
        "requests that were slow or ended badly, the newest first",
    ),
    AnswerFile::new(
        "settings.json",
        ("/_routes/settings", "pretty&flat_settings"),
        routes::settings::get,
        "settings of the routes",
    ),
    AnswerFile::new(
        "logger.json",
        ("/_logger", "pretty"),
        logger::get,
        "log levels of targets and routes",
    ),
    AnswerFile::new(
        "connections.txt",
        (
            "/_cat/connections",
            "v&size=10000&h=id,remote,local,age,state,requests,tasks,bytes_in,bytes_out,idle_for,\
             protocol",
        ),
        cat::connections::table,
        "connections of the service, if they are tracked",
    ),
    AnswerFile::new(
        "waits.json",
        ("/_waits", "pretty"),
        cat::waits::get,
        "waits.txt with each waiter and holder",
    ),
    AnswerFile::new(
        "routes.json",
        ("/_routes", "pretty"),
        routes::get,
        "routes with all numbers",
    ),
    AnswerFile::new(
        "audit.json",
        ("/_audit", "pretty"),
        cat::audit::get,
        "audit.txt with all columns",
    ),
    AnswerFile::new(
        "tasks.json",
        ("/_tasks", "detailed&human"),
        tasks::get::get,
        "tasks.txt with all properties",
    ),
    AnswerFile::new(
        "print_stack.txt",
        ("/_tasks/_all/print_stack", ""),
        tasks::print_stack::get,
        "the awaits of each task as a tree",
    ),
    AnswerFile::new(
        "ended.json",
        ("/_ended", ""),
        ended::get,
        "ended.txt with the time at each await",
    ),
];
