//! The families of this crate's own numbers: those of the tables, under its own names.

use std::fmt;

use super::family::{Family, Kind, Number, Write};
use super::snapshot::{Labels, RouteSample, Snapshot};
use crate::admin::words;
use crate::stats::{BlockingSnapshot, Outcome, StatsSnapshot, StatusClass};

/// The families, in the order of the output.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "underscore_build",
        unit: None,
        kind: Kind::Info,
        help: "Version of the library underscore-runtime in this process; the value is always 1.",
        samples: |_, write| {
            let version = env!("CARGO_PKG_VERSION");
            write(&[("version", version)], Number::Integer(1))
        },
    },
    Family {
        name: "underscore_start_time",
        unit: Some("seconds"),
        kind: Kind::Gauge,
        help: "Start time of the admin API, in seconds since 1970.",
        samples: |snapshot, write| write(&[], Number::Float(snapshot.started.as_secs_f64())),
    },
    Family {
        name: "underscore_log_entries_lost",
        unit: None,
        kind: Kind::Counter,
        help: "Entries for the host's log that were lost because the log took none for too long.",
        samples: |snapshot, write| write(&[], Number::Integer(snapshot.log_entries_lost)),
    },
    Family {
        name: "underscore_health_status",
        unit: None,
        kind: Kind::Gauge,
        help: "Health of the service: 0 green, 1 yellow, 2 red. GET /_cat/health?v of the admin API \
               has the findings.",
        samples: |snapshot, write| {
            let status = snapshot.health.status as u64;
            write(&[], Number::Integer(status))
        },
    },
    Family {
        name: "underscore_health_findings",
        unit: None,
        kind: Kind::Gauge,
        help: "Findings of the health of the service by symptom.",
        samples: |snapshot, write| {
            let mut findings = snapshot.health.findings.iter();
            findings.try_for_each(|(symptom, count)| {
                let symptom = symptom.words().replace(' ', "_");
                write(&[("symptom", &symptom)], Number::Integer(*count))
            })
        },
    },
    Family {
        name: "underscore_requests_in_flight",
        unit: None,
        kind: Kind::Gauge,
        help: "Requests in flight: from the first poll of the handler to its end, or to the last \
               byte of a streaming body; upgraded connections with tracked work, to the end of \
               that work.",
        samples: |snapshot, write| {
            each_route(snapshot, |route| {
                write(&route.labels(), Number::Integer(route.active))
            })
        },
    },
    Family {
        name: "underscore_requests_ended",
        unit: None,
        kind: Kind::Counter,
        help: "Requests that ended, each once: completed with the handler's response, \
               disconnected before it, interrupted by an operator, panicked, preempted before the \
               handler ran, rejected for a limit, expired by the timeout of the route, or failed \
               midway.",
        samples: |snapshot, write| {
            each_route(snapshot, |route| {
                Outcome::ALL.into_iter().try_for_each(|outcome| {
                    let ended = route.stats.ended.outcome(outcome);
                    let labels = with_label(route.labels(), ("end", words::outcome(outcome)));
                    write(&labels, Number::Integer(ended))
                })
            })
        },
    },
    Family {
        name: "underscore_oldest_request",
        unit: Some("seconds"),
        kind: Kind::Gauge,
        help: "Age of the oldest request in flight, in seconds, streaming ones included; 0 if \
               there is none.",
        samples: |snapshot, write| {
            each_route(snapshot, |route| {
                write(&route.labels(), Number::Float(route.oldest.as_secs_f64()))
            })
        },
    },
    Family {
        name: "underscore_setting_in_force",
        unit: None,
        kind: Kind::Gauge,
        help: "1 for each setting that an operator or the settings file has changed and that \
               acts on the route's requests now.",
        samples: |snapshot, write| {
            each_route(snapshot, |route| {
                route.settings.iter().try_for_each(|key| {
                    let labels = with_label(route.labels(), ("setting", key));
                    write(&labels, Number::Integer(1))
                })
            })
        },
    },
    Family {
        name: "underscore_responses",
        unit: None,
        kind: Kind::Counter,
        help: "Responses of handlers, their extractors and this library by status class. Requests \
               that ended without a response and responses of layers are not counted.",
        samples: |snapshot, write| {
            each_route(snapshot, |route| {
                (1..)
                    .zip(words::STATUS_CLASSES)
                    .try_for_each(|(digit, class)| {
                        let answered = route.stats.ended.status(StatusClass::from_digit(digit));
                        let labels = with_label(route.labels(), ("class", class));
                        write(&labels, Number::Integer(answered))
                    })
            })
        },
    },
    Family {
        name: "underscore_response_time",
        unit: Some("seconds"),
        kind: Kind::Counter,
        help: "Total time until handlers returned their responses, in seconds. Its increase \
               divided by that of underscore_responses_timed_total is the average.",
        samples: |snapshot, write| {
            route_samples(snapshot, write, |stats| {
                Number::Float(stats.ended.answer_time().as_secs_f64())
            })
        },
    },
    Family {
        name: "underscore_responses_timed",
        unit: None,
        kind: Kind::Counter,
        help: "Responses whose time is in underscore_response_time_seconds_total: those of \
               handlers. A streaming response counts from its head on, although its request has \
               not ended.",
        samples: |snapshot, write| {
            route_samples(snapshot, write, |stats| {
                Number::Integer(stats.ended.answers())
            })
        },
    },
    Family {
        name: "underscore_tasks",
        unit: None,
        kind: Kind::Gauge,
        help: "Live tasks by type, a request or tracked work in the background, and by state: \
               running inside a poll, waiting to be woken, or streaming a response's body.",
        samples: |snapshot, write| {
            snapshot.tasks.iter().try_for_each(|(kind, state, count)| {
                write(&[("type", kind), ("state", state)], Number::Integer(*count))
            })
        },
    },
    Family {
        name: "underscore_workers",
        unit: None,
        kind: Kind::Gauge,
        help: "Worker threads of the service by state: parked without work, running, or blocked \
               inside one poll.",
        samples: |snapshot, write| {
            snapshot
                .workers
                .iter()
                .try_for_each(|(state, count)| write(&[("state", state)], Number::Integer(*count)))
        },
    },
    Family {
        name: "underscore_blocked_polls",
        unit: None,
        kind: Kind::Counter,
        help: "Polls of the route's requests and their tracked work that blocked a worker thread \
               for too long.",
        samples: |snapshot, write| {
            blocking_samples(snapshot, write, |blocking| Number::Integer(blocking.stalls))
        },
    },
    Family {
        name: "underscore_blocked_poll",
        unit: Some("seconds"),
        kind: Kind::Counter,
        help: "Total time of those polls, in seconds, each measured to 33 ms.",
        samples: |snapshot, write| {
            blocking_samples(snapshot, write, |blocking| {
                Number::Float(blocking.time.as_secs_f64())
            })
        },
    },
    Family {
        name: "underscore_blocked_poll_max",
        unit: Some("seconds"),
        kind: Kind::Gauge,
        help: "Time of the longest of those polls since the start, in seconds.",
        samples: |snapshot, write| {
            blocking_samples(snapshot, write, |blocking| {
                Number::Float(blocking.longest.as_secs_f64())
            })
        },
    },
    Family {
        name: "underscore_worker_busy",
        unit: Some("ratio"),
        kind: Kind::Gauge,
        help: "Share of the last minute in which the worker was busy, from 0 to 1. If it is near \
               1 on all workers, requests wait for a thread.",
        samples: |snapshot, write| {
            snapshot.busy.iter().try_for_each(|worker| {
                let runtime = worker.runtime.map(|runtime| runtime.get().to_string());
                let (runtime, index) = (runtime.unwrap_or_default(), worker.index.to_string());
                let labels = [("runtime", runtime.as_str()), ("worker", index.as_str())];
                write(&labels, Number::Float(worker.share))
            })
        },
    },
];

