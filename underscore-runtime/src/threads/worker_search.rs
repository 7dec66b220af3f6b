//! Finds out which worker of its runtime a thread is. `tokio::runtime::worker_index` answers that
//! directly, but only since tokio 1.54; this works with the counters of older versions.
//!
//! A worker is parked while its count of parks and unparks is odd. A thread inside a poll is not
//! parked, so it is none of the workers whose count is odd or changes during the poll. Two threads
//! that were workers at the same moment are different workers. A thread is identified once a single
//! candidate is left.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// The workers that a thread may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerSearch {
    /// One bit per worker of the runtime.
    candidates: Vec<u64>,
    workers: usize,
    /// The first and the last moment at which the thread was a worker.
    first: Moment,
    last: Moment,
}

/// A moment in an order that all threads share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    pub(super) fn now() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        // Relaxed: the modification order of this one atomic is all that is needed.
        Moment(LAST.fetch_add(1, Ordering::Relaxed))
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

    /// Updates `search` for a thread that is one of `workers` workers and inside a poll at
    /// `moment`. `is_parked` is called for the remaining candidates only. If it excludes all of
    /// them, the thread has lost its worker (`block_in_place`) and is another one now: the search
    /// restarts.
    pub(super) fn update(
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

    /// Excludes the workers for which `cannot_be` is true.
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

    /// Excludes what a copy of the same search has excluded. Does nothing if the search has
    /// restarted since it was copied.
    pub(super) fn exclude_as(&mut self, copy: &Self) {
        if self.first == copy.first {
            self.exclude(|worker| !copy.may_be(worker));
        }
    }

    /// True if the thread may be this worker.
    pub(crate) fn may_be(&self, worker: usize) -> bool {
        let bits = self.candidates.get(worker / BITS).copied().unwrap_or(0);
        u32::try_from(worker % BITS).is_ok_and(|bit| bits.wrapping_shr(bit) & 1 == 1)
    }

    /// The worker that the thread is, once a single candidate is left.
    pub(crate) fn found(&self) -> Option<usize> {
        let mut words = self.candidates.iter().enumerate();
        let (word, bits) = words.find(|(_, bits)| **bits != 0)?;
        let is_only = bits.is_power_of_two() && words.all(|(_, bits)| *bits == 0);
        is_only.then(|| index(word, *bits))
    }

    /// True if no candidate is left.
    pub(super) fn is_contradicted(&self) -> bool {
        self.candidates.iter().all(|bits| *bits == 0)
    }

    /// True if both threads were workers at the same moment.
    fn overlaps(&self, other: &Self) -> bool {
        self.first.max(other.first) <= self.last.min(other.last)
    }

    fn candidates(&self) -> impl Iterator<Item = usize> {
        (0..self.workers).filter(|worker| self.may_be(*worker))
    }

    /// True if these threads have as many candidates as there are threads: together they are all of
    /// these workers, in whatever order.
    pub(crate) fn are_complete(searches: &[&Self]) -> bool {
        let workers = searches.iter().map(|search| search.workers).max();
        let is_candidate = |worker: &usize| searches.iter().any(|search| search.may_be(*worker));
        let candidates = (0..workers.unwrap_or(0)).filter(is_candidate);
        candidates.count() == searches.len()
    }

    /// Assigns a different worker to each of these threads, in their order as far as possible. `None`
    /// if there are too few.
    pub(crate) fn assign(searches: &[&Self]) -> Option<Vec<usize>> {
        let mut assigned = Vec::new();
        for search in searches {
            let mut tried = BTreeSet::new();
            let worker = search.free_worker(searches, &mut assigned, &mut tried)?;
            assigned.push(worker);
        }
        Some(assigned)
    }

    /// A candidate that no thread was assigned, if need be by assigning another one to the threads
    /// that have it: an augmenting path of a bipartite matching (Kuhn, 1955).
    fn free_worker(
        &self,
        searches: &[&Self],
        assigned: &mut [usize],
        tried: &mut BTreeSet<usize>,
    ) -> Option<usize> {
        if let Some(free) = self.candidates().find(|worker| !assigned.contains(worker)) {
            return Some(free);
        }
        self.candidates().find(|worker| {
            let owner = assigned.iter().position(|taken| taken == worker);
            let Some(owner) = owner.filter(|_| tried.insert(*worker)) else {
                return false;
            };
            let other = searches.get(owner);
            let other = other.and_then(|other| other.free_worker(searches, assigned, tried));
            let moved = other.and_then(|other| Some((assigned.get_mut(owner)?, other)));
            moved.map(|(place, other)| *place = other).is_some()
        })
    }

    /// Excludes, among the threads of one runtime, the workers that others are known to be. If two
    /// threads were the same worker at the same moment, both are contradicted.
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

/// Bits per word.
const BITS: usize = 64;

/// The index of the worker for a bit of a word.
fn index(word: usize, bit: u64) -> usize {
    let bit = usize::try_from(bit.trailing_zeros()).unwrap_or(0);
    word.saturating_mul(BITS).saturating_add(bit)
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

    fn updated(search: &mut Option<WorkerSearch>, parks: &[u64]) -> Option<usize> {
        let is_parked = |worker: usize| parks[worker] % 2 == 1;
        WorkerSearch::update(search, parks.len(), Moment::now(), is_parked);
        search.as_ref().and_then(WorkerSearch::found)
    }

    #[test]
    fn a_thread_is_the_worker_that_never_parks_while_it_polls() {
        let mut search = None;
        assert_eq!(updated(&mut search, &[2, 4, 1, 0]), None);
        assert_eq!(updated(&mut search, &[3, 4, 2, 0]), None);
        assert_eq!(updated(&mut search, &[4, 4, 2, 1]), Some(1));
        assert_eq!(updated(&mut search, &[4, 6, 2, 2]), Some(1), "its own");
    }

    #[test]
    fn the_only_worker_is_identified_at_once() {
        assert_eq!(updated(&mut None, &[0]), Some(0));
        assert_eq!(updated(&mut None, &[]), None);
    }

    #[test]
    fn an_identified_thread_checks_its_own_worker_only() {
        let mut search = Some(search(130, [0, 1], &[128]));
        let asked = std::cell::RefCell::new(Vec::new());
        WorkerSearch::update(&mut search, 130, Moment(2), |worker| {
            asked.borrow_mut().push(worker);
            false
        });
        assert_eq!(asked.into_inner(), [128]);
    }

    #[test]
    fn the_search_restarts_if_the_worker_parks_during_a_poll() {
        let mut search = None;
        assert_eq!(updated(&mut search, &[0, 1, 1]), Some(0));
        assert_eq!(updated(&mut search, &[1, 2, 2]), None, "1 or 2");
        assert_eq!(updated(&mut search, &[2, 2, 3]), Some(1), "0 is out");
        assert_eq!(updated(&mut search, &[1, 1, 1]), None, "nobody polls");
        assert_eq!(search, None);
    }

    #[test]
    fn the_search_restarts_in_another_runtime() {
        let mut search = None;
        assert_eq!(updated(&mut search, &[0, 1]), Some(0));
        assert_eq!(updated(&mut search, &[0, 0, 1]), None);
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
    fn two_threads_are_different_workers_at_the_same_moment() {
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
    fn a_thread_excludes_nothing_for_later_threads() {
        let mut searches = [search(2, [0, 5], &[0]), search(2, [6, 9], &[0, 1])];
        let before = searches.clone();
        WorkerSearch::settle(&mut searches);
        assert_eq!(searches, before, "the first may have lost its worker");
    }

    #[test]
    fn two_threads_that_claim_the_same_worker_are_both_contradicted() {
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
    fn threads_with_as_many_candidates_as_threads_are_assigned_in_order() {
        let [both, one, three] =
            [&[0, 2][..], &[2], &[0, 1, 2]].map(|may_be| search(3, [0, 9], may_be));
        assert!(WorkerSearch::are_complete(&[&both, &both]));
        assert_eq!(WorkerSearch::assign(&[&both, &both]), Some(vec![0, 2]));
        assert!(WorkerSearch::are_complete(&[&one, &both]));
        assert_eq!(WorkerSearch::assign(&[&one, &both]), Some(vec![2, 0]));
        assert!(!WorkerSearch::are_complete(&[&both]));
        assert!(!WorkerSearch::are_complete(&[&both, &three]));
        assert_eq!(WorkerSearch::assign(&[&one, &one]), None);
        let [low, high] = [&[0, 1][..], &[1, 2]].map(|may_be| search(3, [0, 9], may_be));
        assert_eq!(
            WorkerSearch::assign(&[&low, &high, &low]),
            Some(vec![1, 2, 0]),
            "the first one makes room"
        );
        assert_eq!(WorkerSearch::assign(&[&low, &low, &low]), None);
    }

    /// Workers park and poll at random. What each thread finds is compared with what it is.
    #[test]
    fn no_thread_is_ever_identified_as_another_worker() {
        const WORKERS: usize = 70;
        let mut random = 1_u64;
        let mut next = move |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % below
        };
        let mut searches = vec![None; WORKERS];
        let mut parks = vec![0_u64; WORKERS];
        for step in 0..4_000 {
            for count in &mut parks {
                // Busy in seven steps of ten.
                let is_busy = next(10) < 7;
                if (*count % 2 == 0) != is_busy {
                    *count += 1;
                }
            }
            // The thread of worker `n` is thread `n`.
            let thread = usize::try_from(next(70)).expect("small");
            if parks[thread].is_multiple_of(2) {
                updated(&mut searches[thread], &parks);
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
}
