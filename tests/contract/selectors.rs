//! Section 2 of docs/admin-api.md: selectors.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use crate::support::Service;

/// The ids of a selector, in the order of the table.
async fn ids(service: &Service, selector: &str) -> Vec<String> {
    let path = format!("_cat/routes/{selector}?h=id");
    let answer = service.admin(&path).await;
    assert_eq!(answer.status, 200, "{selector}: {}", answer.text);
    answer.text.lines().map(str::to_owned).collect()
}

#[underscore_route(name = "selectors.one")]
async fn one() {}

#[underscore_route(name = "selectors.two")]
async fn two() {}

/// Holds 2.3, 2.4, 2.5 of docs/admin-api.md.
#[tokio::test]
async fn a_pattern_matches_ids_too_and_all_selects_every_route() {
    let service = Service::start(Router::new()).await;
    let one = ids(&service, "selectors.one").await.remove(0);
    let two = ids(&service, "selectors.two").await.remove(0);
    assert_eq!(
        ids(&service, &format!("{}*", &one[..7])).await,
        [one.as_str()]
    );
    let all = ids(&service, "_all").await;
    assert!(all.contains(&one) && all.contains(&two), "{all:?}");
    let rest = ids(&service, "_all,-selectors.one").await;
    assert!(!rest.contains(&one) && rest.contains(&two), "{rest:?}");
}

#[underscore_route(name = "selectors.several")]
async fn several() {}

#[underscore_route(name = "selectors.single")]
async fn single() {}

/// Holds 2.17 of docs/admin-api.md.
#[tokio::test]
async fn the_long_id_of_a_mount_works_before_its_first_request_and_while_it_is_the_only_one() {
    let app = Router::new()
        .route("/several", get(several).post(several))
        .route("/single", get(single))
        .route("/shared", get(several));
    let service = Service::start(app).await;
    let short = ids(&service, "selectors.several").await.remove(0);
    assert_eq!(
        ids(&service, &format!("{short}-0a1b")).await,
        [short.as_str()]
    );
    let word = service.admin(&format!("_cat/routes/{short}-zzzz")).await;
    assert_eq!(word.status, 404, "those are no digits");

    service.get("/several").await;
    service.get("/shared").await;
    let long = ids(&service, "selectors.several").await;
    assert_eq!(long.len(), 2);
    for id in &long {
        assert_eq!(ids(&service, id).await, [id.as_str()]);
    }
    // The digits depend on method and path only, so another handler at the same place has the same
    // ones.
    let other = Service::start(Router::new().route("/several", get(single))).await;
    other.get("/several").await;
    let short = ids(&service, "selectors.single").await.remove(0);
    assert_eq!(short.len(), 8, "it is the only mount");
    let found = long.iter().map(|id| id.replace(&id[..8], &short));
    let mut named = 0;
    for id in found {
        let answer = service.admin(&format!("_cat/routes/{id}?h=id")).await;
        match answer.status {
            200 => {
                assert_eq!(answer.text.trim(), short);
                named += 1;
            }
            status => assert_eq!(status, 404, "{id}"),
        }
    }
    assert_eq!(named, 1, "the digits of its own mount and no others");
}

static NEVER: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "selectors.held")]
async fn held() {
    NEVER.acquire().await.expect("never closed").forget();
}

/// Holds 2.21 of docs/admin-api.md.
#[tokio::test]
async fn a_task_that_is_named_twice_counts_once() {
    let service = Service::start(Router::new().route("/", get(held))).await;
    let clients = [(); 2].map(|()| tokio::spawn(service.request(Method::GET, "/").send()));
    service.wait_for_waiting("selectors.held", 2).await;
    let tasks = service.tasks("selectors.held").await;
    let [first, second] = [&tasks[0]["id"], &tasks[1]["id"]];
    let listed = async |selector: &str| -> Value {
        let path = format!("_cat/tasks/{selector}?format=json&h=id");
        service.admin_json(&path).await
    };
    let both = json!([{"id": first}, {"id": second}]);
    assert_eq!(listed(&format!("{second},{first},{second}")).await, both);
    assert_eq!(
        listed(&format!("%20{first},,{first}%20")).await,
        json!([{"id": first}])
    );
    let path = format!("_tasks/{first},{first}/_cancel");
    assert_eq!(service.post(&path).await.ok_json()["interrupted"], 1);
    assert_eq!(service.tasks("selectors.held").await.len(), 1);
    service.post("_routes/selectors.held/interrupt").await;
    for client in clients {
        client.await.expect("no panic").expect("an answer");
    }
}
