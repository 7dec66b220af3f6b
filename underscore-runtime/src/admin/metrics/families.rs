//! The table of metric families: name, unit, help and samples. Labels have few values, none of
//! which come from clients, so that requests cannot create series.

use std::fmt;

use prometheus_client::encoding::{
    CounterValueEncoder, EncodeCounterValue, EncodeGaugeValue, GaugeValueEncoder,
};

use super::snapshot::{Labels, RouteSample, Snapshot};
use crate::admin::words;
use crate::stats::{BlockingSnapshot, Outcome, StatsSnapshot, StatusClass};

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only increases, from the start of the process.
    Counter,
    /// The current value.
    Gauge,
    /// The information is in the labels.
    Info,
}

/// The value of a sample.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(u64),
    Float(f64),
}

/// Writes a sample.
type Write<'a> = dyn FnMut(&[(&str, &str)], Number) -> fmt::Result + 'a;

/// A metric family.
pub(super) struct Family {
    /// Without the suffixes of the unit and the kind.
    pub(super) name: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) samples: fn(&Snapshot, &mut Write<'_>) -> fmt::Result,
}

/// All families, in the order of the output.
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

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Number::Integer(value) => EncodeGaugeValue::encode(value, encoder),
            Number::Float(value) => EncodeGaugeValue::encode(value, encoder),
        }
    }
}

impl EncodeCounterValue for Number {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            Number::Integer(value) => EncodeCounterValue::encode(value, encoder),
            Number::Float(value) => EncodeCounterValue::encode(value, encoder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

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

    #[test]
    fn family_names_are_unique_and_helps_need_no_escaping() {
        let mut names = HashSet::new();
        for Family { name, help, .. } in FAMILIES {
            assert!(names.insert(name), "{name} is not unique");
            assert!(name.starts_with("underscore_"), "{name}");
            let fits = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(fits), "{name}");
            let plain = |c: char| c.is_ascii() && !c.is_control() && c != '\\' && c != '"';
            assert!(help.chars().all(plain) && help.ends_with('.'), "{help}");
        }
    }
}
