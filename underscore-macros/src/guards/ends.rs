//! Puts an end of the claim before each statement that moves the value of a name, or may move it.

mod uses;

use proc_macro2::Span;
use quote::{ToTokens, quote_spanned};
use syn::visit_mut::VisitMut;
use syn::{
    Block, Expr, ExprBlock, ExprBreak, ExprCall, ExprContinue, ExprReturn, Ident, Stmt, Token,
    token,
};

use super::plan::Plan;
use super::{bindings, initializer, macro_tokens, names, renewal};
use crate::span;

/// Puts the ends of the claim of one name.
pub(super) struct Ends<'a> {
    name: &'a str,
    hold: Ident,
    /// The number of closures and async blocks around the visited code. They take what they move
    /// when they are created.
    captured: u32,
    /// True in a loop that reads the name.
    is_in_loop: bool,
    /// True if the visited statement moves the value.
    is_moved: bool,
    /// Methods that move the value if the type of the guard has them.
    methods: Vec<&'static str>,
    /// The number of ends.
    count: usize,
    /// True if the value is moved to where it may still be held.
    is_passed_on: bool,
}

/// A way in which a claim ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Release,
    HandOut,
    PassOn,
}

impl<'a> Ends<'a> {
    /// The ends of `hold`, the claim of `name`.
    pub(super) fn new(name: &'a str, hold: Ident) -> Self {
        Ends {
            name,
            hold,
            captured: 0,
            is_in_loop: false,
            is_moved: false,
            methods: Vec::new(),
            count: 0,
            is_passed_on: false,
        }
    }

    /// True if `stmts` move or replace the value of `name`.
    pub(super) fn are_needed(name: &str, stmts: &[Stmt]) -> bool {
        let mut ends = Ends::new(name, Ident::new("hold", Span::call_site()));
        ends.put(&mut stmts.to_vec());
        ends.count > 0
    }

    /// True if the evaluation of `expr` moves or replaces the value of `name`.
    pub(super) fn are_needed_in(name: &str, expr: &Expr) -> bool {
        Self::are_needed(name, &[Stmt::Expr(expr.clone(), None)])
    }

    pub(super) fn is_put(&self) -> bool {
        self.count > 0
    }

    pub(super) fn is_passed_on(&self) -> bool {
        self.is_passed_on
    }

    /// Puts the ends into `stmts`, the scope of the name. Returns the number of statements after
    /// which the claim has ended for certain.
    pub(super) fn put(&mut self, stmts: &mut Vec<Stmt>) -> Option<usize> {
        let outer = self.take();
        let mut done = Vec::with_capacity(stmts.len());
        let mut until = None;
        let mut rest = std::mem::take(stmts).into_iter();
        for index in 0.. {
            let Some(mut stmt) = rest.next() else { break };
            let after = self.end_after(&mut stmt, rest.as_slice());
            if after.is_none() {
                self.visit_stmt_mut(&mut stmt);
            }
            let before = self.end_before(&stmt, rest.len() == 0);
            let is_over = self.is_over_after(&stmt);
            if until.is_none() {
                until = match (&before, &after) {
                    (_, Some(after)) => after.is_certain.then_some(index + 1),
                    (Some(before), None) => before.is_certain.then_some(index),
                    (None, None) => None,
                };
            }
            done.extend(before.map(|end| end.stmt));
            done.push(stmt);
            done.extend(after.map(|end| end.stmt));
            if is_over {
                break;
            }
        }
        done.extend(rest);
        *stmts = done;
        self.is_moved |= outer.0;
        self.methods.extend(outer.1);
        until
    }

    /// True if what follows does not use the name, or is not reached.
    fn is_over_after(&self, stmt: &Stmt) -> bool {
        match stmt {
            // A condition may remove the other variable of this name.
            Stmt::Local(local) => {
                bindings::binds(&local.pat, self.name) && !bindings::has_condition(&local.attrs)
            }
            Stmt::Expr(
                Expr::Return(ExprReturn { attrs, .. })
                | Expr::Break(ExprBreak { attrs, .. })
                | Expr::Continue(ExprContinue { attrs, .. }),
                _,
            ) => !bindings::has_condition(attrs),
            _ => false,
        }
    }

