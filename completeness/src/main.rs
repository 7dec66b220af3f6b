//! Starts the admin API and asks it for its routes: all handlers of this binary and of both libraries must be
//! among them before any request has come. Ends with 1 and the names of those that are not.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use underscore_runtime::{serve_admin, underscore_route};

mod own {
    //! A module of the binary itself.

    use underscore_runtime::underscore_route;

    #[underscore_route]
    pub async fn mounted() -> &'static str {
        "mounted"
    }
}

#[underscore_route]
#[allow(dead_code)]
async fn never_mounted() -> &'static str {
    "never"
}

const OWN: &[&str] = &["completeness::never_mounted", "completeness::own::mounted"];

fn main() -> std::io::Result<ExitCode> {
    // What a service does: its routers are made, so that the code behind them is needed.
    let app: Router = completeness_whole::router()
        .route("/here", get(completeness_partly::used::here))
        .route("/mounted", get(own::mounted));
    std::hint::black_box(&app);

    let directory = tempfile::tempdir()?;
    let admin = serve_admin(directory.path().join("app.sock"))?;
    let mut connection = UnixStream::connect(admin.path())?;
    connection.write_all(
        b"GET /_cat/routes?h=handler HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    admin.shutdown();

    let listed: Vec<&str> = answer.lines().map(str::trim).collect();
    let libraries = [completeness_partly::HANDLERS, completeness_whole::HANDLERS];
    let all: Vec<&str> = [OWN]
        .into_iter()
        .chain(libraries)
        .flatten()
        .copied()
        .collect();
    let lost: Vec<&&str> = all.iter().filter(|one| !listed.contains(one)).collect();
    if lost.is_empty() && answer.starts_with("HTTP/1.1 200") {
        println!("all {} handlers are listed", all.len());
        Ok(ExitCode::SUCCESS)
    } else {
        println!(
            "{} of {} handlers are lost: {lost:?}",
            lost.len(),
            all.len()
        );
        Ok(ExitCode::FAILURE)
    }
}
