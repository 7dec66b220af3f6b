//! Formats and methods of every endpoint.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::sentences::did_you_mean;
use crate::support::{Answer, Service};

#[underscore_route(name = "shown")]
async fn shown() -> &'static str {
    "shown"
}

/// A body that sends 2000 bytes and then stays pending.
#[underscore_route(name = "sending")]
async fn sending() -> Body {
    struct Once(Option<axum::body::Bytes>);
    impl hyper::body::Body for Once {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            match self.0.take() {
                Some(bytes) => std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(bytes)))),
                None => std::task::Poll::Pending,
            }
        }
    }
    Body::new(Once(Some(vec![b'x'; 2_000].into())))
}

fn app() -> Router {
    Router::new()
        .route("/shown", get(shown))
        .route("/sending", get(sending))
}

async fn service() -> Service {
    let service = Service::start(app()).await;
    service.get("/shown").await;
    service
}

/// Holds 3.24, 6.2 of docs/admin-api.md.
#[tokio::test]
async fn cbor_has_the_same_content_as_json() {
    let service = service().await;
    for path in [
        "",
        "_routes/shown",
        "_routes/shown/settings?include_defaults",
    ] {
        let join = if path.contains('?') { '&' } else { '?' };
        let json = service.admin_json(path).await;
        let request = service.admin_builder(Method::GET, &format!("{path}{join}format=cbor"));
        let response = request.send().await.expect("it answers");
        assert_eq!(response.headers()["content-type"], "application/cbor");
        let bytes = response.bytes().await.expect("a body");
        let cbor: Value = ciborium::from_reader(&bytes[..]).expect("it is CBOR");
        let keys = |value: &Value| {
            let object = value.as_object().expect("an object");
            object.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(&cbor), keys(&json), "{path}");
    }
    let request = service.admin_builder(Method::GET, "_cat/routes/shown?h=name,total");
    let response = request.header("accept", "application/cbor").send().await;
    let response = response.expect("it answers");
    assert_eq!(response.headers()["x-total-count"], "1");
    let bytes = response.bytes().await.expect("a body");
    let cbor: Value = ciborium::from_reader(&bytes[..]).expect("it is CBOR");
    assert_eq!(cbor[0]["name"], "shown");
    assert!(cbor[0]["total"].is_u64(), "typed: {cbor}");
    let refused = service.admin("_cat/routes?format=cbor&h=nonsense").await;
    assert_eq!(
        refused.content_type, "application/json",
        "an error is for people"
    );
}

