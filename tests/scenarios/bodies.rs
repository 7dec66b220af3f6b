//! Bodies and connections that do not end.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Sse;
use axum::response::sse::Event;
use axum::routing::{get, post};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::io::AsyncWriteExt;
use underscore_runtime::{AdminBuilder, drained, listen, underscore_route};

use crate::support::{Service, bind, process::own_process, talk};
use crate::tables::{health, is_green, shows};

#[underscore_route(post, "/upload", name = "upload")]
async fn upload(file: Bytes, // upload
) -> String {
    file.len().to_string()
}

#[tokio::test]
async fn an_upload_is_slow() {
    own_process!();
    let app = Router::new().route("/upload", post(upload));
    let service = Service::start_tracked(app).await;
    let mut client = service.connect().await;
    let head = b"POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    client.write_all(head).await.expect("written");
    service.wait_for_await("upload", "file: Bytes").await;
    shows(
        &service,
        "_cat/tasks?v&h=id,path,stage,where,awaiting",
        "id path    stage      where            awaiting
          1 /upload extractors bodies.rs:upload file: Bytes",
    )
    .await;
    service.post("_tasks/1/_cancel").await.ok_json();
    let answer = talk(&mut client, "", "}\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    is_green(&service).await;
}

#[underscore_route(get, "/export", name = "export")]
async fn export() -> Body {
    let rows = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 1 << 16])));
    Body::from_stream(rows)
}

#[tokio::test]
async fn nobody_reads_a_stream() {
    own_process!();
    let app = Router::new().route("/export", get(export));
    let service = Service::start_tracked(app).await;
    let mut client = service.connect().await;
    let head = b"GET /export HTTP/1.1\r\nhost: x\r\n\r\n";
    client.write_all(head).await.expect("written");
    service
        .wait_for_task("export", |task| task["state"] == "streaming")
        .await;
    shows(
        &service,
        "_cat/tasks?v&h=id,path,state,stage,awaiting",
        "id path    state     stage awaiting
          1 /export streaming body  the client",
    )
    .await;
    service.post("_tasks/1/_cancel").await.ok_json();
    service.wait_for("export", "stats.req.active", 0).await;
    is_green(&service).await;
}

#[underscore_route(get, "/events", name = "events")]
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let first = stream::iter([Ok(Event::default().data("first"))]);
    Sse::new(first.chain(stream::pending()))
}

#[tokio::test]
async fn events_and_a_spare_connection_keep_a_shutdown_from_ending() {
    own_process!();
    let listener = bind().await;
    let address = listener.local_addr().expect("it is bound");
    let service = Service::with_admin(address, &AdminBuilder::new());
    let app = Router::new().route("/events", get(events));
    let server = axum::serve(listen(listener), app);
    let server = server.with_graceful_shutdown(drained(std::future::pending::<()>()));
    let server = tokio::spawn(server.into_future());
    let mut client = service.connect().await;
    let head = "GET /events HTTP/1.1\r\nhost: x\r\n\r\n";
    assert!(talk(&mut client, head, "first").await.contains("first"));
    let _spare = service.connect().await;
    while crate::tables::rows(&service, "_cat/connections?format=json")
        .await
        .len()
        < 2
    {
        tokio::task::yield_now().await;
    }
    shows(
        &service,
        "_cat/connections?v&h=id,state,requests,tasks&s=id",
        "id state  requests tasks
          1 active        1 1
          2 new           0 0",
    )
    .await;
    service.post("_drain?timeout=0s").await.ok_json();
    health(
        &service,
        "yellow drain service TIME 1 connection is left GET /_drain",
    )
    .await;
    service
        .post("_connections/_close?state=active,new")
        .await
        .ok_json();
    server.await.expect("no panic").expect("no failure");
}
