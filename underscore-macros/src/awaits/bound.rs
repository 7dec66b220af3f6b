//! Bindings of what was awaited, with the markers of the guards among them.

use std::ops::Range;

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{BinOp, Block, Expr, ExprMatch, Local, Stmt};

use super::imports::Import;
use super::{AwaitRewriter, POINTS, Point};
use crate::guards::{self, Plan};
use crate::span;

impl AwaitRewriter {
    /// Rewrites statements, and adds the markers of what they bind.
    pub(super) fn rewrite_stmts(&mut self, stmts: &mut Vec<Stmt>) {
        let mut rest = std::mem::take(stmts);
        while !rest.is_empty() {
            let mut stmt = rest.remove(0);
            let mut markers = Vec::new();
            let around = match &mut stmt {
                Stmt::Local(local) => self.rewrite_local(local, &mut rest, &mut markers),
                Stmt::Expr(Expr::Assign(assign), _)
                    if rest.first().is_some_and(guards::is_renewal) =>
                {
                    let renewal = rest.remove(0);
                    let (points, around) = self.rewrite_bound(&mut assign.right, true);
                    self.imports.name(Import::Hold, Span::call_site());
                    markers.push(guards::renew(renewal, &points));
                    around
                }
                other => self.rewrite_stmt(other),
            };
            match around {
                // The value of the block exists when the guard is dropped at its end.
                Some((begin, _)) if is_value(&stmt) => stmts.extend([begin, stmt]),
                Some((begin, end)) => stmts.extend([begin, stmt, end]),
                None => stmts.push(stmt),
            }
            stmts.append(&mut markers);
        }
    }

    /// Rewrites a statement that binds nothing. Returns the statements to put around it if it is an
    /// opaque macro.
    fn rewrite_stmt(&mut self, stmt: &mut Stmt) -> Option<(Stmt, Stmt)> {
        let mac = match stmt {
            Stmt::Macro(stmt) => &mut stmt.mac,
            Stmt::Expr(Expr::Macro(expr), _) => &mut expr.mac,
            other => {
                self.visit_stmt_mut(other);
                return None;
            }
        };
        self.rewrite_direct_macro(mac)
    }

    /// Rewrites a `let`, and the statements of its scope, `rest`, where they end a claim. Returns
    /// the statements to put around it if its value is an opaque macro.
    fn rewrite_local(
        &mut self,
        local: &mut Local,
        rest: &mut Vec<Stmt>,
        markers: &mut Vec<Stmt>,
    ) -> Option<(Stmt, Stmt)> {
        let init = local.init.as_mut()?;
        let plans = self
            .planner
            .plan_local(&local.attrs, &local.pat, &init.expr, rest);
        let (points, around) = self.rewrite_bound(&mut init.expr, !plans.is_empty());
        if let Some((_, diverge)) = &mut init.diverge {
            self.visit_expr_mut(diverge);
        }
        markers.extend(self.markers(&plans, &points));
        around
    }

    /// Rewrites what a pattern matches. The first value is the points at which it may have been
    /// acquired, if it gets a marker. The second one is as in `rewrite_local`.
    fn rewrite_bound(
        &mut self,
        value: &mut Expr,
        has_marker: bool,
    ) -> (TokenStream, Option<(Stmt, Stmt)>) {
        if !has_marker {
            return (TokenStream::new(), self.rewrite_value(value));
        }
        let whole = self.whole(value);
        let sources = guards::mark(value);
        let before = self.sources.len();
        let around = self.rewrite_value(value);
        let found = self.sources.get(before..).unwrap_or_default();
        let is_last = |source: usize| source.saturating_add(1) == self.found.len();
        let first = match (sources, found) {
            // What is shown if no acquisition was noted. A line of another guard would be false.
            (1, [source]) if is_last(*source) => *source,
            (_, [first, ..]) if sources > 0 => {
                let first = *first;
                self.found.push(whole);
                first
            }
            _ => {
                self.found.push(whole);
                self.found.len().saturating_sub(1)
            }
        };
        (points(first..self.found.len()), around)
    }

