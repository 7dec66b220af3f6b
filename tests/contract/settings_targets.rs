//! Selectors of a change: names, ids, patterns, exclusions, names that several handlers share, and
//! handlers with several mounts.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::{PATIENCE, Service};

fn preempt(status: u16) -> Value {
    json!({"transient": {"preempt": {"status": status}}})
}

/// The ids of the routes in an answer.
fn ids(answer: &Value) -> BTreeSet<String> {
    answer
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect()
}

/// The id of the row of `selector` with this path.
async fn id_at(service: &Service, selector: &str, path: &str) -> String {
    let rows = service
        .admin_json(&format!("_cat/routes/{selector}?format=json"))
        .await;
    let rows = rows.as_array().expect("a table");
    let row = rows
        .iter()
        .find(|row| row["path"] == path)
        .expect("a row with that path");
    row["id"].as_str().expect("an id").to_owned()
}

/// The status of a GET of each path.
async fn statuses<const N: usize>(service: &Service, paths: [&str; N]) -> [u16; N] {
    let mut statuses = [0; N];
    for (status, path) in statuses.iter_mut().zip(paths) {
        *status = service.get(path).await.status;
    }
    statuses
}

#[underscore_route(name = "alone")]
async fn alone() {}

/// Holds 2.2, 4.7 of docs/admin-api.md.
#[tokio::test]
async fn a_route_is_named_by_id_by_name_or_by_the_handlers_path() {
    let service = Service::start(Router::new().route("/", get(alone))).await;
    let id = service.route("alone").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for name in ["alone", &id, "contract::settings_targets::alone"] {
        let path = format!("_routes/{name}/settings");
        let set = service.put(&path, preempt(503)).await.ok_json();
        assert_eq!(set, json!({&id: preempt(503)}), "{name}");
        assert_eq!(service.get("/").await.status, 503, "{name}");
        service
            .put(&path, json!({"transient": null}))
            .await
            .ok_json();
        assert_eq!(service.get("/").await.status, 200, "{name}");
    }
}

#[underscore_route(name = "list.one")]
async fn list_one() {}

/// Holds 2.6, 4.6, 6.16 of docs/admin-api.md.
#[tokio::test]
async fn one_unknown_route_among_others_is_404_and_none_of_them_is_changed() {
    let service = Service::start(Router::new().route("/", get(list_one))).await;
    for list in [
        "list.one,list.noe",
        "list.noe,list.one",
        "list.one,-list.noe",
        "list.noe",
    ] {
        let answer = service
            .put(&format!("_routes/{list}/settings"), preempt(503))
            .await;
        let (kind, reason) = answer.error();
        assert_eq!(
            (answer.status, &*kind),
            (404, "resource_not_found_exception"),
            "{list}"
        );
        assert!(
            reason.contains("[list.noe]") && reason.contains("[list.one]?"),
            "{reason}"
        );
        assert_eq!(service.get("/").await.status, 200, "{list}");
    }
    let shown = service.admin("_routes/list.noe/settings").await;
    assert_eq!(shown.status, 404, "looking is no different");
}

#[underscore_route(name = "pattern.a1")]
async fn pattern_a1() {}

#[underscore_route(name = "pattern.a2")]
async fn pattern_a2() {}

#[underscore_route(name = "pattern.b1")]
async fn pattern_b1() {}

/// Holds 2.1, 2.3, 2.5, 2.7 of docs/admin-api.md.
#[tokio::test]
async fn patterns_select_exclusions_take_away_and_the_order_counts() {
    let app = Router::new()
        .route("/a1", get(pattern_a1))
        .route("/a2", get(pattern_a2))
        .route("/b1", get(pattern_b1));
    let service = Service::start(app).await;
    let paths = ["/a1", "/a2", "/b1"];
    for (selector, expected) in [
        ("pattern.a*", [503, 503, 200]),
        ("*n.*1", [503, 200, 503]),
        ("pattern.*,-pattern.a2", [503, 200, 503]),
        ("pattern.*,-*.a*", [200, 200, 503]),
        ("-pattern.a1,pattern.*", [503, 503, 503]),
        ("pattern.*,-pattern.a*,pattern.a2", [200, 503, 503]),
        ("contract::settings_targets::pattern_*", [503, 503, 503]),
        ("pattern.b1, pattern.a1", [503, 200, 503]),
        ("pattern.none*", [200, 200, 200]),
        ("pattern.a1,-pattern.a1", [200, 200, 200]),
    ] {
        let path = format!("_routes/{}/settings", selector.replace(' ', "%20"));
        let set = service.put(&path, preempt(503)).await.ok_json();
        let changed = expected.iter().filter(|status| **status == 503).count();
        assert_eq!(ids(&set).len(), changed, "{selector}: {set:#}");
        assert_eq!(statuses(&service, paths).await, expected, "{selector}");
        service
            .put("_routes/pattern.*/settings", json!({"transient": null}))
            .await
            .ok_json();
        assert_eq!(statuses(&service, paths).await, [200; 3], "{selector}");
    }
}

mod left {
    #[super::underscore_route(name = "shared")]
    pub(super) async fn handler() {}
}

mod right {
    #[super::underscore_route(name = "shared")]
    pub(super) async fn handler() {}
}

