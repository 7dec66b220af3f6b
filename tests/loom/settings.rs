//! The stand-in for settings: a number that tells one from the other, and what the runtime reads of
//! them.

use axum::http::StatusCode;

#[derive(Debug, Default)]
pub(crate) struct Effective {
    pub(crate) number: u32,
    pub(crate) interrupt_status: Option<StatusCode>,
}

impl Effective {
    pub(crate) fn numbered(number: u32) -> Self {
        Effective {
            number,
            ..Effective::default()
        }
    }
}
