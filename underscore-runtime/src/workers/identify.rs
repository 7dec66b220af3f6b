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

/// A thread in a long poll, and the workers that it may be.
type Candidate<'a> = (Id, &'a LongPoll, WorkerSearch);

/// Assigns a worker to each of these threads that may be one of several, if there are as many of
/// them as of their candidates. Then it is certain that these workers are blocked and by which
/// threads; only their order is not, and nothing can tell while they are blocked. In a runtime that
/// has ended, no other workers are left, so the threads need not be complete.
///
/// If they are not complete by themselves, threads that are identified and blocked count as their
/// workers. [`settle`] leaves those out if they were last seen before the others first were: they
/// may have handed off their worker since, which nothing tells while its counters stand still.
pub(super) fn assume(threads: &[LongPoll], has_ended: impl Fn(Id) -> bool) {
    let (mut open, mut identified) = (Vec::new(), Vec::new());
    for thread in threads {
        let runtime = thread.record.thread().and_then(|thread| thread.runtime);
        let Some((runtime, mut search)) = runtime.zip(thread.record.search()) else {
            continue;
        };
        if search.found().is_some() {
            if thread.record.is_blocked() {
                identified.push((runtime, thread, search));
            }
            continue;
        }
        // An earlier assignment stays.
        if let Some(assumed) = thread.record.worker() {
            search.exclude(|worker| worker != assumed);
        }
        open.push((runtime, thread, search));
    }
    while let Some((runtime, ..)) = open.last() {
        let runtime = *runtime;
        let is_its = |(its, ..): &mut Candidate<'_>| *its == runtime;
        let open: Vec<_> = open.extract_if(.., is_its).collect();
        let identified = identified.extract_if(.., is_its);
        let all: Vec<_> = identified.chain(open.iter().cloned()).collect();
        if is_complete(&open) {
            assign(&open);
        } else if is_complete(&all) {
            assign(&all);
        } else if has_ended(runtime) {
            assign(&open);
        }
    }
}

fn is_complete(threads: &[Candidate<'_>]) -> bool {
    WorkerSearch::are_complete(&searches(threads))
}

fn assign(threads: &[Candidate<'_>]) {
    let assigned = WorkerSearch::assign(&searches(threads)).unwrap_or_default();
    for ((_, thread, _), worker) in threads.iter().zip(assigned) {
        thread.record.assume_worker(thread.entered, worker);
    }
}

fn searches<'a>(threads: &'a [Candidate<'_>]) -> Vec<&'a WorkerSearch> {
    threads.iter().map(|(.., search)| search).collect()
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
