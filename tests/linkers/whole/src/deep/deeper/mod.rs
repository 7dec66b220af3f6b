//! Only a module.

pub(crate) mod deepest;
