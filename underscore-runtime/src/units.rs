//! Durations and sizes with units: parsing, and printing in the largest fitting unit.

use std::time::Duration;

/// The units of time in nanoseconds, smallest first.
const UNITS: [(&str, u64); 7] = [
    ("nanos", 1),
    ("micros", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// A unit of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeUnit {
    nanos: u64,
}

impl TimeUnit {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == word)?;
        Some(TimeUnit { nanos: *nanos })
    }

    /// Number of whole units in `duration`.
    pub(crate) fn count(self, duration: Duration) -> u64 {
        let count = duration.as_nanos().checked_div(self.nanos.into());
        u64::try_from(count.unwrap_or(0)).unwrap_or(u64::MAX)
    }

    /// The names of the units, smallest first.
    pub(crate) fn words() -> [&'static str; UNITS.len()] {
        UNITS.map(|(name, _)| name)
    }
}

/// The units of size in bytes, smallest first.
const BYTE_UNITS: [(&str, u64); 6] = [
    ("b", 1),
    ("kb", 1 << 10),
    ("mb", 1 << 20),
    ("gb", 1 << 30),
    ("tb", 1 << 40),
    ("pb", 1 << 50),
];

/// A unit of size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteUnit {
    bytes: u64,
}

impl ByteUnit {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let (_, bytes) = BYTE_UNITS.iter().find(|(name, _)| *name == word)?;
        Some(ByteUnit { bytes: *bytes })
    }

    /// Number of whole units in `bytes`.
    pub(crate) fn count(self, bytes: u64) -> u64 {
        bytes.checked_div(self.bytes).unwrap_or(0)
    }

    /// The names of the units, smallest first.
    pub(crate) fn words() -> [&'static str; BYTE_UNITS.len()] {
        BYTE_UNITS.map(|(name, _)| name)
    }
}

/// Parses a duration such as `30s` or `1.5m`. `None` if it is not a number with a unit, not a whole
/// number of nanoseconds, or longer than 584 years.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let (number, unit) = text.split_at(text.bytes().take_while(is_of_number).count());
    let unit = TimeUnit::parse(unit)?;
    let (whole, decimals) = match number.split_once('.') {
        // As printed: digits on both sides of the point.
        Some((_, "")) => return None,
        Some((whole, decimals)) => (whole, decimals),
        None => (number, "0"),
    };
    let whole: u64 = whole.parse().ok()?;
    let numerator: u64 = decimals.parse().ok()?;
    let denominator = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let part = u128::from(numerator).checked_mul(unit.nanos.into())?;
    if part.checked_rem(denominator.into())? != 0 {
        return None;
    }
    let part = u64::try_from(part.checked_div(denominator.into())?).ok()?;
    let nanos = whole.checked_mul(unit.nanos)?.checked_add(part)?;
    Some(Duration::from_nanos(nanos))
}

/// The names of the units, for errors.
pub(crate) const TIME_UNITS: &str = "nanos, micros, ms, s, m, h, d";

/// `duration` in seconds, rounded once. `as_secs_f64` adds seconds and nanoseconds, which shows as
/// noise in the last digits.
#[allow(
    clippy::cast_precision_loss,
    reason = "exact below 104 days, 15 digits above"
)]
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e9
}

/// `duration` in nanoseconds, saturating at 584 years.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(u64::from(duration.subsec_nanos()))
}

/// `duration` in the largest unit that fits, with at most one decimal, truncated: `1.5m`, `0s`.
pub(crate) fn human(duration: Duration) -> String {
    in_largest(duration.as_nanos(), &UNITS).unwrap_or_else(|| "0s".to_owned())
}

/// [`human`] for a size in bytes: `1.5kb`, `0b`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    in_largest(bytes.into(), &BYTE_UNITS).unwrap_or_else(|| "0b".to_owned())
}

fn in_largest(count: u128, units: &[(&str, u64)]) -> Option<String> {
    let fits = |(_, unit): &&(&str, u64)| count >= u128::from(*unit);
    let (name, unit) = units.iter().rev().find(fits)?;
    // One decimal, truncated, and left out if it is zero.
    let tenths = count.checked_mul(10)?.checked_div(u128::from(*unit))?;
    Some(match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, tenth) => format!("{whole}.{tenth}{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 5.4 of docs/admin-api.md.
    #[test]
    fn durations_are_printed_in_the_largest_unit_with_one_truncated_decimal() {
        let cases = [
            (0, "0s"),
            (999, "999nanos"),
            (1_999, "1.9micros"),
            (1_000_000, "1ms"),
            (59_999_000_000, "59.9s"),
            (90_000_000_000, "1.5m"),
            (86_400_000_000_000, "1d"),
        ];
        for (nanos, printed) in cases {
            assert_eq!(human(Duration::from_nanos(nanos)), printed);
        }
    }

    /// Holds 5.5 of docs/admin-api.md.
    #[test]
    fn sizes_are_printed_in_the_same_way_with_units_of_1024() {
        let cases = [
            (0, "0b"),
            (1023, "1023b"),
            (1024, "1kb"),
            (1 << 19, "512kb"),
            ((3 << 19) + 1, "1.5mb"),
            (u64::MAX, "16383.9pb"),
        ];
        for (bytes, printed) in cases {
            assert_eq!(human_bytes(bytes), printed);
        }
        let kb = ByteUnit::parse("kb").expect("a unit");
        assert_eq!(kb.count(2047), 1);
        assert!(ByteUnit::parse("k").is_none());
    }

    #[test]
    fn seconds_have_no_noise_in_their_last_digits() {
        let duration = Duration::from_nanos(1_251_933_520);
        assert_eq!(seconds(duration).to_string(), "1.25193352");
    }

    /// Holds 5.3 of docs/admin-api.md.
    #[test]
    fn a_duration_is_a_number_with_a_unit() {
        assert_eq!(parse_duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse_duration("2d"), Some(Duration::from_secs(172_800)));
        assert_eq!(parse_duration("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("0.001s"), Some(Duration::from_millis(1)));
        let printed = human(Duration::from_millis(1_500));
        assert_eq!(parse_duration(&printed), Some(Duration::from_millis(1_500)));
        for wrong in [
            "",
            "30",
            "s",
            "1.5",
            "1.s",
            ".5s",
            "1.2.3s",
            "0.5nanos",
            "0.00000000000000000000000001s",
            "-1s",
            "30sec",
            " 1s",
            "99999999999999d",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
