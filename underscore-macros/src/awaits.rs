//! Rewrites every `.await` of a body to `at(<expr>, &POINTS[n]).await` and collects the points.
//!
//! Nested async blocks and closures are rewritten, and the arguments of macros that `macro_input`
//! can parse. Nested items are not, because they are functions of their own.

use proc_macro2::{Delimiter, Group, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprAsync, ExprClosure, Ident, Item, LocalInit, Macro, Path, Stmt, parse_quote,
};

use crate::function::Function;
use crate::macro_input::{self, MacroInput, Piece};
use crate::{source, span, upgrades};

/// An await point: a place where a future is awaited.
pub(crate) struct Point {
    /// Its location: `line!()` with this span is the line that a user reads.
    span: Span,
    /// The awaited expression, on one line.
    source: String,
    /// The number of bodies around it: 1 in the body of an async function, 2 in an async block
    /// there. [`UNKNOWN_SIBLINGS`] in some macros.
    depth: u32,
}

/// The depth of a point that may be pending at the same time as unknown points of its body. At any
/// other depth, one await of a body is pending at a time.
const UNKNOWN_SIBLINGS: u32 = 0;

impl Point {
    /// A point at `span` that shows `tokens` as the awaited expression.
    pub(crate) fn new(span: Span, tokens: &impl ToTokens) -> Self {
        Point {
            span,
            source: source::text(tokens.to_token_stream()),
            depth: 1,
        }
    }

