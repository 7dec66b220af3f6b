//! A library of which only the module `used` is named by anybody: the object files of the others have nothing
//! in them that a linker is asked for.

pub mod unused;
pub mod used;

/// The handlers, for the check that all of them are listed.
pub const HANDLERS: &[&str] = &[
    "completeness_partly::unused::alone",
    "completeness_partly::unused::further::below",
    "completeness_partly::used::here",
    "completeness_partly::used::not_mounted",
];
