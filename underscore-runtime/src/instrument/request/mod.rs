//! What happens to a request before any of the host's code: `admission` decides by the settings of
//! its route whether it is answered at once, `begin` begins its task, `delay` holds it back.
//! `answer` has the responses that this crate sends in the handler's place, in the client's
//! `protocol`.

mod admission;
mod answer;
mod begin;
mod delay;
mod protocol;

pub(super) use admission::{Admission, Refusal};
pub(super) use answer::interrupted;
pub(super) use begin::{Beginner, begin_request};
pub(super) use delay::Delayed;
pub(super) use protocol::Protocol;
