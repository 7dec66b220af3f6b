//! Awaits in the tokens of macros.

use std::fmt::Write;
use std::future::pending;

use axum::extract::State;
use axum::routing::get;
use futures_util::FutureExt;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::case::Case;
use crate::gate::Gate;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "in_format",
        handler: || get(in_format),
        stacks: &[&["* in_macros::in_format <in format> gate.pass()"]],
    },
    Case {
        name: "in_format_named",
        handler: || get(in_format_named),
        stacks: &[&["* in_macros::in_format_named <in format, named> gate.pass()"]],
    },
    Case {
        name: "in_println",
        handler: || get(in_println),
        stacks: &[&["* in_macros::in_println <in println> gate.pass()"]],
    },
    Case {
        name: "in_eprintln",
        handler: || get(in_eprintln),
        stacks: &[&["* in_macros::in_eprintln <in eprintln> gate.pass()"]],
    },
    Case {
        name: "in_write",
        handler: || get(in_write),
        stacks: &[&["* in_macros::in_write <in write> gate.pass()"]],
    },
    Case {
        name: "in_vec",
        handler: || get(in_vec),
        stacks: &[&["* in_macros::in_vec <in vec> gate.pass()"]],
    },
    Case {
        name: "in_vec_repeat",
        handler: || get(in_vec_repeat),
        stacks: &[&["* in_macros::in_vec_repeat <in vec, repeated> gate.pass()"]],
    },
    Case {
        name: "in_json",
        handler: || get(in_json),
        stacks: &[&["* in_macros::in_json <in json> gate.pass()"]],
    },
    Case {
        name: "in_assert",
        handler: || get(in_assert),
        stacks: &[&["* in_macros::in_assert <in assert> gate.pass()"]],
    },
    Case {
        name: "in_assert_eq",
        handler: || get(in_assert_eq),
        stacks: &[&["* in_macros::in_assert_eq <in assert_eq> gate.pass()"]],
    },
    Case {
        name: "in_assert_ne",
        handler: || get(in_assert_ne),
        stacks: &[&["* in_macros::in_assert_ne <in assert_ne> gate.pass()"]],
    },
    Case {
        name: "in_debug_assert",
        handler: || get(in_debug_assert),
        stacks: &[&["* in_macros::in_debug_assert <in debug_assert> gate.pass()"]],
    },
    Case {
        name: "in_matches",
        handler: || get(in_matches),
        stacks: &[&["* in_macros::in_matches <in matches> gate.pass()"]],
    },
    Case {
        name: "in_nested",
        handler: || get(in_nested),
        stacks: &[&["* in_macros::in_nested <in nested macros> gate.pass()"]],
    },
    Case {
        name: "in_argument",
        handler: || get(in_argument),
        stacks: &[&["* in_macros::in_argument <in a macro in a call> gate.pass()"]],
    },
    Case {
        name: "in_format_args",
        handler: || get(in_format_args),
        stacks: &[&["* in_macros::in_format_args <in format_args> gate.pass()"]],
    },
    Case {
        name: "in_select",
        handler: || get(in_select),
        stacks: &[&[
            "* in_macros::in_select <gate of a select> gate.pass()",
            "  in_macros::in_select <other of a select> pending()",
        ]],
    },
    Case {
        name: "in_select_after_an_await",
        handler: || get(in_select_after_an_await),
        stacks: &[&["* in_macros::in_select_after_an_await <the only branch> gate.pass()"]],
    },
    Case {
        name: "in_select_handler",
        handler: || get(in_select_handler),
        stacks: &[&["* in_macros::in_select_handler <in a branch's code> gate.pass()"]],
    },
    Case {
        name: "in_select_conditions",
        handler: || get(in_select_conditions),
        stacks: &[&["* in_macros::in_select_conditions <with a condition> gate.pass()"]],
    },
    Case {
        name: "in_select_of_futures",
        handler: || get(in_select_of_futures),
        stacks: &[&[
            "* in_macros::in_select_of_futures <a futures' branch> Box::pin(gate.pass()).fuse()",
        ]],
    },
    Case {
        name: "in_select_of_a_name",
        handler: || get(in_select_of_a_name),
        stacks: &[&["* in_macros::in_select_of_a_name <select of a name> futures_util::select!"]],
    },
    Case {
        name: "in_try_join",
        handler: || get(in_try_join),
        stacks: &[&[
            "* in_macros::in_try_join <one of try_join> gate.checked()",
            "  in_macros::in_try_join <other of try_join> gate.checked()",
        ]],
    },
    Case {
        name: "in_join_of_names",
        handler: || get(in_join_of_names),
        stacks: &[&[
            "  in_macros::in_join_of_names <joined by name> one",
            "*   in_macros::in_join_of_names <behind the name> gate.pass()",
        ]],
    },
    Case {
        name: "in_join_of_futures",
        handler: || get(in_join_of_futures),
        stacks: &[&["* in_macros::in_join_of_futures <joined by futures> gate.pass()"]],
    },
    Case {
        name: "in_select_of_a_name_and_another",
        handler: || get(in_select_of_a_name_and_another),
        stacks: &[&[
            "* in_macros::in_select_of_a_name_and_another <in the named one> gate.pass()",
            "  in_macros::in_select_of_a_name_and_another <beside a name> pending::<()>()",
        ]],
    },
    Case {
        name: "in_own_below",
        handler: || get(in_own_below),
        stacks: &[&[
            "* in_macros::below <below an own macro> gate.pass()",
            "  in_macros::in_own_below <own macro with a helper> awaited!",
        ]],
    },
    Case {
        name: "in_own",
        handler: || get(in_own),
        stacks: &[&["* in_macros::in_own <own macro> awaited!"]],
    },
    Case {
        name: "in_own_let",
        handler: || get(in_own_let),
        stacks: &[
            &["* in_macros::in_own_let <own macro in a let> awaited!"],
            &["* in_macros::in_own_let <behind the own macro> gate.pass()"],
        ],
    },
    Case {
        name: "in_own_value",
        handler: || get(in_own_value),
        stacks: &[&["* in_macros::in_own_value <own macro as a value> awaited!"]],
    },
];

