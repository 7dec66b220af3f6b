//! Concurrent awaits, joined by hand and in macros.

use std::future::pending;

use axum::extract::State;
use axum::routing::get;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::case::Case;
use crate::gate::Gate;
use crate::support::futures::{FanOut, join};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "joined",
        handler: || get(joined),
        stacks: &[
            &[
                "* branches::joined <both> join(left, right)",
                "    branches::joined <left begins> gate.pass()",
                "    branches::joined <right> deep",
                "      branches::joined <deep in the right> gate.pass()",
            ],
            &[
                "* branches::joined <both> join(left, right)",
                "    branches::joined <left ends> gate.below(1)",
                "    branches::joined <right> deep",
                "      branches::joined <deep in the right> gate.pass()",
            ],
            // The right branch is ready.
            &[
                "  branches::joined <both> join(left, right)",
                "*   branches::joined <left ends> gate.below(1)",
            ],
            &["* branches::joined <neither> gate.pass()"],
        ],
    },
    Case {
        name: "joined_twice",
        handler: || get(joined_twice),
        stacks: &[&[
            "  branches::joined_twice <one way to the split> all",
            "*   branches::joined_twice <split> join(pair, third)",
            "      branches::joined_twice <split in the split> join(first, second)",
            "        branches::joined_twice <first branch> gate.pass()",
            "        branches::joined_twice <second branch> gate.pass()",
            "      branches::joined_twice <third branch> gate.pass()",
        ]],
    },
    Case {
        name: "fanned_out",
        handler: || get(fanned_out),
        stacks: &[
            &[
                "* branches::fanned_out <fan> fan.next()",
                "    branches::fanned_out <in the fan> gate.pass()",
                "    branches::fanned_out <in the fan> gate.pass()",
                "    branches::fanned_out <in the fan> gate.pass()",
            ],
            &[
                "* branches::fanned_out <fan> fan.next()",
                "    branches::fanned_out <in the fan> gate.pass()",
                "    branches::fanned_out <in the fan> gate.pass()",
            ],
            &[
                "  branches::fanned_out <fan> fan.next()",
                "*   branches::fanned_out <in the fan> gate.pass()",
            ],
            &["* branches::fanned_out <behind the fan> gate.pass()"],
        ],
    },
    Case {
        name: "join_macro",
        handler: || get(join_macro),
        stacks: &[
            &[
                "* branches::join_macro <first of two> gate.pass()",
                "  branches::join_macro <second of two> async { ... }",
                "    branches::join_macro <in the second of two> gate.pass()",
            ],
            &[
                "  branches::join_macro <second of two> async { ... }",
                "*   branches::join_macro <in the second of two> gate.pass()",
            ],
            &["* branches::join_macro <behind the macro> gate.pass()"],
            &[
                "* branches::join_macro <block with a macro> async { ... }",
                "    branches::join_macro <first in the block> gate.pass()",
                "    branches::join_macro <second in the block> framed(&gate)",
                "      branches::framed <helper in a macro> gate.checked()",
            ],
        ],
    },
    Case {
        name: "select_macro",
        handler: || get(select_macro),
        stacks: &[
            &[
                "* branches::select_macro <first branch of a macro> gate.pass()",
                "  branches::select_macro <branch that never ends> pending()",
            ],
            &[
                "* branches::select_macro <never again> pending()",
                "  branches::select_macro <a block as a branch> async { ... }",
                "    branches::select_macro <a block as a branch> gate.pass()",
            ],
            &[
                "* branches::select_macro <around the macro> async { ... }",
                "    branches::select_macro <in the block's macro> gate.pass()",
                "    branches::select_macro <never in the block> pending()",
            ],
            &[
                "  branches::select_macro <branch by name> one",
                "*   branches::select_macro <one branch> gate.pass()",
                "  branches::select_macro <other by name> other",
                "    branches::select_macro <other branch> gate.checked()",
            ],
        ],
    },
    Case {
        name: "other_macros",
        handler: || get(other_macros),
        stacks: &[
            &["* branches::other_macros <in an assertion> gate.pass()"],
            &["* branches::other_macros <in a text> gate.pass()"],
            &["* branches::other_macros <awaited macro> passing!(gate)"],
        ],
    },
];

#[underscore_route(name = "joined")]
async fn joined(State(gate): State<Gate>) {
    let left = async {
        gate.pass().await; // left begins
        gate.below(1).await; // left ends
    };
    let right = async {
        let deep = async {
            gate.pass().await; // deep in the right
        };
        deep.await; // right
    };
    join(left, right).await; // both
    gate.pass().await; // neither
}

#[underscore_route(name = "joined_twice")]
async fn joined_twice(State(gate): State<Gate>) {
    let all = async {
        let pair = async {
            let first = async { gate.pass().await }; // first branch
            let second = async { gate.pass().await }; // second branch
            join(first, second).await; // split in the split
        };
        let third = async { gate.pass().await }; // third branch
        join(pair, third).await; // split
    };
    all.await; // one way to the split
}

#[underscore_route(name = "fanned_out")]
async fn fanned_out(State(gate): State<Gate>) {
    let mut fan = FanOut::default();
    for _ in 0..3 {
        let gate = gate.clone();
        fan.push(async move {
            gate.pass().await; // in the fan
        });
    }
    while fan.len() > 0 {
        fan.next().await; // fan
    }
    gate.pass().await; // behind the fan
}

#[underscore_frame]
async fn framed(gate: &Gate) {
    let _ = gate.checked().await; // helper in a macro
}

#[underscore_route(name = "join_macro")]
async fn join_macro(State(gate): State<Gate>) {
    tokio::join!(
        gate.pass(), // first of two
        // second of two
        async {
            gate.pass().await // in the second of two
        }
    );
    gate.pass().await; // behind the macro
    async {
        tokio::join!(
            gate.pass(),   // first in the block
            framed(&gate)  // second in the block
        )
    }
    .await; // block with a macro
}

#[underscore_route(name = "select_macro")]
async fn select_macro(State(gate): State<Gate>) {
    tokio::select! {
        _ = gate.pass() => {} // first branch of a macro
        () = pending() => {} // branch that never ends
    }
    tokio::select! {
        biased;
        () = pending() => {} // never again
        _ = async { gate.pass().await } => {} // a block as a branch
    }
    async {
        tokio::select! {
            _ = gate.pass() => {} // in the block's macro
            () = pending() => {} // never in the block
        }
    }
    .await; // around the macro
    let one = async { gate.pass().await }; // one branch
    let other = async { gate.checked().await }; // other branch
    tokio::select! {
        _ = one => {} // branch by name
        _ = other => {} // other by name
    }
}

macro_rules! passing {
    ($gate:ident) => {
        $gate.pass()
    };
}

#[underscore_route(name = "other_macros")]
async fn other_macros(State(gate): State<Gate>) {
    assert!(gate.pass().await < 9, "so many are not here"); // in an assertion
    let _text = format!("{}", gate.pass().await); // in a text
    passing!(gate).await; // awaited macro
}
