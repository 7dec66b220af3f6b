//! What has happened: the newest events of each type, in memory of a fixed size, and cursors that
//! read them. An event is published where its log entry is written.
//!
//! Events are kept, not queued: a reader has only a cursor into what is kept, so a reader that
//! stops costs nothing, and learns how many events it has missed.

mod cursor;
mod event;
mod limits;
mod publish;
mod rings;

pub(crate) use cursor::{Cursor, Lost};
pub(crate) use event::{Event, EventType, Field, NewEvent};
pub(crate) use limits::{is_end_due, is_refusal_due, tick};
pub(crate) use publish::{Follower, publish};
pub(crate) use rings::Types;
