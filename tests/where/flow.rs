//! Awaits in a handler's own body: in sequence, loops, matches, conditions and chains.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use underscore_runtime::underscore_route;

use crate::case::Case;
use crate::gate::Gate;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "sequence",
        handler: || get(sequence),
        stacks: &[
            &["* flow::sequence <first> gate.pass()"],
            &["* flow::sequence <second> other.pass()"],
            &["* flow::sequence <third> gate.below(9)"],
            &["* flow::sequence <last> gate.pass()"],
        ],
    },
    Case {
        name: "for_loop",
        handler: || get(for_loop),
        stacks: &[
            &["* flow::for_loop <for begins> gate.pass()"],
            &["* flow::for_loop <for ends> gate.checked()"],
            &["* flow::for_loop <for begins> gate.pass()"],
            &["* flow::for_loop <for ends> gate.checked()"],
            &["* flow::for_loop <after for> gate.pass()"],
        ],
    },
    Case {
        name: "while_let",
        handler: || get(while_let),
        stacks: &[
            &["* flow::while_let <while let> gate.below(2)"],
            &["* flow::while_let <in while let> gate.pass()"],
            &["* flow::while_let <while let> gate.below(2)"],
            &["* flow::while_let <after while let> gate.pass()"],
        ],
    },
    Case {
        name: "endless_loop",
        handler: || get(endless_loop),
        stacks: &[
            &["* flow::endless_loop <condition in loop> gate.pass()"],
            &["* flow::endless_loop <condition in loop> gate.pass()"],
            &["* flow::endless_loop <out of loop> gate.below(9)"],
            &["* flow::endless_loop <after loop> gate.pass()"],
        ],
    },
    Case {
        name: "match_arms",
        handler: || get(match_arms),
        stacks: &[
            &["* flow::match_arms <scrutinee> gate.pass()"],
            &["* flow::match_arms <arm of zero> gate.below(0)"],
            &["* flow::match_arms <scrutinee> gate.pass()"],
            &["* flow::match_arms <guard> gate.pass()"],
            &["* flow::match_arms <arm behind the guard> gate.pass()"],
            &["* flow::match_arms <scrutinee> gate.pass()"],
            &["* flow::match_arms <block of an arm> gate.checked()"],
        ],
    },
    Case {
        name: "question_mark",
        handler: || get(question_mark),
        stacks: &[
            &["* flow::question_mark <before the mark> gate.checked()"],
            &["* flow::question_mark <behind the mark> gate.pass()"],
            &["* flow::question_mark <two in a line> later(&gate)"],
            &["* flow::question_mark <two in a line> later(&gate).await?"],
            &["* flow::question_mark <argument> gate.checked()"],
        ],
    },
    Case {
        name: "conditions",
        handler: || get(conditions),
        stacks: &[
            &["* flow::conditions <if let> gate.below(9)"],
            &["* flow::conditions <and> gate.pass()"],
            &["* flow::conditions <else if> gate.pass()"],
            &["* flow::conditions <in else if> gate.pass()"],
            &["* flow::conditions <let else> gate.below(1)"],
            &["* flow::conditions <in let else> gate.pass()"],
        ],
    },
    Case {
        name: "over_lines",
        handler: || get(over_lines),
        stacks: &[
            &["* flow::over_lines <end of the chain> gate.clone().below(1 + 1)"],
            &["* flow::over_lines <behind the chain> pinned"],
            &["* flow::over_lines <borrowed> (&mut borrowed)"],
        ],
    },
];

#[underscore_route(name = "sequence")]
async fn sequence(State(gate): State<Gate>) {
    let other = gate.clone();
    gate.pass().await; // first
    other.pass().await; // second
    std::future::ready(()).await;
    let _something = gate.below(9).await; // third
    gate.pass().await; // last
}

#[underscore_route(name = "for_loop")]
async fn for_loop(State(gate): State<Gate>) {
    for _ in 0..2 {
        gate.pass().await; // for begins
        let _ = gate.checked().await; // for ends
    }
    gate.pass().await; // after for
}

#[underscore_route(name = "while_let")]
async fn while_let(State(gate): State<Gate>) {
    // while let
    while let Some(_before) = gate.below(2).await {
        gate.pass().await; // in while let
    }
    gate.pass().await; // after while let
}

#[underscore_route(name = "endless_loop")]
async fn endless_loop(State(gate): State<Gate>) {
    let _broken = loop {
        // condition in loop
        if gate.pass().await < 1 {
            continue;
        }
        break gate.below(9).await; // out of loop
    };
    gate.pass().await; // after loop
}

#[underscore_route(name = "match_arms")]
async fn match_arms(State(gate): State<Gate>) -> StatusCode {
    loop {
        // scrutinee
        let number = match gate.pass().await {
            0 => gate.below(0).await.unwrap_or(0), // arm of zero
            // guard
            before if before < 5 && gate.pass().await > before => {
                gate.pass().await // arm behind the guard
            }
            _ => {
                let _ = gate.checked().await; // block of an arm
                break StatusCode::OK;
            }
        };
        assert_ne!(number, 9);
    }
}

async fn later(gate: &Gate) -> Result<impl Future<Output = Result<usize, StatusCode>>, StatusCode> {
    gate.pass().await;
    Ok(gate.checked())
}

#[underscore_route(name = "question_mark")]
async fn question_mark(State(gate): State<Gate>) -> Result<String, StatusCode> {
    gate.checked().await?; // before the mark
    gate.pass().await; // behind the mark
    later(&gate).await?.await?; // two in a line
    Ok(usize::to_string(&gate.checked().await?)) // argument
}

#[underscore_route(name = "conditions")]
async fn conditions(State(gate): State<Gate>) {
    // if let
    if let Some(before) = gate.below(9).await
        // and
        && gate.pass().await == before
    {
        unreachable!("one more is through");
    }
    if gate.passed() == 0 {
        unreachable!("two are through");
    // else if
    } else if gate.pass().await == 2 {
        gate.pass().await; // in else if
    }
    // let else
    let Some(_) = gate.below(1).await else {
        gate.pass().await; // in let else
        return;
    };
}

#[underscore_route(name = "over_lines")]
#[rustfmt::skip]
async fn over_lines(State(gate): State<Gate>) {
    gate
        .clone() // a comment is no part of the text
        .below(
            1 + 1
        )
        .await; // end of the chain
    let pinned = std::pin::pin!(gate.pass());
    pinned.await; // behind the chain
    let mut borrowed = Box::pin(gate.pass());
    (&mut borrowed).await; // borrowed
}
