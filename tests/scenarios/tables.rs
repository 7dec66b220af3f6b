//! Tables as typed out in the tests: what differs between runs is replaced.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, Service};

/// The time that a rule takes to see what it looks for, and longer.
const LIMIT: Duration = Duration::from_secs(50);

/// Waits until a table is as expected. Blanks do not count.
pub async fn shows(service: &Service, path: &str, expected: &str) {
    let words = |line: &str| line.split_whitespace().collect::<Vec<&str>>().join(" ");
    let expected: Vec<String> = expected.trim().lines().map(words).collect();
    let deadline = Instant::now() + LIMIT;
    loop {
        let answer = service.admin(path).await;
        let shown: Vec<String> = answer.text.lines().map(normalized).collect();
        if shown == expected {
            return;
        }
        let is_late = Instant::now() > deadline;
        assert!(
            !is_late,
            "{path}\n{}\n{shown:#?}\nexpected {expected:#?}",
            answer.text
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until `_cat/health?v` is as expected, below its headings.
pub async fn health(service: &Service, expected: &str) {
    let headings = "status symptom subject since evidence next";
    shows(
        service,
        "_cat/health?v",
        &format!("{headings}\n{}", expected.trim()),
    )
    .await;
}

/// Types the `next` of the worst finding.
pub async fn cure(service: &Service) -> Answer {
    let findings = service.admin_json("_cat/health?format=json").await;
    let next = findings[0]["next"].as_str().expect("a line to type");
    let (method, path) = next.split_once(" /").expect("a method and a path");
    let method: Method = method.parse().expect("a method");
    let answer = service.admin_request(method, path, None).await;
    assert!((200..300).contains(&answer.status), "{next}: {answer:?}");
    answer
}

/// Waits until nothing is wrong.
pub async fn is_green(service: &Service) {
    health(service, "green - - - - -").await;
}

/// A line of a table without what differs between runs: times, clients, and numbers of lines, for
/// which the comment at the end of the line stands.
fn normalized(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let bare = word.trim_end_matches([',', ';', ':', ')']);
        let end = &word[bare.len()..];
        if is_duration(bare) {
            format!("TIME{end}")
        } else if bare.starts_with("127.0.0.1:") {
            format!("CLIENT{end}")
        } else if let Some(marked) = marked(bare) {
            format!("{marked}{end}")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<String>>().join(" ")
}

/// A duration such as `4.2s`.
fn is_duration(word: &str) -> bool {
    let number = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let units = ["nanos", "micros", "ms", "s", "m"];
    number.parse::<f64>().is_ok() && units.contains(&&word[number.len()..])
}

/// `locks.rs:42` as `locks.rs:second`, if the line ends with the comment `// second`.
fn marked(place: &str) -> Option<String> {
    let (file, number) = place.strip_prefix("tests/scenarios/")?.split_once(".rs:")?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/scenarios/{file}.rs"));
    let source = std::fs::read_to_string(path).expect("a file of this test");
    let line = source.lines().nth(number.parse::<usize>().ok()? - 1)?;
    let (_, mark) = line.split_once(" // ")?;
    Some(format!("{file}.rs:{mark}"))
}

/// The tasks, with what they wait for and hold.
pub const TASKS: &str = "_cat/tasks?v&h=id,path,where,awaiting,holding";

/// The resources that they wait for, in the order of their holders.
pub const WAITS: &str = "_cat/waits?v&h=resource,type,waiting,held,holders,taken,verdict&s=holders";

/// The rows of a table.
pub async fn rows(service: &Service, path: &str) -> Vec<Value> {
    let rows = service.admin_json(path).await;
    rows.as_array().expect("a table").clone()
}
