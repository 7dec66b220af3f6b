//! The error of tracked work that an operator interrupted.

use std::fmt;
use std::sync::Arc;

/// The error of work that an operator interrupted.
///
/// ```
/// use underscore_runtime::{Interrupted, track};
///
/// async fn refresh() -> Result<usize, Interrupted> {
///     let rows = track("read the rows", async { vec![4, 2] }).await?;
///     Ok(rows.len())
/// }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(refresh().await, Ok(2));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    pub(super) reason: Arc<str>,
}

impl Interrupted {
    /// The operator's reason, or a default text.
    ///
    /// ```
    /// # fn answer(work: Result<(), underscore_runtime::Interrupted>) -> String {
    /// match work {
    ///     Ok(()) => "done".to_owned(),
    ///     Err(interrupted) => interrupted.reason().to_owned(),
    /// }
    /// # }
    /// assert_eq!(answer(Ok(())), "done");
    /// ```
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted: {}", self.reason)
    }
}

impl std::error::Error for Interrupted {}
