//! `chat`: one stream is ended by id, all websockets by route, and the service shuts down with open
//! streams.

use serde_json::json;

use super::tried::{Meanwhile, Tried};

#[tokio::test]
async fn streams_and_websockets_are_listed_and_ended() {
    let mut tried = Tried::start("chat");
    let listeners = tried.begin("/events").await;
    let talkers = tried.begin("/ws").await;
    assert_eq!(tried.send("/say").await.text, "heard by 5\n");
    all_see("hello", listeners.iter().chain(&talkers)).await;

    let tasks = tried
        .look("_cat/tasks", |table| {
            table.matches("streaming").count() == 3 && table.matches(" 13b ").count() == 3
        })
        .await;
    let sockets = tasks.lines().filter(|row| row.contains(" talk "));
    assert_eq!(sockets.count(), 2, "{tasks}");
    let stacks = tried
        .look("_cat/stacks", |table| table.contains(" ["))
        .await;
    let rows: Vec<&str> = stacks.lines().collect();
    let [_, streams, sockets] = rows.as_slice() else {
        panic!("{stacks}");
    };
    assert!(
        streams.trim_start().starts_with("3 /events streaming "),
        "{stacks}"
    );
    assert!(
        sockets.trim_start().starts_with("2 /ws     waiting "),
        "{stacks}"
    );
    assert!(
        sockets.contains(" messages.recv() | ") && sockets.contains(" client.next() | "),
        "{stacks}"
    );

    tried
        .look("_cat/connections", |table| {
            table.matches(" active ").count() == 3 && table.matches(" upgraded ").count() == 2
        })
        .await;

    let task = tried.take("_cat/tasks").await;
    let report = tried.send("_cancel").await.ok_json();
    assert_eq!(report["tasks"][&task], "interrupted", "{report:#}");
    let (cut, listeners) = one_ended(listeners).await;
    let (status, seen, complete) = cut.ended().await;
    assert_eq!((status, &*seen), (200, "data: hello\n\n"));
    assert!(complete.is_err(), "it ended as if that were all");
    assert!(talkers.iter().all(Meanwhile::goes_on));

    let report = tried.send("interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 2, "{report:#}");
    for talker in talkers {
        let (status, seen, complete) = talker.ended().await;
        assert_eq!((status, complete), (101, Ok(())));
        assert!(seen.ends_with("to another server"), "{seen:?}");
    }
    assert_eq!(tried.send("/say").await.text, "heard by 2\n");
    all_see("who is still there", &listeners).await;

    let drain = tried.send("_drain").await.ok_json();
    assert_eq!(drain["draining"], true, "{drain:#}");
    assert_eq!(drain["states"], json!({"active": 2}), "{drain:#}");
    assert_eq!(drain["next"], "POST /_connections/_close?state=active");

    tried.end();
    for listener in listeners {
        let (_, _, complete) = listener.ended().await;
        assert_eq!(
            complete,
            Ok(()),
            "the service has ended it, and not its process"
        );
    }
}

#[tokio::test]
async fn the_page_is_served() {
    let tried = Tried::start("chat");
    let page = tried.get("/").await;
    assert_eq!(page.content_type, "text/html; charset=utf-8");
    // The new address.
    for path in ["\"/ws\"", "\"/events\""] {
        assert!(page.text.contains(path), "{path}");
    }
}

async fn all_see(words: &str, calls: impl IntoIterator<Item = &Meanwhile>) {
    for call in calls {
        call.sees(words).await;
    }
}

/// Waits until one of them has ended and returns it and the others.
async fn one_ended(mut calls: Vec<Meanwhile>) -> (Meanwhile, Vec<Meanwhile>) {
    loop {
        if let Some(index) = calls.iter().position(|call| !call.goes_on()) {
            let ended = calls.swap_remove(index);
            assert!(calls.iter().all(Meanwhile::goes_on), "one and no other");
            return (ended, calls);
        }
        tokio::task::yield_now().await;
    }
}
