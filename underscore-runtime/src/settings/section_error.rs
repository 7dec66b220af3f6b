//! The errors in a section of settings. Names and values are kept as they were written.

use std::fmt;

use super::catalogue::SETTINGS;
use crate::suggest;
use crate::visible::echo;

/// The first mistake in a section.
#[derive(Debug, PartialEq)]
pub(crate) struct SectionError {
    /// The section's name.
    pub(super) section: String,
    pub(super) mistake: Mistake,
}

/// A mistake, with the dotted key at which it was found.
#[derive(Debug, PartialEq)]
pub(super) enum Mistake {
    /// The section is neither an object nor `null`.
    NotAnObject,
    /// There is no setting at or below the key.
    UnknownSetting { key: String },
    /// The setting does not accept the value.
    BadValue {
        key: &'static str,
        must_be: &'static str,
        value: String,
    },
    /// The key is above settings, and the value is neither an object nor `null`.
    BadGroup { key: String, value: String },
    /// The section has two values for the setting.
    GivenTwice { key: &'static str },
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = &self.section;
        match &self.mistake {
            Mistake::NotAnObject => write!(f, "section [{section}] must be an object"),
            Mistake::UnknownSetting { key } => {
                let hint = suggest::hint(key, SETTINGS.iter().map(|setting| setting.key));
                write!(f, "unknown setting [{section}.{}]{hint}", echo(key))
            }
            Mistake::BadValue {
                key,
                must_be,
                value,
            } => {
                let value = echo(value);
                write!(
                    f,
                    "setting [{section}.{key}] must be {must_be}, not [{value}]"
                )
            }
            Mistake::BadGroup { key, value } => {
                let must_be = if key.ends_with('*') {
                    "null"
                } else {
                    "an object or null"
                };
                let (key, value) = (echo(key), echo(value));
                write!(f, "[{section}.{key}] must be {must_be}, not [{value}]")
            }
            Mistake::GivenTwice { key } => {
                write!(
                    f,
                    "setting [{section}.{key}] is given twice with different values"
                )
            }
        }
    }
}

impl std::error::Error for SectionError {}