#[underscore_route(name = "in_format")]
async fn in_format(State(gate): State<Gate>) {
    let _text = format!("{}", gate.pass().await); // in format
}

#[underscore_route(name = "in_format_named")]
async fn in_format_named(State(gate): State<Gate>) {
    let name = "x";
    let _text = format!("{name} {n}", n = gate.pass().await); // in format, named
}

#[underscore_route(name = "in_println")]
async fn in_println(State(gate): State<Gate>) {
    println!("{}", gate.pass().await); // in println
}

#[underscore_route(name = "in_eprintln")]
async fn in_eprintln(State(gate): State<Gate>) {
    eprintln!("{}", gate.pass().await); // in eprintln
}

#[underscore_route(name = "in_write")]
async fn in_write(State(gate): State<Gate>) {
    let mut text = String::new();
    let _ = write!(text, "{}", gate.pass().await); // in write
}

#[underscore_route(name = "in_vec")]
async fn in_vec(State(gate): State<Gate>) {
    let all: Vec<usize> = vec![0, gate.pass().await]; // in vec
    drop(all);
}

#[underscore_route(name = "in_vec_repeat")]
async fn in_vec_repeat(State(gate): State<Gate>) {
    let all: Vec<usize> = vec![gate.pass().await; 2]; // in vec, repeated
    drop(all);
}

#[underscore_route(name = "in_json")]
async fn in_json(State(gate): State<Gate>) {
    let _value = serde_json::json!({
        "a": [1, {"b": gate.pass().await}], // in json
        "c": null,
    });
}

#[underscore_route(name = "in_assert")]
async fn in_assert(State(gate): State<Gate>) {
    assert!(gate.pass().await < 9); // in assert
}

#[underscore_route(name = "in_assert_eq")]
async fn in_assert_eq(State(gate): State<Gate>) {
    assert_eq!(gate.pass().await, 0, "first"); // in assert_eq
}

#[underscore_route(name = "in_assert_ne")]
async fn in_assert_ne(State(gate): State<Gate>) {
    assert_ne!(9, gate.pass().await); // in assert_ne
}

#[underscore_route(name = "in_debug_assert")]
async fn in_debug_assert(State(gate): State<Gate>) {
    debug_assert!(gate.pass().await < 9, "{}", 1); // in debug_assert
}

#[underscore_route(name = "in_matches")]
async fn in_matches(State(gate): State<Gate>) {
    let _is = matches!(gate.pass().await, 0 | 1); // in matches
}

