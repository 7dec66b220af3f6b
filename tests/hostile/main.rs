//! Generated hostile requests to the admin API, for the time of an ordinary test. The checks are in
//! `tests/fuzz/checks`, shared with the fuzz targets, which need a nightly compiler and run for as
//! long as wanted. Hostile connections have a file for each kind.

#[path = "../fuzz/checks/mod.rs"]
mod checks;
#[path = "../support/mod.rs"]
mod support;

mod browsers;
mod crowd;
mod deep;
mod large;
mod pipelined;
mod preempt_headers;
mod query_strings;
mod quoted_input;
mod raw;
mod slow;
mod terminal;
mod unreadable;
mod write_access;

use std::path::Path;

use axum::http::Method;
use checks::Answer;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// The first column of a table of the docs, which other tests keep complete.
fn documented(begin: &str) -> Vec<&'static str> {
    let pages = [
        include_str!("../../underscore-runtime/docs/admin-api.md"),
        include_str!("../../underscore-runtime/docs/settings.md"),
    ];
    let mut tables = pages.iter().filter_map(|page| page.split_once(begin));
    let (_, table) = tables.next().expect("the table is there");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let names = rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next());
    names.collect()
}

/// Known words, and arbitrary ones.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "_all",
        "hostile",
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
        "yaml",
        "cbor",
        "preempt.status",
        "transient",
        "",
        " ",
        "%",
        "%00",
        "%ff",
        "\u{0}",
        "\u{1b}[2J",
        "\u{202e}",
        "日本",
    ]);
    prop_oneof![known.prop_map(str::to_owned), any::<String>()]
}

fn value() -> impl Strategy<Value = String> {
    let list = prop::collection::vec(word(), 0..4).prop_map(|words| words.join(","));
    prop_oneof![word(), list]
}

/// A known parameter, or an arbitrary one.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(documented("<!-- parameters -->\n"));
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => word()]
}

/// Method and path of an endpoint, with or without its optional parts, or another method.
fn endpoint() -> impl Strategy<Value = String> {
    let known = prop::sample::select(documented("| request | what it does |\n"));
    let method = prop_oneof![
        8 => Just(""),
        1 => prop::sample::select(vec!["HEAD", "OPTIONS", "PUT", "POST", "DELETE", "TRACE", "NONE"]),
    ];
    (known, method, value(), any::<bool>()).prop_map(|(endpoint, method, value, long)| {
        let endpoint = match endpoint.split_once('[') {
            Some((before, rest)) if !long => {
                let (_, after) = rest.split_once(']').expect("it closes");
                format!("{before}{after}")
            }
            _ => endpoint.replace(['[', ']'], ""),
        };
        let endpoint = endpoint
            .replace("{routes}", &value)
            .replace("{tasks}", &value)
            .replace("{connections}", &value);
        match (method, endpoint.split_once(' ')) {
            ("", _) | (_, None) => endpoint,
            (method, Some((_, path))) => format!("{method} {path}"),
        }
    })
}

fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (200..600).prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        Just("30s".into()),
        word().prop_map(Into::into),
    ]
}

fn object(
    key: impl Strategy<Value = String>,
    value: impl Strategy<Value = Json>,
) -> impl Strategy<Value = Json> {
    let entries = prop::collection::btree_map(key, value, 0..4);
    entries.prop_map(|entries| Json::Object(entries.into_iter().collect()))
}

fn json() -> impl Strategy<Value = Json> {
    let mut keys = documented("<!-- settings -->\n");
    let parts: Vec<&str> = keys.iter().flat_map(|key| key.split('.')).collect();
    keys.extend(parts);
    keys.extend([
        "transient",
        "persistent",
        "expires_in",
        "*",
        "preempt.*",
        "",
        ".",
        "a",
    ]);
    let key = prop::sample::select(keys).prop_map(str::to_owned);
    leaf().prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            object(key.clone(), inner),
        ]
    })
}

