//! Limits, delays, timeouts and preemption apply to the next request of a route and to no earlier
//! one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{get, post};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use underscore_runtime::underscore_route;

use crate::support::sentences::did_you_mean;
use crate::support::{Answer, Service};

/// Closed until a test adds permits.
type Gate = Arc<Semaphore>;

macro_rules! waiting_handlers {
    ($($name:ident)*) => { $(
        #[underscore_route]
        async fn $name(State(gate): State<Gate>) -> &'static str {
            gate.acquire().await.expect("the gate stays").forget();
            "passed"
        }
    )* };
}

waiting_handlers! { limited released timed_out delayed renamed }

macro_rules! quick_handlers {
    ($($name:ident)*) => { $(
        #[underscore_route]
        async fn $name() -> &'static str {
            "passed"
        }
    )* };
}

quick_handlers! { paced shared headed spared passing }

/// Reads its whole body.
#[underscore_route]
async fn reading(body: Bytes) -> String {
    body.len().to_string()
}

/// A body that sends one byte and then stays pending.
#[underscore_route]
async fn trickling() -> Body {
    struct Trickle(bool);
    impl hyper::body::Body for Trickle {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Pending;
            }
            let byte = hyper::body::Frame::data(Bytes::from_static(b"x"));
            std::task::Poll::Ready(Some(Ok(byte)))
        }
    }
    Body::new(Trickle(false))
}

struct Fixture {
    service: Service,
    gate: Gate,
    /// Selector of the handler that is mounted at `/`.
    handler: String,
}

impl Fixture {
    async fn start(handler: &str, methods: axum::routing::MethodRouter<Gate>) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let app = Router::new()
            .route("/", methods)
            .with_state(Arc::clone(&gate));
        Fixture {
            service: Service::start(app).await,
            gate,
            handler: format!("contract::limits::{handler}"),
        }
    }

    async fn set(&self, settings: Value) {
        let path = format!("_routes/{}/settings", self.handler);
        let body = json!({"transient": settings});
        self.service.put(&path, body).await.ok_json();
    }

    fn send(&self) -> impl Future<Output = Answer> + Send + 'static {
        let request = self.service.request(Method::GET, "/");
        async move { Answer::of(request.send().await.expect("it answers")).await }
    }

    async fn ends(&self, ends: &[(&str, u64)]) -> Value {
        self.service.wait_for_ends(&self.handler, ends).await
    }
}

/// Holds 3.35, 4.23, 4.26 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_requests_in_flight_is_kept_exactly() {
    let fixture = Fixture::start("limited", get(limited)).await;
    fixture.set(json!({"limit.active": 10})).await;
    let mut clients = JoinSet::new();
    for _ in 0..64 {
        clients.spawn(fixture.send());
    }
    let mut refused = Vec::new();
    while refused.len() < 54 {
        refused.push(clients.join_next().await.expect("one").expect("no panic"));
    }
    for answer in &refused {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.headers["retry-after"], "1");
        assert_eq!(answer.json()["error"]["type"], "limit_reached");
    }
    let row = fixture.service.route(&fixture.handler).await;
    assert_eq!(row["stats.req.active"], 10);
    assert_eq!(row["stats.end.rejected"], 54);
    fixture.gate.add_permits(10);
    for answer in clients.join_all().await {
        assert_eq!(answer.status, 200);
    }
    fixture.ends(&[("completed", 10), ("rejected", 54)]).await;
    fixture.gate.add_permits(1);
    assert_eq!(fixture.send().await.status, 200, "there is room again");
}

/// Holds 4.24 of docs/admin-api.md.
#[tokio::test]
async fn a_limit_counts_earlier_requests_and_ends_when_it_is_reset() {
    let fixture = Fixture::start("released", get(released)).await;
    let before = tokio::spawn(fixture.send());
    fixture
        .service
        .wait_for(&fixture.handler, "stats.req.active", 1)
        .await;
    fixture.set(json!({"limit": {"active": 1}})).await;
    assert_eq!(fixture.send().await.status, 503);
    fixture.set(json!({"limit": null})).await;
    fixture.gate.add_permits(2);
    assert_eq!(fixture.send().await.status, 200);
    assert_eq!(before.await.expect("no panic").status, 200);
}

/// Holds 3.35, 4.25 of docs/admin-api.md.
#[tokio::test]
async fn a_limit_of_requests_per_second_refuses_the_others() {
    let fixture = Fixture::start("paced", get(paced)).await;
    fixture.set(json!({"limit.rate": 5})).await;
    let start = Instant::now();
    let mut passed = 0_u32;
    let mut refused = 0;
    for _ in 0..40 {
        let answer = fixture.send().await;
        match answer.status {
            200 => passed += 1,
            429 => {
                refused += 1;
                assert_eq!(answer.headers["retry-after"], "1");
            }
            other => panic!("{other}"),
        }
    }
    let longest = start.elapsed().as_secs_f64();
    assert!(passed >= 5, "one second's worth at once: {passed}");
    assert!(
        f64::from(passed) <= 5.0 + longest * 5.0 + 1.0,
        "{passed} in {longest} s"
    );
    fixture
        .ends(&[("completed", passed.into()), ("rejected", refused)])
        .await;
}