/// Holds 3.14, 3.17, 5.7 of docs/admin-api.md.
#[tokio::test]
async fn sizes_are_human_readable_or_in_the_requested_unit() {
    let service = service().await;
    let client = tokio::spawn(service.request(Method::GET, "/sending").send());
    let response = client.await.expect("no panic").expect("a head");
    while service.tasks("sending").await[0]["bytes_sent"] != 2_000 {
        tokio::task::yield_now().await;
    }
    let cell = async |params: &str| {
        let path = format!("_cat/tasks?routes=sending&h=bytes_sent{params}");
        service.admin(&path).await.text.trim().to_owned()
    };
    assert_eq!(cell("").await, "1.9kb");
    assert_eq!(cell("&bytes=b").await, "2000");
    assert_eq!(cell("&bytes=kb").await, "1");
    assert_eq!(cell("&bytes=kb&format=json").await, "[{\"bytes_sent\":1}]");
    assert_eq!(cell("&format=json").await, "[{\"bytes_sent\":2000}]");
    let wrong = service.admin("_cat/tasks?bytes=kib").await;
    assert!(
        wrong.error().1.contains(did_you_mean!("kb")),
        "{}",
        wrong.text
    );

    let heads = async |params: &str| {
        let path = format!("_cat/tasks?v&routes=sending{params}");
        let text = service.admin(&path).await.text;
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(heads("&h=id,timestamp").await.trim(), "id timestamp");
    assert_eq!(
        heads("&h=id,timestamp,start_time&ts=false").await.trim(),
        "id"
    );
    drop(response);
    service.wait_for("sending", "stats.req.active", 0).await;
}

/// Holds 5.1, 5.2, 6.8 of docs/admin-api.md.
#[tokio::test]
async fn common_parameters_are_accepted_everywhere_and_checked_first() {
    let service = service().await;
    for path in [
        "",
        "_cat",
        "_cat/routes",
        "_cat/workers",
        "_cat/audit",
        "_audit",
        "_routes",
        "_routes/settings",
        "_tasks",
    ] {
        let answer = service
            .admin(&format!(
                "{path}?pretty&human&error_trace=true&filter_path=**"
            ))
            .await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        for param in ["pretty", "human", "error_trace"] {
            let wrong = service.admin(&format!("{path}?{param}=maybe")).await;
            let (kind, reason) = wrong.error();
            assert_eq!(
                (wrong.status, kind.as_str()),
                (400, "illegal_argument_exception")
            );
            assert!(
                reason.contains(&format!("[{param}] must be true or false")),
                "{reason}"
            );
        }
    }
    let refused = service.post("_routes/shown/interrupt?timeout=soon").await;
    assert_eq!(refused.status, 400);
}

/// Holds 1.21, 1.22, 6.17 of docs/admin-api.md.
#[tokio::test]
async fn head_is_get_without_a_body_and_options_names_the_methods() {
    let service = service().await;
    for path in ["", "_cat/routes?v", "_tasks/", "_routes/shown/settings"] {
        let get = service.admin(path).await;
        let head = service.admin_request(Method::HEAD, path, None).await;
        assert_eq!(
            (head.status, head.text.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert_eq!(head.content_type, get.content_type, "{path}");
        assert_eq!(
            head.headers.get("x-total-count"),
            get.headers.get("x-total-count")
        );
    }
    assert_eq!(
        service
            .admin_request(Method::HEAD, "_tasks/99", None)
            .await
            .status,
        404
    );
    let allowed = |answer: &Answer| {
        let allow = answer.headers["allow"].to_str().expect("text").to_owned();
        let mut methods: Vec<String> = allow.split(',').map(|it| it.trim().to_owned()).collect();
        methods.sort_unstable();
        methods
    };
    for (path, methods) in [
        ("_cat/routes", vec!["GET", "HEAD"]),
        ("_routes/shown/settings", vec!["GET", "HEAD", "PUT"]),
        ("_tasks/_cancel", vec!["POST"]),
    ] {
        let options = service.admin_request(Method::OPTIONS, path, None).await;
        assert_eq!(
            (options.status, allowed(&options)),
            (200, methods.iter().map(ToString::to_string).collect()),
            "{path}"
        );
        let refused = service.admin_request(Method::DELETE, path, None).await;
        assert_eq!(
            (refused.status, refused.error().0.as_str()),
            (405, "method_not_allowed")
        );
        assert_eq!(allowed(&refused), methods);
    }
    assert_eq!(
        service
            .admin_request(Method::OPTIONS, "_nothing", None)
            .await
            .status,
        404
    );
}

/// Holds 4.8, 4.9 of docs/admin-api.md.
#[tokio::test]
async fn settings_are_nested_or_flat() {
    let service = service().await;
    let id = service.route("shown").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let body = json!({"transient": {"preempt": {"status": 503, "reason": "later"}}});
    let flat = service
        .put("_routes/shown/settings?flat_settings", body)
        .await
        .ok_json();
    let expected = json!({"transient": {"preempt.reason": "later", "preempt.status": 503}});
    assert_eq!(flat[&id], expected);
    let nested = service
        .admin_json("_routes/shown/settings?include_defaults")
        .await;
    assert_eq!(
        nested[&id]["transient"],
        json!({"preempt": {"reason": "later", "status": 503}})
    );
    assert_eq!(nested[&id]["defaults"]["preempt"]["text"], Value::Null);
    let flat = service
        .admin_json("_routes/shown/settings?include_defaults&flat_settings=true")
        .await;
    assert!(
        flat[&id]["defaults"].get("preempt.text").is_some(),
        "{flat:#}"
    );
    let body = json!({"transient": {"preempt.*": null}});
    let reset = service.put("_routes/shown/settings", body).await.ok_json();
    assert_eq!(reset[&id], json!({"transient": {}}));
}
