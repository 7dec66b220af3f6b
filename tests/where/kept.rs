//! Futures that were polled and are kept while the handler waits for something else.

use std::future::{pending, ready};

use axum::extract::State;
use axum::routing::get;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::case::Case;
use crate::gate::Gate;
use crate::support::futures::{FanOut, boxed, first_of};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "race_in_a_body",
        handler: || get(race_in_a_body),
        stacks: &[
            &["* kept::race_in_a_body <behind the race> gate.pass()"],
            &[
                "  kept::race_in_a_body <loser at last> loser",
                "*   kept::race_in_a_body <in the loser> pending::<()>()",
            ],
        ],
    },
    Case {
        name: "race_by_hand",
        handler: || get(race_by_hand),
        stacks: &[
            &[
                "  kept::race_by_hand <call of a race by hand> by_hand(&gate)",
                "*   kept::by_hand <behind the race by hand> gate.pass()",
            ],
            &[
                "  kept::race_by_hand <call of a race by hand> by_hand(&gate)",
                "    kept::by_hand <loser by hand> loser",
                "*     kept::by_hand <in the loser by hand> pending::<()>()",
            ],
        ],
    },
    Case {
        name: "plain_called",
        handler: || get(plain_called),
        stacks: &[&[
            "  kept::plain_called <call of the plain one> plain_inner(State(gate))",
            "*   kept::plain <in the plain one> gate.pass()",
        ]],
    },
    Case {
        name: "race_in_a_helper",
        handler: || get(race_in_a_helper),
        stacks: &[&[
            "  kept::race_in_a_helper <call of a race> race(&gate)",
            "*   kept::race <behind the race in a helper> gate.pass()",
        ]],
    },
    Case {
        name: "race_in_a_block",
        handler: || get(race_in_a_block),
        stacks: &[&[
            "  kept::race_in_a_block <block with a race> block",
            "*   kept::race_in_a_block <behind the race in a block> gate.pass()",
        ]],
    },
    Case {
        name: "race_in_a_future",
        handler: || get(race_in_a_future),
        stacks: &[&["* kept::race_in_a_future <behind the race in a future> gate.pass()"]],
    },
    Case {
        name: "plain_raced",
        handler: || get(plain_raced),
        stacks: &[&["* kept::plain_raced <behind the race of a plain one> gate.checked()"]],
    },
    Case {
        name: "plain_joined",
        handler: || get(plain_joined),
        stacks: &[&[
            "  kept::plain_joined <joined with a plain one> plain_inner(State(gate.clone()))",
            "*   kept::plain <in the plain one> gate.pass()",
            "  kept::plain_joined <joined with a plain one> beside",
            "    kept::plain_joined <beside the plain one> gate.checked()",
        ]],
    },
];

#[underscore_route(name = "race_in_a_body")]
async fn race_in_a_body(State(gate): State<Gate>) {
    let mut loser = boxed(async {
        pending::<()>().await; // in the loser
    });
    tokio::select! {
        biased;
        () = &mut loser => {}
        () = ready(()) => {}
    }
    gate.pass().await; // behind the race
    loser.await; // loser at last
}

#[underscore_frame]
async fn by_hand(gate: &Gate) {
    let mut loser = boxed(async {
        pending::<()>().await; // in the loser by hand
    });
    first_of(&mut loser, &mut boxed(ready(()))).await;
    gate.pass().await; // behind the race by hand
    loser.await; // loser by hand
}

#[underscore_route(name = "race_by_hand")]
async fn race_by_hand(State(gate): State<Gate>) {
    by_hand(&gate).await; // call of a race by hand
}

#[underscore_frame]
async fn race(gate: &Gate) {
    let mut loser = boxed(async { pending::<()>().await });
    tokio::select! {
        biased;
        () = &mut loser => {}
        () = ready(()) => {}
    }
    gate.pass().await; // behind the race in a helper
    loser.await;
}

#[underscore_route(name = "race_in_a_helper")]
async fn race_in_a_helper(State(gate): State<Gate>) {
    race(&gate).await; // call of a race
}

#[underscore_route(name = "race_in_a_block")]
async fn race_in_a_block(State(gate): State<Gate>) {
    let block = async {
        let mut loser = boxed(async { pending::<()>().await });
        tokio::select! {
            biased;
            () = &mut loser => {}
            () = ready(()) => {}
        }
        gate.pass().await; // behind the race in a block
        loser.await;
    };
    block.await; // block with a race
}

#[underscore_route(name = "race_in_a_future")]
fn race_in_a_future(State(gate): State<Gate>) -> impl Future<Output = ()> {
    async move {
        let mut loser = boxed(async { pending::<()>().await });
        tokio::select! {
            biased;
            () = &mut loser => {}
            () = ready(()) => {}
        }
        gate.pass().await; // behind the race in a future
        loser.await;
    }
}

/// A loser of a race that is awaited later.
#[underscore_route(name = "kept_loser")]
pub(crate) async fn kept_loser(State(gate): State<Gate>) {
    let mut loser = boxed(async { pending::<()>().await });
    tokio::select! {
        biased;
        () = &mut loser => {}
        () = ready(()) => {}
    }
    gate.pass().await;
    loser.await;
}

/// A set of futures, one of which was awaited once.
#[underscore_route(name = "kept_fan")]
pub(crate) async fn kept_fan(State(gate): State<Gate>) {
    let mut fan = FanOut::default();
    for _ in 0..2 {
        let gate = gate.clone();
        fan.push(boxed(async move {
            let _ = gate.below(7).await;
        }));
    }
    fan.push(boxed(async {}));
    fan.next().await;
    gate.pass().await;
    drop(fan);
}

#[underscore_route(name = "plain", inner = plain_inner)]
async fn plain(State(gate): State<Gate>) {
    gate.pass().await; // in the plain one
}

#[underscore_route(name = "plain_raced")]
async fn plain_raced(State(gate): State<Gate>) {
    let mut loser = boxed(plain_inner(State(gate.clone())));
    tokio::select! {
        biased;
        () = &mut loser => {}
        () = ready(()) => {}
    }
    let _ = gate.checked().await; // behind the race of a plain one
    loser.await;
}

#[underscore_route(name = "plain_joined")]
async fn plain_joined(State(gate): State<Gate>) {
    let beside = async { gate.checked().await }; // beside the plain one
    let _ = tokio::join!(plain_inner(State(gate.clone())), beside); // joined with a plain one
}

#[underscore_route(name = "plain_called")]
async fn plain_called(State(gate): State<Gate>) {
    plain_inner(State(gate)).await; // call of the plain one
}

/// Wrong tables, for a test of the driver.
#[underscore_route(name = "compared")]
pub(crate) async fn compared(State(gate): State<Gate>) {
    let block = async {
        gate.pass().await; // in the compared
    };
    block.await; // compared
}
