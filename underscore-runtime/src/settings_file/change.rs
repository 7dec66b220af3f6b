//! Changes of the settings file: those that the admin API requests, and those that others made.

use serde_json::Value;
use tokio::sync::oneshot;

use super::resolved::Edit;

/// A change of the file, made for a caller that waits for the result.
pub(super) struct ChangeRequest {
    pub(super) edits: Vec<Edit>,
    /// Called under the lock that applies the change.
    pub(super) with: Box<dyn FnOnce() + Send>,
    pub(super) done: oneshot::Sender<Result<(), ChangeError>>,
}

/// Why a change was not made.
#[derive(Debug)]
pub(crate) enum ChangeError {
    /// There is no settings file.
    NoFile,
    /// The current content of the file is invalid, and is not overwritten.
    Invalid(String),
    /// The changed file could not be read again.
    Unreadable(String),
    /// The file cannot be written.
    Unwritten(String),
}

/// A change of the file that was not made through the admin API.
#[derive(Debug)]
pub(crate) struct Reload {
    pub(crate) path: String,
    /// The sections that differ, before and after the change.
    pub(crate) before: Value,
    pub(crate) after: Value,
    /// User and group of the file, `None` if it does not exist.
    pub(crate) owner: Option<(u32, u32)>,
    /// The reason why the content is not applied, `None` if it is.
    pub(crate) error: Option<String>,
}
