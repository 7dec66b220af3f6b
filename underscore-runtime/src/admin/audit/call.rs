//! A call under way that is to change something. However it ends, it leaves a record.

use axum::http::StatusCode;

use super::peer::Peer;
use super::record::{self, Action, Record, shortened};
use crate::sync::{Arc, Mutex};

/// Becomes a record when it is answered, or else when the last of its clones is dropped: also where
/// nobody waited for the answer, for what was begun by then has happened.
#[derive(Clone, Debug)]
pub(in crate::admin) struct AuditedCall(Arc<Pending>);

#[derive(Debug)]
struct Pending(Mutex<Option<Record>>);

impl AuditedCall {
    /// Begins a call of `peer`. It is asked for its name now, for it may be gone when it has its answer.
    pub(in crate::admin) fn begin(
        action: Action,
        peer: Peer,
        target: &str,
        reason: Option<&str>,
    ) -> Self {
        let record = Record {
            process: peer.process(),
            peer,
            reason: reason.map(shortened),
            ..Record::new(action, target)
        };
        AuditedCall(Arc::new(Pending(Mutex::new(Some(record)))))
    }

    /// Marks the call as carried out.
    pub(in crate::admin) fn begun(&self) {
        if let Some(record) = &mut *self.0.0.lock() {
            record.begun = true;
        }
    }

    /// Notes what was in force before the change, and what is since.
    pub(in crate::admin) fn set_change(&self, before: String, after: String) {
        if let Some(record) = &mut *self.0.0.lock() {
            record.before = Some(before);
            record.after = Some(after);
        }
    }

    /// Ends the call with the status of its answer.
    pub(in crate::admin) fn answered(&self, status: StatusCode) {
        self.0.keep(Some(status.as_u16()));
    }
}

impl Pending {
    fn keep(&self, status: Option<u16>) {
        if let Some(mut record) = self.0.lock().take() {
            record.status = status;
            record::keep(record);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.keep(None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::newest_first;
    use super::*;
    use std::time::SystemTime;

    /// The only record of `target`, which no other test of this binary has.
    fn of(target: &str) -> Record {
        let mut found = newest_first();
        found.retain(|record| record.target == target);
        assert_eq!(found.len(), 1, "{found:#?}");
        Record::clone(&found[0])
    }

    fn begin(target: &str) -> AuditedCall {
        AuditedCall::begin(Action::Settings, Peer::default(), target, Some("why"))
    }

    #[test]
    fn a_call_that_is_answered_has_the_status_of_its_answer() {
        let call = begin("answered");
        call.set_change("{}".to_owned(), "{1}".to_owned());
        call.answered(StatusCode::OK);
        let record = of("answered");
        assert_eq!(record.status, Some(200));
        assert_eq!(record.before.as_deref(), Some("{}"));
        assert_eq!(record.after.as_deref(), Some("{1}"));
        assert_eq!(record.reason.as_deref(), Some("why"));
        assert!(record.time > SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn a_call_whose_client_left_is_recorded_without_a_status() {
        drop(begin("left"));
        assert_eq!(of("left").status, None);
    }

    #[test]
    fn a_call_that_panics_is_recorded_without_a_status() {
        let panicked = std::panic::catch_unwind(|| {
            let _call = begin("panicked");
            panic!("in the middle");
        });
        assert!(panicked.is_err());
        assert_eq!(of("panicked").status, None);
    }
}
