//! The format of `/_metrics`: the parameter `format`, or the best match for `Accept`.

use axum::Router;
use reqwest::Method;

use super::series::{OPEN, TEXT, from_open, from_text};
use crate::support::process::own_process;
use crate::support::{Answer, Service};

/// The `Accept` header of Prometheus, before version 3 and since.
const PROMETHEUS_2: &str = "application/openmetrics-text;version=1.0.0;q=0.5,\
    application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// Holds 7.10 of docs/admin-api.md.
#[tokio::test]
async fn the_best_match_of_accept_wins_and_text_is_the_default() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
    let cases = [
        (None, TEXT),
        (Some(PROMETHEUS_2), OPEN),
        (Some(PROMETHEUS_3), OPEN),
        (Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"), TEXT),
        (
            Some("application/openmetrics-text; version=1.0.0; charset=utf-8"),
            OPEN,
        ),
        (Some("application/openmetrics-text"), OPEN),
        (Some("application/openmetrics-text;version=0.0.1"), TEXT),
        (Some("*/*"), TEXT),
        (Some(browser), TEXT),
        (Some("application/json"), TEXT),
        (Some("application/yaml"), TEXT),
        (
            Some("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily"),
            TEXT,
        ),
        (Some("garbage"), TEXT),
        (Some(";;q=,,/"), TEXT),
        (Some(""), TEXT),
    ];
    for (accept, content_type) in cases {
        let mut request = service.admin_builder(Method::GET, "_metrics");
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let answer = Answer::of(request.send().await.expect("it answers")).await;
        assert_eq!(answer.status, 200, "{accept:?}");
        assert_eq!(answer.content_type, content_type, "{accept:?}");
        let is_open = answer.text.ends_with("\n# EOF\n");
        assert_eq!(is_open, content_type == OPEN, "{accept:?}");
        if is_open {
            from_open(&answer.text);
        } else {
            from_text(&answer.text);
        }
    }
}

/// Holds 7.11 of docs/admin-api.md.
#[tokio::test]
async fn the_format_parameter_overrides_accept_and_json_is_refused_with_the_path_that_has_it() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let scraper = service.admin_builder(Method::GET, "_metrics/?format=text&pretty");
    let scraper = scraper.header("accept", PROMETHEUS_3).send().await;
    let answer = Answer::of(scraper.expect("it answers")).await;
    assert_eq!(answer.content_type, TEXT);

    let refused = [
        (
            "json",
            "[/_metrics] is Prometheus' text and cannot be json; parameter [format] must be one of text, \
                  openmetrics; [/_cat/routes?h=*&format=json] has the numbers of the routes",
        ),
        (
            "openmetric",
            "unknown value [openmetric] of parameter [format]; use one of text, openmetrics \
                        -> did you mean [openmetrics]?",
        ),
        (
            "",
            "unknown value [] of parameter [format]; use one of text, openmetrics",
        ),
    ];
    for (format, reason) in refused {
        let answer = service.admin(&format!("_metrics?format={format}")).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.content_type, "application/json");
        let expected = ("illegal_argument_exception".to_owned(), reason.to_owned());
        assert_eq!(answer.error(), expected);
    }
    let yaml = service.admin("_metrics?format=yaml").await;
    assert_eq!(
        (yaml.status, yaml.content_type.as_str()),
        (400, "application/yaml")
    );
    assert!(
        yaml.text.contains("[/_cat/routes?h=*&format=yaml]"),
        "{}",
        yaml.text
    );
    let (kind, reason) = service.admin("_metrics?h=id").await.error();
    assert_eq!(kind, "illegal_argument_exception");
    assert_eq!(
        reason,
        "request [/_metrics] contains unrecognized parameter: [h]"
    );
    assert_eq!(service.post("_metrics").await.status, 405);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let answer = service.admin_request(Method::HEAD, "_metrics", None).await;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, TEXT));
    assert_eq!(answer.text, "");
}
