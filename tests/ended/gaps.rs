//! Requests that continue while the sampler does not run: there is no admin API for a while.

use std::time::{Duration, Instant};

use axum::Router;
use reqwest::Method;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use underscore_runtime::{AdminBuilder, RouterExt as _, underscore_route};

use super::{detail, only};
use crate::support::log::LOG;
use crate::support::process::own_process;
use crate::support::{Service, bind};

/// Longer than any time after which the sampler begins anew.
const GAP: Duration = Duration::from_millis(2_500);

static FIRST: Semaphore = Semaphore::const_new(0);
static SECOND: Semaphore = Semaphore::const_new(0);

#[underscore_route(get, "/gates", name = "gaps.gates")]
async fn gates() {
    FIRST.acquire().await.expect("it is open").forget();
    SECOND.acquire().await.expect("it is open").forget();
}

/// The number of events that a request is slow.
fn events(lines: &[String]) -> usize {
    let is_one = |line: &&String| line.contains("underscore::slow");
    lines.iter().filter(is_one).count()
}

/// Holds 12.5, 12.13 of docs/admin-api.md.
#[tokio::test]
async fn the_time_without_an_admin_api_is_at_no_await() {
    own_process!();
    let listener = bind().await;
    let address = listener.local_addr().expect("it is bound");
    let app = Router::new().mount(gates);
    tokio::spawn(axum::serve(listener, app).into_future());
    let earlier = Service::with_admin(address, &AdminBuilder::new());
    earlier.set("gaps.gates", "slow_after", "1s").await;
    let started = Instant::now();
    let sent = tokio::spawn(earlier.request(Method::GET, "/gates").send());
    let wait = || LOG.wait(|lines| events(lines) == 1);
    tokio::task::spawn_blocking(wait).await.expect("it ends");
    tokio::task::spawn_blocking(|| drop(earlier))
        .await
        .expect("it ends");
    let seen_for = started.elapsed().as_secs_f64();

    // A poll after the clock that polls read has stopped.
    sleep(GAP / 2).await;
    FIRST.add_permits(1);
    sleep(GAP / 2).await;
    let later = Service::with_admin(address, &AdminBuilder::new());
    later.wait_for_await("gaps.gates", "SECOND.acquire()").await;
    // A look at it.
    let looks = "_cat/awaits/gaps.gates?format=json&h=looks,awaiting";
    while !later.admin_json(looks).await.to_string().contains("SECOND") {}
    sleep(Duration::from_millis(100)).await;
    SECOND.add_permits(1);
    sent.await.expect("it ends").expect("an answer");

    let row = only(&later, "gaps.gates").await;
    let timeline = &detail(&later, &row).await["timeline"];
    let total = |awaiting: &str| {
        let mut awaits = timeline["awaits"].as_array().expect("a list").iter();
        let found = awaits.find(|found| found["awaiting"] == awaiting);
        found.map_or(0.0, |found| found["total"].as_f64().expect("a time"))
    };
    assert!(total("FIRST.acquire()") < seen_for + 0.3, "{timeline:#}");
    assert!(total("SECOND.acquire()") < 1.0, "{timeline:#}");
    let unseen = timeline["unseen"].as_f64().expect("a time");
    assert!(unseen > GAP.as_secs_f64() - 0.5, "{timeline:#}");
    assert_eq!(row["slowest_at"], "(not seen)", "{timeline:#}");
    // It had been reported before, and is not four times as slow yet.
    assert_eq!(events(&LOG.lines()), 1, "{:#?}", LOG.lines());
}
