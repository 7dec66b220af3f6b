//! Handlers in function bodies, in nested modules, and in the output of macros.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use underscore_runtime::underscore_route;

use crate::support::Service;

fn first() -> Router {
    #[underscore_route(name = "places.first")]
    async fn local() -> &'static str {
        "first"
    }
    Router::new().route("/first", get(local))
}

fn second() -> Router {
    #[underscore_route(name = "places.second")]
    async fn local() -> &'static str {
        "second"
    }
    Router::new().route("/second", get(local))
}

/// Holds 2.12 of docs/admin-api.md.
#[tokio::test]
async fn handlers_of_the_same_name_in_two_functions_have_different_ids() {
    let service = Service::start(first().merge(second())).await;
    assert_eq!(service.get("/first").await.text, "first");
    assert_eq!(service.get("/second").await.text, "second");
    let (first, second) = (
        service.route("places.first").await,
        service.route("places.second").await,
    );
    assert_eq!(first["handler"], second["handler"]);
    assert_ne!(first["id"], second["id"]);
    for (row, path) in [(first, "/first"), (second, "/second")] {
        let id = row["id"].as_str().expect("an id");
        assert_eq!(
            service.route(id).await["path"],
            path,
            "the id selects it alone"
        );
    }
}

#[tokio::test]
async fn a_handler_may_be_defined_in_a_test() {
    #[underscore_route]
    async fn local(Path(name): Path<String>) -> String {
        let later = async move { name };
        later.await
    }
    let service = Service::start(Router::new().route("/{name}", get(local))).await;
    assert_eq!(service.get("/ann").await.text, "ann");
}

/// A macro of a crate that generates many handlers.
macro_rules! handlers {
    ($($method:ident $name:ident $path:literal ($($arg:ident: $type:ty),*) $answer:expr;)*) => {
        $(
            #[underscore_route($method, $path)]
            async fn $name($(Path($arg): Path<$type>),*) -> String {
                ::std::future::ready($answer).await.to_string()
            }
        )*

        fn written() -> Router {
            Router::new()$(.route($path, axum::routing::$method($name)))*
        }
    };
}

mod macros {
    //! Names generated here must not collide with those above.

    use super::{Path, Router, underscore_route};

    macro_rules! named {
        ($name:ident, $words:literal) => {
            #[underscore_route(name = $words)]
            pub(super) async fn $name() -> &'static str {
                let words = ::std::future::ready($words);
                words.await
            }
        };
    }

    named!(alpha, "macro.alpha");
    named!(beta, "macro.beta");

    handlers! {
        get length "/length/{word}" (word: String) word.len();
        get double "/double/{number}" (number: u32) number * 2;
        post nothing "/nothing" () "nothing";
    }

    pub(super) fn all() -> Router {
        written()
    }
}

#[tokio::test]
async fn a_macro_may_generate_handlers() {
    let app = macros::all()
        .route("/alpha", get(macros::alpha))
        .route("/beta", get(macros::beta));
    let service = Service::start(app).await;
    assert_eq!(service.get("/length/four").await.text, "4");
    assert_eq!(service.get("/double/21").await.text, "42");
    assert_eq!(service.get("/alpha").await.text, "macro.alpha");
    assert_eq!(service.get("/beta").await.text, "macro.beta");
    assert_eq!(service.route("macro.beta").await["path"], "/beta");
}
