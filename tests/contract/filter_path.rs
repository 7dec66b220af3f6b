//! `filter_path` applies to each kind of answer, but not to errors.

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::Service;
use crate::support::sentences::did_you_mean;

#[underscore_route(name = "one")]
async fn one() {}

#[underscore_route(name = "two")]
async fn two() {}

/// A service with both routes mounted, so that they have paths. Tests share the routes: a whole
/// answer is compared only if no test changes it.
async fn service() -> Service {
    let app = Router::new()
        .route("/one", get(one))
        .route("/two", get(two));
    let service = Service::start(app).await;
    for name in ["one", "two"] {
        service.get(&format!("/{name}")).await;
        service.wait_for(name, "mounted", true).await;
    }
    service
}

/// Holds 5.15, 5.16, 5.20, 5.21 of docs/admin-api.md.
#[tokio::test]
async fn rows_of_a_table_are_filtered_and_their_total_is_not() {
    let service = service().await;
    let table = "_cat/routes/one,two?format=json&s=name&h=name,path,stats.end.panicked";
    for (filter, expected) in [
        ("path", json!([{"path": "/one"}, {"path": "/two"}])),
        ("pa*,-name", json!([{"path": "/one"}, {"path": "/two"}])),
        (
            r"-stats\.end\.panicked,-path",
            json!([{"name": "one"}, {"name": "two"}]),
        ),
        ("stats.end.panicked", json!([])),
        ("-**", json!([])),
    ] {
        let answer = service
            .admin(&format!("{table}&filter_path={filter}"))
            .await;
        assert_eq!(answer.ok_json(), expected, "{filter}");
        assert_eq!(answer.headers["x-total-count"], "2", "{filter}");
    }
    let yaml = table.replace("json", "yaml");
    let yaml = service.admin(&format!("{yaml}&filter_path=path")).await;
    assert_eq!(yaml.text, "- path: /one\n- path: /two\n");
    assert_eq!(yaml.headers["x-total-count"], "2");

    let all = service.admin(table).await.text;
    for no_filter in [
        "filter_path",
        "filter_path=",
        "filter_path=,",
        "filter_path=**",
    ] {
        let answer = service.admin(&format!("{table}&{no_filter}")).await;
        assert_eq!(answer.text, all, "{no_filter}");
    }
}

/// Holds 5.18, 5.20 of docs/admin-api.md.
#[tokio::test]
async fn a_structure_is_filtered_in_json_and_in_yaml() {
    let service = service().await;
    let id = service.route("one").await["id"].clone();
    let id = id.as_str().expect("an id");
    let routes = "_routes/one?filter_path=**.panicked,*.path";
    let expected = json!({id: {"path": "/one", "stats": {"end": {"panicked": 0}}}});
    assert_eq!(service.admin_json(routes).await, expected);

    let yaml = service.admin(&format!("{routes}&format=yaml")).await;
    assert_eq!(yaml.content_type, "application/yaml");
    let quoted = [format!("{id}:"), format!("\"{id}\":"), format!("'{id}':")];
    let (first, rest) = yaml.text.split_once('\n').expect("lines");
    assert!(quoted.iter().any(|quoted| quoted == first), "{}", yaml.text);
    assert_eq!(
        rest,
        "  path: /one\n  stats:\n    end:\n      panicked: 0\n"
    );

    let pretty = service.admin("?filter_path=tagline&pretty").await;
    assert_eq!(
        pretty.text,
        "{\n  \"tagline\" : \"You Know, for Incidents\"\n}\n"
    );
    let rest = service.admin_json("?filter_path=-up*").await;
    let keys: Vec<&String> = rest.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "name",
            "pid",
            "status",
            "tagline",
            "underscore_version",
            "version"
        ]
    );
    assert_eq!(service.admin_json("?filter_path=nothing").await, json!({}));
}

/// Holds 5.21 of docs/admin-api.md.
#[tokio::test]
async fn the_answer_to_a_change_is_filtered_and_the_change_is_made() {
    let service = service().await;
    let set = json!({"transient": {"preempt": {"status": 503, "text": "later"}}});
    let put = service
        .put("_routes/two/settings?filter_path=**.status", set)
        .await;
    let left = put.ok_json();
    let left: Vec<&Value> = left.as_object().expect("routes").values().collect();
    assert_eq!(left, [&json!({"transient": {"preempt": {"status": 503}}})]);
    let two = service.get("/two").await;
    assert_eq!((two.status, two.text.as_str()), (503, "later"));
    let put = service
        .put(
            "_routes/two/settings?filter_path=-**",
            json!({"transient": null}),
        )
        .await;
    assert_eq!(put.ok_json(), json!({}));
    assert_eq!(service.get("/two").await.status, 200);
}

/// Holds 5.22 of docs/admin-api.md.
#[tokio::test]
async fn errors_are_not_filtered() {
    let service = service().await;
    for (path, status) in [
        ("_routes/nobody?filter_path=x", 404),
        ("_routes?filter_path=-error&tiem", 400),
        ("_cat/routes?format=json&h=nothing&filter_path=-**", 400),
        ("nowhere?filter_path=status", 404),
        ("_tasks/_cancel?filter_path=x", 405),
    ] {
        let answer = service.admin(path).await;
        assert_eq!(answer.status, status, "{path}");
        let (kind, reason) = answer.error();
        assert!(!kind.is_empty() && !reason.is_empty(), "{path}");
    }
    let (_, reason) = service.admin("_routes?filter_pth=x").await.error();
    assert!(reason.contains(did_you_mean!("filter_path")), "{reason}");
}

/// Holds 5.22 of docs/admin-api.md.
#[tokio::test]
async fn text_is_not_filtered() {
    let service = service().await;
    for path in [
        "_cat?",
        "_cat/routes?help",
        "_cat/routes/one?v&h=name,path",
        "_tasks/_all/print_stack?",
    ] {
        let whole = service.admin(path).await;
        let filtered = service.admin(&format!("{path}&filter_path=-**,name")).await;
        assert_eq!(
            (filtered.status, filtered.text),
            (200, whole.text),
            "{path}"
        );
    }
}

/// Holds 5.23 of docs/admin-api.md.
#[tokio::test]
async fn a_hostile_filter_is_answered() {
    let service = service().await;
    for filter in [
        "*".repeat(10_000),
        "*a".repeat(5_000),
        "**.".repeat(5_000) + "x",
        "**.*.".repeat(2_000) + "x",
        "-**.*t*,".repeat(999) + "x",
    ] {
        for path in ["_routes?", "_cat/routes?format=json", "?"] {
            let answer = service.admin(&format!("{path}&filter_path={filter}")).await;
            assert_eq!(answer.status, 200, "{path} {}", answer.text);
        }
    }
    for (filter, most) in [
        ("a,".repeat(1_000), "1000 items"),
        ("*".repeat(20_000), "16384 bytes"),
    ] {
        let refused = service
            .admin(&format!("_routes?filter_path={filter}"))
            .await;
        assert_eq!(refused.status, 400);
        assert!(refused.error().1.contains(most), "{}", refused.text);
    }
}
