//! The example `replica` as a child process.

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};

use crate::support::example::Example;

/// A running replica.
pub(crate) struct Replica {
    example: Example,
    client: Client,
    /// Host and port of its metrics.
    pub(crate) metrics: String,
}

impl Replica {
    pub(crate) fn start() -> Self {
        let mut example = Example::start("replica");
        let printed = example.printed_until("Ctrl-C ends it").join("\n");
        let mut words = printed.split_whitespace();
        let url = words.find_map(|word| word.strip_suffix("/metrics"));
        let metrics = url.and_then(|url| url.strip_prefix("http://"));
        Replica {
            metrics: metrics.expect("it says where they are").to_owned(),
            client: Example::client(),
            example,
        }
    }

    /// Sends a request whose handler takes so long. Returns the time until its response.
    pub(crate) async fn work(&self, time: Duration) -> Duration {
        self.send(self.request(time)).await
    }

    /// The same as part of the trace with this id.
    pub(crate) async fn traced(&self, trace: &str, time: Duration) -> Duration {
        let parent = format!("00-{trace}-00f067aa0ba902b7-01");
        self.send(self.request(time).header("traceparent", parent))
            .await
    }

    fn request(&self, time: Duration) -> RequestBuilder {
        let url = format!("{}/job/{}", self.example.base, time.as_millis());
        self.client.get(url)
    }

    async fn send(&self, request: RequestBuilder) -> Duration {
        let begun = Instant::now();
        let response = request.send().await.expect("it answers");
        let took = begun.elapsed();
        assert_eq!(response.status(), 200);
        took
    }

    /// Sends a request that may be preempted.
    pub(crate) async fn work_or_fail(&self, time: Duration) {
        let response = self.request(time).send().await.expect("it answers");
        assert!([200, 503].contains(&response.status().as_u16()));
    }

    /// Preempts every other request, at random, with 503.
    pub(crate) async fn preempt_half(&self) {
        let url = "http://./_routes/job/settings";
        let body = serde_json::json!({"transient": {"preempt": {"status": 503, "ratio": 0.5}}});
        let put = self.example.operator().put(url).json(&body).send().await;
        assert_eq!(put.expect("it answers").status(), 200);
    }

    /// The text of its metrics.
    pub(crate) async fn scrape(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics);
        let response = self.client.get(url).send().await.expect("it answers");
        response.text().await.expect("it is text")
    }
}
