//! What a look at the live tasks, once per tick of the housekeeping thread, is collected into.

pub(crate) mod profile;
