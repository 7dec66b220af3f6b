//! A pass over the records of tasks, in parts that fit the budget of a tick.

use std::time::Duration;

use crate::clock::Instant;
use crate::task::{TaskRef, chunks};

/// Maximum time of a tick for the walk and for what is done with the tasks that it finds: 1.5 % of
/// a core. With more tasks than fit, the next tick continues where this one has stopped.
const BUDGET: Duration = Duration::from_micros(500);

/// Maximum time between two ticks for which the time since the last look is counted. After a longer
/// gap, there was no admin API, or the process was stopped.
const LONGEST_GAP: Duration = Duration::from_secs(2);

/// Number of chunks after which the clock is read.
const CHUNKS_PER_READING: usize = 8;

/// A chunk without tasks is looked at in every fourth pass: a process that once had very many tasks
/// keeps their records.
const PASSES_PER_LOOK_AT_EMPTY: u8 = 4;

/// The state of the walk between ticks.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// By chunk.
    visits: Vec<Visit>,
    /// The first chunk that is not part of the current pass yet.
    next: usize,
    last_tick: Option<Instant>,
    /// The first tick, or the first one after such a gap.
    resumed: Option<Instant>,
}

/// The last look at the part of the tasks that a request is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastLook {
    /// The time since then, `None` if there was none.
    pub(super) since: Option<Duration>,
    /// False if the sampler has not run all the time since.
    pub(super) is_continuous: bool,
}

/// The last look at a chunk.
#[derive(Clone, Copy, Debug)]
struct Visit {
    /// `None` before the first look.
    at: Option<Instant>,
    /// Number of passes that leave it out.
    leave_out: u8,
}

/// The extent of a tick's walk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Number of requests found.
    pub(super) found: u64,
    /// True if the pass over all tasks is complete.
    pub(super) is_complete: bool,
    /// False if the sampler has not run all the time since the last tick.
    pub(super) is_continuous: bool,
}

impl Walk {
    /// Calls `each` with the requests in the next part of the pass, each with the last look at its
    /// part, and `each_other` with the other tasks there.
    pub(super) fn run(
        &mut self,
        now: Instant,
        mut each: impl FnMut(TaskRef, LastLook),
        mut each_other: impl FnMut(TaskRef),
    ) -> Extent {
        let last_tick = self.last_tick.replace(now);
        if last_tick.is_none_or(|last| now.since(last) > LONGEST_GAP) {
            self.resumed = Some(now);
            self.next = 0;
        }
        let chunks = chunks();
        let first = Visit {
            at: last_tick,
            leave_out: 0,
        };
        self.visits.resize(chunks.len(), first);
        let mut extent = Extent {
            is_continuous: self.resumed != Some(now),
            ..Extent::default()
        };
        let rest = chunks.get(self.next..).unwrap_or_default();
        let visits = self.visits.get_mut(self.next..).unwrap_or_default();
        for (number, (chunk, visit)) in (1..).zip(rest.iter().zip(visits)) {
            self.next = self.next.saturating_add(1);
            if let Some(fewer) = visit.leave_out.checked_sub(1) {
                visit.leave_out = fewer;
                continue;
            }
            let last_look = LastLook {
                since: visit.at.map(|at| now.since(at)),
                is_continuous: visit.at >= self.resumed,
            };
            let mut is_empty = true;
            for task in chunk.iter().filter_map(TaskRef::find) {
                is_empty = false;
                if task.own_route().is_some() {
                    extent.found = extent.found.saturating_add(1);
                    each(task, last_look);
                } else {
                    each_other(task);
                }
            }
            visit.at = Some(now);
            if is_empty {
                visit.leave_out = PASSES_PER_LOOK_AT_EMPTY.saturating_sub(1);
            }
            let is_due = number % CHUNKS_PER_READING == 0;
            if is_due && Instant::now().since(now) > BUDGET {
                break;
            }
        }
        if self.next >= chunks.len() {
            self.next = 0;
            extent.is_complete = true;
        }
        extent
    }
}
