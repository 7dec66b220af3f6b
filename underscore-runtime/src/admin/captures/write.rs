//! Writes a capture: first what can be read at once, because the process may be killed in a moment,
//! then a file with a profile in its place.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::admin::bundle;
use crate::admin::policy::Policy;
use crate::admin::request::Request;
use crate::admin::root::process_name;
use crate::captures::{CaptureDirectory, CaptureLimits, Trigger, cure, of_capture};
use crate::events::{self, EventType, NewEvent};
use crate::log::{self, field_text};

/// The time for the first file.
const FIRST_WITHIN: Duration = Duration::from_millis(700);

/// The time that the profile lasts.
const PROFILE_LENGTH: Duration = Duration::from_secs(1);

/// Returns the function that writes a capture for each trigger.
pub(crate) fn writer(
    policy: Policy,
    limits: CaptureLimits,
) -> impl FnMut(&CaptureDirectory, &Trigger) + Send + 'static {
    let policy = Arc::new(policy);
    move |directory, trigger| {
        let capture = CaptureInProgress {
            directory,
            trigger,
            time: SystemTime::now(),
            limits,
        };
        capture.write(&Request::of_service(Arc::clone(&policy)));
    }
}

struct CaptureInProgress<'a> {
    directory: &'a CaptureDirectory,
    trigger: &'a Trigger,
    time: SystemTime,
    limits: CaptureLimits,
}

impl CaptureInProgress<'_> {
    fn write(&self, request: &Request) {
        let Trigger {
            symptom,
            subject,
            evidence,
        } = self.trigger;
        let cause = format!("{} {subject}: {evidence}", symptom.words());
        let (first, second) = (self.name(true), self.name(false));
        let bytes = bundle::without_profile(request, &cause, FIRST_WITHIN);
        if !self.put(&first, bytes, None) {
            // The second one is larger.
            return;
        }
        let bytes = bundle::with_profile(request, &cause, PROFILE_LENGTH);
        self.put(&second, bytes, Some(&first));
    }

    fn name(&self, is_partial: bool) -> String {
        of_capture(&process_name(), self.time, self.trigger.symptom, is_partial)
    }

    /// Puts a file into the directory and reports it. False if it could not be written.
    fn put(&self, name: &str, bytes: io::Result<Vec<u8>>, replaced: Option<&str>) -> bool {
        let written = bytes.and_then(|bytes| {
            let size = bytes.len();
            let max = self.limits.bytes;
            self.directory.write(name, &bytes, replaced, max)?;
            Ok(size)
        });
        let event = NewEvent::new(EventType::Capture).word("cause", self.trigger.symptom.words());
        match written {
            Ok(size) => {
                let is_complete = replaced.is_some();
                let event = event.text("name", Some(name)).count("size", size);
                events::publish(event.flag("complete", is_complete));
                self.log_written(name, is_complete);
                true
            }
            Err(error) => {
                let why = format!("{error}; {}", cure(error.kind()));
                events::publish(event.text("error", Some(&why)));
                self.log_failed(why);
                false
            }
        }
    }

    fn log_written(&self, name: &str, is_complete: bool) {
        let path = self.directory.path().join(name).display().to_string();
        let cause = self.trigger.symptom.words();
        log::write(move || {
            tracing::info!(
                target: "underscore",
                path = field_text(&path),
                cause,
                complete = is_complete,
                "the state of the service was captured"
            );
        });
    }

    fn log_failed(&self, why: String) {
        let path = self.directory.path().display().to_string();
        let cause = self.trigger.symptom.words();
        log::write(move || {
            tracing::warn!(
                target: "underscore",
                path = field_text(&path),
                cause,
                error = field_text(&why),
                "the state of the service could not be captured"
            );
        });
    }
}
