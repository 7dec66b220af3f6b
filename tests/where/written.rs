//! Awaits in the output of other macros, and frames of a block of functions.

use axum::extract::State;
use axum::routing::get;
use tracing::instrument;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::case::Case;
use crate::gate::Gate;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "instrumented_above",
        handler: || get(instrumented_above),
        stacks: &[&["* written::instrumented_above <instrumented above> gate.pass()"]],
    },
    Case {
        name: "instrumented_below",
        handler: || get(instrumented_below),
        stacks: &[&["* written::instrumented_below <instrumented below> gate.pass()"]],
    },
    Case {
        name: "instrumented_helper",
        handler: || get(instrumented_helper),
        stacks: &[&[
            "  written::instrumented_helper <calls it> helper(&gate)",
            "*   written::helper <instrumented helper> gate.pass()",
        ]],
    },
    Case {
        name: "in_a_block",
        handler: || get(in_a_block),
        stacks: &[&[
            "  written::in_a_block <the block> async { ... }",
            "*   written::in_a_block <in the block> gate.pass()",
        ]],
    },
    Case {
        name: "boxed_trait",
        handler: || get(boxed_trait),
        stacks: &[&[
            "  written::boxed_trait <call of a boxed trait> depot.fetch()",
            "*   written::Depot::fetch <in the boxed trait> self.0.pass()",
        ]],
    },
    Case {
        name: "whole_blocks",
        handler: || get(whole_blocks),
        stacks: &[
            &[
                "  written::whole_blocks <call of the impl> shelf.take()",
                "    written::Shelf::take <the impl's first> self.put()",
                "*     written::Shelf::put <the impl's second> self.0.pass()",
            ],
            &[
                "  written::whole_blocks <call of the trait> shelf.twice()",
                "    written::Twice::twice <own of the framed trait> self.once()",
                "*     written::Shelf::once <the impl of the trait> self.0.pass()",
            ],
            &[
                "  written::whole_blocks <call of the mod> queries::user(gate)",
                "*   written::queries::user <in the mod> gate.pass()",
            ],
            &[
                "  written::whole_blocks <call below the mod> queries::Pool(gate).get()",
                "*   written::queries::Pool::get <below the mod> self.0.pass()",
            ],
        ],
    },
];

#[instrument(skip_all)]
#[underscore_route(name = "instrumented_above")]
async fn instrumented_above(State(gate): State<Gate>) {
    gate.pass().await; // instrumented above
}

#[underscore_route(name = "instrumented_below")]
#[instrument(skip_all)]
async fn instrumented_below(State(gate): State<Gate>) {
    gate.pass().await; // instrumented below
}

#[underscore_route(name = "instrumented_helper")]
async fn instrumented_helper(State(gate): State<Gate>) {
    helper(&gate).await; // calls it
}

#[instrument(skip_all)]
#[underscore_frame]
async fn helper(gate: &Gate) {
    gate.pass().await; // instrumented helper
}

#[underscore_route(name = "in_a_block")]
async fn in_a_block(State(gate): State<Gate>) {
    #[rustfmt::skip]
    async {
        gate.pass().await; // in the block
    }.await; // the block
}

#[async_trait::async_trait]
trait Fetch {
    async fn fetch(&self);
}

struct Depot(Gate);

#[underscore_frame]
#[async_trait::async_trait]
impl Fetch for Depot {
    async fn fetch(&self) {
        self.0.pass().await; // in the boxed trait
    }
}

#[underscore_route(name = "boxed_trait")]
async fn boxed_trait(State(gate): State<Gate>) {
    let depot = Depot(gate);
    depot.fetch().await; // call of a boxed trait
}

struct Shelf(Gate);

#[underscore_frame]
impl Shelf {
    async fn take(&self) {
        self.put().await; // the impl's first
    }

    async fn put(&self) {
        self.0.pass().await; // the impl's second
    }

    fn gate(&self) -> Gate {
        self.0.clone()
    }
}

#[underscore_frame]
trait Twice: Sync {
    fn once(&self) -> impl Future<Output = ()> + Send;

    fn twice(&self) -> impl Future<Output = ()> + Send {
        async {
            self.once().await; // own of the framed trait
        }
    }
}

#[underscore_frame]
impl Twice for Shelf {
    async fn once(&self) {
        self.0.pass().await; // the impl of the trait
    }
}

#[underscore_frame]
mod queries {
    use crate::gate::Gate;

    pub(super) async fn user(gate: Gate) {
        gate.pass().await; // in the mod
    }

    pub(super) struct Pool(pub(super) Gate);

    impl Pool {
        pub(super) async fn get(&self) {
            self.0.pass().await; // below the mod
        }
    }
}

#[underscore_route(name = "whole_blocks")]
async fn whole_blocks(State(gate): State<Gate>) {
    let shelf = Shelf(gate);
    shelf.take().await; // call of the impl
    shelf.twice().await; // call of the trait
    let gate = shelf.gate();
    queries::user(gate).await; // call of the mod
    let gate = shelf.gate();
    queries::Pool(gate).get().await; // call below the mod
}
