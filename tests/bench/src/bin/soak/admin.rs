//! The clients of the admin API, and the final checks of its answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::random::Random;
use crate::{PATIENCE, Soak, http};

const READS: &[&str] = &[
    "/",
    "/_cat",
    "/_cat/routes?v",
    "/_cat/routes?h=*&s=total:desc",
    "/_cat/routes?format=json&h=*",
    "/_cat/tasks?v",
    "/_cat/tasks?format=yaml",
    "/_cat/tasks?h=*&size=5",
    "/_cat/stacks?v",
    "/_cat/workers?v",
    "/_cat/audit?v",
    "/_cat/audit?format=json",
    "/_metrics",
    "/_routes/stats",
    "/_routes/settings?include_defaults",
    "/_tasks?detailed",
    "/_tasks?group_by=parents",
    "/_cat/tasks?state=streaming",
    "/_cat/nothing",
    "/_cat/routes?tiem=s",
];

const ROUTES: &[&str] = &[
    "*plain",
    "*awaiting",
    "*body",
    "*streaming",
    "*endless",
    "*panicking",
    "*slow",
    "*background",
    "*socket",
    "_all",
];

/// Each expires, so that settings do not affect the service for long.
const TRANSIENT: &[&str] = &[
    r#""preempt.status":503,"preempt.text":"later""#,
    r#""preempt.status":429,"preempt.ratio":0.5"#,
    r#""limit.active":1"#,
    r#""limit.rate":5"#,
    r#""timeout":"30ms""#,
    r#""delay":"5ms""#,
    r#""interrupt.status":409"#,
];

/// The same ones repeatedly.
const PERSISTENT: &[&str] = &[
    r#"{"limit.active":50}"#,
    r#"{"timeout":"2s"}"#,
    r#"{"limit":null}"#,
    r#"{"*":null}"#,
    r#"{"*":null}"#,
];

/// Reads and changes in sequence until the soak test ends.
pub(crate) async fn run(soak: Arc<Soak>, mut random: Random) {
    while soak.goes_on() {
        soak.rest().await;
        let route = random.of(ROUTES);
        let (line, body) = match random.below(20) {
            0..12 => (format!("GET {}", random.of(READS)), String::new()),
            12 => (
                format!("POST /_routes/{route}/interrupt?timeout=100ms"),
                String::new(),
            ),
            13 => (
                "POST /_tasks/_all/_cancel?wait_for_completion=false".to_owned(),
                String::new(),
            ),
            14 => (
                format!("POST /_tasks/_cancel?routes={route}&older_than=50ms"),
                String::new(),
            ),
            15..18 => {
                let set = random.of(TRANSIENT);
                let expires = 100 + random.below(900);
                (
                    format!("PUT /_routes/{route}/settings"),
                    format!(r#"{{"transient":{{{set}}},"expires_in":"{expires}ms"}}"#),
                )
            }
            18 => (
                format!("PUT /_routes/{route}/settings"),
                format!(r#"{{"persistent":{}}}"#, random.of(PERSISTENT)),
            ),
            _ => (
                format!("PUT /_routes/{route}/settings"),
                r#"{"transient":{"limit.active":0},"expires_in":"50ms"}"#.to_owned(),
            ),
        };
        let is_look = line.starts_with("GET");
        let count = if is_look {
            &soak.counts.reads
        } else {
            &soak.counts.changes
        };
        count.fetch_add(1, Ordering::Relaxed);
        // Some clients disconnect at once, some in the middle of the answer.
        let (patience, most) = match random.below(10) {
            0 => (random.millis(5), usize::MAX),
            1 => (PATIENCE, 200),
            _ => (PATIENCE, usize::MAX),
        };
        let _ = timeout(patience, ask(&soak, &line, &body, most)).await;
        tokio::time::sleep(Duration::from_millis(20) + random.millis(100)).await;
    }
}

async fn ask(soak: &Soak, line: &str, body: &str, most: usize) -> Vec<u8> {
    match UnixStream::connect(&soak.socket).await {
        Ok(mut connection) => {
            http::send(
                &mut connection,
                line,
                "content-type: application/json\r\n",
                body,
            )
            .await;
            http::read(&mut connection, most).await
        }
        Err(_) => Vec::new(),
    }
}

/// Fills the audit with refused changes.
pub(crate) async fn fill_the_audit(soak: &Soak) {
    for _ in 0..1100 {
        let target = "x".repeat(200);
        ask(
            soak,
            &format!("POST /_routes/{target}/interrupt"),
            "",
            usize::MAX,
        )
        .await;
    }
}

/// Waits until no request and no background work is left; returns what remains.
pub(crate) async fn wait_for_rest(soak: &Soak) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tasks = http::body_of_ok(
            &ask(
                soak,
                "GET /_cat/tasks?h=id,type,name,path,state,running_time",
                "",
                usize::MAX,
            )
            .await,
        );
        if tasks.as_deref() == Some("") {
            return Vec::new();
        }
        if Instant::now() > deadline {
            return vec![match tasks {
                Some(tasks) => format!("tasks are left:\n{tasks}"),
                None => "the admin API does not answer".to_owned(),
            }];
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const ENDS: &str = "completed,disconnected,interrupted,panicked,preempted,rejected,expired";

/// The counters of all routes, which must add up; each way to end must have occurred.
pub(crate) async fn wrong_counts(soak: &Soak) -> Vec<String> {
    let look = format!("GET /_cat/routes?h=id,active,total,{ENDS}");
    let Some(rows) = http::body_of_ok(&ask(soak, &look, "", usize::MAX).await) else {
        return vec!["the admin API does not answer".to_owned()];
    };
    let mut wrong = Vec::new();
    let mut sums = [0; 7];
    for row in rows.lines() {
        let mut cells = row.split_whitespace();
        let id = cells.next().unwrap_or_default();
        let numbers: Vec<u64> = cells.filter_map(|cell| cell.parse().ok()).collect();
        let [active, total, ends @ ..] = &numbers[..] else {
            wrong.push(format!("{row} is no row"));
            continue;
        };
        if *active != 0 {
            wrong.push(format!("{id}: {active} requests are active"));
        }
        if ends.iter().sum::<u64>() != *total || ends.len() != sums.len() {
            wrong.push(format!(
                "{id}: {total} requests, and their ends are {ends:?}"
            ));
        }
        for (sum, end) in sums.iter_mut().zip(ends) {
            *sum += end;
        }
    }
    let shown: Vec<String> = ENDS
        .split(',')
        .zip(sums)
        .map(|(end, sum)| format!("{sum} {end}"))
        .collect();
    println!("{} routes: {}", rows.lines().count(), shown.join(", "));
    if sums.contains(&0) {
        wrong.push("a way to end was never taken".to_owned());
    }
    wrong
}
