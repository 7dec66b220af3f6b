//! The families of the process, under the names that the client libraries of Prometheus have for
//! them.

use std::fmt;
use std::time::Duration;

use super::family::{Family, Kind, Number, Write};
use super::snapshot::Snapshot;

/// The families, in the order of the output.
pub(super) const FAMILIES: &[Family] = &[
    family(
        "process_cpu",
        Some("seconds"),
        Kind::Counter,
        "Total user and system CPU time spent in seconds.",
        |snapshot, write| seconds(snapshot.process.cpu_time, write),
    ),
    family(
        "process_open_fds",
        None,
        Kind::Gauge,
        "Number of open file descriptors.",
        |snapshot, write| integer(snapshot.process.open_fds, write),
    ),
    family(
        "process_max_fds",
        None,
        Kind::Gauge,
        "Maximum number of open file descriptors.",
        |snapshot, write| integer(snapshot.process.max_fds, write),
    ),
    family(
        "process_virtual_memory",
        Some("bytes"),
        Kind::Gauge,
        "Virtual memory size in bytes.",
        |snapshot, write| integer(snapshot.process.virtual_bytes, write),
    ),
    family(
        "process_resident_memory",
        Some("bytes"),
        Kind::Gauge,
        "Resident memory size in bytes.",
        |snapshot, write| integer(snapshot.process.resident_bytes, write),
    ),
    family(
        "process_start_time",
        Some("seconds"),
        Kind::Gauge,
        "Start time of the process since unix epoch in seconds.",
        |snapshot, write| seconds(snapshot.process.started, write),
    ),
    family(
        "process_threads",
        None,
        Kind::Gauge,
        "Number of OS threads in the process.",
        |snapshot, write| integer(snapshot.process.threads, write),
    ),
];

const fn family(
    name: &'static str,
    unit: Option<&'static str>,
    kind: Kind,
    help: &'static str,
    samples: fn(&Snapshot, &mut Write<'_>) -> fmt::Result,
) -> Family {
    Family {
        name,
        unit,
        kind,
        help,
        samples,
    }
}

/// A number that the system may not tell.
fn integer(number: Option<u64>, write: &mut Write<'_>) -> fmt::Result {
    number.map_or(Ok(()), |number| write(&[], Number::Integer(number)))
}

fn seconds(time: Option<Duration>, write: &mut Write<'_>) -> fmt::Result {
    time.map_or(Ok(()), |time| write(&[], Number::Float(time.as_secs_f64())))
}
