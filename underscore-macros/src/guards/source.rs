//! The awaits and calls that the value of an expression comes from.
//!
//! Only of these may a lock be attributed to a guard: in
//! `{ let n = *a.lock().await; b.lock().await }` the guard is of `b`. They are marked with an
//! attribute, which moves with the expression until it is rewritten.

use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Block, Expr, ExprAsync, ExprAwait, ExprCall, ExprClosure, ExprMatch, ExprReturn,
    Item, Pat, Stmt, parse_quote,
};

use super::ends::Ends;
use super::{bindings, names};

const MARK: &str = "__underscore_source";

/// Marks the sources of the value of `expr` and returns their number. If it may also come from
/// elsewhere, nothing is marked: a source that gives nothing this time must not be taken for the
/// one.
pub(crate) fn mark(expr: &mut Expr) -> usize {
    let found = Walk { marks: false }.value(expr);
    if !found.is_complete() {
        return 0;
    }
    Walk { marks: true }.value(expr);
    found.sources
}

/// Marks the sources of the values that the function with this body returns.
pub(crate) fn mark_results(body: &mut Block) {
    let mut results = Results;
    results.visit_block_mut(body);
    mark_value(body);
}

fn mark_value(block: &mut Block) {
    let found = Walk { marks: false }.block(block);
    if found.is_complete() {
        Walk { marks: true }.block(block);
    }
}

/// Marks the values of `return`.
struct Results;

impl VisitMut for Results {
    fn visit_expr_return_mut(&mut self, result: &mut ExprReturn) {
        if let Some(value) = &mut result.expr {
            mark(value);
        }
        visit_mut::visit_expr_return_mut(self, result);
    }

    // The text of an await is taken with its marks.
    fn visit_expr_await_mut(&mut self, _: &mut ExprAwait) {}

    fn visit_expr_async_mut(&mut self, _: &mut ExprAsync) {}

    fn visit_expr_closure_mut(&mut self, _: &mut ExprClosure) {}

    fn visit_item_mut(&mut self, _: &mut Item) {}
}

/// Removes the mark. True if there was one.
pub(crate) fn take_mark(attrs: &mut Vec<Attribute>) -> bool {
    let before = attrs.len();
    attrs.retain(|attr| !attr.path().is_ident(MARK));
    attrs.len() < before
}

