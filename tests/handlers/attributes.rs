//! Other attributes above and below: each keeps its effect, and none is applied twice.
//!
//! `#[axum::debug_handler]` belongs below, because it calls the function with its own arguments.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use serde::Deserialize;
use tracing::field::{Field, Visit};
use tracing::span;
use underscore_runtime::underscore_route;

use crate::support::Service;

#[derive(Deserialize)]
struct Login {
    user: String,
}

/// A documented handler.
#[underscore_route]
/// And more of it below.
#[allow(clippy::unused_async, unused_variables)]
#[allow(non_snake_case)]
async fn documentedAndAllowed(unused: Path<String>) -> &'static str {
    "allowed"
}

#[underscore_route]
#[expect(
    clippy::needless_return,
    unused_variables,
    reason = "what is expected is not said twice"
)]
async fn expected(unused: Path<String>) -> &'static str {
    return "expected";
}

#[deprecated(note = "there is a new one")]
#[underscore_route]
async fn deprecated_above() -> &'static str {
    "above"
}

#[underscore_route]
#[deprecated(note = "there is a new one")]
async fn deprecated_below() -> &'static str {
    "below"
}

#[underscore_route]
#[must_use]
#[inline]
async fn must_be_used() -> &'static str {
    "used"
}

#[underscore_route]
#[cfg(test)]
async fn chosen() -> &'static str {
    "chosen"
}

#[underscore_route]
#[cfg(not(test))]
async fn chosen(_: NoSuchType) -> &'static str {
    "not chosen"
}

#[cfg(not(test))]
#[underscore_route]
async fn chosen(_: NoSuchType) -> &'static str {
    "not chosen either"
}

#[underscore_route]
#[cfg_attr(test, deprecated(note = "in tests"), doc = "Documented in tests.")]
#[cfg_attr(not(test), no_such_attribute)]
async fn conditional() -> &'static str {
    "conditional"
}

#[allow(
    clippy::diverging_sub_expression,
    clippy::unused_async,
    reason = "`debug_handler` writes it, with our attribute and without"
)]
mod debug {
    use axum::Json;
    use axum::extract::{Query, State};
    use underscore_runtime::underscore_route;

    use super::Login;

    #[underscore_route]
    #[axum::debug_handler]
    pub(super) async fn debugged(Query(login): Query<Login>) -> String {
        login.user
    }

    #[underscore_route]
    #[axum::debug_handler(state = u8)]
    pub(super) async fn debugged_with_state(
        State(state): State<u8>,
        Json(login): Json<Login>,
    ) -> String {
        format!("{state} {}", login.user)
    }
}

#[underscore_route]
async fn with_inner_attributes() -> String {
    #![allow(clippy::let_and_return)]
    let answer = std::future::ready("inner".to_owned()).await;
    answer
}

#[tokio::test]
#[allow(deprecated)]
async fn attributes_keep_their_meaning() {
    let app = Router::new()
        .route("/allowed/{name}", get(documentedAndAllowed))
        .route("/expected/{name}", get(expected))
        .route("/above", get(deprecated_above))
        .route("/below", get(deprecated_below))
        .route("/used", get(must_be_used))
        .route("/chosen", get(chosen))
        .route("/conditional", get(conditional))
        .route("/inner", get(with_inner_attributes))
        .route("/debugged", get(debug::debugged))
        .route("/debugged_with_state", post(debug::debugged_with_state))
        .with_state(7);
    let service = Service::start(app).await;
    for path in [
        "/above",
        "/below",
        "/used",
        "/chosen",
        "/conditional",
        "/inner",
    ] {
        assert_eq!(service.get(path).await.text, path[1..]);
    }
    assert_eq!(service.get("/allowed/x").await.text, "allowed");
    assert_eq!(service.get("/expected/x").await.text, "expected");
    assert_eq!(service.get("/debugged?user=ann").await.text, "ann");
    assert_eq!(service.get("/debugged").await.status, 400);
    let request = service.request(axum::http::Method::POST, "/debugged_with_state");
    let answer = request
        .json(&serde_json::json!({"user": "ann"}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.text().await.expect("text"), "7 ann");
}

#[tracing::instrument(fields(user = %user.0))]
#[underscore_route]
async fn instrumented_above(user: Path<String>) -> String {
    let Path(user) = std::future::ready(user).await;
    user
}

#[underscore_route]
#[tracing::instrument(skip_all, fields(user = %user.0), err)]
async fn instrumented_below(user: Path<String>) -> Result<String, String> {
    let Path(user) = std::future::ready(user).await;
    Ok(user)
}

/// Records the spans that were opened, as `name{user=value}`.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Spans {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().ends_with("attributes")
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        struct User(String);
        impl Visit for User {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "user" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut user = User(String::new());
        attributes.record(&mut user);
        let span = format!("{}{{user={}}}", attributes.metadata().name(), user.0);
        let mut spans = self.0.lock().expect("nobody panics here");
        spans.push(span);
        span::Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn instrument_opens_its_span_above_and_below() {
    let spans = Spans::default();
    // The runtime of the test has one thread, so handlers use this default, too.
    let _default = tracing::subscriber::set_default(spans.clone());
    let app = Router::new()
        .route("/above/{user}", get(instrumented_above))
        .route("/below/{user}", get(instrumented_below));
    let service = Service::start(app).await;
    assert_eq!(service.get("/above/ann").await.text, "ann");
    assert_eq!(service.get("/below/bob").await.text, "bob");
    let spans = spans.0.lock().expect("nobody panics here");
    assert_eq!(
        *spans,
        [
            "instrumented_above{user=ann}",
            "instrumented_below{user=bob}"
        ]
    );
}
