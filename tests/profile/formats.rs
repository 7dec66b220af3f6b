//! The formats of a profile.

use reqwest::Method;
use serde_json::Value;

use crate::ALONE;
use crate::load::{Load, app};
use crate::support::Service;

/// A service with requests that wait, and their clients.
async fn loaded() -> (Service, Load) {
    let service = Service::start(app()).await;
    let mut load = Load::new();
    load.keep(&service, "/hostile", 2);
    load.keep(&service, "/branches", 1);
    service.wait_for_waiting("profile.hostile", 2).await;
    service
        .wait_for("profile.branches", "stats.req.active", 1)
        .await;
    (service, load)
}

/// Holds 11.7, 11.12 of docs/admin-api.md.
#[tokio::test]
async fn a_flame_graph_is_one_xml_document_in_a_sandbox() {
    let _alone = ALONE.lock().await;
    let (service, _load) = loaded().await;
    let request = service.admin_builder(Method::GET, "_profile?seconds=1");
    let answer = request.header("accept", "image/svg+xml").send().await;
    let answer = crate::support::Answer::of(answer.expect("an answer")).await;
    assert_eq!(answer.content_type, "image/svg+xml");
    assert_eq!(
        answer.headers["content-security-policy"],
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; \
         style-src 'unsafe-inline'; frame-ancestors 'none'"
    );
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.headers[header], value);
    }
    let document = roxmltree::Document::parse(&answer.text).expect("well-formed XML");
    let named = |name| {
        let nodes = document.descendants();
        nodes.filter(move |node| node.has_tag_name(("http://www.w3.org/2000/svg", name)))
    };
    // A title for the document, and for each frame.
    let titles: Vec<&str> = named("title").filter_map(|title| title.text()).collect();
    let hostile = titles.iter().find(|title| title.contains("alert(1)"));
    let hostile = hostile.expect("its text is shown");
    assert!(
        hostile.contains("</text><script>alert(1)</script>,&quot,"),
        "{hostile}"
    );
    assert_eq!(named("script").count(), 1, "that of the graph itself");
    assert!(
        titles
            .iter()
            .any(|title| title.starts_with("all requests ("))
    );
    assert!(!answer.text.contains("href"), "it loads nothing");
}

/// Holds 11.6, 11.12 of docs/admin-api.md.
#[tokio::test]
async fn folded_stacks_have_a_weight_each_and_no_separator_in_a_frame() {
    let _alone = ALONE.lock().await;
    let (service, _load) = loaded().await;
    let answer = service.admin("_profile?seconds=1").await;
    let (head, stacks) = crate::weights::folded(&answer.text);
    for word in [
        " passes, ",
        " of the requests looked at, ",
        " samples, ",
        " request-seconds, ",
    ] {
        assert!(head.contains(word), "{head}");
    }
    let hostile = stacks
        .iter()
        .find(|(frames, _)| frames[0] == "GET /hostile");
    let (frames, _) = hostile.expect("it is seen");
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert!(!frames[1].contains('\u{202e}'), "{frames:?}");
    let weights: Vec<u32> = stacks.iter().map(|(_, weight)| *weight).collect();
    assert!(weights.is_sorted_by(|a, b| a >= b), "{weights:?}");
}

/// Holds 11.9 of docs/admin-api.md.
#[tokio::test]
async fn a_structure_has_all_numbers_in_each_format() {
    let _alone = ALONE.lock().await;
    let (service, _load) = loaded().await;
    let json = service.admin_json("_profile?seconds=1&format=json").await;
    let stacks = json["stacks"].as_array().expect("a list");
    let hostile = stacks.iter().find(|stack| stack["path"] == "/hostile");
    let hostile = hostile.expect("it is seen");
    assert_eq!(hostile["method"], "GET");
    assert_eq!(hostile["type"], "wait");
    let row = service.route("profile.hostile").await;
    assert_eq!(hostile["route_id"], row["id"]);
    let frame = &hostile["frames"][0];
    assert_eq!(frame["function"], "profile::load::hostile");
    let place = frame["where"].as_str().expect("a text");
    assert!(place.starts_with("tests/profile/load.rs:"), "{place}");
    let awaiting = frame["awaiting"].as_str().expect("a text");
    assert!(awaiting.contains("alert(1)</script>;"), "{awaiting}");
    let sum = |key: &str| {
        let stacks = stacks.iter().chain([&json["rest"]]);
        stacks.filter_map(|stack| stack[key].as_f64()).sum::<f64>()
    };
    let all = json["request_time_in_seconds"].as_f64().expect("a number");
    assert!(
        (sum("request_time_in_seconds") - all).abs() < 0.001,
        "{json:#}"
    );
    assert!(json["passes"].as_u64() > Some(5), "{json:#}");
    assert!(json["requests_seen"].as_u64() >= json["requests_looked_at"].as_u64());

    let request = service.admin_builder(Method::GET, "_profile?seconds=1&format=cbor");
    let cbor = request
        .send()
        .await
        .expect("an answer")
        .bytes()
        .await
        .expect("a body");
    let cbor: Value = ciborium::from_reader(&cbor[..]).expect("CBOR");
    assert_eq!(cbor["stacks"].as_array().map(Vec::len), Some(stacks.len()));
    let yaml = service.admin("_profile?seconds=1&format=yaml").await;
    assert_eq!(yaml.content_type, "application/yaml");
    assert!(yaml.text.contains("\nstacks:\n"), "{}", yaml.text);
    let filtered = service
        .admin_json("_profile?seconds=1&format=json&filter_path=passes")
        .await;
    assert_eq!(filtered.as_object().map(serde_json::Map::len), Some(1));
}
