//! Routes that are far worse in the last minute than in the fifteen minutes before: requests that
//! fail, that are slow, and whose clients leave.
//!
//! Each rule has a minimum of requests, so that one panic or one client says nothing, and a minimum
//! share, so that a panic in a thousand requests says nothing.

use std::time::Duration;

use super::look::Look;
use crate::health::finding::{Finding, Symptom};
use crate::health::traffic::{Counts, RouteTraffic};
use crate::stats::BOUNDS;
use crate::units::human;

/// The share of requests is far above the earlier one from this multiple on.
const FAR_ABOVE: f64 = 4.0;

/// Failing: minimum number of ended requests and of failed ones, and the minimum share of these.
const MIN_ENDED: u32 = 10;
const MIN_FAILED: u32 = 5;
const MIN_FAILED_SHARE: f64 = 0.05;

/// The share of failed requests from which on a route fails, whatever it did before.
const MOSTLY: f64 = 0.5;

/// Leaving: minimum number of clients that left, their minimum share, and the minimum number of
/// requests before: of a stream, every client leaves.
const MIN_LEFT: u32 = 10;
const MIN_LEFT_SHARE: f64 = 0.2;
const MIN_BEFORE_LEAVING: u32 = 20;

/// Slow: minimum number of responses in the last minute and before, of slow ones, and of the parts
/// of the minute that have some: one hiccup of the machine makes many requests slow at once.
const MIN_ANSWERED: u32 = 100;
const MIN_ANSWERED_BEFORE: u32 = 300;
const MIN_SLOW: u32 = 10;
const MIN_SLOW_PARTS: usize = 2;
const SLOW_SHARE: f64 = 0.01;

/// A percentile that is below this is never slow.
const NEVER_SLOW: Duration = Duration::from_millis(100);

/// The multiple of the earlier 99th percentile that is slow.
const TIMES_P99: u32 = 4;

pub(super) fn look(look: &mut Look, traffic: &RouteTraffic) {
    let recent = traffic.recent();
    if recent == Counts::default() {
        return;
    }
    let rules = [
        (Symptom::Failing, failing(traffic, &recent)),
        (Symptom::Slow, slow(traffic, &recent)),
        (Symptom::Leaving, leaving(traffic, &recent)),
    ];
    for (symptom, found) in rules {
        let Some((affected, evidence)) = found else {
            continue;
        };
        let route = traffic.route;
        let subject = [route.address(), 0];
        let next = match symptom {
            Symptom::Slow => ("GET /_cat/ended/", "?v&s=took:desc&size=20"),
            _ => ("GET /_cat/ended/", "?v&size=20"),
        };
        let finding = Finding::new(symptom, subject, &look.names.shown(route), look.now)
            .with_evidence(&evidence)
            .with_next(look.names.request(route, next, "GET /_cat/ended?v&size=20"))
            .with_affected(usize::try_from(affected).unwrap_or(usize::MAX), &[])
            .with_routes(&[route]);
        look.found.push(finding);
    }
}

fn share(part: u32, all: u32) -> f64 {
    match all {
        0 => 0.0,
        all => f64::from(part) / f64::from(all),
    }
}

/// The number of requests that fail, and the evidence.
fn failing(traffic: &RouteTraffic, recent: &Counts) -> Option<(u32, String)> {
    let before = traffic.before();
    let (failed, ended) = (recent.failed(), recent.ended());
    if ended < MIN_ENDED || failed < MIN_FAILED {
        return None;
    }
    let (now, earlier) = (share(failed, ended), share(before.failed(), before.ended()));
    let is_far_above = now >= MIN_FAILED_SHARE && now >= FAR_ABOVE * earlier;
    if now < MOSTLY && !is_far_above {
        return None;
    }
    let kinds = recent
        .failures()
        .into_iter()
        .filter(|(_, count)| *count > 0);
    let kinds: Vec<String> = kinds
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let kinds = kinds.join(", ");
    let evidence = format!(
        "{failed} of {ended} requests failed in the last minute: {kinds}; before: {:.1} %",
        100.0 * earlier
    );
    Some((failed, evidence))
}

/// The number of requests that are slow, and the evidence.
fn slow(traffic: &RouteTraffic, recent: &Counts) -> Option<(u32, String)> {
    let before = traffic.before();
    let answered = recent.answered();
    if answered < MIN_ANSWERED || before.answered() < MIN_ANSWERED_BEFORE {
        return None;
    }
    let p99 = before.p99()?;
    let limit = p99.saturating_mul(TIMES_P99).max(NEVER_SLOW);
    // Times are known by these bounds.
    let mut bounds = BOUNDS.into_iter().map(Duration::from_nanos);
    let limit = bounds.find(|bound| *bound >= limit)?;
    let slow = recent.slower_than(limit);
    let has_slow = |part: &Counts| part.slower_than(limit) > 0;
    let parts = traffic.parts().filter(has_slow).count();
    if slow < MIN_SLOW || share(slow, answered) <= SLOW_SHARE || parts < MIN_SLOW_PARTS {
        return None;
    }
    let evidence = format!(
        "{slow} of {answered} responses took more than {} in the last minute; before, 99 % took at most {}",
        human(limit),
        human(p99)
    );
    Some((slow, evidence))
}

