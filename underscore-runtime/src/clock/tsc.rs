//! The time stamp counter as a clock, on the time line of the system's clock. The admin side starts
//! the calibration: a service without an admin API does not pay for it.

use std::sync::OnceLock;

use super::system::system_nanos;

/// The calibrated clock, empty until calibration is done.
static CALIBRATED: OnceLock<Calibrated> = OnceLock::new();

struct Calibrated {
    clock: quanta::Clock,
    /// The same moment in ticks and in nanoseconds of the system's clock.
    origin: u64,
    origin_nanos: u64,
    /// Nanoseconds per 2^32 ticks.
    scale: u64,
}

/// The time in nanoseconds, `None` until the clock is calibrated.
#[inline]
pub(super) fn nanos() -> Option<u64> {
    CALIBRATED.get().map(Calibrated::nanos)
}

/// Calibrates the clock on a thread, which then ends. Until then, and if no thread can be spawned,
/// the system's clock is used: slower, on the same time line.
pub(crate) fn calibrate_in_background() {
    if CALIBRATED.get().is_none() {
        let thread = std::thread::Builder::new().name("underscore-clock".into());
        let _ = thread.spawn(calibrate);
    }
}

/// Measures the TSC against the system's clock for up to 200 ms. Does nothing if it is calibrated.
pub(super) fn calibrate() {
    if CALIBRATED.get().is_none() {
        let clock = quanta::Clock::new();
        let origin_nanos = system_nanos();
        let origin = clock.raw();
        let scale = clock.delta_as_nanos(0, 1 << 32);
        // Of two concurrent callers, the first result stays.
        let _ = CALIBRATED.set(Calibrated {
            clock,
            origin,
            origin_nanos,
            scale,
        });
    }
}

impl Calibrated {
    #[inline]
    fn nanos(&self) -> u64 {
        let passed = self.clock.raw().saturating_sub(self.origin);
        // The product of two 64-bit numbers fits into 128 bits.
        let passed = u128::from(passed).wrapping_mul(self.scale.into()) >> 32;
        #[allow(clippy::cast_possible_truncation, reason = "584 years fit")]
        let passed = passed as u64;
        self.origin_nanos.wrapping_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_within_a_millisecond_per_week_of_quantas() {
        calibrate();
        let calibrated = CALIBRATED.get().expect("just calibrated");
        let ticks = 7 * 86_400 * 3_000_000_000_u64;
        let exact = calibrated.clock.delta_as_nanos(0, ticks);
        let ours = (u128::from(ticks) * u128::from(calibrated.scale)) >> 32;
        assert!(ours.abs_diff(exact.into()) < 1_000_000, "{ours} {exact}");
    }
}