/// A body with settings in the right place, or anything.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let setting = prop::sample::select(documented("<!-- settings -->\n")).prop_map(str::to_owned);
    let inside = prop_oneof![object(setting, leaf()), json()];
    let inside = inside.prop_map(|json| json!({ "transient": json }));
    prop_oneof![
        6 => inside.prop_map(|json| json.to_string().into_bytes()),
        2 => json().prop_map(|json| json.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// A filter of known and arbitrary keys.
fn filter() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(vec!["*", "**", "transient", "preempt", "headers", "status", "a\\.b", "*a*", "a"])
            .prop_map(str::to_owned),
        1 => "[ab.*\\\\-]{0,4}",
        1 => word(),
    ];
    let pattern = prop::collection::vec(part, 1..7).prop_map(|parts| parts.join("."));
    let signed = (prop::sample::select(vec!["", "-"]), pattern);
    let signed = signed.prop_map(|(sign, pattern)| format!("{sign}{pattern}"));
    prop::collection::vec(signed, 0..4).prop_map(|patterns| patterns.join(","))
}

fn headers() -> impl Strategy<Value = String> {
    let header =
        ("[ab.*\\-]{1,4}", "[ -~]{0,3}").prop_map(|(name, value)| format!("\n{name}: {value}"));
    prop::collection::vec(header, 0..6).prop_map(|headers| headers.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_query_has_an_answer_of_the_contract(
        endpoint in endpoint(),
        query in prop::collection::vec((name(), value()), 0..5),
    ) {
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        checks::query(format!("{endpoint}?{}", query.join("&")).as_bytes());
    }

    #[test]
    fn any_body_of_settings_is_applied_whole_or_not_at_all(
        routes in prop_oneof![Just("_all".to_owned()), Just("hostile?flat_settings".to_owned()), value()],
        body in body(),
    ) {
        checks::settings(&[routes.as_bytes(), b"\n", &body].concat());
    }

    #[test]
    fn any_filter_is_idempotent(filter in filter(), headers in headers()) {
        checks::filter_path(format!("{filter}{headers}").as_bytes());
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::query(&bytes);
        checks::settings(&bytes);
        checks::filter_path(&bytes);
    }
}

#[test]
fn the_seeds_of_the_fuzz_targets_pass() {
    let query: fn(&[u8]) = checks::query;
    for (target, check) in [
        ("query", query),
        ("settings", checks::settings),
        ("filter_path", checks::filter_path),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fuzz/seeds")
            .join(target);
        let seeds: Vec<_> = std::fs::read_dir(folder)
            .expect("there are seeds")
            .collect();
        assert!(!seeds.is_empty(), "{target}");
        for seed in seeds {
            let seed = seed.expect("a seed").path();
            check(&std::fs::read(&seed).expect("it can be read"));
        }
    }
}

#[test]
fn an_answer_against_the_contract_is_reported() {
    let refused = r#"{"error":{"root_cause":[{"type":"t","reason":"r"}],"type":"t","reason":"r"},"status":400}"#;
    let keeps = |status, content_type: &str, body: &str| {
        let answer = Answer {
            status,
            content_type: content_type.to_owned(),
            allow: None,
            body: body.into(),
        };
        std::panic::catch_unwind(|| answer.keeps_the_contract(&Method::GET)).is_ok()
    };
    assert!(keeps(400, "application/json", refused));
    assert!(keeps(200, "text/plain", "a\n"));
    assert!(!keeps(
        500,
        "application/json",
        &refused.replace("400", "500")
    ));
    assert!(!keeps(404, "application/json", refused));
    assert!(
        !keeps(405, "application/json", &refused.replace("400", "405")),
        "no Allow"
    );
    assert!(!keeps(400, "text/plain", "no"));
    assert!(!keeps(
        400,
        "application/json",
        &refused.replace(r#""reason":"r"}]"#, r#""reason":"s"}]"#)
    ));
    assert!(!keeps(200, "application/json", "{"));
    assert!(!keeps(200, "text/plain", "\u{1b}[2J\n"));
}
