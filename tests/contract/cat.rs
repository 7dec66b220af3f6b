//! The `_cat` tables with curl: columns, headings, order, pages, formats, help.

use axum::Router;
use axum::routing::{any, get, post};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;
use underscore_runtime::underscore_route;

use crate::support::Service;
use crate::support::process::own_process;
use crate::support::sentences::did_you_mean;

#[underscore_route(get, "/declared/{id}", name = "declared")]
async fn declared() {}

#[underscore_route(name = "seldom")]
async fn seldom() {}

#[underscore_route(name = "often")]
async fn often() {}

static RELEASE: Notify = Notify::const_new();

#[underscore_route(name = "held")]
async fn held() {
    RELEASE.notified().await;
}

#[underscore_route(name = "whatever")]
async fn whatever() {}

#[underscore_route(name = "few")]
async fn few() {}

#[underscore_route(name = "many")]
async fn many() {}

#[underscore_route(name = "never")]
async fn never() {}

#[underscore_route(name = "undeclared")]
async fn undeclared() {}

fn app() -> Router {
    Router::new()
        .route("/moved/{id}", get(declared))
        .route("/seldom", get(seldom))
        .route("/often", post(often))
        .route("/few", get(few))
        .route("/many", get(many))
        .route("/never", get(never))
        .route("/undeclared", get(undeclared))
        .route("/held", get(held))
        .route("/whatever", any(whatever))
}