fn each_route(snapshot: &Snapshot, each: impl FnMut(&RouteSample) -> fmt::Result) -> fmt::Result {
    snapshot.routes.iter().try_for_each(each)
}

/// One sample per route.
fn route_samples(
    snapshot: &Snapshot,
    write: &mut Write<'_>,
    number: fn(&StatsSnapshot) -> Number,
) -> fmt::Result {
    each_route(snapshot, |route| {
        write(&route.labels(), number(&route.stats))
    })
}

/// One sample per route, of its blocked polls.
fn blocking_samples(
    snapshot: &Snapshot,
    write: &mut Write<'_>,
    number: fn(&BlockingSnapshot) -> Number,
) -> fmt::Result {
    each_route(snapshot, |route| {
        write(&route.labels(), number(&route.blocking))
    })
}

/// The labels of a route and one more label.
fn with_label<'a>(
    labels: Labels<'a>,
    more: (&'static str, &'a str),
) -> [(&'static str, &'a str); 5] {
    let [id, method, path, handler] = labels;
    [id, method, path, handler, more]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_requests_ended_names_all_outcomes() {
        let ends = FAMILIES
            .iter()
            .find(|family| family.name == "underscore_requests_ended");
        let help = ends.expect("it is there").help;
        for outcome in Outcome::ALL {
            assert!(help.contains(words::outcome(outcome)), "{outcome:?}");
        }
    }
}