/// The number of clients that leave, and the evidence.
fn leaving(traffic: &RouteTraffic, recent: &Counts) -> Option<(u32, String)> {
    let before = traffic.before();
    let (left, ended) = (recent.left, recent.ended());
    let (now, earlier) = (share(left, ended), share(before.left, before.ended()));
    let is_enough = left >= MIN_LEFT && before.ended() >= MIN_BEFORE_LEAVING;
    if !is_enough || now < MIN_LEFT_SHARE || now < FAR_ABOVE * earlier {
        return None;
    }
    let evidence = format!(
        "clients left {left} of {ended} requests before the answer in the last minute; before: {:.1} %",
        100.0 * earlier
    );
    Some((left, evidence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::traffic::tests::{answers, errors, played};

    /// A quarter of an hour of `usual` counts, then a minute of `last`.
    fn then(usual: Counts, last: Counts) -> RouteTraffic {
        let mut parts = vec![usual; 60];
        parts.extend([last; 4]);
        played(&parts)
    }

    fn is_failing(traffic: &RouteTraffic) -> bool {
        failing(traffic, &traffic.recent()).is_some()
    }

    fn is_slow(traffic: &RouteTraffic) -> bool {
        slow(traffic, &traffic.recent()).is_some()
    }

    fn is_leaving(traffic: &RouteTraffic) -> bool {
        leaving(traffic, &traffic.recent()).is_some()
    }

    /// Holds 14.13 of docs/admin-api.md.
    #[test]
    fn a_route_fails_if_it_fails_far_more_often_than_before_or_mostly() {
        assert!(is_failing(&then(errors(1_000, 1), errors(1_000, 60))));
        assert!(
            is_failing(&then(errors(100, 60), errors(100, 60))),
            "mostly"
        );
        assert!(is_failing(&played(&[errors(20, 5)])), "from the start");
        for (usual, last) in [
            (errors(1_000, 0), errors(1_000, 1)),
            (errors(1_000, 20), errors(1_000, 70)),
            (errors(100, 0), errors(1, 1)),
        ] {
            assert!(!is_failing(&then(usual, last)), "{last:?}");
        }
    }

    /// Holds 14.14 of docs/admin-api.md.
    #[test]
    fn a_route_is_slow_if_more_than_one_percent_take_four_times_the_percentile() {
        // Bounds: 4 is 75 ms, 7 is 500 ms, 8 is 750 ms.
        let usual = answers(&[(2, 980), (4, 20)]);
        assert!(is_slow(&then(usual, answers(&[(4, 980), (8, 20)]))));
        for last in [
            answers(&[(4, 992), (8, 8)]),
            answers(&[(6, 1_000)]),
            answers(&[(4, 20), (8, 1)]),
        ] {
            assert!(!is_slow(&then(usual, last)), "{last:?}");
        }
        let mut parts = vec![usual; 63];
        parts.push(answers(&[(8, 1_000)]));
        assert!(!is_slow(&played(&parts)), "one hiccup");
        let quick = answers(&[(0, 1_000)]);
        assert!(
            !is_slow(&then(quick, answers(&[(5, 1_000)]))),
            "below 100 ms"
        );
        let long = answers(&[(13, 1_000)]);
        assert!(
            !is_slow(&then(long, answers(&[(14, 1_000)]))),
            "it cannot be told"
        );
    }

    /// Holds 14.15 of docs/admin-api.md.
    #[test]
    fn clients_leave_a_route_if_far_more_do_than_before() {
        let leave = |answered: u32, left: u32| {
            let mut counts = answers(&[(0, answered)]);
            counts.left = left;
            counts
        };
        assert!(is_leaving(&then(leave(100, 1), leave(30, 10))));
        assert!(!is_leaving(&then(leave(0, 10), leave(0, 100))), "streams");
        assert!(
            !is_leaving(&played(&[leave(0, 100)])),
            "streams from the start"
        );
        assert!(!is_leaving(&then(leave(100, 0), leave(2, 2))), "few");
        assert!(
            !is_leaving(&then(leave(100, 0), leave(100, 10))),
            "a small share"
        );
    }
}
