//! Hostile text in messages, and floods of panics.

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use futures_util::future::join_all;
use serde::Deserialize;
use underscore_runtime::underscore_route;

use super::support::Service;
use super::support::log::LOG;
use super::support::process::own_process;
use super::{Event, HostHook, get_panic, is_panic};

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[underscore_route]
async fn echoes(Query(Text { text }): Query<Text>) {
    panic!("{text}");
}

#[tokio::test]
async fn invisible_characters_of_a_message_are_escaped() {
    own_process!();
    HostHook::set();
    let service = Service::start(Router::new().route("/echoes", get(echoes))).await;
    get_panic(
        &service,
        "/echoes?text=%1b[2Ja%0aERROR%20%22forged%22%20%e2%80%ae",
    )
    .await;
    let event = Event::of_path("/echoes");
    let escaped = r#"panic="\u{1b}[2Ja\nERROR \"forged\" \u{202e}""#;
    assert!(event.has(escaped), "{}", event.0);
}

#[tokio::test]
async fn a_long_message_is_truncated_to_a_kibibyte() {
    own_process!();
    HostHook::set();
    let service = Service::start(Router::new().route("/echoes", get(echoes))).await;
    get_panic(&service, &format!("/echoes?text=x{}", "é".repeat(4_000))).await;
    let event = Event::of_path("/echoes");
    let message = event.0.split(" panic=\"").nth(1).expect("it has a message");
    let (message, _) = message.split_once('"').expect("it ends");
    assert!(message.ends_with("é…"), "{message}");
    assert!(
        message.len() <= 1024 && message.len() > 1000,
        "{}",
        message.len()
    );
}

#[underscore_route]
async fn floods() {
    panic!("again");
}

/// Holds 7.51 of docs/admin-api.md.
#[tokio::test]
async fn a_flood_of_panics_is_a_few_events_and_a_number() {
    own_process!();
    let hook = HostHook::set();
    let app = Router::new()
        .route("/floods", get(floods))
        .route("/echoes", get(echoes));
    let service = Service::start(app).await;
    let all = 100;
    join_all((0..all).map(|_| get_panic(&service, "/floods"))).await;
    get_panic(&service, "/echoes?text=beside").await;
    assert_eq!(hook.places().len(), all + 1);
    // The number of panics without an event.
    let left_out = |line: &str| -> usize {
        let more = line.split(" more=").nth(1);
        more.map_or(0, |more| {
            let (more, _) = more.split_once(' ').expect("more fields follow");
            more.parse().expect("a number")
        })
    };
    let of_route = |lines: &[String]| -> Vec<String> {
        let lines = lines.iter().filter(|line| is_panic(line));
        let lines = lines.filter(|line| line.contains(" path=\"/floods\" "));
        lines.cloned().collect()
    };
    let known = |lines: &[String]| -> usize {
        let lines = of_route(lines);
        let events = lines.iter().filter(|line| left_out(line) == 0).count();
        let left_out: usize = lines.iter().map(|line| left_out(line)).sum();
        events + left_out
    };
    let lines = of_route(&LOG.wait(|lines| known(lines) >= all));
    assert_eq!(known(&lines), all, "{lines:#?}");
    // Ten in each second that the flood took.
    let summaries = lines.iter().filter(|line| left_out(line) > 0).count();
    assert!(summaries > 0, "{lines:#?}");
    assert!(lines.len() <= 11 * (summaries + 1), "{lines:#?}");
    let summary = lines.iter().find(|line| left_out(line) > 0);
    assert!(summary.is_some_and(|line| line.contains("more panics within a second")));
    assert!(Event::of_path("/echoes").has("panic=\"beside\""));
}
