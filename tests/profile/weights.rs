//! What the weights of a profile mean.

use crate::ALONE;
use crate::load::{Load, app};
use crate::support::Service;

/// The frames and the weight in milliseconds of each stack of a folded profile, and its head.
pub fn folded(text: &str) -> (&str, Vec<(Vec<&str>, u32)>) {
    let (head, lines) = text.split_once('\n').expect("a head");
    let stacks = lines.lines().map(|line| {
        let (frames, weight) = line.rsplit_once(' ').expect("a weight");
        let weight = weight.parse().expect("an integer");
        (frames.split(';').collect(), weight)
    });
    (head, stacks.collect())
}

/// The weight of the stacks below a route.
fn of_route(stacks: &[(Vec<&str>, u32)], route: &str) -> f64 {
    let stacks = stacks.iter().filter(|(frames, _)| frames[0] == route);
    stacks.map(|(_, weight)| f64::from(*weight)).sum()
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (found / expected - 1.0).abs();
    assert!(error < tolerance, "{what}: {found} is not {expected}");
}

/// Holds 1.60, 11.1, 11.2 of docs/admin-api.md.
#[tokio::test]
async fn weights_are_the_time_of_requests_at_each_await() {
    let _alone = ALONE.lock().await;
    let service = Service::start(app()).await;
    let mut load = Load::new();
    // Equal rates: waits of 1 to 3.
    load.keep(&service, "/short", 2);
    load.keep(&service, "/long", 6);
    service.wait_for_waiting("profile.long", 6).await;
    let answer = service.admin("_profile?seconds=4").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (head, stacks) = folded(&answer.text);
    let seconds = head
        .strip_prefix("# ")
        .and_then(|head| head.split('s').next());
    let seconds: f64 = seconds
        .and_then(|text| text.parse().ok())
        .expect("a length");
    assert!(seconds > 3.5 && seconds < 5.0, "{head}");
    let (short, long) = (
        of_route(&stacks, "GET /short"),
        of_route(&stacks, "GET /long"),
    );
    assert_near(long / short, 3.0, 0.1, &answer.text);
    assert_near(long, 6_000.0 * seconds, 0.1, &answer.text);
    let (frames, _) = &stacks[0];
    assert_eq!(frames.len(), 3, "{frames:?}");
    assert!(frames[1].starts_with("profile::load::long tests/profile/load.rs:"));
    assert!(
        frames[2].ends_with(" sleep(Duration::from_millis(millis))"),
        "{frames:?}"
    );
}

/// Holds 11.3 of docs/admin-api.md.
#[tokio::test]
async fn the_time_of_a_request_in_two_branches_is_divided() {
    let _alone = ALONE.lock().await;
    let service = Service::start(app()).await;
    let mut load = Load::new();
    load.keep(&service, "/branches", 4);
    service
        .wait_for("profile.branches", "stats.req.active", 4)
        .await;
    let profile = service.admin_json("_profile?seconds=1&format=json").await;
    let number =
        |value: &serde_json::Value| value["request_time_in_seconds"].as_f64().expect("a number");
    let stacks = profile["stacks"].as_array().expect("a list");
    assert_eq!(stacks.len(), 2, "{profile:#}");
    let length = profile["length_in_seconds"].as_f64().expect("a number");
    assert_near(number(&profile), 4.0 * length, 0.05, "all");
    for stack in stacks {
        assert_near(number(stack), 2.0 * length, 0.05, "a branch");
        assert_eq!(stack["samples"], profile["samples"]);
    }
}

/// Holds 11.4 of docs/admin-api.md.
#[tokio::test]
async fn a_request_inside_a_poll_is_running() {
    let _alone = ALONE.lock().await;
    let service = Service::start_on_workers(2, app()).await;
    let mut load = Load::new();
    load.keep(&service, "/runs", 2);
    service
        .wait_for("profile.runs", "stats.req.active", 2)
        .await;
    // All workers are blocked.
    let running = service.admin("_profile?seconds=1&type=run").await;
    let (_, stacks) = folded(&running.text);
    let [(frames, weight)] = &*stacks else {
        panic!("{}", running.text);
    };
    assert_eq!(frames.first(), Some(&"GET /runs"));
    assert_eq!(frames.last(), Some(&"(running)"));
    assert!(*weight > 1_200, "{}", running.text);
    service
        .wait_for("profile.runs", "stats.req.active", 2)
        .await;
    let waiting = service
        .admin("_profile?seconds=1&type=wait&routes=profile.runs")
        .await;
    assert!(!waiting.text.contains("(running)"), "{}", waiting.text);
}

/// Holds 11.5 of docs/admin-api.md.
#[tokio::test]
async fn routes_select_the_requests() {
    let _alone = ALONE.lock().await;
    let service = Service::start(app()).await;
    let mut load = Load::new();
    load.keep(&service, "/short", 1);
    load.keep(&service, "/long", 1);
    service.wait_for_waiting("profile.long", 1).await;
    let routes = async |selector: &str| {
        let profile = service
            .admin(&format!("_profile?seconds=1&routes={selector}"))
            .await;
        let (_, stacks) = folded(&profile.text);
        let mut routes: Vec<String> = stacks
            .iter()
            .map(|(frames, _)| frames[0].to_owned())
            .collect();
        routes.sort_unstable();
        routes.dedup();
        routes
    };
    assert_eq!(routes("profile.long").await, ["GET /long"]);
    assert_eq!(routes("profile.*,-profile.long").await, ["GET /short"]);
    assert_eq!(routes("nothing*").await, [""; 0]);
    let (kind, reason) = service
        .admin("_profile?seconds=1&routes=profile.lnog")
        .await
        .error();
    assert_eq!(kind, "resource_not_found_exception");
    assert!(reason.contains("did you mean [profile.long]"), "{reason}");
}
