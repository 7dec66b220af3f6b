//! The service for `tests/bench/loopback`: the same handler at two paths, `/plain` and
//! `/annotated`, on a free port of 127.0.0.1, which is printed. It ends when its standard input is
//! closed.

use std::io::Read;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use underscore_bench::handlers::{annotated, plain};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let _admin = underscore_bench::admin();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    let app = Router::new()
        .route("/plain", get(plain))
        .route("/annotated", get(annotated));
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    axum::serve(listener, app).await
}
