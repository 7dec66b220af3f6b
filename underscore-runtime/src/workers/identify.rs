//! Combines what the threads of a runtime found out about their workers.

use tokio::runtime::Id;

use crate::clock::Instant;
use crate::threads::{ThreadRecord, WorkerSearch};

/// Excludes for each thread the workers that others are known to be.
pub(super) fn settle(records: &[&'static ThreadRecord]) {
    let mut open: Vec<_> = records
        .iter()
        .filter_map(|record| {
            let runtime = record.thread()?.runtime?;
            Some((runtime, *record, record.search()?))
        })
        .collect();
    while let Some((runtime, ..)) = open.last() {
        let runtime = *runtime;
        let (records, mut searches): (Vec<_>, Vec<_>) = open
            .extract_if(.., |(its, ..)| *its == runtime)
            .map(|(_, record, search)| (record, search))
            .unzip();
        WorkerSearch::settle(&mut searches);
        for (record, search) in records.iter().zip(&searches) {
            record.exclude_workers_as(search);
        }
    }
}

/// A thread that has been in one poll for too long, since `entered`.
pub(super) struct LongPoll {
    pub(super) record: &'static ThreadRecord,
    pub(super) entered: Option<Instant>,
}

/// Assigns a worker to each of these threads that may be several, if together they are all of their
/// candidates. Then it is certain that these workers are blocked and by which threads; only the
/// order of those that may be several is not, and nothing can tell while they are blocked. In a
/// runtime that has ended, no other workers are left, so the threads need not be complete.
///
/// Threads that are identified take part, because [`settle`] excludes nothing for a thread that was
/// first a worker after they were last seen as theirs: it cannot tell whether they have lost it
/// since. The sampler can: the counters of their worker stand still since before they were marked as
/// blocked.
pub(super) fn assume(threads: &[LongPoll], has_ended: impl Fn(Id) -> bool) {
    let mut open: Vec<_> = threads
        .iter()
        .filter_map(|thread| {
            let runtime = thread.record.thread()?.runtime?;
            let mut search = thread.record.search()?;
            if search.found().is_some() && !thread.record.is_blocked() {
                return None;
            }
            let assumed = thread.record.worker();
            if let Some(assumed) = assumed {
                search.exclude(|worker| worker != assumed);
            }
            Some((runtime, thread, search, assumed.is_none()))
        })
        .collect();
    // Earlier assignments stay.
    open.sort_by_key(|(.., is_new)| *is_new);
    while let Some((runtime, ..)) = open.last() {
        let runtime = *runtime;
        let (threads, searches): (Vec<_>, Vec<_>) = open
            .extract_if(.., |(its, ..)| *its == runtime)
            .map(|(_, thread, search, _)| (thread, search))
            .unzip();
        if !WorkerSearch::are_complete(&searches) && !has_ended(runtime) {
            continue;
        }
        let assigned = WorkerSearch::assign(&searches).unwrap_or_default();
        for (thread, worker) in threads.iter().zip(assigned) {
            thread.record.assume_worker(thread.entered, worker);
        }
    }
}

/// The record of the thread that is this worker, the latest if there were several.
pub(super) fn record_of(
    records: &[&'static ThreadRecord],
    runtime: Id,
    index: usize,
) -> Option<&'static ThreadRecord> {
    let is_its =
        |record: &&&ThreadRecord| record.worker() == Some(index) && is_of_runtime(record, runtime);
    let last = |record: &&&'static ThreadRecord| record.entered();
    records.iter().filter(is_its).max_by_key(last).copied()
}

/// True if a thread that may be this worker or another one is in a poll of a tracked task.
pub(super) fn may_be_tracked(records: &[&'static ThreadRecord], runtime: Id, index: usize) -> bool {
    let may_be_it = |record: &ThreadRecord| {
        record
            .search()
            .is_some_and(|search| search.may_be(index) && search.found().is_none())
    };
    let mut records = records.iter();
    records.any(|record| {
        record.reading().is_some() && is_of_runtime(record, runtime) && may_be_it(record)
    })
}

fn is_of_runtime(record: &ThreadRecord, runtime: Id) -> bool {
    let thread = record.thread();
    thread.is_some_and(|thread| thread.runtime == Some(runtime))
}