#[underscore_route(name = "in_nested")]
async fn in_nested(State(gate): State<Gate>) {
    let _text = format!("{:?}", vec![gate.pass().await]); // in nested macros
}

#[underscore_route(name = "in_argument")]
async fn in_argument(State(gate): State<Gate>) {
    drop(format!("{}", gate.pass().await)); // in a macro in a call
}

#[underscore_route(name = "in_format_args")]
async fn in_format_args(State(gate): State<Gate>) {
    let _ = format_args!("{}", gate.pass().await); // in format_args
}

#[underscore_route(name = "in_select")]
async fn in_select(State(gate): State<Gate>) {
    tokio::select! {
        _ = gate.pass() => {} // gate of a select
        () = pending() => {} // other of a select
    }
}

#[underscore_route(name = "in_select_after_an_await")]
async fn in_select_after_an_await(State(gate): State<Gate>) {
    std::future::ready(()).await;
    tokio::select! {
        _ = gate.pass() => {} // the only branch
    }
}

#[underscore_route(name = "in_select_handler")]
async fn in_select_handler(State(gate): State<Gate>) -> String {
    tokio::select! {
        biased;
        n = async { 1 } => {
            let more = gate.pass().await; // in a branch's code
            (n + more).to_string()
        }
        else => String::new(),
    }
}

#[underscore_route(name = "in_select_conditions")]
async fn in_select_conditions(State(gate): State<Gate>) {
    let mut kept = Box::pin(gate.pass());
    let is_wanted = gate.was_reached();
    tokio::select! {
        Some(_) = async { None::<u8> }, if is_wanted => {}
        _ = gate.pass(), if !is_wanted => {} // with a condition
        _ = &mut kept, if is_wanted => {}
        else => {}
    }
}

#[underscore_route(name = "in_select_of_futures")]
async fn in_select_of_futures(State(gate): State<Gate>) {
    futures_util::select! {
        _ = Box::pin(gate.pass()).fuse() => {} // a futures' branch
    }
}

#[underscore_route(name = "in_select_of_a_name")]
async fn in_select_of_a_name(State(gate): State<Gate>) {
    let mut kept = Box::pin(gate.pass().fuse());
    let mut turns = 0;
    while turns < 2 {
        // select of a name
        futures_util::select! {
            _ = kept => turns += 1,
            complete => break,
        }
    }
}

#[underscore_route(name = "in_try_join")]
async fn in_try_join(State(gate): State<Gate>) {
    let _ = tokio::try_join!(
        gate.checked(), // one of try_join
        gate.checked(), // other of try_join
    );
}

#[underscore_route(name = "in_join_of_names")]
async fn in_join_of_names(State(gate): State<Gate>) {
    let one = async { gate.pass().await }; // behind the name
    let two = async {};
    // joined by name
    tokio::join!(one, two);
}

#[underscore_route(name = "in_join_of_futures")]
async fn in_join_of_futures(State(gate): State<Gate>) {
    futures_util::join!(gate.pass(), async {}); // joined by futures
}

#[underscore_route(name = "in_select_of_a_name_and_another")]
async fn in_select_of_a_name_and_another(State(gate): State<Gate>) {
    use tokio::select;
    let named = async {
        gate.pass().await; // in the named one
    };
    select! {
        () = named => {}
        () = pending::<()>() => {} // beside a name
    }
}

/// A macro of the host.
macro_rules! awaited {
    ($($future:tt)*) => {
        $($future)*
    };
}

#[underscore_route(name = "in_own")]
async fn in_own(State(gate): State<Gate>) {
    awaited!(gate.pass().await); // own macro
}

#[underscore_frame]
async fn below(gate: &Gate) {
    gate.pass().await; // below an own macro
}

#[underscore_route(name = "in_own_below")]
async fn in_own_below(State(gate): State<Gate>) {
    awaited!(below(&gate).await); // own macro with a helper
}

#[underscore_route(name = "in_own_let")]
async fn in_own_let(State(gate): State<Gate>) {
    let _n = awaited!(gate.pass().await); // own macro in a let
    gate.pass().await; // behind the own macro
}

#[underscore_route(name = "in_own_value")]
async fn in_own_value(State(gate): State<Gate>) -> String {
    drop(gate.clone());
    awaited!(gate.pass().await.to_string()) // own macro as a value
}
