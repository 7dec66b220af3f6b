//! A library of which only the module `used` is named by anybody: the object files of the others have nothing
//! in them that a linker is asked for.

pub mod unused;
pub mod used;

/// The handlers, for the check that all of them are listed.
pub const HANDLERS: &[&str] = &[
    "linkers_partly::unused::alone",
    "linkers_partly::unused::further::below",
    "linkers_partly::used::here",
    "linkers_partly::used::not_mounted",
];
