//! The settings that an operator can change at run time: their catalogue, the JSON form of a
//! section, and the stored and effective settings of a route.

mod catalogue;
mod effective;
mod headers;
mod rate_limit;
mod reverts;
pub(crate) mod section;
mod section_error;
mod stored;

pub(crate) use catalogue::{SETTINGS, Setting};
pub(crate) use effective::{EffectiveSettings, Preempt, log_level, slow_after};
pub(crate) use headers::privileged_header;
pub(crate) use rate_limit::RateLimit;
pub(crate) use reverts::{Reverts, expiries};
pub(crate) use section_error::SectionError;
pub(crate) use stored::{SettingChange, Stored, Values};
