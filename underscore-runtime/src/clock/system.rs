//! The system's monotonic clock.

use std::sync::OnceLock;

use crate::units::nanos;

/// The first reading: one hour, so that a window of the last minutes never begins below zero.
const FIRST: u64 = 3_600_000_000_000;

/// Nanoseconds since the first call, plus [`FIRST`].
pub(super) fn system_nanos() -> u64 {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let passed = ORIGIN.get_or_init(std::time::Instant::now).elapsed();
    FIRST.saturating_add(nanos(passed))
}