    /// An expression that constructs the point. `kind` is the name of the type `AwaitPoint`.
    pub(crate) fn expr(&self, kind: &TokenStream, function: &TokenStream) -> TokenStream {
        let Point { span, source, .. } = self;
        // With the attribute's own span, these would be the location of the attribute.
        let file = quote_spanned!(*span=> ::core::file!());
        let line = quote_spanned!(*span=> ::core::line!());
        let column = quote_spanned!(*span=> ::core::column!());
        // `new` sets 1, because most points are in the body of the function.
        let depth = (self.depth != 1).then(|| {
            let depth = Literal::u32_unsuffixed(self.depth);
            quote!(.depth(#depth))
        });
        quote!(#kind::new(#function, #file, #line, #column, #source) #depth)
    }
}

/// The body of `function` with its awaits rewritten. A body that does not parse is unchanged, so
/// that the compiler reports the error and an editor completes in it.
pub(crate) fn rewrite_body(function: &Function, runtime: &Path) -> TokenStream {
    match function.block() {
        Ok(mut block) => {
            rewrite(&mut block, function, runtime);
            block.into_token_stream()
        }
        Err(text) => text,
    }
}

/// Rewrites the awaits of `block`, the body of `function`, and defines their points at its top.
pub(crate) fn rewrite(block: &mut Block, function: &Function, runtime: &Path) {
    upgrades::rewrite(block, &function.sig, runtime);
    let at = "__underscore_at";
    let array = format_ident!("__UNDERSCORE_POINTS");
    let is_async = function.sig.asyncness.is_some();
    let (points, has_guards) = rewrite_block(block, at, &array, is_async);
    if !points.is_empty() {
        let at = format_ident!("{at}");
        let kind = quote!(__UnderscorePoint);
        let count = Literal::usize_unsuffixed(points.len());
        let path = function.path_expr();
        let points = points.iter().map(|point| point.expr(&kind, &path));
        let within = has_guards.then(|| {
            let within = format_ident!("{WITHIN}");
            quote!(, within as #within)
        });
        let items: [Stmt; 2] = [
            parse_quote!(use #runtime::__private::{AwaitPoint as #kind, at as #at #within};),
            parse_quote!(static #array: [#kind; #count] = [#(#points),*];),
        ];
        block.stmts.splice(0..0, items);
    }
}

/// Rewrites the awaits of `block` to calls of `at` with an element of the array `points`. The
/// caller defines both names, and [`WITHIN`] if the second value is true.
fn rewrite_block(
    block: &mut Block,
    at: &str,
    points: &Ident,
    is_async: bool,
) -> (Vec<Point>, bool) {
    let mut rewriter = AwaitRewriter {
        at,
        points,
        found: Vec::new(),
        depth: u32::from(is_async),
        has_guards: false,
    };
    rewriter.visit_block_mut(block);
    (rewriter.found, rewriter.has_guards)
}

/// The function that keeps an opaque macro in the stack while its guard lives.
const WITHIN: &str = "__underscore_within";

struct AwaitRewriter<'a> {
    at: &'a str,
    points: &'a Ident,
    found: Vec<Point>,
    /// The number of bodies around the visited code.
    depth: u32,
    /// True if a guard was generated for an opaque macro.
    has_guards: bool,
}

impl VisitMut for AwaitRewriter<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // The text is taken before the inner awaits are rewritten, so that it is the user's.
        let point = match expr {
            // Awaits that another macro generated are skipped.
            Expr::Await(awaited) if source::is_written(awaited.await_token.span, "await") => {
                Some(Point::new(awaited.await_token.span, &awaited.base))
            }
            _ => None,
        };
        visit_mut::visit_expr_mut(self, expr);
        if let (Expr::Await(awaited), Some(mut point)) = (expr, point) {
            point.depth = self.depth;
            *awaited.base = self.wrap(&awaited.base, self.found.len(), point.span);
            self.found.push(point);
        }
    }

    fn visit_expr_async_mut(&mut self, block: &mut ExprAsync) {
        self.depth += 1;
        visit_mut::visit_expr_async_mut(self, block);
        self.depth -= 1;
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        // The compiler treats an async closure as two bodies, the closure and its future.
        let bodies = 1 + u32::from(closure.asyncness.is_some());
        self.depth += bodies;
        visit_mut::visit_expr_closure_mut(self, closure);
        self.depth -= bodies;
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_block_mut(&mut self, block: &mut Block) {
        let mut stmts = Vec::with_capacity(block.stmts.len());
        for mut stmt in std::mem::take(&mut block.stmts) {
            match self.rewrite_stmt(&mut stmt) {
                // The value of the block exists when the guard is dropped at its end.
                Some((begin, _)) if is_value(&stmt) => stmts.extend([begin, stmt]),
                Some((begin, end)) => stmts.extend([begin, stmt, end]),
                None => stmts.push(stmt),
            }
        }
        block.stmts = stmts;
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        self.rewrite_macro(mac);
    }
}

/// The macro call that a statement consists of, or that initializes its variable.
fn direct_macro(stmt: &mut Stmt) -> Option<&mut Macro> {
    match stmt {
        Stmt::Macro(stmt) => Some(&mut stmt.mac),
        Stmt::Expr(Expr::Macro(expr), _) => Some(&mut expr.mac),
        Stmt::Local(local) => match &mut *local.init.as_mut()?.expr {
            Expr::Macro(expr) => Some(&mut expr.mac),
            _ => None,
        },
        _ => None,
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

impl AwaitRewriter<'_> {
    /// Rewrites a statement. Returns the statements to put around it if it is an opaque macro.
    fn rewrite_stmt(&mut self, stmt: &mut Stmt) -> Option<(Stmt, Stmt)> {
        let Some(mac) = direct_macro(stmt) else {
            self.visit_stmt_mut(stmt);
            return None;
        };
        let original = mac.clone();
        let is_visible = self.rewrite_macro(mac);
        if let Stmt::Local(local) = stmt
            && let Some(LocalInit { diverge, .. }) = &mut local.init
            && let Some((_, diverge)) = diverge
        {
            self.visit_expr_mut(diverge);
        }
        (!is_visible).then(|| self.macro_guard(&original))
    }

    /// Rewrites the awaits in the tokens of a macro. False if it awaits but has no points.
    fn rewrite_macro(&mut self, mac: &mut Macro) -> bool {
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
                    let mut rewritten = Group::new(group.delimiter(), inner);
                    rewritten.set_span(group.span());
                    rewritten.to_tokens(&mut tokens);
                }
                Piece::Expr(mut expr) => {
                    self.visit_expr_mut(&mut expr);
                    expr.to_tokens(&mut tokens);
                }
                Piece::Block(mut block) => {
                    self.visit_block_mut(&mut block);
                    block.to_tokens(&mut tokens);
                }
                Piece::Future { future, is_owned } => {
                    let index = self.rewrite_future(*future, is_owned, &mut tokens);
                    futures.push(index);
                }
            }
        }
        tokens
    }

    /// Rewrites a future that a macro awaits to `at(<future>, &POINTS[index])` and returns the
    /// index. `None` if the future must stay a place expression.
    fn rewrite_future(
        &mut self,
        mut future: Expr,
        is_owned: bool,
        tokens: &mut TokenStream,
    ) -> Option<usize> {
        let original = future.to_token_stream();
        let span = span::ends(original.clone()).map_or_else(Span::call_site, |(first, _)| first);
        let mut point = Point::new(span, &original);
        point.depth = self.depth;
        self.visit_expr_mut(&mut future);
        if !is_owned {
            future.to_tokens(tokens);
            return None;
        }
        let index = self.found.len();
        self.wrap(&future, index, span).to_tokens(tokens);
        self.found.push(point);
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
        let index = Literal::usize_unsuffixed(self.found.len());
        self.found.push(point);
        self.has_guards = true;
        let (points, span) = (self.points, span::generated_at(span));
        let within = Ident::new(WITHIN, span);
        let guard = Ident::new("__underscore_macro", span);
        let begin = quote_spanned!(span=> let #guard = #within(&#points[#index]););
        let end = quote_spanned!(span=>
            #[allow(unreachable_code)]
            ::core::mem::drop(#guard);
        );
        (parse_quote!(#begin), parse_quote!(#end))
    }

    /// `at(<base>, &POINTS[index])`. The call has the location of `base`, so that lints and their
    /// suggestions apply to the user's expression. `at` is a single identifier, because lints would
    /// report a path as unnecessarily long.
    fn wrap(&self, base: &Expr, index: usize, await_span: Span) -> Expr {
        let (at, points) = (self.at, self.points);
        let (first, last) = span::ends(base.to_token_stream()).unwrap_or((await_span, await_span));
        let base = without_parens(base);
        let at = Ident::new(at, first);
        let index = Literal::usize_unsuffixed(index);
        let point = quote_spanned!(span::generated_at(await_span)=> &#points[#index]);
        let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#base, #point));
        arguments.set_span(last);
        Expr::Verbatim(quote!(#at #arguments))
    }
}

/// `(&mut x).await` needs its parentheses, but `at((&mut x), ..)` would cause a warning.
fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) if paren.attrs.is_empty() => without_parens(&paren.expr),
        other => other,
    }
}

#[cfg(test)]
mod tests;
