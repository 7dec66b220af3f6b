//! A service that blocks its only worker: a handler works for half a minute and awaits nothing meanwhile.
//!
//! ```text
//! cargo run --example blocked -- [--listen 127.0.0.1:8081] [--admin PATH]
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::yield_now;
use underscore_runtime::{serve_admin, underscore_route};

#[underscore_route(get, "/report", name = "report")]
async fn report() -> &'static str {
    yield_now().await;
    // What a handler must not do: no other request is served until this is over.
    std::thread::sleep(Duration::from_secs(30));
    "report\n"
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (listen, admin) = options()?;
    let listener = TcpListener::bind(listen).await?;
    let admin = serve_admin(admin)?;
    let (address, socket) = (listener.local_addr()?, admin.path().display());
    println!("serving http://{address}, admin API on {socket}; Ctrl-C ends it");
    let app = Router::new().route("/report", get(report));
    // No `tokio::signal::ctrl_c`: while the worker is blocked, nobody would come to it.
    axum::serve(listener, app).await?;
    admin.shutdown();
    Ok(())
}

fn options() -> Result<(SocketAddr, PathBuf), lexopt::Error> {
    use lexopt::prelude::*;
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8081));
    let mut admin = std::env::temp_dir().join("blocked.sock");
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => listen = arguments.value()?.parse()?,
            Long("admin") => admin = arguments.value()?.into(),
            Short('h') | Long("help") => {
                let socket = admin.display();
                println!("blocked [--listen {listen}] [--admin {socket}]");
                std::process::exit(0);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    Ok((listen, admin))
}
