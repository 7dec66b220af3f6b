//! `versions`: an exhausted pool is visible, the reports that hold its connections are ended, and
//! then refused for the old version only.

use super::tried::Tried;

#[tokio::test]
async fn the_exhausted_pool_gets_its_connections_back() {
    let mut tried = Tried::start("versions");
    for (version, money) in [("v1", "\"cents\":"), ("v2", " EUR\"")] {
        let orders = tried.together(&format!("/{version}/orders/")).await;
        assert_eq!(orders.len(), 5);
        for order in orders {
            assert!(
                order.status == 200 && order.text.contains(money),
                "{order:?}"
            );
        }
    }
    for version in ["v1", "v2"] {
        let customers = tried.send(&format!("/{version}/customers")).await;
        assert_eq!(customers.text, "[1,2,3]");
    }
    for version in ["v1", "v2"] {
        let report = tried.send(&format!("/{version}/report")).await.ok_json();
        assert_eq!(report[0]["customer"], 7, "{report:#}");
    }
    let routes = tried.send("_cat/routes").await.text;
    for handler in ["versions::report ", "versions::customers "] {
        assert_eq!(routes.matches(handler).count(), 2, "{routes}");
    }

    let reports = tried.begin("/v1/report").await;
    let orders = tried.begin("/v2/orders").await;
    let stacks = tried
        .look("_cat/stacks", |table| table.lines().count() == 4)
        .await;
    let counted = |count: &str, path: &str, end: &str| {
        let is_so = |row: &str| {
            let mut cells = row.split_whitespace();
            let begins = cells.next() == Some(count) && cells.next() == Some(path);
            begins && row.contains("examples/versions/database.rs:") && row.ends_with(end)
        };
        assert!(stacks.lines().any(is_so), "no {count} of {path}:\n{stacks}");
    };
    counted("4", "/api/v1/report", " running");
    counted("2", "/api/v1/report", " self.pool.get()");
    counted("5", "/api/v2/orders/{id}", " self.pool.get()");

    let report = tried.send("interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 6, "{report:#}");
    for report in reports {
        let (status, answer, _) = report.ended().await;
        assert!(
            status == 503 && answer.contains("they hold all connections"),
            "{answer}"
        );
    }
    // Each report takes a minute; its connection is back earlier.
    for order in orders {
        assert_eq!(order.ended().await.0, 200);
    }

    let v1 = tried.take("V1=").await;
    assert!(v1.contains('-'), "the id of a mount: {v1}");
    assert_eq!(tried.send("preempt").await.status, 200);
    let refused = tried.send("/v1/report").await;
    assert_eq!(
        (refused.status, &*refused.text),
        (503, "ask v2, for one customer\n")
    );
    assert_eq!(tried.send("/v2/report").await.status, 200);
    tried
        .look("_cat/routes", |table| {
            let row = |path: &&str| path.contains(" /api/v1/report ");
            let row = table.lines().find(row).unwrap_or_default();
            let cells: Vec<&str> = row.split_whitespace().skip(2).take(5).collect();
            cells == ["0", "8", "1", "6", "1"]
        })
        .await;
    tried.end();
}
