//! The records. The newest ones are kept in memory, and all are written to the host's log for
//! longer retention.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::peer::Peer;
use crate::admin::render::Node;
use crate::clock::Instant;
use crate::events::{self, EventType, NewEvent};
use crate::log::{self, field_text};
use crate::routes::HandlerEntry;
use crate::settings_file::Reload;
use crate::sync::Mutex;
use crate::truncate;

/// Maximum number of records of each kind. The oldest one is dropped first.
const MAX_RECORDS: usize = 1_000;

/// Maximum length in bytes of each of the four texts of a record. All records together take less
/// than 10 MB, typically a tenth of that.
const MAX_TEXT_LEN: usize = 1 << 10;

/// Allocates nothing while empty.
static RECORDS: Mutex<Records> = Mutex::new(Records {
    executed: VecDeque::new(),
    refused: VecDeque::new(),
    count: 0,
});

/// Oldest first. Refused calls are separate: read-only clients can make any number of them, and
/// must not displace the records of changes.
struct Records {
    executed: VecDeque<Arc<Record>>,
    refused: VecDeque<Arc<Record>>,
    /// Number of records so far.
    count: u64,
}

/// A request for a change, and its outcome.
#[derive(Clone, Debug)]
pub(in crate::admin) struct Record {
    /// Sequence number, from 1 on, in the order in which calls ended.
    pub(in crate::admin) seq: u64,
    /// Wall-clock time of the end. Not monotonic, unlike `seq`.
    pub(in crate::admin) time: SystemTime,
    pub(in crate::admin) peer: Peer,
    pub(in crate::admin) process: Option<String>,
    pub(in crate::admin) action: Action,
    /// The target of the change, as written in the request.
    pub(in crate::admin) target: String,
    pub(in crate::admin) before: Option<String>,
    pub(in crate::admin) after: Option<String>,
    pub(in crate::admin) reason: Option<String>,
    /// Of the response. `None` if the client left before it.
    pub(in crate::admin) status: Option<u16>,
    /// True once the call has passed all checks.
    pub(super) executed: bool,
}

impl Record {
    /// An empty record of `action`.
    pub(super) fn new(action: Action, target: &str) -> Self {
        Record {
            seq: 0,
            time: SystemTime::UNIX_EPOCH,
            peer: Peer::default(),
            process: None,
            action,
            target: truncated(target),
            before: None,
            after: None,
            reason: None,
            status: None,
            executed: false,
        }
    }

