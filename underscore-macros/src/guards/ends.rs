//! Puts an end of the claim before each statement that moves the value of a name, or may move it.

mod uses;

use proc_macro2::Span;
use quote::{ToTokens, quote};
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, ExprBlock, ExprCall, Ident, Stmt, Token, token};

use super::plan::Plan;
use super::{bindings, initializer, macro_tokens, names};

/// Puts the ends of the claim of one name.
pub(super) struct Ends<'a> {
    name: &'a str,
    hold: Ident,
    /// The number of closures and async blocks around the visited code. They take what they move
    /// when they are created.
    captured: u32,
    /// True if the visited statement moves the value.
    is_moved: bool,
    /// Methods that move the value if the type of the guard has them.
    methods: Vec<&'static str>,
    /// True if there is an end.
    is_put: bool,
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
            is_moved: false,
            methods: Vec::new(),
            is_put: false,
            is_passed_on: false,
        }
    }

    /// True if `stmts` move or replace the value of `name`.
    pub(super) fn are_needed(name: &str, stmts: &[Stmt]) -> bool {
        let mut ends = Ends::new(name, Ident::new("hold", Span::call_site()));
        ends.put(&mut stmts.to_vec());
        ends.is_put
    }

    /// True if the evaluation of `expr` moves or replaces the value of `name`.
    pub(super) fn are_needed_in(name: &str, expr: &Expr) -> bool {
        Self::are_needed(name, &[Stmt::Expr(expr.clone(), None)])
    }

    pub(super) fn is_put(&self) -> bool {
        self.is_put
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
        let mut is_shadowed = false;
        let count = stmts.len();
        for (index, mut stmt) in std::mem::take(stmts).into_iter().enumerate() {
            if is_shadowed {
                done.push(stmt);
                continue;
            }
            let end_after = self.end_after(&mut stmt);
            if end_after.is_none() {
                self.visit_stmt_mut(&mut stmt);
            }
            let end = self.end_before(&stmt, index.saturating_add(1) == count);
            // A condition may remove the other variable of this name.
            is_shadowed = matches!(&stmt, Stmt::Local(local)
                if bindings::binds(&local.pat, self.name)
                    && !bindings::has_condition(&local.attrs));
            match (end_after, end) {
                (Some(end), _) => {
                    until = until.or(end.is_certain.then_some(index.saturating_add(1)));
                    done.extend([stmt, end.stmt]);
                }
                (None, Some(end)) => {
                    until = until.or(end.is_certain.then_some(index));
                    done.extend([end.stmt, stmt]);
                }
                (None, None) => done.push(stmt),
            }
        }
        *stmts = done;
        self.is_moved |= outer.0;
        self.methods.extend(outer.1);
        until
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
            Some(self.end(end))
        } else if methods.is_empty() {
            None
        } else {
            Some(self.end_if_taken_by(&methods))
        }
    }

    fn end(&mut self, end: End) -> PutEnd {
        self.is_passed_on |= end == End::PassOn;
        let hold = self.hold();
        let call = match end {
            End::Release => quote!(#hold.release()),
            End::HandOut => quote!(#hold.hand_out()),
            End::PassOn => quote!(#hold.pass_on()),
        };
        PutEnd::new(Expr::Verbatim(call), true)
    }

    fn end_if_taken_by(&mut self, methods: &[&str]) -> PutEnd {
        let hold = self.hold();
        let call = quote!(#hold.release_if_taken_by(&[#(#methods),*]));
        PutEnd::new(Expr::Verbatim(call), false)
    }

    fn hold(&mut self) -> Ident {
        self.is_put = true;
        self.hold.clone()
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

    /// The end to put after a statement that keeps the guard until it is done. Visits what is in
    /// the statement.
    fn end_after(&mut self, stmt: &mut Stmt) -> Option<PutEnd> {
        if self.captured > 0 {
            return None;
        }
        match stmt {
            Stmt::Expr(Expr::Assign(assign), Some(_)) if self.is_it(&assign.left) => {
                if Self::are_moved_in(self.name, &assign.right) {
                    return None;
                }
                self.visit_expr_mut(&mut assign.right);
                self.take();
                Some(self.end(End::Release))
            }
            Stmt::Expr(expr, Some(_)) => {
                let method = self.completed(expr)?;
                Some(self.end_if_taken_by(&[method]))
            }
            Stmt::Local(local) => match &local.init {
                Some(init) if init.diverge.is_none() => {
                    let method = self.completed(&init.expr)?;
                    Some(self.end_if_taken_by(&[method]))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// True if the statement around `expr` moves the value, and not one in a block of it.
    fn are_moved_in(name: &str, expr: &Expr) -> bool {
        let mut ends = Ends::new(name, Ident::new("hold", Span::call_site()));
        ends.visit_expr_mut(&mut expr.clone());
        ends.is_moved || !ends.methods.is_empty()
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