    fn take(&mut self) -> (bool, Vec<&'static str>) {
        (
            std::mem::take(&mut self.is_moved),
            std::mem::take(&mut self.methods),
        )
    }

    /// The end to put before a visited statement. In a closure it is put before the statement that
    /// creates the closure.
    fn end_before(&mut self, stmt: &Stmt, is_last: bool) -> Option<PutEnd> {
        if self.captured > 0 {
            return None;
        }
        let (is_moved, methods) = self.take();
        if is_moved {
            let end = self.end_of(stmt, is_last);
            Some(self.end(end, stmt))
        } else if methods.is_empty() {
            None
        } else {
            Some(self.end_if_taken_by(&methods, stmt))
        }
    }

    fn end(&mut self, end: End, stmt: &Stmt) -> PutEnd {
        self.count = self.count.saturating_add(1);
        self.is_passed_on |= end == End::PassOn;
        let (hold, span) = (&self.hold, span_of(stmt));
        let call = match end {
            End::Release => quote_spanned!(span=> #hold.release()),
            End::HandOut => quote_spanned!(span=> #hold.hand_out()),
            End::PassOn => quote_spanned!(span=> #hold.pass_on()),
        };
        PutEnd::new(Expr::Verbatim(call), true)
    }

    fn end_if_taken_by(&mut self, methods: &[&str], stmt: &Stmt) -> PutEnd {
        self.count = self.count.saturating_add(1);
        let (hold, span) = (&self.hold, span_of(stmt));
        let call = quote_spanned!(span=> #hold.release_if_taken_by(&[#(#methods),*]));
        PutEnd::new(Expr::Verbatim(call), false)
    }

    fn end_of(&self, stmt: &Stmt, is_last: bool) -> End {
        let Stmt::Expr(expr, semicolon) = stmt else {
            return End::PassOn;
        };
        let value = match expr {
            Expr::Return(result) => result.expr.as_deref(),
            Expr::Break(result) => result.expr.as_deref(),
            _ if self.is_drop(expr) || semicolon.is_some() && self.is_it(expr) => {
                return End::Release;
            }
            _ => (is_last && semicolon.is_none()).then_some(expr),
        };
        match value {
            Some(value) if self.is_result(value) => End::HandOut,
            _ => End::PassOn,
        }
    }

    /// The end to put after a statement that keeps the guard until it is done. `rest` are the
    /// statements after it. Visits what is in the statement.
    fn end_after(&mut self, stmt: &mut Stmt, rest: &[Stmt]) -> Option<PutEnd> {
        if self.captured > 0 {
            return None;
        }
        match stmt {
            Stmt::Expr(Expr::Assign(assign), Some(_)) if self.is_it(&assign.left) => {
                self.visit_expr_mut(&mut assign.right);
                let is_renewed = !bindings::has_condition(&assign.attrs)
                    && initializer::may_give(&assign.right)
                    && (self.is_in_loop || initializer::is_read(self.name, rest));
                let renewal = PutEnd {
                    stmt: renewal::of(&self.hold, &assign.left),
                    is_certain: false,
                };
                let end = self.end(End::Release, stmt);
                Some(if is_renewed { renewal } else { end })
            }
            Stmt::Expr(expr, Some(_)) => {
                let method = self.completed(expr)?;
                Some(self.end_if_taken_by(&[method], stmt))
            }
            Stmt::Local(local) => match &local.init {
                Some(init) if init.diverge.is_none() => {
                    let method = self.completed(&init.expr)?;
                    Some(self.end_if_taken_by(&[method], stmt))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The method of `name.commit().await?`, which is pending while the guard still exists.
    fn completed(&self, expr: &Expr) -> Option<&'static str> {
        match expr {
            Expr::Try(tried) => self.completed(&tried.expr),
            Expr::Paren(paren) => self.completed(&paren.expr),
            Expr::Await(awaited) => match &*awaited.base {
                Expr::MethodCall(call) => {
                    let is_completed = names::is_kept_until_completion(&call.method)
                        && self.is_it(&call.receiver)
                        && call.args.is_empty();
                    names::guard_taker(&call.method).filter(|_| is_completed)
                }
                _ => None,
            },
            Expr::MethodCall(call) => {
                let is_plain = |arg: &Expr| {
                    !initializer::awaits_in(arg)
                        && !macro_tokens::has_word(&arg.to_token_stream(), self.name)
                };
                call.args
                    .iter()
                    .all(is_plain)
                    .then(|| self.completed(&call.receiver))
                    .flatten()
            }
            _ => None,
        }
    }

    fn is_it(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Path(path) => path.qself.is_none() && path.path.is_ident(self.name),
            Expr::Paren(paren) => self.is_it(&paren.expr),
            Expr::Group(group) => self.is_it(&group.expr),
            _ => false,
        }
    }

    /// `drop(name)`, by any path.
    fn is_drop(&self, expr: &Expr) -> bool {
        let Expr::Call(call) = expr else {
            return false;
        };
        is_call_of(call, &["drop"])
            && call.args.len() == 1
            && call.args.iter().all(|arg| self.is_it(arg))
    }

    /// `name`, `Ok(name)` or `Some(name)`.
    fn is_result(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Call(call) => {
                is_call_of(call, &["Ok", "Some"])
                    && call.args.len() == 1
                    && call.args.iter().all(|arg| self.is_it(arg))
            }
            _ => self.is_it(expr),
        }
    }

    /// Puts the end of the value of an arm, `body`, before it.
    fn visit_value(&mut self, body: &mut Expr) {
        let outer = self.take();
        self.visit_expr_mut(body);
        let stmt = Stmt::Expr(body.clone(), None);
        if let Some(end) = self.end_before(&stmt, true) {
            *body = block_of(vec![end.stmt, stmt]);
        }
        self.is_moved |= outer.0;
        self.methods.extend(outer.1);
    }
}

/// A statement that ends a claim.
struct PutEnd {
    stmt: Stmt,
    /// False if the type of the guard decides.
    is_certain: bool,
}

impl PutEnd {
    fn new(call: Expr, is_certain: bool) -> Self {
        PutEnd {
            stmt: Stmt::Expr(call, Some(<Token![;]>::default())),
            is_certain,
        }
    }
}

/// The location of generated code for `stmt`.
fn span_of(stmt: &Stmt) -> Span {
    let ends = span::ends(stmt.to_token_stream());
    span::generated_at(ends.map_or_else(Span::call_site, |(first, _)| first))
}

/// The block of `stmts` as an expression.
pub(super) fn block_of(stmts: Vec<Stmt>) -> Expr {
    Expr::Block(ExprBlock {
        attrs: Vec::new(),
        label: None,
        block: Block {
            brace_token: token::Brace::default(),
            stmts,
        },
    })
}

/// Calls `change` with the statements of a block, or of a new block around another expression if
/// that adds some.
pub(crate) fn with_statements(
    body: &mut Expr,
    change: impl FnOnce(&mut Vec<Stmt>) -> Vec<Plan>,
) -> Vec<Plan> {
    match body {
        Expr::Block(block) if block.label.is_none() && block.attrs.is_empty() => {
            change(&mut block.block.stmts)
        }
        other => {
            let mut stmts = vec![Stmt::Expr(other.clone(), None)];
            let plans = change(&mut stmts);
            if !plans.is_empty() {
                *other = block_of(stmts);
            }
            plans
        }
    }
}

fn is_call_of(call: &ExprCall, functions: &[&str]) -> bool {
    let Expr::Path(path) = &*call.func else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|last| functions.iter().any(|name| last.ident == name))
}