/// Holds 4.22 of docs/admin-api.md.
#[tokio::test]
async fn a_ratio_of_requests_is_preempted_and_a_retry_is_treated_alike() {
    let fixture = Fixture::start("shared", get(shared)).await;
    fixture
        .set(json!({"preempt": {"status": 503, "ratio": 0.3}}))
        .await;
    let mut preempted = 0;
    for _ in 0..2_000 {
        preempted += i32::from(fixture.send().await.status == 503);
    }
    // Five sigma of 2000 draws.
    assert!((600 - 103..=600 + 103).contains(&preempted), "{preempted}");
    for id in 0..20 {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let request = fixture.service.request(Method::GET, "/");
            let request = request.header("x-request-id", format!("id-{id}"));
            statuses.push(request.send().await.expect("it answers").status());
        }
        statuses.dedup();
        assert_eq!(statuses.len(), 1, "id-{id}");
    }
}

/// Holds 4.20 of docs/admin-api.md.
#[tokio::test]
async fn a_preempting_answer_has_the_headers_that_were_set() {
    let fixture = Fixture::start("headed", get(headed)).await;
    let headers = json!({"Retry-After": "120", "X-Why": "maintenance"});
    fixture
        .set(json!({"preempt": {"status": 503, "headers": headers}}))
        .await;
    let answer = fixture.send().await;
    assert_eq!(answer.headers["retry-after"], "120");
    assert_eq!(answer.headers["x-why"], "maintenance");
    fixture
        .set(json!({"preempt": {"headers": {"X-Why": "other"}}}))
        .await;
    let answer = fixture.send().await;
    assert_eq!(
        answer.headers.get("retry-after"),
        None,
        "replaced as a whole"
    );
    assert_eq!(answer.headers["x-why"], "other");
}

/// Holds 3.36, 4.27 of docs/admin-api.md.
#[tokio::test]
async fn a_timeout_ends_a_handler_with_504() {
    let fixture = Fixture::start("timed_out", get(timed_out)).await;
    fixture.set(json!({"timeout": "50ms"})).await;
    let answer = fixture.send().await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.json()["error"]["type"], "request_expired");
    let row = fixture.ends(&[("expired", 1)]).await;
    assert_eq!(row["stats.resp.status_5xx"], 1);
    fixture.gate.add_permits(1);
    assert_eq!(
        fixture.send().await.status,
        200,
        "what is quick enough is not touched"
    );
    fixture.ends(&[("expired", 1), ("completed", 1)]).await;
}

/// Holds 4.28 of docs/admin-api.md.
#[tokio::test]
async fn a_timeout_includes_reading_a_slow_request_body() {
    let fixture = Fixture::start("reading", post(reading)).await;
    fixture.set(json!({"timeout": "50ms"})).await;
    let mut connection = fixture.service.connect().await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    let answer = crate::support::talk(&mut connection, head, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    fixture.ends(&[("expired", 1)]).await;
    let _ = connection.shutdown().await;
}

/// Holds 4.24, 4.28 of docs/admin-api.md.
#[tokio::test]
async fn a_timeout_breaks_off_a_slow_response_body() {
    let fixture = Fixture::start("trickling", get(trickling)).await;
    fixture
        .set(json!({"timeout": "100ms", "limit.active": 1}))
        .await;
    let response = fixture.service.request(Method::GET, "/").send().await;
    let response = response.expect("a head");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        fixture.send().await.status,
        503,
        "its place is taken until its body ends"
    );
    response.bytes().await.expect_err("not a clean end");
    fixture.ends(&[("expired", 1), ("rejected", 1)]).await;
}

/// Holds 4.29 of docs/admin-api.md.
#[tokio::test]
async fn a_delayed_request_is_listed_as_such_and_can_be_interrupted() {
    let fixture = Fixture::start("delayed", get(delayed)).await;
    fixture.gate.add_permits(2);
    fixture
        .set(json!({"delay": "1h", "interrupt.status": 499}))
        .await;
    let client = tokio::spawn(fixture.send());
    fixture
        .service
        .wait_for(&fixture.handler, "stats.req.active", 1)
        .await;
    let path = "_cat/tasks?format=json&state=waiting&routes=contract::limits::delayed&h=awaiting";
    let deadline = Instant::now() + crate::support::PATIENCE;
    while fixture.service.admin_json(path).await != json!([{"awaiting": "delay"}]) {
        assert!(Instant::now() < deadline, "never delayed");
        tokio::task::yield_now().await;
    }
    fixture
        .service
        .post("_routes/contract::limits::delayed/interrupt")
        .await
        .ok_json();
    assert_eq!(client.await.expect("no panic").status, 499);
    fixture.set(json!({"delay": "30ms"})).await;
    let start = Instant::now();
    assert_eq!(fixture.send().await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(30));
    fixture.ends(&[("interrupted", 1), ("completed", 1)]).await;
}

