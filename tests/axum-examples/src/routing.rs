//! Recognizes routing calls and the handlers that they mount.

use syn::{Expr, ExprCall, ExprMethodCall, ExprPath};

/// Functions and methods that take a handler: the last argument, or the first of aide's functions
/// that end in `_with`.
const ROUTING: &[&str] = &[
    "get", "post", "put", "delete", "patch", "head", "options", "trace", "connect", "any", "on",
];

/// Those of axum-extra.
const TYPED: &[&str] = &[
    "typed_get",
    "typed_post",
    "typed_put",
    "typed_delete",
    "typed_patch",
    "typed_head",
    "typed_options",
    "typed_trace",
    "typed_connect",
];

const FALLBACK: &[&str] = &["fallback", "method_not_allowed_fallback"];

/// Methods of a handler that turn it into a service.
const OF_A_HANDLER: &[&str] = &[
    "layer",
    "with_state",
    "into_service",
    "into_make_service",
    "into_make_service_with_connect_info",
];

/// An item mounted by a routing call.
pub(crate) struct Mount {
    pub(crate) handler: Mounted,
    pub(crate) line: usize,
    /// The path of the function that mounts it.
    pub(crate) caller: Vec<String>,
    /// True if the call can only be a router's. `client.post(url)` is not.
    pub(crate) is_method_of_router: bool,
}

pub(crate) enum Mounted {
    Path(Vec<String>),
    Closure,
    /// Something else, as a description.
    Other(&'static str),
}

impl Mount {
    fn new(expr: &Expr, caller: Vec<String>, is_method_of_router: bool) -> Self {
        Mount {
            handler: mounted(expr),
            line: syn::spanned::Spanned::span(expr).start().line,
            caller,
            is_method_of_router,
        }
    }

    pub(crate) fn is_typed(&self) -> bool {
        let last = self.caller.last();
        last.is_some_and(|last| TYPED.contains(&last.as_str()))
    }
}

pub(crate) fn of_call(call: &ExprCall) -> Option<Mount> {
    let Expr::Path(function) = &*call.func else {
        return None;
    };
    let caller = segments(function)?;
    // `reqwest::get(url)`
    let is_of_axum = |module: &String| module == "routing" || module == "crate" || module == "self";
    if caller.len() > 1 && !caller.iter().any(is_of_axum) {
        return None;
    }
    let (name, is_first) = verb(caller.last()?)?;
    let all = ROUTING.contains(&name) || TYPED.contains(&name);
    let handler = if is_first {
        call.args.first()
    } else {
        call.args.last()
    };
    let is_call = all && call.args.len() <= 2;
    is_call.then(|| handler.map(|handler| Mount::new(handler, caller.clone(), false)))?
}

pub(crate) fn of_method_call(call: &ExprMethodCall) -> Option<Mount> {
    let method = call.method.to_string();
    if OF_A_HANDLER[2..].contains(&method.as_str()) {
        let is_path = matches!(*call.receiver, Expr::Path(_));
        return is_path.then(|| Mount::new(&call.receiver, vec![method], false));
    }
    let (name, is_first) = verb(&method)?;
    let is_verb = ROUTING.contains(&name);
    let is_chain = is_verb && is_routing(&call.receiver);
    let is_fallback = FALLBACK.contains(&name);
    // `map.get(key)`
    if !(is_chain || is_fallback || TYPED.contains(&name) || is_verb && name != "get") {
        return None;
    }
    let handler = if is_first {
        call.args.first()
    } else {
        call.args.last()
    };
    handler.map(|handler| Mount::new(handler, vec![method.clone()], is_chain || is_fallback))
}

/// An argument of `routes!`.
pub(crate) fn of_routes(argument: &Expr) -> Mount {
    Mount::new(argument, vec!["routes".to_owned()], true)
}

/// The name of a method without `_with`, and true if it had that suffix.
fn verb(name: &str) -> Option<(&str, bool)> {
    match name.strip_suffix("_with") {
        Some(verb) => ROUTING.contains(&verb).then_some((verb, true)),
        None => Some((name, false)),
    }
}

fn mounted(expr: &Expr) -> Mounted {
    match expr {
        Expr::Closure(_) => Mounted::Closure,
        Expr::Paren(inner) => mounted(&inner.expr),
        Expr::Group(inner) => mounted(&inner.expr),
        // `kv_get.layer(...)`
        Expr::MethodCall(call) if OF_A_HANDLER.iter().any(|name| call.method == name) => {
            mounted(&call.receiver)
        }
        Expr::Path(path) => segments(path).map_or(
            Mounted::Other("a function of a type, which has no attribute of its own"),
            Mounted::Path,
        ),
        Expr::Call(_) | Expr::MethodCall(_) => Mounted::Other("what a call returns"),
        _ => Mounted::Other("not a function's name"),
    }
}

/// `None` for `<Type as Trait>::function`.
fn segments(path: &ExprPath) -> Option<Vec<String>> {
    let segments = path.path.segments.iter();
    let names = segments.map(|segment| segment.ident.to_string());
    path.qself.is_none().then(|| names.collect())
}

/// True if a chain of routing calls begins here.
fn is_routing(receiver: &Expr) -> bool {
    match receiver {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let names = segments(path).unwrap_or_default();
                let last = names.last().and_then(|last| verb(last));
                let is_verb = last.is_some_and(|(last, _)| {
                    ROUTING.contains(&last) || last.ends_with("_service") || TYPED.contains(&last)
                });
                let is_of_router = names.iter().any(|name| name.ends_with("MethodRouter"));
                is_verb && !names.iter().any(|name| name == "reqwest") || is_of_router
            }
            _ => false,
        },
        Expr::MethodCall(call) => is_routing(&call.receiver),
        _ => false,
    }
}
