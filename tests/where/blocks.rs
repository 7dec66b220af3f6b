//! Awaits in async blocks and closures of a handler, below the awaits of these.

use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use tokio::time::timeout;
use underscore_runtime::underscore_route;

use crate::case::Case;
use crate::gate::Gate;
use crate::support::futures::boxed;

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "time_limit",
        handler: || get(time_limit),
        stacks: &[
            &[
                "  blocks::time_limit <the limit> timeout(HOUR, async { ... })",
                "*   blocks::time_limit <below the limit> gate.pass()",
            ],
            &[
                "  blocks::time_limit <the limit> timeout(HOUR, async { ... })",
                "*   blocks::time_limit <still below the limit> gate.checked()",
            ],
            &["* blocks::time_limit <a limit without a block> timeout(HOUR, gate.pass())"],
            &[
                "  blocks::time_limit <two limits> timeout(HOUR, limited)",
                "    blocks::time_limit <the limit inside> timeout(HOUR / 2, inside)",
                "*     blocks::time_limit <inside of two limits> gate.pass()",
            ],
        ],
    },
    Case {
        name: "two_deep",
        handler: || get(two_deep),
        stacks: &[
            &[
                "  blocks::two_deep <outer block> outer",
                "    blocks::two_deep <inner block> inner",
                "*     blocks::two_deep <in the inner block> gate.pass()",
            ],
            &[
                "  blocks::two_deep <outer block> outer",
                "*   blocks::two_deep <in the outer block> gate.pass()",
            ],
            &[
                "  blocks::two_deep <outer block> outer",
                "    blocks::two_deep <block on the spot> async { ... }",
                "*     blocks::two_deep <in the block on the spot> gate.pass()",
            ],
            &["* blocks::two_deep <outside of the blocks> gate.pass()"],
        ],
    },
    Case {
        name: "closures",
        handler: || get(closures),
        stacks: &[
            &[
                "  blocks::closures <first call> closure(1)",
                "*   blocks::closures <in the closure> gate.below(limit)",
            ],
            &[
                "  blocks::closures <second call> closure(2)",
                "*   blocks::closures <in the closure> gate.below(limit)",
            ],
            &[
                "  blocks::closures <call of a plain one> plain(&gate)",
                "*   blocks::closures <in its block> gate.pass()",
            ],
            &[
                "  blocks::closures <call of the bare closure> bare()",
                "*   blocks::closures <in the bare closure> gate.pass()",
            ],
        ],
    },
    Case {
        name: "returned_block",
        handler: || get(returned_block),
        stacks: &[
            &["* blocks::returned_block <in the returned block> gate.pass()"],
            &[
                "  blocks::returned_block <block in the returned one> block",
                "*   blocks::returned_block <in the block in the returned one> gate.pass()",
            ],
        ],
    },
    Case {
        name: "kept_in_a_box",
        handler: || get(kept_in_a_box),
        stacks: &[
            &[
                "  blocks::kept_in_a_box <box> work",
                "*   blocks::kept_in_a_box <in the box> inside.pass()",
            ],
            &["* blocks::kept_in_a_box <spawned> tokio::spawn(async move { ... })"],
        ],
    },
    Case {
        name: "long_text",
        handler: || get(long_text),
        stacks: &[&[
            // The first 160 bytes and an ellipsis.
            "  blocks::long_text <a long block> async { ... }",
            "*   blocks::long_text <in a long block> gate.below(first_of_many_words + second_of_many_words + third_of_many_words)",
        ]],
    },
];

#[underscore_route(name = "time_limit")]
async fn time_limit(State(gate): State<Gate>) {
    let _ = timeout(HOUR, async {
        gate.pass().await; // below the limit
        gate.checked().await // still below the limit
    })
    .await; // the limit
    let _ = timeout(HOUR, gate.pass()).await; // a limit without a block
    let inside = async {
        gate.pass().await; // inside of two limits
    };
    let limited = async {
        let _ = timeout(HOUR / 2, inside).await; // the limit inside
    };
    let _ = timeout(HOUR, limited).await; // two limits
}

#[underscore_route(name = "two_deep")]
async fn two_deep(State(gate): State<Gate>) {
    let outer = async {
        let inner = async {
            gate.pass().await; // in the inner block
        };
        inner.await; // inner block
        gate.pass().await; // in the outer block
        let _sum = async {
            gate.pass().await + 1 // in the block on the spot
        }
        .await; // block on the spot
    };
    outer.await; // outer block
    gate.pass().await; // outside of the blocks
}

#[underscore_route(name = "closures")]
async fn closures(State(gate): State<Gate>) {
    let closure = async |limit| {
        gate.below(limit).await // in the closure
    };
    closure(1).await; // first call
    closure(2).await; // second call
    let plain = |gate: &Gate| {
        let gate = gate.clone();
        async move {
            gate.pass().await; // in its block
        }
    };
    plain(&gate).await; // call of a plain one
    let bare = async || gate.pass().await; // in the bare closure
    bare().await; // call of the bare closure
}

#[underscore_route(name = "returned_block")]
fn returned_block(State(gate): State<Gate>) -> impl Future<Output = ()> {
    async move {
        gate.pass().await; // in the returned block
        let block = async {
            gate.pass().await; // in the block in the returned one
        };
        block.await; // block in the returned one
    }
}

#[underscore_route(name = "kept_in_a_box")]
async fn kept_in_a_box(State(gate): State<Gate>) {
    let inside = gate.clone();
    let work = boxed(async move {
        inside.pass().await; // in the box
    });
    work.await; // box
    // A spawned task is not part of this one.
    let _ = tokio::spawn(async move { gate.pass().await }).await; // spawned
}

#[underscore_route(name = "long_text")]
async fn long_text(State(gate): State<Gate>) {
    async {
        let first_of_many_words = 1;
        let second_of_many_words = 2;
        let third_of_many_words = 3;
        gate.below(first_of_many_words + second_of_many_words + third_of_many_words)
            .await // in a long block
    }
    .await; // a long block
}
