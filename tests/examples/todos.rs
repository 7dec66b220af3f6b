//! `todos`: requests wait for a migration, writers are refused, the migration is ended.

use serde_json::Value;

use super::tried::{Meanwhile, Tried};

#[tokio::test]
async fn the_migration_is_shown_and_ended() {
    let mut tried = Tried::start("todos");
    let routes = tried.send("_cat/routes").await.text;
    assert_eq!(routes.lines().count(), 7, "{routes}");
    let known = |method: &str| {
        let row = |row: &&str| row.contains(method) && row.contains(" /");
        routes.lines().filter(row).count()
    };
    assert_eq!((known("GET"), known("POST"), known("PATCH")), (1, 2, 0));

    for created in tried.together("/todos").await {
        assert_eq!(created.status, 201, "{created:?}");
    }
    let updated = tried.send("-X PATCH").await.ok_json();
    assert_eq!(
        (&updated["id"], &updated["done"]),
        (&7.into(), &true.into())
    );
    assert_eq!(tried.send("-X DELETE").await.status, 204);
    let page = tried.send("offset=5").await.ok_json();
    assert_eq!(ids(&page), [6, 7, 8, 9, 10]);
    tried
        .look("_cat/routes", |table| {
            let created = row(table, "todos::create");
            let patched = table.contains("PATCH  /todos/{id} ");
            patched
                && created.contains(" 20  20 ")
                && row(table, "todos::list").contains("  1   1 ")
        })
        .await;

    let migration = tried.begin("/migration").await;
    let readers = tried.begin("limit=1").await;
    let tasks = tried
        .look("_cat/tasks", |table| {
            table.matches("store.todos.read()").count() == 3
                && table.contains("sleep(MIGRATION_STEP)")
        })
        .await;
    assert_eq!(tasks.lines().count(), 5, "{tasks}");

    assert_eq!(tried.send("preempt").await.status, 200);
    let refused = tried.send("too early").await;
    assert_eq!(
        (refused.status, &*refused.text),
        (503, "a migration runs\n")
    );
    assert_eq!(refused.headers["retry-after"], "60");

    assert!(readers.iter().all(Meanwhile::goes_on));
    let report = tried.send("interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 1, "{report:#}");
    for ended in migration {
        let (status, answer, _) = ended.ended().await;
        assert_eq!(status, 503);
        assert!(answer.contains("too slow"), "{answer}");
    }
    for reader in readers {
        let (status, answer, _) = reader.ended().await;
        let page: Value = serde_json::from_str(&answer).expect("it is JSON");
        assert_eq!((status, ids(&page)), (200, vec![1]));
    }
    assert_eq!(tried.send("null").await.status, 200);
    let created = tried.send("in time").await.json();
    assert_eq!(
        created["id"], 21,
        "the one that came too early left nothing"
    );
    tried
        .look("_cat/routes", |table| {
            let cells = |route| -> Vec<&str> { row(table, route).split_whitespace().collect() };
            cells("todos::migrate") == ["todos::migrate", "0", "1", "0", "0", "1", "0"]
                && cells("todos::create") == ["todos::create", "0", "22", "21", "0", "0", "1"]
                && cells("todos::list") == ["todos::list", "0", "4", "4", "0", "0", "0"]
        })
        .await;

    tried.send(r#"{"log":"debug"}"#).await.ok_json();
    assert_eq!(ids(&tried.send("limit=2").await.ok_json()), [1, 2]);
    assert_eq!(tried.send("logged").await.status, 201);
    let log = tried.logs("todos: created id=22").await;
    assert!(!log.contains("todos: listed"), "{log}");
    assert!(!log.contains("todos: created id=21"), "{log}");
    tried.send("_logger").await.ok_json();
    assert_eq!(ids(&tried.send("limit=2").await.ok_json()), [1, 2]);
    tried.logs("todos: listed todos=2").await;
    tried.end();
}

fn ids(todos: &Value) -> Vec<u64> {
    let todos = todos.as_array().expect("a list").iter();
    todos
        .map(|todo| todo["id"].as_u64().expect("an id"))
        .collect()
}

/// The row with this beginning.
fn row<'t>(table: &'t str, first: &str) -> &'t str {
    let mut rows = table.lines();
    rows.find(|row| row.split(' ').next() == Some(first))
        .unwrap_or_default()
}
