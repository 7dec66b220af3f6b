//! The time stamp counter as a clock, on the time line of the system's. The admin side has it measured, for until
//! somebody can look, nobody needs the time to be had for less.

use std::sync::OnceLock;

use super::system_nanos;

/// The calibrated clock, once there is one.
static CALIBRATED: OnceLock<Calibrated> = OnceLock::new();

struct Calibrated {
    clock: quanta::Clock,
    /// A moment on both clocks.
    origin: u64,
    origin_nanos: u64,
    /// Nanoseconds of 2^32 ticks.
    scale: u64,
}

/// What it says, once it is calibrated.
#[inline]
pub(super) fn nanos() -> Option<u64> {
    CALIBRATED.get().map(Calibrated::nanos)
}

/// Calibrates the clock on a thread of its own, which then ends. Until it is done, and where no thread
/// can be had, the clock is the system's: slower, with the same ticks.
pub(crate) fn calibrate_in_background() {
    if CALIBRATED.get().is_none() {
        let thread = std::thread::Builder::new().name("underscore-clock".into());
        let _ = thread.spawn(calibrate);
    }
}

/// Measures the TSC against the system's clock, for up to 200 ms, the first time it is called.
fn calibrate() {
    if CALIBRATED.get().is_none() {
        let clock = quanta::Clock::new();
        let origin_nanos = system_nanos();
        let origin = clock.raw();
        let scale = clock.delta_as_nanos(0, 1 << 32);
        // A second caller measured in vain, which does no harm.
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
        // Two numbers of 64 bits: their product fits.
        let passed = u128::from(passed).wrapping_mul(self.scale.into()) >> 32;
        #[allow(clippy::cast_possible_truncation, reason = "584 years fit")]
        let passed = passed as u64;
        self.origin_nanos.wrapping_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Instant;
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_scale_is_the_libraries_own_to_a_millisecond_in_a_week() {
        calibrate();
        let calibrated = CALIBRATED.get().expect("it was just done");
        let ticks = 7 * 86_400 * 3_000_000_000_u64;
        let exact = calibrated.clock.delta_as_nanos(0, ticks);
        let ours = (u128::from(ticks) * u128::from(calibrated.scale)) >> 32;
        assert!(ours.abs_diff(exact.into()) < 1_000_000, "{ours} {exact}");
    }

    #[test]
    fn calibration_keeps_the_time_line() {
        let before = Instant::now();
        calibrate();
        let after = Instant::now();
        let passed = after.since(before);
        assert!(passed < Duration::from_secs(5), "jumped by {passed:?}");
        assert!(after.0 + 1_000_000 > before.0, "ran backwards");
    }
}
