//! `#[underscore_frame]` continues the stack in helpers of every kind.

use std::time::Instant;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::support::{PATIENCE, Service};

static NEVER: Semaphore = Semaphore::const_new(0);

#[underscore_frame]
async fn outer(step: u8) -> u8 {
    middle(&step).await
}

#[underscore_frame]
async fn middle<T: Copy + Into<u8> + Sync>(step: &T) -> u8 {
    Depot.take((*step).into()).await
}

struct Depot;

impl Depot {
    #[underscore_frame]
    async fn take(&self, step: u8) -> u8 {
        if step == 1 {
            return Shelf.fetch().await;
        }
        NEVER.acquire().await.map_or(0, |_| step)
    }
}

trait Fetch {
    fn fetch(&self) -> impl Future<Output = u8> + Send;
}

struct Shelf;

impl Fetch for Shelf {
    #[underscore_frame]
    async fn fetch(&self) -> u8 {
        NEVER.acquire().await.map_or(0, |_| 1)
    }
}

#[underscore_frame(crate = ::underscore_runtime)]
async fn quick() -> u8 {
    std::future::ready(3).await
}

#[underscore_route(name = "deep")]
async fn deep(Path(step): Path<u8>) -> String {
    outer(step).await.to_string()
}

#[underscore_route(name = "wide")]
async fn wide() -> String {
    let (one, two) = tokio::join!(outer(0), async { Shelf.fetch().await });
    (one + two).to_string()
}

/// The sources of a stack, from the outermost, after a check that each has a place.
async fn stack(service: &Service, route: &str) -> String {
    let rows = service
        .admin_json(&format!("_cat/stacks/{route}?format=json"))
        .await;
    let line = rows[0]["stack"].as_str().expect("a stack").to_owned();
    let words = line
        .split(' ')
        .filter(|word| !word.starts_with("tests/where/frames.rs:"));
    let bracket = |word: &&str| word.starts_with("[tests/where/frames.rs:");
    assert!(
        !words
            .clone()
            .any(|word| bracket(&word) && !line.contains('|'))
    );
    words
        .map(|word| if bracket(&word) { "[" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

async fn stuck(service: &Service, route: &str, path: &str) -> tokio::task::JoinHandle<u16> {
    let request = service.request(Method::GET, path);
    let client =
        tokio::spawn(async move { request.send().await.expect("it answers").status().as_u16() });
    service.wait_for_waiting(route, 1).await;
    client
}

#[tokio::test]
async fn a_stack_goes_through_functions_generics_methods_and_traits() {
    let service = Service::start(Router::new().route("/deep/{step}", get(deep))).await;
    for (step, innermost) in [
        (0, "NEVER.acquire()"),
        (1, "Shelf.fetch() > NEVER.acquire()"),
    ] {
        let client = stuck(&service, "deep", &format!("/deep/{step}")).await;
        let expected =
            format!("outer(step) > middle(&step) > Depot.take((*step).into()) > {innermost}");
        assert_eq!(stack(&service, "deep").await, expected);
        let task = &service.tasks("deep").await[0];
        assert_eq!(task["awaiting"], "NEVER.acquire()");
        service.post("_routes/deep/interrupt").await;
        assert_eq!(client.await.expect("no panic"), 503);
        service.wait_for("deep", "stats.req.active", 0).await;
    }
}

/// Holds 3.54 of docs/admin-api.md.
#[tokio::test]
async fn helpers_that_a_macro_awaits_concurrently_are_branches() {
    let service = Service::start(Router::new().route("/wide", get(wide))).await;
    let client = stuck(&service, "wide", "/wide").await;
    assert_eq!(
        stack(&service, "wide").await,
        "[ outer(0) > middle(&step) > Depot.take((*step).into()) > NEVER.acquire() | \
         async { ... } > Shelf.fetch() > NEVER.acquire()]"
    );
    service.post("_routes/wide/interrupt").await;
    assert_eq!(client.await.expect("no panic"), 503);
}

#[tokio::test]
async fn a_helper_outside_of_any_task_only_awaits() {
    assert_eq!(quick().await, 3);
}

#[underscore_route(name = "opaque")]
async fn opaque(_body: String) {
    tokio::select! {
        () = std::future::pending() => {}
    }
}

#[tokio::test]
async fn an_extracted_argument_is_no_longer_the_place_of_a_request() {
    let service = Service::start(Router::new().route("/opaque", post(opaque))).await;
    let mut connection = service.connect().await;
    let head = b"POST /opaque HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n";
    connection.write_all(head).await.expect("written");
    service.wait_for_await("opaque", "_body: String").await;
    connection.write_all(b"ok").await.expect("written");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let task = &service.tasks("opaque").await[0];
        if task["awaiting"] == "std::future::pending()" && task["state"] == "waiting" {
            break;
        }
        assert!(Instant::now() < deadline, "still there: {task:#}");
        tokio::task::yield_now().await;
    }
    service.post("_routes/opaque/interrupt").await;
    service.wait_for("opaque", "stats.req.active", 0).await;
}

/// A function with the attribute and one without.
macro_rules! asserting {
    ($($attribute:tt)*) => {
        $($attribute)*
        async fn assertion() {
            assert!(std::future::ready(1).await > 2);
        }

        $($attribute)*
        async fn assertion_with_words() {
            assert!(std::future::ready(1).await > 2, "only {}", 1);
        }
    };
}

mod plain {
    asserting!();
    pub(crate) async fn both(words: bool) {
        if words {
            assertion_with_words().await;
        } else {
            assertion().await;
        }
    }
}

mod framed {
    use underscore_runtime::underscore_frame;
    asserting!(#[underscore_frame]);
    pub(crate) async fn both(words: bool) {
        if words {
            assertion_with_words().await;
        } else {
            assertion().await;
        }
    }
}

#[tokio::test]
async fn a_failing_assertion_has_the_same_message_as_without_the_attribute() {
    async fn said(future: impl Future<Output = ()> + Send + 'static) -> String {
        let panic = tokio::spawn(future)
            .await
            .expect_err("it fails")
            .into_panic();
        match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => (*panic.downcast::<&'static str>().expect("a text")).to_owned(),
        }
    }
    for words in [false, true] {
        let plain = said(plain::both(words)).await;
        assert_eq!(said(framed::both(words)).await, plain);
        assert!(
            plain.contains(if words { "only 1" } else { "> 2" }),
            "{plain}"
        );
    }
}
