//! The message and the place of a panic.

/// A panic in the code of a task, as the panic hook reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PanicNote {
    /// The message, truncated. It may contain input of clients.
    pub(crate) message: Box<str>,
    /// `file:line:column`.
    pub(crate) place: Box<str>,
}