fn set_mark(attrs: &mut Vec<Attribute>) {
    if !attrs.iter().any(|attr| attr.path().is_ident(MARK)) {
        attrs.push(parse_quote!(#[__underscore_source]));
    }
}

/// What the value of an expression comes from.
struct Found {
    /// False if it may come from elsewhere than an await, a call of a giver, or one of `names`.
    is_known: bool,
    /// The number of awaits and calls.
    sources: usize,
    names: Vec<String>,
}

impl Found {
    /// What has no value.
    fn never() -> Self {
        Found {
            is_known: true,
            sources: 0,
            names: Vec::new(),
        }
    }

    fn unknown() -> Self {
        Found {
            is_known: false,
            ..Found::never()
        }
    }

    fn is_complete(&self) -> bool {
        self.is_known && self.names.is_empty()
    }

    fn merge(&mut self, other: Found) {
        self.is_known &= other.is_known;
        self.sources = self.sources.saturating_add(other.sources);
        self.names.extend(other.names);
    }

    /// Removes the names that `pat` binds to the value that it matches. True if there are any.
    /// Other names that it binds are unknown.
    fn resolve(&mut self, pat: &Pat) -> bool {
        let before = self.names.len();
        self.names.retain(|name| !bindings::binds_value(pat, name));
        self.is_known &= !self.names.iter().any(|name| bindings::binds(pat, name));
        self.names.len() < before
    }
}

struct Walk {
    marks: bool,
}

impl Walk {
    fn value(&self, expr: &mut Expr) -> Found {
        match expr {
            Expr::Paren(paren) => self.value(&mut paren.expr),
            Expr::Group(group) => self.value(&mut group.expr),
            Expr::Try(tried) => self.value(&mut tried.expr),
            Expr::Unsafe(block) => self.block(&mut block.block),
            Expr::Block(block) if block.label.is_none() => self.block(&mut block.block),
            Expr::Await(awaited) => self.awaited(awaited),
            Expr::MethodCall(call) if names::is_wrapper(&call.method) => {
                self.value(&mut call.receiver)
            }
            Expr::MethodCall(call) if names::is_giver(&call.method, call.args.len()) => {
                self.mark(&mut call.attrs)
            }
            Expr::Call(call) => self.wrapped(call),
            Expr::Path(path) if path.qself.is_none() => match path.path.get_ident() {
                Some(name) => Found {
                    names: vec![name.to_string()],
                    ..Found::never()
                },
                None => Found::unknown(),
            },
            Expr::If(branch) => {
                let mut found = self.block(&mut branch.then_branch);
                if let Expr::Let(matched) = &mut *branch.cond
                    && found.resolve(&matched.pat)
                {
                    found.merge(self.value(&mut matched.expr));
                }
                match &mut branch.else_branch {
                    Some((_, other)) => found.merge(self.value(other)),
                    None => found.is_known = false,
                }
                found
            }
            Expr::Match(matched) => self.matched(matched),
            Expr::Break(_) | Expr::Continue(_) | Expr::Return(_) => Found::never(),
            Expr::Macro(mac) if names::is_panic(&mac.mac) => Found::never(),
            _ => Found::unknown(),
        }
    }

    fn mark(&self, attrs: &mut Vec<Attribute>) -> Found {
        if self.marks {
            set_mark(attrs);
        }
        Found {
            sources: 1,
            ..Found::never()
        }
    }

    /// An await, and the value of the block that it awaits.
    fn awaited(&self, awaited: &mut ExprAwait) -> Found {
        if self.marks
            && let Expr::Async(block) = &mut *awaited.base
        {
            mark_value(&mut block.block);
        }
        self.mark(&mut awaited.attrs)
    }

    /// `Ok(value)` and `Some(value)`.
    fn wrapped(&self, call: &mut ExprCall) -> Found {
        let is_wrapper = matches!(&*call.func, Expr::Path(path) if {
            let last = path.path.segments.last();
            last.is_some_and(|last| last.ident == "Ok" || last.ident == "Some")
        });
        match call.args.first_mut() {
            Some(value) if is_wrapper => self.value(value),
            _ => Found::unknown(),
        }
    }

    fn matched(&self, matched: &mut ExprMatch) -> Found {
        let mut found = Found::never();
        let mut is_resolved = false;
        for arm in &mut matched.arms {
            let mut value = self.value(&mut arm.body);
            is_resolved |= value.resolve(&arm.pat);
            found.merge(value);
        }
        if is_resolved {
            found.merge(self.value(&mut matched.expr));
        }
        found
    }

    fn block(&self, block: &mut Block) -> Found {
        let Some((Stmt::Expr(value, None), rest)) = block.stmts.split_last_mut() else {
            // Its end is not reached, or it has no value.
            return Found::unknown();
        };
        let mut found = self.value(value);
        for index in (0..rest.len()).rev() {
            if found.names.is_empty() {
                break;
            }
            let (before, after) = rest.split_at_mut(index.saturating_add(1));
            let Some(Stmt::Local(local)) = before.last_mut() else {
                continue;
            };
            let is_changed = found.names.iter().any(|name| {
                bindings::binds_value(&local.pat, name) && Ends::are_needed(name, after)
            });
            found.is_known &= !is_changed && !bindings::has_condition(&local.attrs);
            if found.resolve(&local.pat) {
                match &mut local.init {
                    Some(init) => found.merge(self.value(&mut init.expr)),
                    None => found.is_known = false,
                }
            }
        }
        found
    }
}
