//! The records, the newest of which are kept in memory, and all of which are told to the host's log: whoever
//! needs them for longer keeps that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::peer::Peer;
use crate::admin::render::Node;
use crate::log::{self, field_text};
use crate::routes::HandlerEntry;
use crate::settings_file::Reload;
use crate::sync::Mutex;
use crate::truncate;

/// The records of each kind that are kept; the oldest goes when one more comes.
const MOST_KEPT: usize = 1_000;

/// The most that is kept of each of the four texts of a record, in bytes. So all that is kept takes
/// less than 10 MB, and in practice a tenth of that.
const LONGEST_TEXT: usize = 1 << 10;

/// Allocates nothing while empty.
static RECORDS: Mutex<Records> = Mutex::new(Records {
    carried_out: VecDeque::new(),
    refused: VecDeque::new(),
    count: 0,
});

/// The oldest first. Refused calls are kept apart: read-only clients can make any number of them,
/// and must not displace the records of changes.
struct Records {
    carried_out: VecDeque<Arc<Record>>,
    refused: VecDeque<Arc<Record>>,
    /// Number of records so far.
    count: u64,
}

/// A call that was to change something, and what became of it.
#[derive(Clone, Debug)]
pub(in crate::admin) struct Record {
    /// Sequence number, from 1 on, in the order in which calls ended.
    pub(in crate::admin) seq: u64,
    /// Wall-clock time of the end. Not monotonic, unlike `seq`.
    pub(in crate::admin) time: SystemTime,
    pub(in crate::admin) peer: Peer,
    pub(in crate::admin) process: Option<String>,
    pub(in crate::admin) action: Action,
    /// What was to be changed, as it was written.
    pub(in crate::admin) target: String,
    pub(in crate::admin) before: Option<String>,
    pub(in crate::admin) after: Option<String>,
    pub(in crate::admin) reason: Option<String>,
    /// Of the answer, if there was one.
    pub(in crate::admin) status: Option<u16>,
    /// True once the call has passed all checks and is carried out.
    pub(super) begun: bool,
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
            target: shortened(target),
            before: None,
            after: None,
            reason: None,
            status: None,
            begun: false,
        }
    }

    fn is_refused(&self) -> bool {
        !self.begun || self.status.is_some_and(|status| status >= 400)
    }
}

/// What a call is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Action {
    /// Change settings of routes.
    Settings,
    /// End the requests of routes.
    Interrupt,
    /// End tasks.
    Cancel,
    /// Undo settings whose time was over: the service's own doing.
    Expire,
    /// Take over, or refuse, what somebody made of the settings file.
    File,
}

impl Action {
    /// The wire's word.
    pub(in crate::admin) fn word(self) -> &'static str {
        match self {
            Action::Settings => "settings",
            Action::Interrupt => "interrupt",
            Action::Cancel => "cancel",
            Action::Expire => "expire",
            Action::File => "file",
        }
    }
}

/// Keeps that settings of a handler have expired, of which nobody was the cause at that moment.
pub(in crate::admin) fn expired(handler: &HandlerEntry, keys: &str) {
    keep(Record {
        before: Some(shortened(keys)),
        begun: true,
        ..Record::new(Action::Expire, handler.declaration.handler)
    });
}

/// Keeps what somebody made of the settings file. Who it was, a file does not tell: the record has
/// its owner.
pub(crate) fn file_changed(found: Reload) {
    let peer = found.owner.map(|(uid, gid)| Peer {
        uid: Some(uid),
        gid: Some(gid),
        pid: None,
    });
    let text = |value: &Value| shortened(&value.to_string());
    keep(Record {
        peer: peer.unwrap_or_default(),
        before: Some(text(&found.before)),
        after: Some(text(&found.after)),
        reason: found.error.as_deref().map(shortened),
        begun: true,
        ..Record::new(Action::File, &found.path)
    });
    if let Some(error) = found.error {
        log::write(move || {
            tracing::warn!(
                target: "underscore",
                path = field_text(&found.path),
                error = field_text(&error),
                "the settings file is not in force; what it said last is"
            );
        });
    }
}

/// The records that are kept, the newest first.
pub(in crate::admin) fn newest_first() -> Vec<Arc<Record>> {
    let records = RECORDS.lock();
    let all = records.carried_out.iter().chain(&records.refused);
    let mut all: Vec<Arc<Record>> = all.cloned().collect();
    drop(records);
    all.sort_unstable_by_key(|record| std::cmp::Reverse(record.seq));
    all
}

/// Keeps a record, and tells the host's log of it.
pub(super) fn keep(mut record: Record) {
    let record = {
        let mut records = RECORDS.lock();
        records.count = records.count.saturating_add(1);
        record.seq = records.count;
        // Read here, so that times are in the order of the records.
        record.time = SystemTime::now();
        let record = Arc::new(record);
        let its_kind = if record.is_refused() {
            &mut records.refused
        } else {
            &mut records.carried_out
        };
        if its_kind.len() == MOST_KEPT {
            its_kind.pop_front();
        }
        its_kind.push_back(Arc::clone(&record));
        record
    };
    log::write_audit(move || report(&record));
}

fn report(record: &Record) {
    tracing::info!(
        target: "underscore::audit",
        action = record.action.word(),
        // `target` is what a log calls the place that an event comes from.
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

/// As much of `text` as is kept; what is cut off leaves an ellipsis.
pub(super) fn shortened(text: &str) -> String {
    truncate::to_bytes(text, LONGEST_TEXT).into_owned()
}

/// An object as JSON on one line, shortened. Only as many entries are looked at as can be seen of it: there
/// may be a thousand, with long texts in them.
pub(in crate::admin) fn compact(entries: impl Iterator<Item = (String, Node)>) -> String {
    let mut seen = 0;
    let visible = entries.take_while(|(key, node)| {
        let fits = seen <= LONGEST_TEXT;
        seen = seen
            .saturating_add(key.len())
            .saturating_add(written(node).len());
        fits
    });
    shortened(&written(&Node::object(visible)))
}

fn written(node: &Node) -> String {
    // A tree of plain data with texts for keys: nothing in it can fail.
    serde_json::to_string(node).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_entries_only_those_are_looked_at_that_can_be_seen() {
        let entry = |number: u32| (number.to_string(), Node::text("x".repeat(100)));
        assert_eq!(
            compact((0..1).map(entry)),
            format!("{{\"0\":\"{}\"}}", "x".repeat(100))
        );
        let mut asked = 0;
        let text = compact((0..1_000).map(|number| {
            asked = number;
            entry(number)
        }));
        assert!(asked < 20, "{asked}");
        assert_eq!(text.len(), LONGEST_TEXT + "…".len());
    }
}
