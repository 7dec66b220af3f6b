//! `blocked`: the state of the worker is shown while it is blocked, and its task cannot be ended.

use super::tried::{Meanwhile, Tried};

#[tokio::test]
async fn a_blocked_worker_is_shown_and_cannot_be_ended() {
    let mut tried = Tried::start("blocked");
    let clients = tried.begin("/report").await;
    let blocked = |table: &str| {
        let row = table.lines().nth(1).unwrap_or_default();
        row.contains(" blocked ") && row.contains(" examples/blocked.rs:")
    };
    tried.look("_cat/workers", blocked).await;
    tried
        .look("_cat/tasks", |table| table.contains(" running "))
        .await;
    let report = tried.send("interrupt").await.ok_json();
    assert_eq!(
        (&report["interrupted"], &report["still_running"]),
        (&0.into(), &1.into())
    );
    assert_eq!(tried.send("preempt").await.status, 200);
    assert!(clients.iter().all(Meanwhile::goes_on));
    tried.kill();
}