    fn rewrite_value(&mut self, value: &mut Expr) -> Option<(Stmt, Stmt)> {
        match value {
            Expr::Macro(expr) => self.rewrite_direct_macro(&mut expr.mac),
            other => {
                self.visit_expr_mut(other);
                None
            }
        }
    }

    /// The point of a whole value.
    pub(super) fn whole(&self, value: &Expr) -> Point {
        let span =
            span::ends(value.to_token_stream()).map_or_else(Span::call_site, |(first, _)| first);
        self.point(span, value)
    }

    pub(super) fn markers(&mut self, plans: &[Plan], points: &TokenStream) -> Vec<Stmt> {
        if !plans.is_empty() {
            self.imports.name(Import::Hold, Span::call_site());
        }
        plans.iter().map(|plan| plan.marker(points)).collect()
    }

    /// Rewrites the condition of an `if` or a `while`, and the block after it.
    pub(super) fn rewrite_condition(&mut self, condition: &mut Expr, block: &mut Block) {
        let parts = chain(condition);
        let mut plans = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if let Expr::Let(matched) = part {
                let rest = parts.get(index.saturating_add(1)..).unwrap_or_default();
                let planned = self
                    .planner
                    .plan_condition(&matched.pat, &matched.expr, rest, block);
                plans.push(planned);
            }
        }
        let mut markers = Vec::new();
        self.rewrite_chain(condition, &mut plans.into_iter(), &mut markers);
        self.visit_block_mut(block);
        block.stmts.splice(0..0, markers);
    }

    /// Rewrites the parts of a condition in order, with the plans of each pattern.
    fn rewrite_chain(
        &mut self,
        condition: &mut Expr,
        plans: &mut impl Iterator<Item = Vec<Plan>>,
        markers: &mut Vec<Stmt>,
    ) {
        match condition {
            Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => {
                self.rewrite_chain(&mut binary.left, plans, markers);
                self.rewrite_chain(&mut binary.right, plans, markers);
            }
            Expr::Let(matched) => {
                let plans = plans.next().unwrap_or_default();
                let (points, _) = self.rewrite_bound(&mut matched.expr, !plans.is_empty());
                markers.extend(self.markers(&plans, &points));
            }
            other => self.visit_expr_mut(other),
        }
    }

    /// Rewrites a `match`, with markers at the top of its arms.
    pub(super) fn rewrite_match(&mut self, matched: &mut ExprMatch) {
        let mut plans = Vec::new();
        for arm in &mut matched.arms {
            let planner = &mut self.planner;
            let of_arm = guards::with_statements(&mut arm.body, |stmts| {
                planner.plan(&arm.pat, &matched.expr, stmts)
            });
            plans.push(of_arm);
        }
        let has_marker = plans.iter().any(|plans| !plans.is_empty());
        let (points, _) = self.rewrite_bound(&mut matched.expr, has_marker);
        for (arm, plans) in matched.arms.iter_mut().zip(plans) {
            let markers = self.markers(&plans, &points);
            self.visit_arm_mut(arm);
            if let Expr::Block(body) = &mut *arm.body {
                body.block.stmts.splice(0..0, markers);
            }
        }
    }
}

/// The parts of a condition in order.
fn chain(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => {
            let mut parts = chain(&binary.left);
            parts.extend(chain(&binary.right));
            parts
        }
        other => vec![other],
    }
}

/// True if the statement can be the value of its block.
fn is_value(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Macro(stmt) => stmt.semi_token.is_none(),
        Stmt::Expr(_, semicolon) => semicolon.is_none(),
        _ => false,
    }
}

/// A slice of the array of points.
pub(super) fn points(range: Range<usize>) -> TokenStream {
    let array = format_ident!("{POINTS}");
    let first = Literal::usize_unsuffixed(range.start);
    let end = Literal::usize_unsuffixed(range.end);
    quote!(&#array[#first..#end])
}
