//! The placeholder `{pid}` in paths that the service gives.

use std::path::{Path, PathBuf};

/// The path with `{pid}` replaced by the id of this process.
pub(crate) fn with_pid(path: &Path) -> PathBuf {
    match path.to_str() {
        Some(text) if text.contains("{pid}") => {
            PathBuf::from(text.replace("{pid}", &std::process::id().to_string()))
        }
        _ => path.to_owned(),
    }
}
