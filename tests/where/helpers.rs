//! Awaits in helpers of all kinds, below their calls.

use axum::extract::State;
use axum::routing::get;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::case::Case;
use crate::gate::Gate;
use crate::support::futures::join;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "three_levels",
        handler: || get(three_levels),
        stacks: &[
            &[
                "  helpers::three_levels <handler> free(&gate)",
                "    helpers::free <free function> Depot(depot).take(3)",
                "      helpers::take <method> generic(&self.0, limit)",
                "*       helpers::generic <generic function> gate.below(limit.into())",
            ],
            &[
                "  helpers::three_levels <handler> free(&gate)",
                "    helpers::free <free function> Depot(depot).take(3)",
                "*     helpers::take <end of the method> self.0.pass()",
            ],
            &[
                "  helpers::three_levels <handler> free(&gate)",
                "*   helpers::free <end of the free function> gate.checked()",
            ],
            &["* helpers::three_levels <end of the handler> gate.pass()"],
        ],
    },
    Case {
        name: "traits",
        handler: || get(traits),
        stacks: &[
            &[
                "  helpers::traits <call of a trait> shelf.fetch()",
                "*   helpers::fetch <method of a trait> self.0.pass()",
            ],
            &[
                "  helpers::traits <call of the trait's own> shelf.fetch_twice()",
                "    helpers::fetch_twice <the trait's own> self.fetch()",
                "*     helpers::fetch <method of a trait> self.0.pass()",
            ],
            &[
                "  helpers::traits <call by a parameter> fetched(&shelf)",
                "    helpers::fetched <the parameter's> from.fetch_twice()",
                "      helpers::fetch_twice <the trait's own> self.fetch()",
                "*       helpers::fetch <method of a trait> self.0.pass()",
            ],
        ],
    },
    Case {
        name: "methods",
        handler: || get(methods),
        stacks: &[
            &[
                "  helpers::methods <call of a method> depot.only()",
                "*   helpers::only <in a method> self.0.pass()",
            ],
            &[
                "  helpers::methods <call by the type> Depot::built(gate)",
                "*   helpers::built <in an associated function> gate.pass()",
            ],
        ],
    },
    Case {
        name: "not_async",
        handler: || get(not_async),
        stacks: &[
            &[
                "  helpers::not_async <call of one not async> returns_block(&gate)",
                "*   helpers::returns_block <in the block it returns> gate.pass()",
            ],
            // A function without the attribute is not in the stack, a helper that it calls is.
            &[
                "  helpers::not_async <call of one unknown> unknown(&gate)",
                "*   helpers::generic <generic function> gate.below(limit.into())",
            ],
        ],
    },
    Case {
        name: "inside_of_a_body",
        handler: || get(inside_of_a_body),
        stacks: &[
            &[
                "  helpers::inside_of_a_body <call of an item> item(&gate)",
                "*   helpers::item <in the item> gate.pass()",
            ],
            &["* helpers::inside_of_a_body <call of a plain item> plain(&gate)"],
        ],
    },
    Case {
        name: "recursion",
        handler: || get(recursion),
        stacks: &[&[
            "  helpers::recursion <top> descend(&gate, 2)",
            "    helpers::descend <one level down> Box::pin(descend(gate, levels - 1))",
            "      helpers::descend <one level down> Box::pin(descend(gate, levels - 1))",
            "*       helpers::descend <bottom> gate.pass()",
        ]],
    },
    Case {
        name: "side_by_side",
        handler: || get(side_by_side),
        stacks: &[
            &[
                "  helpers::side_by_side <call of a split> pair(&gate)",
                "*   helpers::pair <split of helpers> join(only.only(), descend(gate, 1))",
                "      helpers::only <in a method> self.0.pass()",
                "      helpers::descend <one level down> Box::pin(descend(gate, levels - 1))",
                "        helpers::descend <bottom> gate.pass()",
            ],
            &[
                "  helpers::side_by_side <call of a split> pair(&gate)",
                "    helpers::pair <split of helpers> join(only.only(), descend(gate, 1))",
                "      helpers::descend <one level down> Box::pin(descend(gate, levels - 1))",
                "*       helpers::descend <bottom> gate.pass()",
            ],
        ],
    },
];

