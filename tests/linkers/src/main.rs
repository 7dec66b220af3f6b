//! Starts the admin API and queries its routes: all handlers of this binary and of both libraries
//! must be listed before the first request. Ends with 1 and the names of missing handlers.

mod ask;

use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use underscore_runtime::underscore_route;

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

const OWN: &[&str] = &["linkers::never_mounted", "linkers::own::mounted"];

fn main() -> std::io::Result<ExitCode> {
    // Creates its routers, like a service, so that their code is linked.
    let app: Router = linkers_whole::router()
        .route("/here", get(linkers_partly::used::here))
        .route("/mounted", get(own::mounted));
    std::hint::black_box(&app);

    let listed = ask::handlers()?;
    let libraries = [linkers_partly::HANDLERS, linkers_whole::HANDLERS];
    let all: Vec<&str> = [OWN]
        .into_iter()
        .chain(libraries)
        .flatten()
        .copied()
        .collect();
    let lost: Vec<&&str> = all
        .iter()
        .filter(|one| !listed.iter().any(|row| row == **one))
        .collect();
    if lost.is_empty() {
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
