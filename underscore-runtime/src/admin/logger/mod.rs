//! `/_logger`: shows and changes the log levels of targets.

mod body;
mod shown;

use tracing::level_filters::STATIC_MAX_LEVEL;

use self::body::RequestedLevels;
use super::cost::all_rows;
use super::endpoint::AnswerFuture;
use super::error::Error;
use super::expires_in::MOST_EXPIRING;
use super::offload::Offload;
use super::params;
use super::render::{Answer, Node};
use super::request::Request;
use crate::log_level::LogLevel;
use crate::logger::{self, Overrides};

/// Maximum number of targets with a level.
const MOST_TARGETS: usize = 64;

/// `GET /_logger`.
#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
pub(super) fn get(_: &Request) -> Result<Answer, Error> {
    Ok(Answer::Node(Node::object(shown::all(&logger::current()))))
}

/// `PUT /_logger`.
pub(super) fn put(request: Request, offload: Offload) -> AnswerFuture {
    Box::pin(async move {
        if request.flag(&params::DRY_RUN) {
            let cancellation = request.cancellation().clone();
            let read = move || would_change(&request);
            return offload.read(&cancellation, all_rows, read).await;
        }
        offload.change(move || change(&request)).await?
    })
}

fn change(request: &Request) -> Result<Answer, Error> {
    let requested = read(request)?;
    let (before, after) = logger::update(|overrides| {
        let before = overrides.clone();
        *overrides = requested.applied_to(&before)?;
        Ok::<_, Error>((before, overrides.clone()))
    })?;
    request.record_change(shown::as_text(&before), shown::as_text(&after));
    Ok(Answer::Node(Node::object(shown::all(&after))))
}

/// The levels after a change.
fn would_change(request: &Request) -> Result<Answer, Error> {
    let after = read(request)?.applied_to(&logger::current())?;
    let dry_run = ("dry_run", Node::Bool(true));
    let answer = std::iter::once(dry_run).chain(shown::all(&after));
    Ok(Answer::Node(Node::object(answer)))
}

fn read(request: &Request) -> Result<RequestedLevels, Error> {
    let requested = body::read(request.json_object()?)?;
    for (target, level) in &requested.changes {
        if let Some(level) = level {
            check_level(&format!("[transient.{target}]"), *level)?;
        }
    }
    Ok(requested)
}

impl RequestedLevels {
    /// The overrides after the change, within their limits.
    fn applied_to(self, overrides: &Overrides) -> Result<Overrides, Error> {
        let mut overrides = overrides.clone();
        if self.resets_all {
            overrides.clear(self.expires);
        }
        overrides.apply(self.changes, self.expires);
        if overrides.levels().len() > MOST_TARGETS {
            return Err(Error::illegal_argument(format!(
                "at most {MOST_TARGETS} targets can have a level; remove some with null, or use shorter ones: a \
                 target is the beginning of those that it applies to"
            )));
        }
        if self.expires.is_some() && overrides.pending() > MOST_EXPIRING {
            return Err(Error::illegal_argument(format!(
                "there can be at most {MOST_EXPIRING} pending changes with [expires_in]; set it without \
                 [expires_in], or wait until some have expired"
            )));
        }
        Ok(overrides)
    }
}

/// Refuses a level that has no effect in this process. `name` begins the sentence.
pub(super) fn check_level(name: &str, level: LogLevel) -> Result<(), Error> {
    if logger::installed().is_empty() {
        return Err(Error::no_log_filter());
    }
    check_static_max(name, level, LogLevel::from_filter(STATIC_MAX_LEVEL))
}

/// Refuses a level whose events a build with this maximum does not contain.
fn check_static_max(name: &str, level: LogLevel, max: LogLevel) -> Result<(), Error> {
    if level <= max {
        return Ok(());
    }
    let (level, max) = (level.word(), max.word());
    Err(Error::illegal_argument(format!(
        "{name} must be at most {max} in this build, not [{level}]: the feature `max_level_{max}` or \
         `release_max_level_{max}` of tracing removes all other events; build the service without it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 18.9 of docs/admin-api.md.
    #[test]
    fn a_level_beyond_the_static_maximum_is_refused_with_the_feature() {
        let check = |level, max| check_static_max("[transient.sqlx]", level, max);
        assert!(check(LogLevel::Info, LogLevel::Info).is_ok());
        assert!(check(LogLevel::Off, LogLevel::Off).is_ok());
        let error = check(LogLevel::Debug, LogLevel::Info).expect_err("is refused");
        let error = format!("{error:?}");
        for part in [
            "[transient.sqlx] must be at most info in this build, not [debug]",
            "`release_max_level_info`",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
