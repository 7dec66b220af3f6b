//! Awaits in the tokens of macros, and the macros that await themselves.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit_mut::VisitMut;
use syn::{Expr, Macro, Stmt, parse_quote};

use super::bound::points;
use super::imports::Import;
use super::{AwaitRewriter, Original, POINTS, Point, UNKNOWN_SIBLINGS};
use crate::guards;
use crate::macro_input::{self, Branch, Handler, MacroInput, Piece};
use crate::span;

impl AwaitRewriter {
    /// Rewrites a macro that is a statement or the value of a variable. Returns the statements to
    /// put around it if it is opaque.
    pub(super) fn rewrite_direct_macro(&mut self, mac: &mut Macro) -> Option<(Stmt, Stmt)> {
        let original = mac.clone();
        let is_visible = self.rewrite_macro(mac);
        (!is_visible).then(|| self.macro_guard(&original))
    }

    /// Rewrites the awaits in the tokens of a macro. False if it awaits but has no points.
    pub(super) fn rewrite_macro(&mut self, mac: &mut Macro) -> bool {
        match macro_input::parse(mac) {
            MacroInput::NoAwaits => true,
            MacroInput::Opaque => false,
            MacroInput::Parsed(pieces) => {
                let before = self.found.len();
                let mut futures = Vec::new();
                mac.tokens = self.rewrite_pieces(pieces, &mut futures);
                if futures.contains(&None) {
                    // An await in a future that is not a point would be shown as left over beside
                    // the others.
                    for index in futures.into_iter().flatten() {
                        if let Some(point) = self.found.get_mut(index) {
                            point.depth = UNKNOWN_SIBLINGS;
                        }
                    }
                }
                self.found.len() > before
            }
        }
    }

    /// Rewrites `pieces`. Appends the index of each future's point to `futures`, or `None` if it
    /// has none.
    fn rewrite_pieces(
        &mut self,
        pieces: Vec<Piece>,
        futures: &mut Vec<Option<usize>>,
    ) -> TokenStream {
        let mut tokens = TokenStream::new();
        for piece in pieces {
            match piece {
                Piece::Tokens(piece) => tokens.extend(piece),
                Piece::Group(group, inner) => {
                    let inner = self.rewrite_pieces(inner, futures);
                    macro_input::regroup(&group, inner).to_tokens(&mut tokens);
                }
                Piece::Expr(mut expr) => {
                    self.visit_expr_mut(&mut expr);
                    expr.to_tokens(&mut tokens);
                }
                Piece::Future {
                    mut future,
                    is_owned,
                } => {
                    futures.push(self.rewrite_future(&mut future, is_owned, false));
                    future.to_tokens(&mut tokens);
                }
                Piece::Branch(mut branch) => {
                    self.rewrite_branch(&mut branch, futures);
                    branch.to_tokens(&mut tokens);
                }
            }
        }
        tokens
    }

    /// Rewrites a branch of a `select!`, with the markers of what its pattern binds.
    fn rewrite_branch(&mut self, branch: &mut Branch, futures: &mut Vec<Option<usize>>) {
        let plans = match (&branch.awaited, &mut branch.handler) {
            (Some(awaited), Handler::Block(block)) => {
                let is_giver = guards::is_giver(&awaited.future);
                let stmts = &mut block.stmts;
                self.planner.plan_given(&awaited.pat, is_giver, stmts)
            }
            _ => Vec::new(),
        };
        let mut markers = Vec::new();
        if let Some(awaited) = &mut branch.awaited {
            let whole = self.whole(&awaited.future);
            let is_bound = !plans.is_empty();
            let index = self.rewrite_future(&mut awaited.future, awaited.is_owned, is_bound);
            futures.push(index);
            if is_bound {
                let index = index.unwrap_or_else(|| self.add(whole));
                markers = self.markers(&plans, &points(index..index.saturating_add(1)));
            }
            if let Some((.., condition)) = &mut awaited.condition {
                self.visit_expr_mut(condition);
            }
        }
        match &mut branch.handler {
            Handler::Block(block) => {
                self.visit_block_mut(block);
                block.stmts.splice(0..0, markers);
            }
            Handler::Expr(expr) => self.visit_expr_mut(expr),
        }
    }

    /// Rewrites a future that a macro awaits to `at(<future>, &POINTS[index])` and returns the
    /// index. `None` if the future must stay a place expression. `is_bound` if a pattern of the
    /// macro binds what the future gives.
    fn rewrite_future(
        &mut self,
        future: &mut Expr,
        is_owned: bool,
        is_bound: bool,
    ) -> Option<usize> {
        let original = Original {
            point: self.whole(future),
            place: self.lock_place(future),
            is_source: is_bound,
        };
        self.visit_expr_mut(future);
        if !is_owned {
            return None;
        }
        let index = self.found.len();
        *future = self.wrap_future(future, original);
        Some(index)
    }

    /// The statements around an opaque macro: a guard that keeps the macro's own line and name in
    /// the stack, and its drop.
    fn macro_guard(&mut self, mac: &Macro) -> (Stmt, Stmt) {
        let bang = mac.bang_token;
        let span = mac
            .path
            .segments
            .last()
            .map_or(bang.span, |last| last.ident.span());
        let path = &mac.path;
        let mut point = Point::new(span, &quote!(#path #bang));
        point.depth = UNKNOWN_SIBLINGS;
        let index = Literal::usize_unsuffixed(self.add(point));
        let points = format_ident!("{POINTS}");
        let span = span::generated_at(span);
        let within = self.imports.name(Import::Within, span);
        let guard = Ident::new("__underscore_macro", span);
        let begin = quote_spanned!(span=> let #guard = #within(&#points[#index]););
        let end = quote_spanned!(span=>
            #[allow(unreachable_code)]
            ::core::mem::drop(#guard);
        );
        (parse_quote!(#begin), parse_quote!(#end))
    }
}
