//! `sample_app`: three of five requests hang and are ended; afterwards none hangs. More is in
//! `incident`.

use super::tried::{Meanwhile, Tried};

#[tokio::test]
async fn three_hang_and_are_ended() {
    let mut tried = Tried::start("sample_app");
    let clients = tried.begin("/twice").await;
    assert!(tried.send("_cat'").await.text.starts_with("=^.^=\n"));
    tried
        .look("_cat/routes", |table| {
            let twice = |row: &&str| row.contains(" /twice ");
            let row = table.lines().find(twice).unwrap_or_default();
            row.split_whitespace().skip(3).eq(["3", "5"])
        })
        .await;
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
