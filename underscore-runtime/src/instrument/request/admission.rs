//! Decides whether a request on a route with settings is admitted or answered at once. Routes
//! without settings skip this module.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use axum::extract::Request;
use axum::response::Response;

use super::answer;
use super::begin::{REQUEST_ID, TRACE_PARENT, begin_request};
use crate::clock::Instant;
use crate::instrument::poll::{Guard, expire_after};
use crate::routes::Route;
use crate::settings::{EffectiveSettings, Preempt};
use crate::stats::{Outcome, StatusClass};
use crate::task::{TaskId, ThreadContext, with_thread};

/// Admits `request` as a task under `settings`, or returns the response that rejects it.
#[cold]
pub(in crate::instrument) fn admit(
    route: &'static Route,
    request: &Request,
    settings: &EffectiveSettings,
) -> Result<Guard, Box<Response>> {
    if let Some(preempt) = &settings.preempt
        && is_chosen(request, preempt)
    {
        return refused(route, Outcome::Preempted, answer::preempted(preempt));
    }
    if let Some(rate) = settings.max_rate
        && let Err(wait) = route.rate_limit.try_acquire(Instant::now(), rate)
    {
        let answer = answer::too_fast(rate, wait);
        return refused(route, Outcome::Rejected, answer);
    }
    let begin = || Guard::new(begin_request(request, route));
    let guard = match settings.max_active {
        None => begin(),
        Some(most) => {
            // Serialized: the next request counts those admitted before it.
            let _deciding = route.admission.lock();
            if route.active() >= most {
                let answer = answer::too_many(most);
                return refused(route, Outcome::Rejected, answer);
            }
            begin()
        }
    };
    if let Some(timeout) = settings.timeout {
        expire_after(timeout, guard.task().started(), &guard);
    }
    Ok(guard)
}

/// Counts a request that is answered in the handler's place.
fn refused<T>(route: &Route, outcome: Outcome, response: Response) -> Result<T, Box<Response>> {
    let class = StatusClass::from_status(response.status());
    let shard = with_thread(ThreadContext::shard);
    route.stats.count(shard, outcome, class, Instant::now());
    Err(Box::new(response))
}

/// True if the request belongs to the preempted share. Requests with the same id are treated the
/// same; requests without an id are chosen independently.
fn is_chosen(request: &Request, preempt: &Preempt) -> bool {
    if preempt.ratio >= 1.0 {
        return true;
    }
    let headers = request.headers();
    let named = [REQUEST_ID, TRACE_PARENT].map(|name| headers.get(name));
    let drawn = match named.into_iter().flatten().next() {
        Some(id) => draw(id.as_bytes()),
        None => draw(&TaskId::next().number().to_be_bytes()),
    };
    drawn < preempt.ratio
}

/// Maps bytes to a number in `0.0..1.0` with `SipHash` under a random key of this process, so that
/// clients cannot choose ids that are never preempted.
fn draw(bytes: &[u8]) -> f64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut hasher = KEY.build_hasher();
    hasher.write(bytes);
    // 32 bits are exact in an f64.
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_numbers_are_distributed_evenly() {
        // 100 000 draws at 0.25: 5 sigma are 0.7 %.
        let below = |number: &u64| draw(&number.to_be_bytes()) < 0.25;
        let chosen = (1..=100_000_u64).filter(below).count();
        assert!((24_315..25_685).contains(&chosen), "{chosen}");
        assert!(draw(b"one").to_bits() == draw(b"one").to_bits());
    }
}
