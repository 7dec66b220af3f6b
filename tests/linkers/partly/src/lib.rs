//! A library of which only the module `used` is referenced: the object files of the others contain
//! no symbol that the linker needs.

pub mod unused;
pub mod used;

/// The handlers, for the check that all of them are listed.
pub const HANDLERS: &[&str] = &[
    "linkers_partly::unused::alone",
    "linkers_partly::unused::further::below",
    "linkers_partly::used::here",
    "linkers_partly::used::not_mounted",
];
