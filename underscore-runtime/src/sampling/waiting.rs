//! The watched requests that wait, grouped by route and await.

use std::collections::HashMap;

use super::awaits::Awaits;
use crate::clock::Instant;
use crate::routes::Route;
use crate::stack::AwaitPoint;
use crate::task::TaskId;

/// A request at one of the awaits that it waits at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) task: TaskId,
    pub(super) route: &'static Route,
    pub(super) point: Option<&'static AwaitPoint>,
    /// The end of its last poll.
    pub(super) since: Instant,
}

/// The requests of one route that wait at one await.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) route: &'static Route,
    /// `None` if they are at no known await.
    pub(crate) point: Option<&'static AwaitPoint>,
    /// The requests, each with the end of its last poll.
    pub(crate) tasks: Vec<(TaskId, Instant)>,
    /// When a request was last seen to have gone on from there.
    pub(crate) last_passed: Option<Instant>,
}

/// Groups waiters by route and await.
pub(super) fn group(waiters: impl Iterator<Item = Waiter>, awaits: &Awaits) -> Vec<Waiting> {
    let mut groups: HashMap<(usize, usize), Waiting> = HashMap::new();
    for Waiter {
        task,
        route,
        point,
        since,
    } in waiters
    {
        let address = point.map_or(0, AwaitPoint::address);
        let group = groups
            .entry((route.address(), address))
            .or_insert_with(|| Waiting {
                route,
                point,
                tasks: Vec::new(),
                last_passed: point.and_then(|point| awaits.last_passed(route, point)),
            });
        group.tasks.push((task, since));
    }
    groups.into_values().collect()
}
