//! Nested structures and patterns that are costly to parse.

use std::time::{Duration, Instant};

use underscore_runtime::AdminBuilder;

use super::raw::{Raw, others_are_served, served};

/// Far above the time of linear work, and far below that of quadratic work.
const LONG: Duration = Duration::from_secs(10);

/// Longest run of wildcards that fits into a URI.
const STARS: usize = 10_000;

#[tokio::test]
async fn a_body_that_is_nested_a_hundred_thousand_times_is_refused() {
    let service = served(&AdminBuilder::new()).await;
    let depth = 100_000;
    for body in [
        "[".repeat(depth),
        format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
        format!("{{\"transient\": {}", "{\"a\":".repeat(depth)),
        format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
        format!(
            "{{\"transient\": {{\"preempt\": {}",
            "{\"headers\":".repeat(80_000)
        ),
        format!("{{\"transient\": {{\"{}\": 1}}}}", "a.".repeat(depth)),
    ] {
        let begun = Instant::now();
        let mut client = Raw::connect(&service).await;
        let head = format!(
            "PUT /_routes/_all/settings HTTP/1.1\r\nhost: .\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        assert!(client.send(head.as_bytes()).await && client.send(body.as_bytes()).await);
        let answer = client.answer().await;
        assert_eq!(answer.status, 400, "{}", &body[..40]);
        answer.error();
        assert!(
            begun.elapsed() < LONG,
            "{}: {:?}",
            &body[..40],
            begun.elapsed()
        );
    }
    others_are_served(&service).await;
}

/// Repeats `word` up to the longest URI, the longest parameter, and the longest list.
fn as_many_as_they_can_be(word: &str) -> [String; 3] {
    let most = [STARS.min(65_000 / word.len()), (16 << 10) / word.len(), 999];
    most.map(|count| word.repeat(count))
}

#[tokio::test]
async fn ten_thousand_wildcards_do_not_delay_others() {
    let service = served(&AdminBuilder::new()).await;
    let mut requests: Vec<String> = Vec::new();
    for word in [
        "*", "*a", "*.", "**.", "**.a.", "**.*a*.", "*a*.", "*,", "*a,", "-*a,", "**.a,",
        "**.*.a,", "-**.*.*,",
    ] {
        for filter in as_many_as_they_can_be(word) {
            requests.push(format!("/_routes?filter_path={filter}"));
            requests.push(format!("/_cat/routes?format=json&h=*&filter_path={filter}"));
        }
    }
    for word in ["*", "*a", "*,", "*a,", "-*,", "-*a,", "a,", ",", "_all,-*,"] {
        for list in as_many_as_they_can_be(word) {
            for parameter in ["h", "s", "routes", "state", "older_than", "time"] {
                requests.push(format!("/_cat/tasks?{parameter}={list}"));
            }
            requests.push(format!("/_cat/routes/{list}"));
        }
    }
    for word in ["a", "&", "a&", "=&", "v&", "hh=&", "filter_pat&"] {
        requests.push(format!("/_cat/tasks?{}", word.repeat(65_000 / word.len())));
    }
    for request in requests {
        let begun = Instant::now();
        let mut client = Raw::connect(&service).await;
        let shown = &request[..40.min(request.len())];
        let line = format!("GET {request} HTTP/1.1\r\nhost: .\r\n\r\n");
        assert!(client.send(line.as_bytes()).await);
        others_are_served(&service).await;
        let answer = client.answer().await;
        assert!(
            matches!(answer.status, 200 | 400 | 404),
            "{shown}: {answer:?}"
        );
        if std::env::var_os("SHOW_TIMES").is_some() {
            println!(
                "{:>8.1?} {} {} {}",
                begun.elapsed(),
                answer.status,
                answer.body.len(),
                shown
            );
        }
        assert!(begun.elapsed() < LONG, "{shown}: {:?}", begun.elapsed());
    }
}
