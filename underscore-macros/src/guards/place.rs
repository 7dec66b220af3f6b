//! The lock that an await or a call is for: a place that can be evaluated twice.

use syn::{Expr, ExprMethodCall, UnOp};

use super::names;

/// The lock that a future waits for, if it is the call of a lock's method on a place.
pub(crate) fn lock_place(future: &Expr) -> Option<&Expr> {
    match future {
        Expr::Paren(paren) => lock_place(&paren.expr),
        Expr::Group(group) => lock_place(&group.expr),
        Expr::MethodCall(call) if names::is_lock(&call.method, call.args.len()) => call_place(call),
        Expr::Call(call) => {
            let is_timeout =
                is_function(&call.func, "timeout") || is_function(&call.func, "timeout_at");
            let future = call.args.last().filter(|_| is_timeout)?;
            lock_place(future)
        }
        _ => None,
    }
}

/// The place that a method is called on.
pub(crate) fn call_place(call: &ExprMethodCall) -> Option<&Expr> {
    place(&call.receiver)
}

/// The place that `expr` is, or is a clone of, if it has no effects.
fn place(expr: &Expr) -> Option<&Expr> {
    let is_place = match expr {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Unary(unary) => matches!(unary.op, UnOp::Deref(_)) && is_place(&unary.expr),
        Expr::Index(index) => {
            is_place(&index.expr) && matches!(&*index.index, Expr::Lit(_) | Expr::Path(_))
        }
        Expr::Paren(paren) => return place(&paren.expr),
        Expr::Group(group) => return place(&group.expr),
        Expr::Reference(reference) => return place(&reference.expr),
        Expr::MethodCall(call) if call.method == "clone" && call.args.is_empty() => {
            return place(&call.receiver);
        }
        Expr::Call(call) if is_function(&call.func, "clone") => match call.args.first()? {
            Expr::Reference(argument) if call.args.len() == 1 => return place(&argument.expr),
            _ => false,
        },
        _ => false,
    };
    is_place.then_some(expr)
}

/// True if `expr` itself is a place, and not the clone of one.
fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => is_place(&paren.expr),
        Expr::Group(group) => is_place(&group.expr),
        Expr::Reference(reference) => is_place(&reference.expr),
        Expr::Path(_) | Expr::Field(_) | Expr::Unary(_) | Expr::Index(_) => place(expr).is_some(),
        _ => false,
    }
}

fn is_function(function: &Expr, name: &str) -> bool {
    let Expr::Path(path) = function else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == name)
}
