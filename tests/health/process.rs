//! Parts of the process: its descriptors, and its drain.

use axum::Router;
use underscore_runtime::{AdminBuilder, RouterExt as _, drained, listen, underscore_route};

use crate::support::process::own_process;
use crate::support::{Service, bind};
use crate::{health, text, wait_for, wait_for_green};

/// Holds 14.18 of docs/admin-api.md.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptors_that_are_nearly_used_up_are_yellow_and_then_red() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    own_process!();
    let service = Service::start(Router::new()).await;
    let limit = Rlimit {
        current: Some(200),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).expect("it may be lowered");
    assert_eq!(health(&service).await[0]["status"], "green");
    let mut files = Vec::new();
    let mut open_to = |most: usize| {
        let open = || {
            std::fs::read_dir("/proc/self/fd")
                .expect("it is there")
                .count()
        };
        while open() < most {
            files.push(std::fs::File::open("/dev/null").expect("some are free"));
        }
    };
    open_to(162);
    let found = wait_for(&service, |row| row["symptom"] == "descriptors").await;
    assert_eq!(found["status"], "yellow");
    assert!(
        text(&found, "evidence").contains(" of 200 file descriptors are open, 8"),
        "{found:#}"
    );
    open_to(191);
    let red = wait_for(&service, |row| row["status"] == "red").await;
    assert_eq!(red["symptom"], "descriptors");
    drop(files);
    wait_for_green(&service).await;
}

#[underscore_route(get, "/held", name = "held")]
async fn held() {
    std::future::pending::<()>().await;
}

/// Holds 14.19 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_is_a_finding_and_names_what_holds_it_after_thirty_seconds() {
    own_process!();
    let listener = bind().await;
    let address = listener.local_addr().expect("bound");
    let app = Router::new().mount(held);
    let served = axum::serve(listen(listener), app);
    let served = served.with_graceful_shutdown(drained(std::future::pending::<()>()));
    tokio::spawn(served.into_future());
    let service = Service::with_admin(address, &AdminBuilder::new());
    let held = tokio::spawn(service.request(reqwest::Method::GET, "/held").send());
    service.wait_for_waiting("held", 1).await;
    assert_eq!(health(&service).await[0]["status"], "green");
    service.post("_drain?timeout=1ms").await.ok_json();
    let drain = wait_for(&service, |row| row["symptom"] == "drain").await;
    assert_eq!(drain["status"], "yellow");
    assert_eq!(drain["evidence"], "1 connection is left");
    assert_eq!(drain["next"], "GET /_drain");
    let stuck = wait_for(&service, |row| row["symptom"] == "stuck drain").await;
    assert!(stuck["since"].as_f64() >= Some(30.0), "{stuck:#}");
    assert!(
        text(&stuck, "evidence").contains(" from 127.0.0.1:"),
        "{stuck:#}"
    );
    assert!(
        text(&stuck, "evidence").contains("(active, no byte for "),
        "{stuck:#}"
    );
    held.abort();
}