fn lines(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// Holds 1.2 of docs/admin-api.md.
#[tokio::test]
async fn the_tables_are_listed_relative_to_cat_with_templates() {
    let service = Service::start(app()).await;
    let answer = service.admin("_cat").await;
    assert_eq!(
        answer.text,
        "=^.^=\n/routes\n/routes/{route_id}\n/tasks\n/tasks/{task_id}\n/stacks\n/stacks/{route_id}\n/awaits\n/awaits/{route_id}\n/ended\n/ended/{route_id}\n/health\n/connections\n/waits\n/workers\n/audit\n/captures\n"
    );
    assert_eq!(answer.content_type, "text/plain; charset=UTF-8");
}

/// Holds 2.10, 3.1, 3.18, 3.19 of docs/admin-api.md.
#[tokio::test]
async fn a_row_begins_with_the_id_and_columns_are_aligned() {
    let service = Service::start(app()).await;
    for _ in 0..12 {
        service
            .request(Method::POST, "/often")
            .send()
            .await
            .expect("it answers");
    }
    service.get("/seldom").await;
    service.wait_for("often", "stats.req.total", 12).await;
    let text = service.admin("_cat/routes/often,seldom?v").await.text;
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(
        rows[0],
        "id       method path    stats.req.active stats.req.total"
    );
    assert_eq!(
        rows[1][8..],
        *" POST   /often                 0              12"
    );
    assert_eq!(
        rows[2][8..],
        *" GET    /seldom                0               1"
    );
    let id = rows[1].split(' ').next().expect("cut -f1 -d' '");
    assert!(
        id.len() == 8
            && id
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "{id}"
    );
    let narrow = service.admin("_cat/routes/often,seldom").await.text;
    let narrow: Vec<&str> = narrow.lines().map(|row| &row[8..]).collect();
    assert_eq!(
        narrow,
        [" POST /often  0 12", " GET  /seldom 0  1"],
        "headings count with v only"
    );
}

/// Holds 3.2, 3.3, 3.5, 3.10 of docs/admin-api.md.
#[tokio::test]
async fn columns_are_chosen_by_name_alias_and_pattern_and_shown_once() {
    let service = Service::start(app()).await;
    let text = service
        .admin("_cat/routes/seldom?v&h=p,path,stats.req.*,hd")
        .await
        .text;
    assert_eq!(
        lines(&text)[0],
        [
            "p",
            "stats.req.active",
            "stats.req.total",
            "stats.req.rate_1m",
            "stats.req.rate_5m",
            "stats.req.rate_15m",
            "hd"
        ]
    );
    for (wanted, hint) in [
        ("h=pth", did_you_mean!("path")),
        ("h=nothing*", "[nothing*]"),
        ("s=totl", did_you_mean!("total")),
        ("s=path:down", "must be asc or desc"),
    ] {
        let answer = service.admin(&format!("_cat/routes?{wanted}")).await;
        let (kind, reason) = answer.error();
        assert_eq!(
            (answer.status, kind.as_str()),
            (400, "illegal_argument_exception")
        );
        assert!(reason.contains(hint), "{reason}");
    }
}

/// Holds 3.6, 3.8, 3.9 of docs/admin-api.md.
#[tokio::test]
async fn rows_are_sorted_by_value_with_several_keys_and_hidden_columns() {
    let service = Service::start(app()).await;
    for _ in 0..9 {
        service.get("/few").await;
    }
    for _ in 0..10 {
        service.get("/many").await;
    }
    service.wait_for("few", "stats.req.total", 9).await;
    service.wait_for("many", "stats.req.total", 10).await;
    let path = "_cat/routes/few,many,never?h=name";
    let sorted = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let by_total = service
        .admin(&format!("{path}&s=stats.req.total:desc"))
        .await
        .text;
    assert_eq!(
        sorted(&by_total),
        ["many", "few", "never"],
        "10 is more than 9"
    );
    let by_average = service.admin(&format!("{path}&s=avg1m,name")).await.text;
    assert_eq!(
        sorted(&by_average)[0],
        "never",
        "missing values are the lowest"
    );
    let by_two = service
        .admin(&format!("{path}&s=file,name:desc"))
        .await
        .text;
    assert_eq!(sorted(&by_two), ["never", "many", "few"]);
}

/// Holds 2.7, 3.13, 3.22 of docs/admin-api.md.
#[tokio::test]
async fn a_page_has_the_total_number_of_rows() {
    let service = Service::start(app()).await;
    let all = service
        .admin("_cat/routes/few,many,never?h=name&s=name")
        .await;
    let page = service
        .admin("_cat/routes/few,many,never?h=name&s=name&from=1&size=2")
        .await;
    assert_eq!(page.text.lines().count(), 2);
    assert_eq!(page.text.lines().next(), all.text.lines().nth(1));
    assert_eq!(
        page.headers["x-total-count"],
        all.text.lines().count().to_string()
    );
    let none = service.admin("_cat/routes/nothing*?v").await;
    assert_eq!(
        (none.status, lines(&none.text).len()),
        (200, 1),
        "only the heading"
    );
    let empty = service.admin("_cat/routes/nothing*").await;
    assert_eq!((empty.status, empty.text.as_str()), (200, ""));
}

/// Holds 3.11, 3.12 of docs/admin-api.md.
#[tokio::test]
async fn help_explains_every_column_and_ignores_the_rest() {
    let service = Service::start(app()).await;
    for table in [
        "_cat/routes",
        "_cat/routes/nothing",
        "_cat/tasks",
        "_cat/tasks/77",
    ] {
        let help = service
            .admin(&format!("{table}?help&h=nonsense&format=nonsense&v"))
            .await;
        assert_eq!(help.status, 200, "{}", help.text);
        for line in help.text.lines() {
            assert_eq!(line.matches(" | ").count(), 2, "{line}");
        }
        assert!(help.text.starts_with("id "), "{}", help.text);
        let unknown = service.admin(&format!("{table}?help&tiem")).await;
        assert_eq!(unknown.status, 400);
    }
}

/// Holds 3.23, 3.24, 5.12 of docs/admin-api.md.
#[tokio::test]
async fn json_and_yaml_have_typed_values() {
    let service = Service::start(app()).await;
    let row = &service.admin_json("_cat/routes/often?format=json").await[0];
    assert!(
        row["stats.req.total"].is_u64() && row["id"].is_string(),
        "{row}"
    );
    let row = &service
        .admin_json("_cat/routes/declared?format=json&h=avg1m,mounted,preempt")
        .await[0];
    assert_eq!(
        *row,
        json!({"avg1m": null, "mounted": false, "preempt": null})
    );

    let yaml = service
        .admin("_cat/routes/declared?format=yaml&h=avg1m,path,mounted")
        .await;
    assert_eq!(yaml.content_type, "application/yaml");
    assert_eq!(
        yaml.text,
        "- avg1m: null\n  path: /declared/{id}\n  mounted: false\n"
    );

    let accept = |value| {
        service
            .admin_builder(Method::GET, "_cat/routes")
            .header("accept", value)
    };
    for (value, expected) in [
        ("application/json", "application/json"),
        ("application/yaml", "application/yaml"),
        ("*/*", "text/plain; charset=UTF-8"),
        ("application/json, text/plain", "text/plain; charset=UTF-8"),
    ] {
        let answer = accept(value).send().await.expect("it answers");
        assert_eq!(answer.headers()["content-type"], expected, "{value}");
    }
    let unknown = service.admin("_cat/routes?format=jsn").await;
    assert!(
        unknown.error().1.contains(did_you_mean!("json")),
        "{}",
        unknown.text
    );
}

/// Holds 2.18, 3.40 of docs/admin-api.md.
#[tokio::test]
async fn a_declared_path_is_shown_until_the_handler_is_mounted() {
    own_process!();
    let service = Service::start(app()).await;
    let row = service.route("declared").await;
    assert_eq!(row["path"], "/declared/{id}");
    assert_eq!(
        (&row["method"], &row["mounted"]),
        (&json!("GET"), &json!(false))
    );
    let unknown = service.route("undeclared").await;
    assert_eq!(
        (&unknown["method"], &unknown["path"]),
        (&Value::Null, &Value::Null)
    );
    let id = row["id"].clone();
    service.get("/moved/7").await;
    let row = service.wait_for("declared", "mounted", true).await;
    assert_eq!((&row["path"], &row["id"]), (&json!("/moved/{id}"), &id));
}

/// Holds 2.23, 3.16, 3.49, 7.1 of docs/admin-api.md.
#[tokio::test]
async fn a_task_shows_its_request_and_control_characters_are_escaped() {
    let service = Service::start(app()).await;
    let mut client = service.connect().await;
    let request = "GET /held?q=\u{9b}2J&x=1 HTTP/1.1\r\nHost: a\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut client, request.as_bytes())
        .await
        .expect("the service reads");
    let task = service.wait_for_await("held", "RELEASE.notified()").await;
    assert_eq!(task["uri"], "/held?q=\u{9b}2J&x=1");
    assert_eq!(task["path"], "/held");
    assert_eq!(task["coro"], "contract::cat::held");
    assert_eq!(
        (&task["state"], &task["type"]),
        (&json!("waiting"), &json!("request"))
    );
    assert_eq!(task["http_version"], "HTTP/1.1");
    assert_eq!(
        task["remote"],
        client.local_addr().expect("it is connected").to_string()
    );
    let age = task["running_time"].as_f64().expect("seconds");
    assert!(age > 0.0 && age < 60.0, "{age}");

    let text = service
        .admin("_cat/tasks?h=uri,running_time&time=d")
        .await
        .text;
    assert_eq!(text, "/held?q=\\u{9b}2J&x=1 0\n");
    let id = task["id"].to_string();
    let one = service
        .admin_json(&format!("_cat/tasks/{id}?format=json"))
        .await;
    assert_eq!(one[0]["id"], task["id"]);
    RELEASE.notify_one();
    service.wait_for("held", "stats.req.active", 0).await;
    let gone = service.admin(&format!("_cat/tasks/{id}")).await;
    assert_eq!(
        (gone.status, gone.error().0.as_str()),
        (404, "resource_not_found_exception")
    );
}

/// Holds 5.24 of docs/admin-api.md.
#[tokio::test]
async fn x_opaque_id_is_echoed_with_answers_and_errors() {
    let service = Service::start(app()).await;
    for (path, status) in [("_cat", 200), ("_cat/routes?tiem", 400), ("nothing", 404)] {
        let marked = service.admin_builder(Method::GET, path);
        let answer = marked.header("x-opaque-id", "night shift").send().await;
        let answer = answer.expect("it answers");
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["x-opaque-id"], "night shift", "{path}");
    }
    assert!(
        !service
            .admin("_cat")
            .await
            .headers
            .contains_key("x-opaque-id")
    );
}

