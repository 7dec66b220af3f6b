//! All open connections, by id.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::info::{ConnectionInfo, ConnectionState};
use crate::sync::{Arc, Mutex, Notify, contained};

static OPEN: Mutex<BTreeMap<u64, Arc<dyn OpenConnection>>> = Mutex::new(BTreeMap::new());

static REMOVED: Notify = Notify::const_new();

/// A connection without the type of its stream.
pub(crate) trait OpenConnection: fmt::Debug + Send + Sync {
    fn info(&self) -> &ConnectionInfo;

    /// Closes the socket at once. Pending reads and writes return an error. False if the connection
    /// was closed already.
    fn close(&self) -> bool;

    /// True once it was closed, even if its owner has not dropped it yet.
    fn is_closed(&self) -> bool {
        self.info().state() == ConnectionState::Closing
    }
}

pub(super) fn insert(connection: Arc<dyn OpenConnection>) {
    let id = connection.info().id();
    OPEN.lock().insert(id, connection);
}

pub(super) fn remove(id: u64) {
    let removed = OPEN.lock().remove(&id);
    drop(removed);
    // Wakers are code of the host, and this runs in a `Drop`.
    contained(|| REMOVED.notify_waiters());
}

/// Waits until a connection ends, from the time of the call, not of the first poll.
pub(crate) fn removed() -> impl Future<Output = ()> {
    REMOVED.notified()
}

/// The open connections in the order of their acceptance.
pub(crate) fn all() -> Vec<Arc<dyn OpenConnection>> {
    OPEN.lock().values().cloned().collect()
}

/// The `most` open connections that were accepted first.
pub(crate) fn first(most: usize) -> Vec<Arc<dyn OpenConnection>> {
    OPEN.lock().values().take(most).cloned().collect()
}

/// The ids of the HTTP/2 connections by client address. An HTTP/2 request has its own tokio task,
/// so its connection is found by the address only.
pub(crate) fn http2_by_remote() -> HashMap<Box<str>, u64> {
    let open = OPEN.lock();
    let infos = open.values().map(|connection| connection.info());
    let http2 = infos.filter(|info| info.is_http2());
    http2
        .map(|info| (info.remote().into(), info.id()))
        .collect()
}

/// Number of open connections.
pub(crate) fn count() -> usize {
    OPEN.lock().len()
}

/// The open connection with this id.
pub(crate) fn find(id: u64) -> Option<Arc<dyn OpenConnection>> {
    OPEN.lock().get(&id).cloned()
}
