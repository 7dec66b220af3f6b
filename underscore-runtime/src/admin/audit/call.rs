//! A request for a change in progress. It leaves a record however it ends.

use axum::http::StatusCode;

use super::peer::Peer;
use super::record::{self, Action, Record, truncated};
use crate::sync::{Arc, Mutex};

/// Becomes a record when it is answered, or when the last clone is dropped. A change whose client
/// left is recorded too, because it may have been executed.
#[derive(Clone, Debug)]
pub(in crate::admin) struct AuditedCall(Arc<Pending>);

#[derive(Debug)]
struct Pending(Mutex<Option<Record>>);

impl AuditedCall {
    /// Begins a call of `peer`. The name of its process is read now, because the process may have
    /// exited when the call is answered.
    pub(in crate::admin) fn begin(
        action: Action,
        peer: Peer,
        target: &str,
        reason: Option<&str>,
    ) -> Self {
        let record = Record {
            process: peer.process(),
            peer,
            reason: reason.map(truncated),
            ..Record::new(action, target)
        };
        AuditedCall(Arc::new(Pending(Mutex::new(Some(record)))))
    }

    /// Marks the call as executed: it has passed all checks.
    pub(in crate::admin) fn set_executed(&self) {
        if let Some(record) = &mut *self.0.0.lock() {
            record.executed = true;
        }
    }

    /// The caller, as in `curl, uid 0, pid 7`. `None` if nothing is known of it.
    pub(in crate::admin) fn caller(&self) -> Option<Arc<str>> {
        let record = self.0.0.lock();
        record.as_ref()?.caller().map(Arc::from)
    }

    /// Sets the settings before and after the change.
    pub(in crate::admin) fn set_change(&self, before: String, after: String) {
        if let Some(record) = &mut *self.0.0.lock() {
            record.before = Some(before);
            record.after = Some(after);
        }
    }

    /// Ends the call with the status of its response.
    pub(in crate::admin) fn finish(&self, status: StatusCode) {
        self.0.record(Some(status.as_u16()));
    }
}

impl Pending {
    fn record(&self, status: Option<u16>) {
        // Without the lock: a record wakes those who follow the events.
        let pending = self.0.lock().take();
        if let Some(mut record) = pending {
            record.status = status;
            record::add(record);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.record(None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::newest_first;
    use super::*;
    use std::time::SystemTime;

    /// The only record of `target`, which no other test of this binary uses.
    fn record_of(target: &str) -> Record {
        let mut found = newest_first();
        found.retain(|record| record.target == target);
        assert_eq!(found.len(), 1, "{found:#?}");
        Record::clone(&found[0])
    }

    fn begin(target: &str) -> AuditedCall {
        AuditedCall::begin(Action::Settings, Peer::default(), target, Some("why"))
    }

    #[test]
    fn an_answered_call_is_recorded_with_its_status() {
        let call = begin("answered");
        call.set_change("{}".to_owned(), "{1}".to_owned());
        call.finish(StatusCode::OK);
        let record = record_of("answered");
        assert_eq!(record.status, Some(200));
        assert_eq!(record.before.as_deref(), Some("{}"));
        assert_eq!(record.after.as_deref(), Some("{1}"));
        assert_eq!(record.reason.as_deref(), Some("why"));
        assert!(record.time > SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn a_call_whose_client_left_is_recorded_without_a_status() {
        drop(begin("left"));
        assert_eq!(record_of("left").status, None);
    }

    #[test]
    fn a_call_that_panics_is_recorded_without_a_status() {
        let panicked = std::panic::catch_unwind(|| {
            let _call = begin("panicked");
            panic!("in the middle");
        });
        assert!(panicked.is_err());
        assert_eq!(record_of("panicked").status, None);
    }
}