    /// The caller, as in `curl, uid 0, pid 7`. `None` if nothing is known of it.
    pub(in crate::admin) fn caller(&self) -> Option<String> {
        let number = |name: &str, number: Option<u32>| number.map(|it| format!("{name} {it}"));
        let known = [
            self.process.clone(),
            number("uid", self.peer.uid),
            number("pid", self.peer.pid),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        (!known.is_empty()).then(|| known.join(", "))
    }

    fn is_refused(&self) -> bool {
        !self.executed || self.status.is_some_and(|status| status >= 400)
    }
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Action {
    /// Change settings of routes.
    Settings,
    /// Interrupt the requests of routes.
    Interrupt,
    /// Cancel tasks.
    Cancel,
    /// Close connections.
    Close,
    /// Begin the drain.
    Drain,
    /// Change log levels of targets.
    Log,
    /// Remove expired settings, which the service does itself.
    Expire,
    /// Apply or refuse an edited settings file.
    File,
}

impl Action {
    /// The word on the wire.
    pub(in crate::admin) fn word(self) -> &'static str {
        match self {
            Action::Settings => "settings",
            Action::Interrupt => "interrupt",
            Action::Cancel => "cancel",
            Action::Close => "close",
            Action::Drain => "drain",
            Action::Log => "log",
            Action::Expire => "expire",
            Action::File => "file",
        }
    }
}

/// Records that settings of a handler have expired.
pub(in crate::admin) fn expired(handler: &HandlerEntry, keys: &str) {
    add(Record {
        before: Some(truncated(keys)),
        executed: true,
        ..Record::new(Action::Expire, handler.declaration.id_text())
    });
}

/// Records that log levels of targets have expired.
pub(in crate::admin) fn log_levels_expired(targets: &[String]) {
    add(Record {
        before: Some(truncated(&targets.join(", "))),
        executed: true,
        ..Record::new(Action::Expire, "_logger")
    });
}

/// Records an edit of the settings file. The peer is the owner of the file, because the editor is
/// unknown.
pub(crate) fn file_changed(found: Reload) {
    let peer = found.owner.map(|(uid, gid)| Peer {
        uid: Some(uid),
        gid: Some(gid),
        pid: None,
    });
    let text = |value: &Value| truncated(&value.to_string());
    add(Record {
        peer: peer.unwrap_or_default(),
        before: Some(text(&found.before)),
        after: Some(text(&found.after)),
        reason: found.error.as_deref().map(truncated),
        executed: true,
        ..Record::new(Action::File, &found.path)
    });
    if let Some(error) = found.error {
        log::write(move || {
            tracing::warn!(
                target: "underscore",
                path = field_text(&found.path),
                error = field_text(&error),
                "the settings file is rejected; the last valid settings stay in force"
            );
        });
    }
}

/// All records in memory, newest first.
pub(in crate::admin) fn newest_first() -> Vec<Arc<Record>> {
    let records = RECORDS.lock();
    let all = records.executed.iter().chain(&records.refused);
    let mut all: Vec<Arc<Record>> = all.cloned().collect();
    drop(records);
    all.sort_unstable_by_key(|record| std::cmp::Reverse(record.seq));
    all
}

/// Adds a record and writes it to the host's log.
pub(super) fn add(mut record: Record) {
    let record = {
        let mut records = RECORDS.lock();
        records.count = records.count.saturating_add(1);
        record.seq = records.count;
        // Read while locked, so that times are in the order of `seq`.
        record.time = SystemTime::now();
        let record = Arc::new(record);
        let same_kind = if record.is_refused() {
            &mut records.refused
        } else {
            &mut records.executed
        };
        if same_kind.len() == MAX_RECORDS {
            same_kind.pop_front();
        }
        same_kind.push_back(Arc::clone(&record));
        record
    };
    if !record.is_refused() || events::is_refusal_due(record.peer.uid, Instant::now()) {
        events::publish(event(&record));
    }
    log::write_audit(move || report(&record));
}

fn event(record: &Record) -> NewEvent {
    let target = Some(&record.target).filter(|target| !target.is_empty());
    NewEvent::new(EventType::Audit)
        .refused(record.is_refused())
        .word("action", record.action.word())
        .text("target", target)
        .number("status", record.status)
        .number("uid", record.peer.uid)
        .number("gid", record.peer.gid)
        .number("pid", record.peer.pid)
        .text("process", record.process.as_ref())
        .text("before", record.before.as_ref())
        .text("after", record.after.as_ref())
        .text("reason", record.reason.as_ref())
        .number("seq", Some(record.seq))
}

fn report(record: &Record) {
    tracing::info!(
        target: "underscore::audit",
        action = record.action.word(),
        // Not `target`, which is the module path of an event in tracing.
        selector = field_text(&record.target),
        status = record.status,
        uid = record.peer.uid,
        gid = record.peer.gid,
        pid = record.peer.pid,
        process = record.process.as_deref().map(field_text),
        before = record.before.as_deref().map(field_text),
        after = record.after.as_deref().map(field_text),
        reason = record.reason.as_deref().map(field_text),
        seq = record.seq,
        "an operator called"
    );
}

/// `text` cut to [`MAX_TEXT_LEN`], with an ellipsis if it was longer.
pub(super) fn truncated(text: &str) -> String {
    truncate::to_bytes(text, MAX_TEXT_LEN).into_owned()
}

/// An object as truncated JSON on one line. Entries that would be cut off are not converted,
/// because there may be a thousand with long texts.
pub(in crate::admin) fn compact(entries: impl Iterator<Item = (String, Node)>) -> String {
    let mut len: usize = 0;
    let visible = entries.take_while(|(key, node)| {
        let fits = len <= MAX_TEXT_LEN;
        len = len
            .saturating_add(key.len())
            .saturating_add(to_json(node).len());
        fits
    });
    truncated(&to_json(&Node::object(visible)))
}

fn to_json(node: &Node) -> String {
    // Cannot fail: plain data with string keys.
    serde_json::to_string(node).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_that_are_not_cut_off_are_converted() {
        let entry = |number: u32| (number.to_string(), Node::text("x".repeat(100)));
        assert_eq!(
            compact((0..1).map(entry)),
            format!("{{\"0\":\"{}\"}}", "x".repeat(100))
        );
        let mut converted = 0;
        let text = compact((0..1_000).map(|number| {
            converted = number;
            entry(number)
        }));
        assert!(converted < 20, "{converted}");
        assert_eq!(text.len(), MAX_TEXT_LEN + "…".len());
    }
}
