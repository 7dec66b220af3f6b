//! The levels of log events, ordered by what they show.

use std::sync::atomic::{AtomicU8, Ordering};

#[cfg(any(test, feature = "tracing-subscriber"))]
use tracing::Level;
use tracing::level_filters::LevelFilter;

/// The most detailed level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum LogLevel {
    /// No event at all.
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The values of a level, to follow "must be".
pub(crate) const LOG_LEVELS: &str = "one of off, error, warn, info, debug, trace";

impl LogLevel {
    /// The words of all levels, by what they show.
    pub(crate) const WORDS: [&'static str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

    /// The level with this word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "off" => LogLevel::Off,
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "info" => LogLevel::Info,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            _ => return None,
        })
    }

    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            LogLevel::Off => "off",
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }

    pub(crate) fn from_filter(filter: LevelFilter) -> Self {
        match filter {
            LevelFilter::OFF => LogLevel::Off,
            LevelFilter::ERROR => LogLevel::Error,
            LevelFilter::WARN => LogLevel::Warn,
            LevelFilter::INFO => LogLevel::Info,
            LevelFilter::DEBUG => LogLevel::Debug,
            _ => LogLevel::Trace,
        }
    }
}

#[cfg(any(test, feature = "tracing-subscriber"))]
impl LogLevel {
    pub(crate) fn filter(self) -> LevelFilter {
        match self {
            LogLevel::Off => LevelFilter::OFF,
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }

    /// True if events and spans of `level` are logged.
    pub(crate) fn shows(self, level: Level) -> bool {
        level <= self.filter()
    }
}

/// A level that other threads read.
#[derive(Debug)]
pub(crate) struct AtomicLogLevel(AtomicU8);

impl AtomicLogLevel {
    pub(crate) const fn new(level: LogLevel) -> Self {
        AtomicLogLevel(AtomicU8::new(level as u8))
    }

    pub(crate) fn get(&self) -> LogLevel {
        // Relaxed, here and below: no other data depends on it.
        LogLevel::from_number(self.0.load(Ordering::Relaxed))
    }

    /// Replaces the level. Returns the former one.
    pub(crate) fn replace(&self, level: LogLevel) -> LogLevel {
        LogLevel::from_number(self.0.swap(level as u8, Ordering::Relaxed))
    }
}

impl LogLevel {
    fn from_number(number: u8) -> Self {
        match number {
            0 => LogLevel::Off,
            1 => LogLevel::Error,
            2 => LogLevel::Warn,
            3 => LogLevel::Info,
            4 => LogLevel::Debug,
            _ => LogLevel::Trace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_filters_are_of_one_order() {
        for (number, word) in LogLevel::WORDS.into_iter().enumerate() {
            let level = LogLevel::parse(word).expect("a level");
            assert_eq!(level.word(), word);
            assert_eq!(level as usize, number);
            assert_eq!(AtomicLogLevel::new(level).get(), level);
            assert_eq!(LogLevel::from_filter(level.filter()), level);
        }
        assert_eq!(LOG_LEVELS, format!("one of {}", LogLevel::WORDS.join(", ")));
        assert!(LogLevel::Debug.shows(Level::INFO) && LogLevel::Debug.shows(Level::DEBUG));
        assert!(!LogLevel::Debug.shows(Level::TRACE) && !LogLevel::Off.shows(Level::ERROR));
    }
}
