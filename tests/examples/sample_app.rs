//! `sample_app`: three of five requests hang and are ended; afterwards none hangs. More is in
//! `incident`.

use super::tried::{Meanwhile, Tried};

#[tokio::test]
async fn three_hang_and_are_ended() {
    let mut tried = Tried::start("sample_app");
    let clients = tried.begin("/twice").await;
    let health = tried
        .look("_cat/health", |table| table.contains("deadlock"))
        .await;
    assert!(health.contains("POST /_routes/twice/interrupt"), "{health}");
    let waits = tried
        .look("_cat/waits", |table| table.contains("deadlock"))
        .await;
    assert!(waits.contains("all 3 known holders wait for it"), "{waits}");
    let tasks = tried
        .look("_cat/tasks", |table| table.lines().count() == 4)
        .await;
    assert_eq!(tasks.matches(" permits.acquire()").count(), 3, "{tasks}");
    let answered = clients.iter().filter(|call| !call.goes_on());
    assert_eq!(answered.count(), 2);

    assert_eq!(tried.send("interrupt").await.ok_json()["interrupted"], 3);
    let mut statuses = Vec::new();
    for client in clients {
        statuses.push(Meanwhile::ended(client).await.0);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503, 503, 503]);
    assert_eq!(tried.send("preempt").await.status, 200);
    let refused = tried.send("/twice").await;
    assert_eq!((refused.status, &*refused.text), (503, "back soon\n"));
    tried.end();
}