/// Holds 4.41, 4.42 of docs/admin-api.md.
#[tokio::test]
async fn interrupted_clients_get_the_status_that_was_set_when_they_came() {
    let fixture = Fixture::start("renamed", get(renamed)).await;
    fixture.set(json!({"interrupt": {"status": 418}})).await;
    let client = tokio::spawn(fixture.send());
    fixture
        .service
        .wait_for(&fixture.handler, "stats.req.active", 1)
        .await;
    fixture
        .service
        .post("_routes/contract::limits::renamed/interrupt?reason=tea")
        .await
        .ok_json();
    let answer = client.await.expect("no panic");
    assert_eq!(answer.status, 418);
    assert_eq!(answer.json()["error"]["reason"], "tea");
    let row = fixture.ends(&[("interrupted", 1)]).await;
    assert_eq!(row["stats.resp.status_4xx"], 1);
}

/// Holds 4.30, 4.31, 4.33, 4.34 of docs/admin-api.md.
#[tokio::test]
async fn an_expired_change_is_undone_without_a_request() {
    let fixture = Fixture::start("passing", get(passing)).await;
    let path = format!("_routes/{}/settings", fixture.handler);
    fixture.set(json!({"preempt.text": "stays"})).await;
    let body =
        json!({"transient": {"preempt": {"status": 503, "text": "goes"}}, "expires_in": "1s"});
    let set = fixture.service.put(&path, body).await.ok_json();
    let only = |settings: &Value| {
        let all = settings.as_object().expect("an object");
        all.values().next().expect("a route").clone()
    };
    let left = only(&set)["expires_in"]
        .as_str()
        .expect("it is shown")
        .to_owned();
    assert!(left.ends_with("ms") || left == "1s", "{left}");
    assert_eq!(fixture.send().await.text, "goes");
    let deadline = Instant::now() + crate::support::PATIENCE;
    let stays = json!({"transient": {"preempt": {"text": "stays"}}});
    while only(&fixture.service.admin_json(&path).await) != stays {
        assert!(Instant::now() < deadline, "it never expires");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(fixture.send().await.status, 200);
    let audit = "_cat/audit?format=json&h=action,target,before,status";
    let records = fixture.service.admin_json(audit).await;
    let expired = json!({
        "action": "expire",
        "target": fixture.handler,
        "before": "preempt.status, preempt.text",
        "status": null,
    });
    let records = records.as_array().expect("a table");
    assert_eq!(
        records.iter().filter(|record| **record == expired).count(),
        1
    );
    for wrong in [json!("soon"), json!(5), json!("5")] {
        let body = json!({"transient": {"preempt.status": 503}, "expires_in": wrong});
        let refused = fixture.service.put(&path, body).await;
        assert_eq!(refused.status, 400);
        assert!(
            refused.error().1.starts_with("[expires_in] must be"),
            "{}",
            refused.text
        );
    }
    assert_eq!(fixture.send().await.status, 200);
}

/// Holds 4.6, 4.15, 4.21 of docs/admin-api.md.
#[tokio::test]
async fn an_invalid_setting_is_refused_and_none_is_set() {
    let fixture = Fixture::start("spared", get(spared)).await;
    let path = format!("_routes/{}/settings", fixture.handler);
    for (wrong, named) in [
        (
            json!({"limit.active": 5, "limit.rate": 0}),
            "[transient.limit.rate] must be a number above 0",
        ),
        (
            json!({"timeout": "soon"}),
            "[transient.timeout] must be a string of a number and a unit",
        ),
        (
            json!({"preempt.ratio": 2}),
            "[transient.preempt.ratio] must be a number between 0 and 1",
        ),
        (
            json!({"preempt.headers": {"Content-Length": "5"}}),
            "[transient.preempt.headers] must be",
        ),
        (json!({"limit.activ": 5}), did_you_mean!("limit.active")),
    ] {
        let refused = fixture
            .service
            .put(&path, json!({"transient": wrong}))
            .await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.error().1.contains(named), "{}", refused.text);
    }
    assert_eq!(fixture.send().await.status, 200);
    let settings = fixture.service.admin_json(&path).await;
    let only = settings.as_object().and_then(|all| all.values().next());
    assert_eq!(only, Some(&json!({"transient": {}})));
}
