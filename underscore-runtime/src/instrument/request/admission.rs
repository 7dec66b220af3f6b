//! Decides whether a request on a route with settings is admitted or answered at once. Routes
//! without settings skip this module.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use axum::http::{HeaderMap, Request};
use axum::response::Response;

use super::answer;
use super::begin::{Beginner, REQUEST_ID, TRACE_PARENT, begin_request};
use super::protocol::Protocol;
use crate::clock::Instant;
use crate::instrument::poll::expire_after;
use crate::routes::Route;
use crate::settings::{EffectiveSettings, Preempt};
use crate::stats::Outcome;
use crate::task::{Slot, TaskId, ThreadContext, with_thread};

/// The decision on a request of a route with settings.
pub(in crate::instrument) struct Admission<'a> {
    route: &'static Route,
    headers: &'a HeaderMap,
    settings: &'a EffectiveSettings,
}

/// The response to a request that is not admitted.
pub(in crate::instrument) struct Refusal {
    pub(in crate::instrument) outcome: Outcome,
    pub(in crate::instrument) response: Box<Response>,
}

impl<'a> Admission<'a> {
    pub(in crate::instrument) fn new(
        route: &'static Route,
        headers: &'a HeaderMap,
        settings: &'a EffectiveSettings,
    ) -> Self {
        Admission {
            route,
            headers,
            settings,
        }
    }

    /// Calls `enter`, which counts the request on the route, if the settings admit it. The route
    /// has counted it already if `counted` is one.
    #[cold]
    pub(in crate::instrument) fn admit<T>(
        &self,
        counted: u64,
        enter: impl FnOnce() -> T,
    ) -> Result<T, Refusal> {
        let Admission {
            route,
            headers,
            settings,
        } = self;
        let protocol = || Protocol::from_headers(headers);
        if let Some(preempt) = &settings.preempt
            && is_chosen(headers, preempt)
        {
            let answer = answer::preempted(preempt, protocol());
            return Err(Refusal::new(Outcome::Preempted, answer));
        }
        if let Some(rate) = settings.max_rate
            && let Err(wait) = route.rate_limit.try_acquire(Instant::now(), rate)
        {
            let answer = answer::too_fast(rate, wait, protocol());
            return Err(Refusal::new(Outcome::Rejected, answer));
        }
        let Some(most) = settings.max_active else {
            return Ok(enter());
        };
        // Serialized: the next request counts those admitted before it.
        let _deciding = route.admission.lock();
        if route.active().saturating_sub(counted) >= most {
            let answer = answer::too_many(most, protocol());
            return Err(Refusal::new(Outcome::Rejected, answer));
        }
        Ok(enter())
    }

    /// Begins the task of `request` if the settings admit it, otherwise counts it and returns its
    /// response.
    pub(in crate::instrument) fn begin<B>(
        &self,
        request: &Request<B>,
        beginner: Beginner,
    ) -> Result<&'static Slot, Box<Response>> {
        let begun = self.admit(0, || begin_request(request, self.route, beginner));
        let task = begun.map_err(|Refusal { outcome, response }| {
            let status = Some(response.status());
            let shard = with_thread(ThreadContext::shard);
            self.route
                .stats
                .count(shard, outcome, status, Instant::now());
            response
        })?;
        if let Some(timeout) = self.settings.timeout {
            expire_after(timeout, task.started(), task);
        }
        Ok(task)
    }
}

impl Refusal {
    fn new(outcome: Outcome, response: Response) -> Self {
        Refusal {
            outcome,
            response: Box::new(response),
        }
    }
}

/// True if the request belongs to the preempted share. Requests with the same id are treated the
/// same; requests without an id are chosen independently.
fn is_chosen(headers: &HeaderMap, preempt: &Preempt) -> bool {
    if preempt.ratio >= 1.0 {
        return true;
    }
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
