//! Hooks of the host: before ours, around it, instead of it, and without it.

use std::panic::{resume_unwind, set_hook, take_hook};

use axum::Router;
use axum::routing::get;
use tokio::time::Instant;
use underscore_runtime::{AdminBuilder, admin_router, underscore_route};

use super::support::process::own_process;
use super::support::{PATIENCE, Service, bind};
use super::{Event, HostHook, get_panic};

#[underscore_route(name = "panics")]
async fn panics() {
    panic!("on purpose");
}

/// Ends by a panic that calls no hook.
#[underscore_route]
async fn resumes() {
    resume_unwind(Box::new("silent"));
}

fn app() -> Router {
    Router::new()
        .route("/panics", get(panics))
        .route("/resumes", get(resumes))
}

/// Sends requests that panic until one of them has a note. Returns their number.
async fn panic_until_noted(service: &Service, before: usize) -> usize {
    let deadline = Instant::now() + PATIENCE;
    for count in before + 1.. {
        get_panic(service, "/panics").await;
        let events = Event::wait("path=\"/panics\"", count);
        if events[count - 1].has("panic=\"on purpose\"") {
            return count;
        }
        assert!(Instant::now() < deadline, "the hook is never restored");
        // Within the limit of events.
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    unreachable!("it returns");
}

/// Holds 7.52 of docs/admin-api.md.
#[tokio::test]
async fn the_hook_of_the_host_is_called_once_per_panic_on_any_thread() {
    own_process!();
    let hook = HostHook::set();
    let service = Service::start(app()).await;
    let second = Service::start(app().nest("/ops", admin_router())).await;
    get_panic(&service, "/panics").await;
    get_panic(&second, "/panics").await;
    assert!(std::thread::spawn(|| panic!("elsewhere")).join().is_err());
    assert_eq!(hook.places().len(), 3);
    Event::wait("panic=\"on purpose\"", 2);
}

#[tokio::test]
async fn a_hook_around_ours_keeps_it() {
    own_process!();
    let inner = HostHook::set();
    let service = Service::start(app()).await;
    let (outer, ours) = (HostHook::default(), take_hook());
    let calls = outer.clone();
    set_hook(Box::new(move |info| {
        calls.record(info);
        ours(info);
    }));
    for count in 1..=3 {
        get_panic(&service, "/panics").await;
        Event::wait("panic=\"on purpose\"", count);
        // Without a note, although the hook is there.
        get_panic(&service, "/resumes").await;
    }
    for event in Event::wait("path=\"/resumes\"", 3) {
        event.assert_without_note();
    }
    assert_eq!((outer.places().len(), inner.places().len()), (3, 3));
}

/// Holds 7.52 of docs/admin-api.md.
#[tokio::test]
async fn a_hook_instead_of_ours_is_kept_and_ours_is_restored_around_it() {
    own_process!();
    let before = HostHook::set();
    let service = Service::start(app()).await;
    let mut count = 0;
    for round in 1..=2 {
        let after = HostHook::set();
        if round == 1 {
            get_panic(&service, "/panics").await;
            count += 1;
            Event::of_path("/panics").assert_without_note();
        }
        // Without a note, as the end before the next round.
        get_panic(&service, "/resumes").await;
        count = panic_until_noted(&service, count).await;
        get_panic(&service, "/resumes").await;
        // A panic in the middle of a restoration may have called the default hook instead.
        let calls = after.places().len();
        get_panic(&service, "/panics").await;
        count += 1;
        assert!(Event::wait("path=\"/panics\"", count)[count - 1].has("panic=\"on purpose\""));
        assert_eq!(after.places().len(), calls + 1, "round {round}");
    }
    assert_eq!(before.places(), [""; 0], "it was replaced");
}

/// Holds 7.52 of docs/admin-api.md.
#[tokio::test]
async fn the_hook_is_left_alone_if_it_is_not_wanted() {
    own_process!();
    let hook = HostHook::set();
    let admin = AdminBuilder::new().panic_hook(false);
    let app = app().nest("/ops", admin.router());
    let service = Service::start_with(app, &admin).await;
    for count in 1..=3 {
        get_panic(&service, "/panics").await;
        Event::wait("path=\"/panics\"", count)[count - 1].assert_without_note();
    }
    assert_eq!(hook.places().len(), 3);
    let row = service.wait_for("panics", "stats.end.panicked", 3).await;
    assert_eq!(row["stats.req.active"], 0);
}

#[tokio::test]
async fn the_attribute_alone_installs_no_hook() {
    own_process!();
    let hook = HostHook::set();
    let listener = bind().await;
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(axum::serve(listener, app()).into_future());
    let url = format!("http://{address}/panics");
    assert!(reqwest::get(url).await.is_err());
    Event::of_path("/panics").assert_without_note();
    assert_eq!(hook.places().len(), 1);
}
