//! A settings file whose content is not in force: it is not valid, cannot be read, or is missing.

use super::look::Look;
use crate::health::finding::{Finding, Symptom};
use crate::settings_file::path_and_error;

pub(super) fn look(look: &mut Look) {
    let Some((path, Some(error))) = path_and_error() else {
        return;
    };
    let finding = Finding::new(Symptom::SettingsFile, [0; 2], &path, look.now)
        .with_evidence(&format!("its content is not in force: {error}"))
        .with_next("GET /_cat/audit?v&size=20");
    look.found.push(finding);
}