#[underscore_route(name = "three_levels")]
async fn three_levels(State(gate): State<Gate>) {
    free(&gate).await; // handler
    gate.pass().await; // end of the handler
}

#[underscore_frame]
async fn free(gate: &Gate) {
    let gate = gate.clone();
    let depot = gate.clone();
    Depot(depot).take(3).await; // free function
    let _ = gate.checked().await; // end of the free function
}

struct Depot(Gate);

impl Depot {
    #[underscore_frame]
    async fn take(&self, limit: u8) {
        generic(&self.0, limit).await; // method
        self.0.pass().await; // end of the method
    }

    #[underscore_frame]
    async fn only(&self) -> usize {
        self.0.pass().await // in a method
    }

    #[underscore_frame]
    async fn built(gate: Gate) -> Self {
        gate.pass().await; // in an associated function
        Depot(gate)
    }
}

#[underscore_frame]
async fn generic<T: Into<usize>>(gate: &Gate, limit: T) -> Option<usize> {
    gate.below(limit.into()).await // generic function
}

trait Fetch: Sync {
    fn fetch(&self) -> impl Future<Output = usize> + Send;

    #[underscore_frame]
    fn fetch_twice(&self) -> impl Future<Output = usize> + Send {
        async { self.fetch().await } // the trait's own
    }
}

struct Shelf(Gate);

impl Fetch for Shelf {
    #[underscore_frame]
    async fn fetch(&self) -> usize {
        self.0.pass().await // method of a trait
    }
}

#[underscore_frame]
async fn fetched<T: Fetch>(from: &T) -> usize {
    from.fetch_twice().await // the parameter's
}

#[underscore_route(name = "traits")]
async fn traits(State(gate): State<Gate>) {
    let shelf = Shelf(gate);
    shelf.fetch().await; // call of a trait
    shelf.fetch_twice().await; // call of the trait's own
    fetched(&shelf).await; // call by a parameter
}

#[underscore_route(name = "methods")]
async fn methods(State(gate): State<Gate>) {
    let depot = Depot(gate.clone());
    depot.only().await; // call of a method
    Depot::built(gate).await; // call by the type
}

#[underscore_frame]
fn returns_block(gate: &Gate) -> impl Future<Output = usize> {
    async {
        gate.pass().await // in the block it returns
    }
}

async fn unknown(gate: &Gate) {
    generic(gate, 1_u8).await;
}

#[underscore_route(name = "not_async")]
async fn not_async(State(gate): State<Gate>) {
    returns_block(&gate).await; // call of one not async
    unknown(&gate).await; // call of one unknown
}

#[underscore_route(name = "inside_of_a_body")]
async fn inside_of_a_body(State(gate): State<Gate>) {
    #[underscore_frame]
    async fn item(gate: &Gate) {
        gate.pass().await; // in the item
    }
    async fn plain(gate: &Gate) {
        gate.pass().await;
    }
    item(&gate).await; // call of an item
    plain(&gate).await; // call of a plain item
}

#[underscore_frame]
async fn descend(gate: &Gate, levels: u8) -> usize {
    if levels == 0 {
        return gate.pass().await; // bottom
    }
    Box::pin(descend(gate, levels - 1)).await // one level down
}

#[underscore_route(name = "recursion")]
async fn recursion(State(gate): State<Gate>) {
    descend(&gate, 2).await; // top
}

#[underscore_frame]
async fn pair(gate: &Gate) {
    let only = Depot(gate.clone());
    join(only.only(), descend(gate, 1)).await; // split of helpers
}

#[underscore_route(name = "side_by_side")]
async fn side_by_side(State(gate): State<Gate>) {
    pair(&gate).await; // call of a split
}
