//! What happens to a request before any of the host's code: `admission` decides by the settings of
//! its route whether it is answered at once, `begin` begins its task, `delay` holds it back.
//! `answer` has the responses that this crate sends in the handler's place.

mod admission;
mod answer;
mod begin;
mod delay;

pub(super) use admission::{Admission, Refusal};
pub(super) use answer::interrupted;
pub(super) use begin::begin_request;
pub(super) use delay::Delayed;
