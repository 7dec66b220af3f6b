//! What an operator's levers do to a request that has come: let it in, late or for a while only, or answer it
//! at once. Most routes are never steered, and none of this is looked at for them.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::Response;
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::answer;
use super::at::{At, at};
use super::call::{REQUEST_ID, TRACE_PARENT, info};
use super::guard::Guard;
use crate::clock::Instant;
use crate::route::{Route, stable_hash};
use crate::settings::{Effective, Preempt};
use crate::stack::AwaitPoint;
use crate::stats::{Outcome, StatusClass};
use crate::task::{Kind, Order, Steered, Task, TaskId};

/// Lets `request` in as a task that is steered by `settings`, or answers it.
#[cold]
pub(super) fn admit(
    route: &'static Route,
    request: &Request,
    settings: &Arc<Effective>,
) -> Result<Guard, Box<Response>> {
    if let Some(preempt) = &settings.preempt
        && is_chosen(request, preempt)
    {
        return refused(route, Outcome::Preempted, answer::preempted(preempt));
    }
    if let Some(rate) = settings.most_per_second
        && let Err(wait) = route.gate.pass(Instant::now(), rate)
    {
        let answer = answer::too_fast(rate, wait);
        return refused(route, Outcome::Rejected, answer);
    }
    let mut request = info(request, route);
    let rare = request.rare.get_or_insert_default();
    rare.steered = Some(Steered::new(Arc::clone(settings)));
    let kind = Kind::Request(request);
    let guard = match settings.most_active {
        None => Guard::enter(kind),
        Some(most) => {
            // One after the other: who is let in is seen by the next one who counts.
            let _deciding = route.admission.lock();
            if route.ledger.active() >= most {
                let answer = answer::too_many(most);
                return refused(route, Outcome::Rejected, answer);
            }
            Guard::enter(kind)
        }
    };
    if let Some(timeout) = settings.timeout {
        expire_after(timeout, &guard);
    }
    Ok(guard)
}

/// Counts a request that is answered before its handler runs.
fn refused<T>(route: &Route, outcome: Outcome, response: Response) -> Result<T, Box<Response>> {
    let class = StatusClass::of(response.status());
    route.ledger.count(outcome, class, Instant::now());
    Err(Box::new(response))
}

/// Whether a request is one of the share that is preempted. The choice is the same for a request that comes
/// again under the same id, and another one for each without.
fn is_chosen(request: &Request, preempt: &Preempt) -> bool {
    if preempt.ratio >= 1.0 {
        return true;
    }
    let headers = request.headers();
    let named = [REQUEST_ID, TRACE_PARENT].map(|name| headers.get(name));
    let hash = match named.into_iter().flatten().next() {
        Some(id) => stable_hash(&[id.as_bytes()]),
        None => stable_hash(&[&TaskId::next().number().to_be_bytes()]),
    };
    f64::from(mixed(hash)) < preempt.ratio * (f64::from(u32::MAX) + 1.0)
}

/// Spreads what differs in a few bits over all of them: the last step of `MurmurHash3` by Austin Appleby.
fn mixed(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Has the task told to end when its time is over, whatever it does then.
fn expire_after(timeout: std::time::Duration, guard: &Guard) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let task: Weak<Task> = Arc::downgrade(guard.arc());
    let timer = runtime.spawn(async move {
        tokio::time::sleep(timeout).await;
        if let Some(task) = task.upgrade() {
            task.signal
                .order_end(Order::expired(timeout), &Arc::default());
        }
    });
    guard.task().set_timer(timer.abort_handle());
}

/// Where a request stands that an operator delays. It is no place in anyone's source.
static DELAY: AwaitPoint = AwaitPoint::new("delay", "settings", 0, 0, "delay");

pin_project! {
    /// A future that waits before it begins.
    pub(super) struct Delayed<F> {
        delay: Option<Pin<Box<At<Sleep>>>>,
        #[pin]
        future: F,
    }
}

impl<F> Delayed<F> {
    #[inline]
    pub(super) fn new(settings: Option<&Effective>, future: F) -> Self {
        let delay = settings.and_then(|settings| settings.delay);
        Delayed {
            delay: delay.map(|delay| Box::pin(at(tokio::time::sleep(delay), &DELAY))),
            future,
        }
    }
}

impl<F: Future> Future for Delayed<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Some(delay) = this.delay {
            ready!(delay.as_mut().poll(cx));
            *this.delay = None;
        }
        this.future.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_one_after_the_other_are_spread_evenly() {
        // 100 000 draws at 0.25: 5 sigma are 0.7 %.
        let below = |number: &u64| {
            let hash = mixed(stable_hash(&[&number.to_be_bytes()]));
            f64::from(hash) < 0.25 * f64::from(u32::MAX)
        };
        let chosen = (1..=100_000_u64).filter(below).count();
        assert!((24_315..25_685).contains(&chosen), "{chosen}");
    }
}
