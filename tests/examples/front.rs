//! `front`: requests that wait for the auth service are listed, answered and limited, whatever is
//! behind the middleware.

use super::tried::{Meanwhile, Tried};

#[tokio::test]
async fn requests_that_hang_in_the_middleware_are_listed_and_ended() {
    let mut tried = Tried::start("front");
    for (path, text) in [
        ("/stock", "3 left\n"),
        ("/ping", "pong\n"),
        ("/files/front.rs", include_str!("../../examples/front.rs")),
        ("/orders/7", "order 7\n"),
        ("/nowhere", "no such page\n"),
    ] {
        assert_eq!(tried.send(path).await.text, text);
    }
    tried
        .look("_cat/routes", |table| {
            table
                .lines()
                .filter(|row| row.ends_with(" 0     1"))
                .count()
                == 5
        })
        .await;

    assert_eq!(tried.send("/auth/hang").await.status, 200);
    let mut waiting = Vec::new();
    for path in ["/stock", "/ping", "/files", "/orders"] {
        waiting.extend(tried.begin(path).await);
    }
    let tasks = shown("_cat/tasks?v");
    let are_shown = |table: &str| without_ids_and_times(table) == without_ids_and_times(&tasks);
    tried.look("_cat/tasks", are_shown).await;
    let routes = shown("_cat/routes?v");
    tried.look("_cat/routes", |table| table == routes).await;

    let report = tried.send("_interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 6, "{report:#}");
    for call in waiting {
        let (status, answer, _) = call.ended().await;
        assert!(
            status == 503 && answer.contains("auth is down"),
            "{status} {answer}"
        );
    }

    assert_eq!(tried.send("limit.active").await.status, 200);
    let waiting = tried.begin("/stock").await;
    let refused = tried.send("/stock").await;
    assert_eq!(
        (refused.status, &refused.headers["x-underscore"]),
        (503, &"rejected".parse().expect("a value"))
    );
    assert!(waiting.iter().all(Meanwhile::goes_on));
    assert_eq!(tried.send("/auth/answer").await.status, 200);
    for call in waiting {
        let (status, answer, _) = call.ended().await;
        assert_eq!((status, &*answer), (200, "3 left\n"));
    }
    assert_eq!(tried.send("null").await.status, 200);
    tried
        .look("_cat/routes", |table| {
            let row = table.lines().find(|row| row.starts_with("stock "));
            let cells = row.unwrap_or_default().split_whitespace().skip(3);
            cells.eq(["6", "2", "3", "1"])
        })
        .await;
    tried.end();
}

/// The output of a command in the example's first comment.
fn shown(command: &str) -> String {
    let lines = include_str!("../../examples/front.rs").lines();
    let comment = lines.map_while(|line| line.strip_prefix("//!"));
    let mut lines = comment.map(|line| line.strip_prefix(' ').unwrap_or(line));
    assert!(lines.any(|line| line.starts_with("$ ") && line.contains(command)));
    let lines = lines.take_while(|line| !line.is_empty() && !line.starts_with("```"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The rows of `_cat/tasks` in any order, without what differs from run to run.
fn without_ids_and_times(table: &str) -> Vec<String> {
    let row = |row: &str| {
        let cells = row.split_whitespace().enumerate();
        let cells = cells.filter(|(column, _)| ![0, 6].contains(column));
        let cells: Vec<&str> = cells.map(|(_, cell)| cell).collect();
        cells.join(" ")
    };
    let mut rows: Vec<String> = table.lines().map(row).collect();
    rows.sort();
    rows
}
