//! Initializers whose value may be a guard, and statements in which the body can be pending.

use syn::visit::{self, Visit};
use syn::{
    BinOp, Expr, ExprAsync, ExprAwait, ExprClosure, ExprMethodCall, GenericArgument, Item, Macro,
    PathArguments, Stmt, Type, UnOp,
};

use super::{macro_tokens, names};

/// True if `expr` awaits or calls what may give a guard, and its value may be that guard.
pub(crate) fn may_give(expr: &Expr) -> bool {
    let mut finder = Finder {
        calls: true,
        ..Finder::default()
    };
    finder.visit_expr(expr);
    finder.found && may_be_value(expr)
}

/// True if `expr` is a guard by the name of the method that gives it.
pub(crate) fn is_giver(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => is_giver(&paren.expr),
        Expr::Group(group) => is_giver(&group.expr),
        Expr::Try(tried) => is_giver(&tried.expr),
        Expr::Await(awaited) => is_giver(&awaited.base),
        Expr::MethodCall(call) if names::is_wrapper(&call.method) => is_giver(&call.receiver),
        Expr::MethodCall(call) => {
            names::is_giver(&call.method, call.args.len()) || names::is_pool(&call.method)
        }
        _ => false,
    }
}

/// True if the body can be pending in `stmt`.
pub(super) fn awaits(stmt: &Stmt) -> bool {
    let mut finder = Finder::default();
    finder.visit_stmt(stmt);
    finder.found
}

/// True if the body can be pending in `expr`.
pub(super) fn awaits_in(expr: &Expr) -> bool {
    let mut finder = Finder::default();
    finder.visit_expr(expr);
    finder.found
}

/// False if the lints of unused variables or assignments may fire. A marker is a use, with which
/// they would not.
pub(super) fn is_read(name: &str, scope: &[Stmt]) -> bool {
    let mut stmts = scope.iter();
    match stmts.find(|stmt| macro_tokens::mentions(stmt, name)) {
        Some(Stmt::Expr(Expr::Assign(assign), _)) => {
            let value = Stmt::Expr((*assign.right).clone(), None);
            let is_overwritten =
                matches!(&*assign.left, Expr::Path(path) if path.path.is_ident(name));
            !is_overwritten || macro_tokens::mentions(&value, name)
        }
        Some(_) => true,
        None => false,
    }
}

/// Finds awaits of the body itself, and calls of givers if `calls`.
#[derive(Default)]
struct Finder {
    calls: bool,
    found: bool,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_expr_await(&mut self, _: &'ast ExprAwait) {
        self.found = true;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.found |= self.calls && names::is_giver(&call.method, call.args.len());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.found |= names::is_awaiting(mac) || macro_tokens::has_word(&mac.tokens, "await");
    }

    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}

    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}

    fn visit_item(&mut self, _: &'ast Item) {}
}

/// False if the value of `expr` cannot be a guard.
fn may_be_value(expr: &Expr) -> bool {
    match expr {
        Expr::Array(_)
        | Expr::Async(_)
        | Expr::Cast(_)
        | Expr::Closure(_)
        | Expr::Lit(_)
        | Expr::Range(_)
        | Expr::RawAddr(_)
        | Expr::Reference(_)
        | Expr::Repeat(_)
        | Expr::While(_)
        | Expr::ForLoop(_)
        | Expr::Assign(_) => false,
        Expr::Unary(unary) => matches!(unary.op, UnOp::Deref(_)),
        // Of operators, only the shift may have a guard as its value.
        Expr::Binary(binary) => matches!(binary.op, BinOp::Shl(_) | BinOp::Shr(_)),
        Expr::Paren(paren) => may_be_value(&paren.expr),
        Expr::Group(group) => may_be_value(&group.expr),
        Expr::Macro(mac) => !names::is_plain(&mac.mac),
        _ => true,
    }
}

/// Types of std and axum that are no guards and do not contain one.
const PLAIN_TYPES: [&str; 37] = [
    "bool",
    "char",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "str",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "Body",
    "Bytes",
    "Cow",
    "Duration",
    "HashMap",
    "HashSet",
    "HeaderMap",
    "Html",
    "Instant",
    "Json",
    "Rc",
    "Response",
    "StatusCode",
    "String",
    "Value",
    "Vec",
    "VecDeque",
];

/// False if a value of this type cannot be a guard, nor a `Result` or an `Option` of one.
pub(crate) fn may_be_guard(ty: &Type) -> bool {
    match ty {
        Type::Paren(paren) => may_be_guard(&paren.elem),
        Type::Group(group) => may_be_guard(&group.elem),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else {
                return true;
            };
            if PLAIN_TYPES.iter().any(|plain| last.ident == plain) {
                return false;
            }
            let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                return true;
            };
            let is_wrapper = last.ident == "Result" || last.ident == "Option";
            match arguments.args.first() {
                Some(GenericArgument::Type(inner)) if is_wrapper => may_be_guard(inner),
                _ => true,
            }
        }
        Type::ImplTrait(_) | Type::Infer(_) | Type::Macro(_) | Type::Verbatim(_) => true,
        _ => false,
    }
}