/// Holds 2.20 of docs/admin-api.md.
#[tokio::test]
async fn a_client_cannot_make_rows() {
    let service = Service::start(app()).await;
    for word in ["PURGE", "BREW", "WHEN"] {
        let method = Method::from_bytes(word.as_bytes()).expect("a token");
        service
            .request(method, "/whatever")
            .send()
            .await
            .expect("it answers");
    }
    let rows = service
        .admin_json("_cat/routes/contract::cat::whatever?format=json&h=method")
        .await;
    let other = rows
        .as_array()
        .expect("a table")
        .iter()
        .filter(|row| row["method"] == "OTHER");
    assert_eq!(other.count(), 1, "{rows}");
}

/// Holds 2.22, 2.23, 6.16 of docs/admin-api.md.
#[tokio::test]
async fn an_impossible_task_number_is_404() {
    let service = Service::start(Router::new()).await;
    for number in ["0", "18446744073709551615", "99999999999999999999999"] {
        let answer = service.admin(&format!("_cat/tasks/{number}")).await;
        assert_eq!(answer.status, 404, "{number}: {}", answer.text);
        assert_eq!(answer.error().0, "resource_not_found_exception");
    }
    for word in ["x", "+5", "1.0", "-1"] {
        let answer = service.admin(&format!("_cat/tasks/{word}")).await;
        assert_eq!(answer.status, 400, "{word}: {}", answer.text);
    }
}

/// Holds 6.20 of docs/admin-api.md.
#[tokio::test]
async fn an_error_escapes_control_characters_of_invalid_input() {
    let service = Service::start(Router::new()).await;
    for format in ["json", "yaml"] {
        let path = format!("_cat/routes/%1b%5b2J%7f%c2%9b2J?format={format}");
        let answer = service.admin(&path).await;
        assert_eq!(answer.status, 404, "{}", answer.text);
        let control = answer.text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "{:?}", answer.text);
    }
}
