//! Extractors that wait before the handler begins.

use std::convert::Infallible;

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::routing::get;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::case::Case;
use crate::gate::Gate;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "only_argument",
        handler: || get(only_argument),
        stacks: &[
            &["* extractors::only_argument <only argument> _slow: Slow"],
            &["* extractors::only_argument <only branch> std::future::pending()"],
        ],
    },
    Case {
        name: "arguments",
        handler: || get(arguments),
        stacks: &[
            &["* extractors::arguments <first argument> Slow: Slow"],
            &[
                "  extractors::arguments <second argument> _known: Known",
                "*   extractors::from_request_parts <in an extractor> gate.pass()",
            ],
            &[
                "* extractors::arguments <argument over two lines> _refused: Result<Slow, Infallible>",
            ],
            &["* extractors::arguments <last argument> whole: Whole"],
            &["* extractors::arguments <body behind the arguments> whole.0.pass()"],
        ],
    },
];

/// Waits at an unknown await.
struct Slow;

impl FromRequestParts<Gate> for Slow {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, gate: &Gate) -> Result<Self, Infallible> {
        gate.pass().await;
        Ok(Slow)
    }
}

/// Waits at a known await.
struct Known;

impl FromRequestParts<Gate> for Known {
    type Rejection = Infallible;

    #[underscore_frame]
    async fn from_request_parts(_: &mut Parts, gate: &Gate) -> Result<Self, Infallible> {
        gate.pass().await; // in an extractor
        Ok(Known)
    }
}

/// Takes the whole request and waits.
struct Whole(Gate);

impl FromRequest<Gate> for Whole {
    type Rejection = Infallible;

    async fn from_request(_: Request, gate: &Gate) -> Result<Self, Infallible> {
        gate.pass().await;
        Ok(Whole(gate.clone()))
    }
}

#[underscore_route(name = "only_argument")]
async fn only_argument(_slow: Slow, // only argument
) {
    tokio::select! {
        () = std::future::pending() => {} // only branch
    }
}

#[underscore_route(name = "arguments")]
#[rustfmt::skip]
async fn arguments(
    Slow: Slow, // first argument
    State(_gate): State<Gate>,
    _known: Known, // second argument
    _refused: // argument over two lines
        Result<Slow, Infallible>,
    whole: Whole, // last argument
) {
    whole.0.pass().await; // body behind the arguments
}
