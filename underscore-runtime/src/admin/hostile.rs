//! For tests: the API is asked what nobody with good intentions asks. It never panics, and always has an
//! answer of its own: a panic in a handler would be none, and a status of 500 is one that nobody meant.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use proptest::prelude::*;
use tokio::runtime::Builder;
use tower::ServiceExt;

use super::endpoints::ENDPOINTS;
use super::{admin_router, params};

/// Asks, and gives back the status of the answer, which is read to its end.
fn ask(method: Method, uri: &str, body: Vec<u8>) -> Option<StatusCode> {
    // What is no URI does not reach a service.
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .ok()?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let answered = runtime.expect("a runtime").block_on(async {
        let response = admin_router().oneshot(request).await.expect("infallible");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        body.map(|_| status)
    });
    Some(answered.expect("it is read"))
}

/// Percent-encodes all but letters and digits, so that any text can stand in a query.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Words that mean something, and others.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "_all",
        "*",
        "-*",
        "-",
        ",",
        "a.b",
        "**",
        "**.a",
        "\\.",
        "true",
        "1s",
        "9999999999999999999d",
        "-1",
        "+1",
        "0",
        "18446744073709551616",
        "id:desc",
        "id:",
        ":",
        "stats.*",
        "json",
        "cbor",
        "preempt.status",
        "transient",
        "",
        " ",
        "\u{0}",
        "\u{1b}[2J",
        "\u{202e}",
        "日本",
    ]);
    prop_oneof![known.prop_map(str::to_owned), any::<String>()]
}

fn value() -> impl Strategy<Value = String> {
    prop::collection::vec(word(), 0..4).prop_map(|words| words.join(","))
}

/// The name of a parameter that some endpoint knows, or none does.
fn name() -> impl Strategy<Value = String> {
    let groups = [
        params::TABLE,
        params::TASK_FILTER,
        params::TASKS,
        params::SETTINGS,
    ];
    let known: Vec<&str> = params::names(&groups).collect();
    prop_oneof![prop::sample::select(known).prop_map(str::to_owned), word()]
}

fn path() -> impl Strategy<Value = String> {
    let paths: Vec<&str> = ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
    (prop::sample::select(paths), value()).prop_map(|(path, value)| {
        path.replace("{routes}", &encoded(&value))
            .replace("{tasks}", &encoded(&value))
    })
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        word().prop_map(Into::into),
    ];
    let key = prop::sample::select(vec![
        "transient",
        "persistent",
        "expires_in",
        "preempt",
        "preempt.status",
        "status",
        "limit",
        "active",
        "rate",
        "*",
        "preempt.*",
        "headers",
        "",
        ".",
        "a",
    ]);
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_query_is_answered(path in path(), query in prop::collection::vec((name(), value()), 0..5)) {
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        for method in [Method::GET, Method::HEAD] {
            let status = ask(method, &format!("{path}?{}", query.join("&")), Vec::new());
            prop_assert!(status.is_none_or(|status| !status.is_server_error()), "{status:?}");
        }
    }

    #[test]
    fn any_body_of_settings_is_taken_or_refused(body in json(), flat in any::<bool>()) {
        let uri = format!("/_routes/no-such-route*/settings?flat_settings={flat}");
        let status = ask(Method::PUT, &uri, body.to_string().into_bytes());
        let expected = [Some(StatusCode::OK), Some(StatusCode::BAD_REQUEST)];
        prop_assert!(expected.contains(&status), "{status:?}");
    }

    #[test]
    fn any_bytes_for_a_body_are_refused(body in prop::collection::vec(any::<u8>(), 1..200)) {
        let status = ask(Method::PUT, "/_routes/_all/settings", body);
        let expected = [Some(StatusCode::OK), Some(StatusCode::BAD_REQUEST)];
        prop_assert!(expected.contains(&status), "{status:?}");
    }
}