/// Holds 2.8 of docs/admin-api.md.
#[tokio::test]
async fn a_name_that_two_handlers_share_can_be_read_but_not_changed() {
    let app = Router::new()
        .route("/left", get(left::handler))
        .route("/right", get(right::handler));
    let service = Service::start(app).await;
    assert_eq!(statuses(&service, ["/left", "/right"]).await, [200, 200]);
    let both = ids(&service.admin_json("_routes/shared/settings").await);
    assert_eq!(both.len(), 2);
    for list in [
        "shared",
        "shared,-contract::settings_targets::left::handler",
    ] {
        let answer = service
            .put(&format!("_routes/{list}/settings"), preempt(503))
            .await;
        let (kind, reason) = answer.error();
        assert_eq!((answer.status, &*kind), (400, "illegal_argument_exception"));
        assert!(
            both.iter().all(|id| reason.contains(&format!("[{id}]"))),
            "{reason}"
        );
        assert!(
            reason.contains("/left") && reason.contains("contract::settings_targets::right"),
            "{reason}"
        );
    }
    let answer = service.post("_routes/shared/interrupt").await;
    assert_eq!(
        answer.error().0,
        "illegal_argument_exception",
        "an interrupt is a change too"
    );
    assert_eq!(
        statuses(&service, ["/left", "/right"]).await,
        [200, 200],
        "nothing changed"
    );
    let path = "_routes/contract::settings_targets::right::handler/settings";
    service.put(path, preempt(503)).await.ok_json();
    assert_eq!(statuses(&service, ["/left", "/right"]).await, [200, 503]);
}

#[underscore_route(name = "everywhere")]
async fn everywhere() {}

/// Holds 2.8, 2.14, 2.15 of docs/admin-api.md.
#[tokio::test]
async fn the_short_id_sets_every_mount_and_later_ones_and_a_mounts_own_value_beats_it() {
    let app = ["/m1", "/m2", "/m3"]
        .into_iter()
        .fold(Router::new(), |app, path| app.route(path, get(everywhere)));
    let service = Service::start(app).await;
    let paths = ["/m1", "/m2", "/m3"];
    assert_eq!(statuses(&service, ["/m1"]).await, [200]);
    let short = id_at(&service, "everywhere", "/m1").await;
    assert_eq!(
        short.len(),
        8,
        "{short}: one mount needs no digits of its own"
    );
    assert_eq!(statuses(&service, ["/m2"]).await, [200]);
    let second = id_at(&service, "everywhere", "/m2").await;
    assert!(
        second.starts_with(&format!("{short}-")) && second.len() == 13,
        "{second}"
    );
    let first = id_at(&service, "everywhere", "/m1").await;
    assert!(
        first.starts_with(&format!("{short}-")) && first != second,
        "{first}"
    );

    let set = service
        .put(&format!("_routes/{short}/settings"), preempt(503))
        .await
        .ok_json();
    assert_eq!(ids(&set), BTreeSet::from([first.clone(), second.clone()]));
    assert_eq!(
        statuses(&service, paths).await,
        [503; 3],
        "the third had no request before"
    );

    let set = service
        .put(&format!("_routes/{second}/settings"), preempt(429))
        .await
        .ok_json();
    assert_eq!(set, json!({&second: preempt(429)}));
    assert_eq!(statuses(&service, paths).await, [503, 429, 503]);
    service
        .put(&format!("_routes/{short}/settings"), preempt(500))
        .await
        .ok_json();
    assert_eq!(statuses(&service, paths).await, [500, 429, 500]);
    let path = format!("_routes/{second}/settings");
    let shown = service
        .put(&path, json!({"transient": null}))
        .await
        .ok_json();
    assert_eq!(
        shown,
        json!({&second: preempt(500)}),
        "the handler's shows again"
    );
    assert_eq!(statuses(&service, paths).await, [500; 3]);

    let answer = service
        .put("_routes/everywhere/settings", preempt(400))
        .await;
    assert_eq!(answer.status, 400, "the name does not say which mount");
    assert!(answer.error().1.contains(&second), "{}", answer.text);
}

#[underscore_route(name = "many.mounts")]
async fn many_mounts() {}

/// Holds 2.16 of docs/admin-api.md.
#[tokio::test]
async fn a_pattern_over_all_mounts_of_a_handler_resets_what_was_set_for_them_together() {
    let app = Router::new()
        .route("/p1", get(many_mounts))
        .route("/p2", get(many_mounts));
    let service = Service::start(app).await;
    let paths = ["/p1", "/p2"];
    statuses(&service, paths).await;
    let id = id_at(&service, "many.mounts", "/p1").await;
    let (short, _) = id.split_once('-').expect("one of two mounts");
    service
        .put(&format!("_routes/{short}/settings"), preempt(503))
        .await
        .ok_json();
    service
        .put(&format!("_routes/{id}/settings"), preempt(429))
        .await
        .ok_json();
    assert_eq!(statuses(&service, paths).await, [429, 503]);
    let set = service
        .put("_routes/many.*/settings", json!({"transient": null}))
        .await
        .ok_json();
    assert!(
        set.as_object()
            .expect("routes")
            .values()
            .all(|set| *set == json!({"transient": {}})),
        "{set:#}"
    );
    assert_eq!(
        statuses(&service, paths).await,
        [200, 200],
        "the route is open again"
    );
}

#[underscore_route(name = "passing")]
async fn passing() {}

/// Holds 4.33 of docs/admin-api.md.
#[tokio::test]
async fn an_expiry_for_all_mounts_of_a_handler_is_recorded_once() {
    let app = Router::new()
        .route("/one", get(passing))
        .route("/two", get(passing));
    let service = Service::start(app).await;
    statuses(&service, ["/one", "/two"]).await;
    let body = json!({"transient": {"delay": "1ms"}, "expires_in": "1ms"});
    service
        .put("_routes/passin*/settings", body)
        .await
        .ok_json();
    let record = json!({"target": "contract::settings_targets::passing", "before": "delay"});
    let audit = "_cat/audit?format=json&h=target,before";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let records = service.admin_json(audit).await;
        let records = records.as_array().expect("a table");
        if records.contains(&record) {
            return;
        }
        assert!(Instant::now() < deadline, "{records:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
