//! Many events at once are a few events, and a number.

use axum::Router;
use underscore_runtime::RouterExt as _;

use crate::support::Service;
use crate::support::process::own_process;
use crate::{Follower, broken, fail};

const STORM: u64 = 300;

/// Holds 16.16 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_bad_ends_of_a_route_are_a_few_events_and_a_number() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    let mut follower = Follower::start(&service, "type=ended").await;
    fail(&service, 300).await;
    let (mut single, mut more, mut seconds) = (0, 0, 0);
    while single + more < STORM {
        let event = follower.event().await;
        assert_eq!(event["path"], "/broken");
        match event["more"].as_u64() {
            Some(number) => {
                more += number;
                seconds += 1;
            }
            None => single += 1,
        }
    }
    assert_eq!(single + more, STORM);
    // The first and the last second may have had few.
    assert!(single <= 10 * (seconds + 2), "{single} in {seconds} s");
    assert!(more > 0);
}

/// Holds 16.16 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_refused_calls_of_a_user_are_a_few_events_and_a_number() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    let mut follower = Follower::start(&service, "type=audit").await;
    for _ in 0..STORM {
        let refused = service.post("_routes/none/interrupt").await;
        assert_eq!(refused.status, 404);
    }
    let (mut single, mut more) = (0, 0);
    while single + more < STORM {
        let event = follower.event().await;
        assert!(event["uid"].is_u64(), "{event:#}");
        match event["more"].as_u64() {
            Some(number) => more += number,
            None => single += 1,
        }
    }
    assert_eq!(single + more, STORM);
    assert!(more > 0);
    let audit = service.admin_json("_audit").await;
    let audited = audit["audit"].as_array().map(Vec::len);
    assert_eq!(audited, Some(300), "the audit has all");
}
