//! A service with requests that wait, run, branch and have hostile texts, and clients that keep a
//! number of them in flight.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::support::Service;

#[underscore_route(name = "profile.short")]
async fn short() -> &'static str {
    sleep(Duration::from_millis(100)).await;
    "short"
}

#[underscore_route(name = "profile.long")]
async fn long() -> &'static str {
    outside(300).await;
    "long"
}

#[underscore_frame]
async fn outside(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

#[underscore_route(name = "profile.branches")]
async fn branches() -> &'static str {
    let never = async {
        std::future::pending::<()>().await;
    };
    let late = async {
        sleep(Duration::from_secs(3600)).await;
    };
    tokio::join!(never, late);
    "branches"
}

#[underscore_route(name = "profile.runs")]
async fn runs() -> &'static str {
    std::future::ready(()).await;
    // For a profile to see: the test waits for its end.
    std::thread::sleep(Duration::from_millis(2500));
    "runs"
}

async fn labelled(_: &str) {
    std::future::pending::<()>().await;
}

#[underscore_route(name = "profile.hostile")]
async fn hostile() -> &'static str {
    labelled(
        "]]></text><script>alert(1)</script>;&quot;'\"\u{202e} \
         %0a 7",
    )
    .await;
    "hostile"
}

/// The routes under load.
pub fn app() -> Router {
    Router::new()
        .route("/short", get(short))
        .route("/long", get(long))
        .route("/branches", get(branches))
        .route("/runs", get(runs))
        .route("/hostile", get(hostile))
}

/// Requests that are kept in flight until it is dropped.
pub struct Load(JoinSet<()>);

impl Load {
    pub fn new() -> Self {
        Load(JoinSet::new())
    }

    /// Keeps `count` requests in flight.
    pub fn keep(&mut self, service: &Service, path: &str, count: usize) -> Vec<AbortHandle> {
        let client = || reqwest::Client::new().get(service.url(path));
        let handles = (0..count).map(|_| {
            let request = client();
            self.0.spawn(async move {
                loop {
                    let request = request.try_clone().expect("it has no body");
                    let answer = request.send().await.expect("the service answers");
                    answer.bytes().await.expect("a body");
                }
            })
        });
        handles.collect()
    }
}
