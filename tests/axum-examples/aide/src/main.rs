//! aide's example: its router takes functions by a trait of its own, which documents their
//! arguments. With `keep`, a handler still is such a function.
//!
//!     cargo run --manifest-path tests/axum-examples/Cargo.toml -p aide-example

use aide::axum::routing::{get, post};
use aide::axum::{ApiRouter, IntoApiResponse};
use aide::openapi::{Info, OpenApi};
use axum::extract::{Path, State};
use axum::{Extension, Json, Router};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;
use underscore_runtime::{RequestLayer, serve_admin, underscore_route};

#[derive(Deserialize, JsonSchema)]
struct User {
    name: String,
}

#[underscore_route(keep)]
async fn hello_user(
    State(greeting): State<&'static str>,
    Json(user): Json<User>,
) -> impl IntoApiResponse {
    format!("{greeting} {}", user.name)
}

#[derive(Deserialize, JsonSchema)]
struct Number {
    /// The number to double.
    number: u32,
}

#[underscore_route(get, "/double/{number}", keep)]
async fn double(Path(Number { number }): Path<Number>) -> Json<u64> {
    tokio::task::yield_now().await;
    Json(u64::from(number) * 2)
}

/// Not documented, but seen.
#[underscore_route(keep)]
async fn serve_api(Extension(api): Extension<OpenApi>) -> impl IntoApiResponse {
    Json(api)
}

fn app() -> Router {
    let mut api = OpenApi {
        info: Info {
            description: Some("an example API".to_owned()),
            ..Info::default()
        },
        ..OpenApi::default()
    };
    let app = ApiRouter::new()
        .api_route("/hello", post(hello_user))
        .api_route("/double/{number}", get(double))
        .route("/api.json", get(serve_api))
        .with_state("hello")
        .finish_api(&mut api);
    app.layer(Extension(api)).layer(RequestLayer::new())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let admin = serve_admin(std::env::temp_dir().join("aide_example.sock"))?;
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app()).await?;
    admin.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// The body of the response to a request.
    async fn body(method: &str, path: &str, json: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(axum::serve(listener, app()).into_future());
        let mut connection = TcpStream::connect(address).await.expect("it listens");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
            json.len()
        );
        let sent = connection.write_all(request.as_bytes()).await;
        sent.expect("the request is sent");
        let mut response = String::new();
        let read = connection.read_to_string(&mut response).await;
        read.expect("the response is text");
        server.abort();
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        body.to_owned()
    }

    #[tokio::test]
    async fn a_kept_handler_is_mounted_by_aide() {
        assert_eq!(
            body("POST", "/hello", r#"{"name": "ann"}"#).await,
            "hello ann"
        );
        assert_eq!(body("GET", "/double/21", "").await, "42");
    }

    #[tokio::test]
    async fn a_kept_handler_is_documented_by_aide() {
        let api: Value = serde_json::from_str(&body("GET", "/api.json", "").await).expect("JSON");
        let user = &api["paths"]["/hello"]["post"]["requestBody"]["content"]["application/json"];
        assert_eq!(user["schema"]["$ref"], "#/components/schemas/User", "{api}");
        let number = &api["paths"]["/double/{number}"]["get"]["parameters"][0];
        assert_eq!(number["name"], "number", "{api}");
        assert_eq!(number["description"], "The number to double.", "{api}");
    }

    #[tokio::test]
    async fn a_kept_handler_is_called() {
        assert_eq!(double(Path(Number { number: 4 })).await.0, 8);
    }
}
