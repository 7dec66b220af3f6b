//! The names of bundles: `underscore-<service>-<pid>-<time>[-<cause>][.partial].tar.gz`. They are
//! what is known of a file without reading it, also of those that other processes have left.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::health::Symptom;

const PREFIX: &str = "underscore-";
const SUFFIX: &str = ".tar.gz";
const PARTIAL: &str = ".partial";

/// Maximum length of the name of the service.
const MAX_SERVICE: usize = 64;

/// The name of a bundle that is sent to a client.
pub(crate) fn of_bundle(service: &str, time: SystemTime) -> String {
    format!("{}{SUFFIX}", stem(service, time))
}

/// The name of a bundle that is written by itself.
pub(crate) fn of_capture(
    service: &str,
    time: SystemTime,
    cause: Symptom,
    is_partial: bool,
) -> String {
    let partial = if is_partial { PARTIAL } else { "" };
    format!("{}-{}{partial}{SUFFIX}", stem(service, time), word(cause))
}

fn stem(service: &str, time: SystemTime) -> String {
    let plain = |c: char| {
        let is_plain = c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if is_plain { c } else { '_' }
    };
    let service: String = service.chars().take(MAX_SERVICE).map(plain).collect();
    let pid = std::process::id();
    let time = humantime::format_rfc3339_millis(time.max(UNIX_EPOCH)).to_string();
    // The basic format of ISO 8601: a colon is special in the arguments of `scp` and `tar`.
    let time = time.replace(['-', ':'], "");
    format!("{PREFIX}{service}-{pid}-{time}")
}

/// The cause as one word.
fn word(cause: Symptom) -> String {
    cause.words().replace(' ', "_")
}

/// What the name of a capture says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) pid: u32,
    pub(super) time: SystemTime,
    pub(super) cause: Symptom,
    pub(super) is_partial: bool,
}

/// Reads the name of a capture, `None` for any other file.
pub(super) fn parse(name: &str) -> Option<Parsed> {
    let stem = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (stem, is_partial) = match stem.strip_suffix(PARTIAL) {
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    let mut parts = stem.rsplitn(4, '-');
    let (cause, time, pid) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next()?;
    let known = Symptom::ALL.into_iter();
    Some(Parsed {
        pid: pid.parse().ok()?,
        time: parse_time(time)?,
        cause: known.into_iter().find(|known| word(*known) == cause)?,
        is_partial,
    })
}

/// Reads a time such as `20261123T031426.935Z`.
fn parse_time(text: &str) -> Option<SystemTime> {
    let (date, time) = text.split_once('T')?;
    let part = |of: &str, from: usize, to: usize| of.get(from..to).map(str::to_owned);
    let (year, month, day) = (part(date, 0, 4)?, part(date, 4, 6)?, date.get(6..)?);
    let (hour, minute, second) = (part(time, 0, 2)?, part(time, 2, 4)?, time.get(4..)?);
    let extended = format!("{year}-{month}-{day}T{hour}:{minute}:{second}");
    humantime::parse_rfc3339(&extended).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_name_is_read_back_whatever_the_service_is_called() {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_403_666_935);
        for service in ["checkout", "my-app-7", "sh op/é", "", &"x".repeat(300)] {
            for (cause, is_partial) in [
                (Symptom::AllWorkersBlocked, false),
                (Symptom::Deadlock, true),
            ] {
                let name = of_capture(service, time, cause, is_partial);
                let parsed = parse(&name).unwrap_or_else(|| panic!("{name}"));
                let expected = Parsed {
                    pid: std::process::id(),
                    time,
                    cause,
                    is_partial,
                };
                assert_eq!(parsed, expected, "{name}");
                assert!(
                    name.len() < 200 && !name.contains(['/', ':', ' ']),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn other_names_are_not_captures() {
        let time = UNIX_EPOCH + Duration::from_secs(1);
        for name in [
            "",
            "underscore-app.tar.gz",
            "underscore-app-1-20261123T031426.935Z-weather.tar.gz",
            "underscore-app-1-yesterday-deadlock.tar.gz",
            "underscore-app-x-20261123T031426.935Z-deadlock.tar.gz",
            "other-app-1-20261123T031426.935Z-deadlock.tar.gz",
            &of_bundle("app", time),
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
