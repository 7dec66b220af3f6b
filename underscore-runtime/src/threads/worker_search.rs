//! Which of its runtime's workers a thread is. `tokio::runtime::worker_index` would say so, but it
//! is of tokio 1.54; this takes what older versions count as well.
//!
//! A worker is at rest while its count of parks and unparks is odd, and a thread that is inside a
//! poll is not: it can be no worker whose count is odd, or changes while the poll lasts. Two
//! threads that were workers at one moment are different workers. What is left is the thread's own,
//! and until one is left, nothing is claimed.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::runtime::RuntimeMetrics;

/// What tokio has counted of a worker. None of it changes while the worker is inside a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerCounts {
    /// How often it parked and was unparked.
    pub(crate) rests: u64,
    /// How long it was busy, as far as that was counted.
    pub(crate) busy: Duration,
}

/// The workers that a thread may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerSearch {
    /// A bit for each of the runtime's workers.
    candidates: Vec<u64>,
    workers: usize,
    /// The first and the last moment at which it was seen to be a worker.
    first: Moment,
    last: Moment,
}

/// A moment, in the order of all threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn now() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        // Relaxed: the changes of one atomic have an order, and more is not asked.
        Moment(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

impl WorkerCounts {
    #[cfg(target_has_atomic = "64")]
    pub(crate) fn read(metrics: &RuntimeMetrics, worker: usize) -> Self {
        WorkerCounts {
            rests: metrics.worker_park_unpark_count(worker),
            busy: metrics.worker_total_busy_duration(worker),
        }
    }

    /// tokio counts only where it has 64-bit atomics.
    #[cfg(not(target_has_atomic = "64"))]
    pub(crate) fn read(_: &RuntimeMetrics, _: usize) -> Self {
        WorkerCounts {
            rests: 0,
            busy: Duration::ZERO,
        }
    }

    /// What was counted of all workers of a runtime.
    pub(crate) fn read_all(metrics: &RuntimeMetrics) -> Vec<Self> {
        let workers = 0..metrics.num_workers();
        workers
            .map(|worker| WorkerCounts::read(metrics, worker))
            .collect()
    }

    /// An odd count is a worker that has gone to rest and not come back.
    pub(crate) fn is_parked(self) -> bool {
        self.rests % 2 == 1
    }
}

impl WorkerSearch {
    fn new(workers: usize, moment: Moment) -> Self {
        let full = workers / BITS;
        let rest = workers % BITS;
        let mut candidates = vec![u64::MAX; full];
        if rest > 0 {
            candidates.push(u64::MAX >> BITS.saturating_sub(rest));
        }
        WorkerSearch {
            candidates,
            workers,
            first: moment,
            last: moment,
        }
    }

    /// Notes that the thread is one of so many workers and inside a poll, at this moment. Once it
    /// is known which one it is, only that is asked for. Where all are excluded, the thread has
    /// lost its worker (`block_in_place`) and is another one by now: it begins anew.
    pub(crate) fn note(
        search: &mut Option<Self>,
        workers: usize,
        moment: Moment,
        is_parked: impl Fn(usize) -> bool,
    ) {
        let earlier = search.take().filter(|search| search.workers == workers);
        let narrowed = |mut search: Self| {
            search.last = moment;
            search.exclude(&is_parked);
            (!search.is_contradicted()).then_some(search)
        };
        *search = earlier
            .and_then(narrowed)
            .or_else(|| narrowed(WorkerSearch::new(workers, moment)));
    }

    /// Excludes workers that the thread cannot be.
    pub(crate) fn exclude(&mut self, cannot_be: impl Fn(usize) -> bool) {
        for (word, bits) in self.candidates.iter_mut().enumerate() {
            let mut rest = *bits;
            while rest != 0 {
                let lowest = rest & rest.wrapping_neg();
                rest ^= lowest;
                if cannot_be(index(word, lowest)) {
                    *bits ^= lowest;
                }
            }
        }
    }

    /// Excludes what another account of the same search has excluded.
    pub(crate) fn exclude_as(&mut self, other: &Self) {
        if self.first == other.first {
            self.exclude(|worker| !other.may_be(worker));
        }
    }

    /// True if the thread may be this worker.
    pub(crate) fn may_be(&self, worker: usize) -> bool {
        let bits = self.candidates.get(worker / BITS).copied().unwrap_or(0);
        u32::try_from(worker % BITS).is_ok_and(|bit| bits.wrapping_shr(bit) & 1 == 1)
    }

    /// The worker that the thread is, once no other one is left.
    pub(crate) fn found(&self) -> Option<usize> {
        let mut words = self.candidates.iter().enumerate();
        let (word, bits) = words.find(|(_, bits)| **bits != 0)?;
        let is_only = bits.is_power_of_two() && words.all(|(_, bits)| *bits == 0);
        is_only.then(|| index(word, *bits))
    }

    /// True if no worker is left that the thread may be.
    pub(crate) fn is_contradicted(&self) -> bool {
        self.candidates.iter().all(|bits| *bits == 0)
    }

    /// True if both threads were workers at one moment.
    fn overlaps(&self, other: &Self) -> bool {
        self.first.max(other.first) <= self.last.min(other.last)
    }

    /// The workers that it may be.
    fn candidates(&self) -> impl Iterator<Item = usize> {
        (0..self.workers).filter(|worker| self.may_be(*worker))
    }

    /// True if these threads are all the workers that they may be, whichever of them each is.
    pub(crate) fn are_complete(searches: &[Self]) -> bool {
        let workers = searches.iter().map(|search| search.workers).max();
        let is_candidate = |worker: &usize| searches.iter().any(|search| search.may_be(*worker));
        let candidates = (0..workers.unwrap_or(0)).filter(is_candidate);
        candidates.count() == searches.len()
    }

    /// A worker for each of these threads, no two the same: the first that is left, and not known
    /// to be its own.
    pub(crate) fn assign(searches: &[Self]) -> Option<Vec<usize>> {
        let mut assigned = Vec::new();
        for search in searches {
            let mut candidates = search.candidates();
            assigned.push(candidates.find(|worker| !assigned.contains(worker))?);
        }
        Some(assigned)
    }

    /// Excludes, for the threads of one runtime, what others of them are known to be. Two that
    /// would be the same worker at one moment are both contradicted.
    pub(crate) fn settle(searches: &mut [Self]) {
        let mut settled = vec![false; searches.len()];
        loop {
            let mut open = searches.iter().zip(&mut settled).enumerate();
            let next = open.find_map(|(place, (search, is_settled))| {
                let worker = search.found().filter(|_| !*is_settled)?;
                *is_settled = true;
                Some((place, worker, search.clone()))
            });
            let Some((place, worker, known)) = next else {
                return;
            };
            let mut is_contested = false;
            for (other, search) in searches.iter_mut().enumerate() {
                if other != place && search.overlaps(&known) {
                    is_contested |= search.found() == Some(worker);
                    search.exclude(|candidate| candidate == worker);
                }
            }
            if let Some(search) = searches.get_mut(place).filter(|_| is_contested) {
                search.exclude(|_| true);
            }
        }
    }
}

/// Bits of a word.
const BITS: usize = 64;

/// The index that this bit of this word stands for.
fn index(word: usize, bit: u64) -> usize {
    let bit = usize::try_from(bit.trailing_zeros()).unwrap_or(0);
    word.saturating_mul(BITS).saturating_add(bit)
}

/// True if the calling thread is a worker that has not handed its work on (`block_in_place`), or
/// drives a runtime of one thread. Other threads have a runtime, too: those of `spawn_blocking`,
/// and one that waits in `block_on`.
///
/// A scheduler keeps the waker of a task that yields until it has run out of others. Where there is
/// none, it is woken at once.
pub(crate) fn is_worker() -> bool {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let yields = pin!(tokio::task::yield_now());
    let is_pending = yields.poll(&mut Context::from_waker(&waker)).is_pending();
    is_pending && !woken.0.load(Ordering::Relaxed)
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Relaxed: it is read by the thread that writes it, or by nobody.
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(workers: usize, moments: [u64; 2], may_be: &[usize]) -> WorkerSearch {
        let [first, last] = moments.map(Moment);
        let mut search = WorkerSearch::new(workers, first);
        search.last = last;
        search.exclude(|worker| !may_be.contains(&worker));
        search
    }

    fn noted(search: &mut Option<WorkerSearch>, rests: &[u64]) -> Option<usize> {
        let is_parked = |worker: usize| rests[worker] % 2 == 1;
        WorkerSearch::note(search, rests.len(), Moment::now(), is_parked);
        search.as_ref().and_then(WorkerSearch::found)
    }

    #[test]
    fn a_thread_is_the_worker_that_never_rests_while_it_polls() {
        let mut search = None;
        assert_eq!(noted(&mut search, &[2, 4, 1, 0]), None);
        assert_eq!(noted(&mut search, &[3, 4, 2, 0]), None);
        assert_eq!(noted(&mut search, &[4, 4, 2, 1]), Some(1));
        assert_eq!(noted(&mut search, &[4, 6, 2, 2]), Some(1), "its own");
    }

    #[test]
    fn the_only_worker_is_known_at_once() {
        assert_eq!(noted(&mut None, &[0]), Some(0));
        assert_eq!(noted(&mut None, &[]), None);
    }

    #[test]
    fn a_known_worker_is_all_that_is_asked_for() {
        let mut search = Some(search(130, [0, 1], &[128]));
        let asked = std::cell::RefCell::new(Vec::new());
        WorkerSearch::note(&mut search, 130, Moment(2), |worker| {
            asked.borrow_mut().push(worker);
            false
        });
        assert_eq!(asked.into_inner(), [128]);
    }

    #[test]
    fn a_thread_whose_worker_rests_while_it_polls_begins_anew() {
        let mut search = None;
        assert_eq!(noted(&mut search, &[0, 1, 1]), Some(0));
        assert_eq!(noted(&mut search, &[1, 2, 2]), None, "1 or 2");
        assert_eq!(noted(&mut search, &[2, 2, 3]), Some(1), "0 is out");
        assert_eq!(noted(&mut search, &[1, 1, 1]), None, "nobody polls");
        assert_eq!(search, None);
    }

    #[test]
    fn a_thread_of_another_runtime_begins_anew() {
        let mut search = None;
        assert_eq!(noted(&mut search, &[0, 1]), Some(0));
        assert_eq!(noted(&mut search, &[0, 0, 1]), None);
    }

    #[test]
    fn there_may_be_more_workers_than_bits_in_a_word() {
        for workers in [63, 64, 65, 127, 128, 200] {
            let all = WorkerSearch::new(workers, Moment(0));
            let left: Vec<usize> = (0..300).filter(|worker| all.may_be(*worker)).collect();
            assert_eq!(left, (0..workers).collect::<Vec<_>>());
            for worker in 0..workers {
                let found = search(workers, [0, 1], &[worker]).found();
                assert_eq!(found, Some(worker), "of {workers}");
            }
            assert_eq!(search(workers, [0, 1], &[0, workers - 1]).found(), None);
        }
    }

    #[test]
    fn what_one_thread_is_no_other_one_is_at_the_same_time() {
        let mut searches = [
            search(3, [0, 9], &[0, 1, 2]),
            search(3, [5, 6], &[1]),
            search(3, [6, 20], &[1, 2]),
        ];
        WorkerSearch::settle(&mut searches);
        let found = searches.each_ref().map(WorkerSearch::found);
        assert_eq!(found, [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn a_thread_says_nothing_of_those_that_come_after_it() {
        let mut searches = [search(2, [0, 5], &[0]), search(2, [6, 9], &[0, 1])];
        let before = searches.clone();
        WorkerSearch::settle(&mut searches);
        assert_eq!(searches, before, "the first may have lost its worker");
    }

    #[test]
    fn two_that_would_be_the_same_worker_are_none() {
        let mut searches = [
            search(3, [0, 9], &[1]),
            search(3, [5, 6], &[1]),
            search(3, [0, 1], &[2]),
        ];
        WorkerSearch::settle(&mut searches);
        let found = searches.each_ref().map(WorkerSearch::found);
        assert_eq!(found, [None, None, Some(2)]);
        assert!(searches[0].is_contradicted() && searches[1].is_contradicted());
    }

    #[test]
    fn threads_that_hold_all_that_they_may_be_are_told_apart_by_order_only() {
        let [both, one, three] =
            [&[0, 2][..], &[2], &[0, 1, 2]].map(|may_be| search(3, [0, 9], may_be));
        let two = [both.clone(), both.clone()];
        assert!(WorkerSearch::are_complete(&two));
        assert_eq!(WorkerSearch::assign(&two), Some(vec![0, 2]));
        assert!(!WorkerSearch::are_complete(std::slice::from_ref(&both)));
        assert!(!WorkerSearch::are_complete(&[both.clone(), three]));
        assert_eq!(WorkerSearch::assign(&[one.clone(), one]), None);
    }

    /// Workers that park and poll by chance, as each thread sees them, against what the threads
    /// are.
    #[test]
    fn nothing_is_found_that_is_not_so() {
        const WORKERS: usize = 70;
        let mut random = 1_u64;
        let mut next = move |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % below
        };
        let mut searches = vec![None; WORKERS];
        let mut rests = vec![0_u64; WORKERS];
        for step in 0..4_000 {
            for count in &mut rests {
                // Busy in seven steps of ten.
                let is_busy = next(10) < 7;
                if (*count % 2 == 0) != is_busy {
                    *count += 1;
                }
            }
            // The thread of worker `n` is thread `n`.
            let thread = usize::try_from(next(70)).expect("small");
            if rests[thread].is_multiple_of(2) {
                noted(&mut searches[thread], &rests);
            }
            if step % 8 > 0 {
                continue;
            }
            let mut known: Vec<WorkerSearch> = searches.iter().flatten().cloned().collect();
            WorkerSearch::settle(&mut known);
            assert!(!known.iter().any(WorkerSearch::is_contradicted));
            for (own, settled) in searches.iter_mut().flatten().zip(&known) {
                own.exclude_as(settled);
            }
            for (thread, search) in searches.iter().enumerate() {
                let found = search.as_ref().and_then(WorkerSearch::found);
                assert!(
                    found.is_none_or(|worker| worker == thread),
                    "{thread}: {found:?}"
                );
            }
        }
        let found = searches.iter().flatten().filter_map(WorkerSearch::found);
        assert_eq!(found.count(), WORKERS);
    }

    #[test]
    fn threads_know_whether_they_are_workers() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .expect("threads can be had");
        assert!(!is_worker(), "it has no runtime");
        assert!(!runtime.block_on(async { is_worker() }), "it waits");
        let _entered = runtime.enter();
        assert!(!is_worker(), "it only has a handle");
        let handed_on = || tokio::task::block_in_place(is_worker);
        let found = runtime.block_on(async {
            (
                tokio::spawn(async { is_worker() }).await.expect("no panic"),
                tokio::spawn(async move { handed_on() })
                    .await
                    .expect("no panic"),
                tokio::task::spawn_blocking(is_worker)
                    .await
                    .expect("no panic"),
            )
        });
        assert_eq!(found, (true, false, false));
        let alone = tokio::runtime::Builder::new_current_thread().build();
        let alone = alone.expect("it can be had");
        assert!(std::thread::scope(|scope| {
            let driven = scope.spawn(|| alone.block_on(async { is_worker() }));
            driven.join().expect("no panic")
        }));
    }
}
