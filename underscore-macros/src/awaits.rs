//! Rewrites every `.await` of a body to `at(<expr>, &POINTS[n]).await` and remembers the points.
//!
//! Nested async blocks and closures are rewritten too, and what `macros` can read of the tokens of
//! macros; nested items are not, for they are functions of their own.

use proc_macro2::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprAsync, ExprClosure, Ident, Item, LocalInit, Macro, Path, Stmt, parse_quote,
};

use crate::handler::Handler;
use crate::{source, upgrades};

/// A place where a future is awaited.
pub(crate) struct Point {
    /// Where it stands: `line!()` at this span is the line that a user reads.
    span: Span,
    /// What is awaited, on one line.
    source: String,
    /// Of how many bodies it stands in the innermost: 1 in the function's own, if that is async.
    pub(crate) depth: u32,
}

impl Point {
    /// A point at `span` that shows `tokens` as what is awaited there.
    pub(crate) fn new(span: Span, tokens: &impl ToTokens) -> Self {
        Point {
            span,
            source: source::text(tokens.to_token_stream()),
            depth: 1,
        }
    }

    /// The expression that builds the point as a `kind`, in a function that is shown as `function`.
    pub(crate) fn expression(&self, kind: &TokenStream, function: &TokenStream) -> TokenStream {
        let Point { span, source, .. } = self;
        // The position is asked for with the user's span: at the attribute's own it would be the
        // attribute's line.
        let file = quote_spanned!(*span=> ::core::file!());
        let line = quote_spanned!(*span=> ::core::line!());
        let column = quote_spanned!(*span=> ::core::column!());
        // Most stand in the function's own body, so that is what `new` makes.
        let depth = (self.depth != 1).then(|| {
            let depth = Literal::u32_unsuffixed(self.depth);
            quote!(.depth(#depth))
        });
        quote!(#kind::new(#function, #file, #line, #column, #source) #depth)
    }
}

/// The body with its awaits rewritten, or untouched where it is no Rust (yet): then the compiler
/// says what is wrong, and an editor still completes in it.
pub(crate) fn body(handler: &Handler, runtime: &Path) -> TokenStream {
    let mut text = TokenStream::new();
    handler.brace.surround(&mut text, |inside| {
        handler.body.to_tokens(inside);
    });
    let Ok(mut block) = syn::parse2::<Block>(text.clone()) else {
        return text;
    };
    upgrades::rewrite(&mut block, &handler.sig, runtime);
    let at = "__underscore_at";
    let array = format_ident!("__UNDERSCORE_POINTS");
    let is_async = handler.sig.asyncness.is_some();
    let (points, has_markers) = rewrite(&mut block, at, &array, is_async);
    if !points.is_empty() {
        let at = format_ident!("{at}");
        let kind = quote!(__UnderscorePoint);
        let count = Literal::usize_unsuffixed(points.len());
        let function = handler.function_name();
        let points = points
            .iter()
            .map(|point| point.expression(&kind, &function));
        let within = has_markers.then(|| {
            let within = format_ident!("{WITHIN}");
            quote!(, within as #within)
        });
        let items: [Stmt; 2] = [
            parse_quote!(use #runtime::__private::{AwaitPoint as #kind, at as #at #within};),
            parse_quote!(static #array: [#kind; #count] = [#(#points),*];),
        ];
        block.stmts.splice(0..0, items);
    }
    block.into_token_stream()
}

/// Rewrites the awaits of `block` to calls of `at` with an element of the array `points`: two names
/// that are to be defined around it.
///
/// The second value says whether [`WITHIN`] is to be defined, too.
fn rewrite(block: &mut Block, at: &str, points: &Ident, is_async: bool) -> (Vec<Point>, bool) {
    let mut rewriter = Rewriter {
        at,
        points,
        found: Vec::new(),
        depth: u32::from(is_async),
        has_markers: false,
        branches: Vec::new(),
    };
    rewriter.visit_block_mut(block);
    (rewriter.found, rewriter.has_markers)
}

/// The function that shows a macro in the stack which awaits in a way that cannot be seen.
const WITHIN: &str = "__underscore_within";

/// The depth of a point that may be pending beside others of its body which nothing is known of: it says
/// nothing of these. A body's own awaits, of which one is pending at a time, have another depth.
pub(crate) const BESIDE_OTHERS: u32 = 0;

pub(crate) struct Rewriter<'a> {
    at: &'a str,
    points: &'a Ident,
    pub(crate) found: Vec<Point>,
    /// Of how many bodies what is visited stands in the innermost.
    depth: u32,
    has_markers: bool,
    /// The points of the branches of the macro that is read; `None` for those that are none.
    pub(crate) branches: Vec<Option<usize>>,
}

impl VisitMut for Rewriter<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // The text is taken before what is inside is rewritten: a user reads what he wrote.
        let point = match expr {
            // Skips awaits that were written by another macro.
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
        // To the compiler an async closure is a body of its own around that of its future.
        let bodies = 1 + u32::from(closure.asyncness.is_some());
        self.depth += bodies;
        visit_mut::visit_expr_closure_mut(self, closure);
        self.depth -= bodies;
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_block_mut(&mut self, block: &mut Block) {
        let mut stmts = Vec::with_capacity(block.stmts.len());
        for mut stmt in std::mem::take(&mut block.stmts) {
            match self.statement(&mut stmt) {
                // A value of the block is there when the marker is dropped with the block.
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

/// The macro that a statement is, or that it takes its value from.
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

/// True if the statement may be the value of its block.
fn is_value(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Macro(stmt) => stmt.semi_token.is_none(),
        Stmt::Expr(_, semicolon) => semicolon.is_none(),
        _ => false,
    }
}

impl Rewriter<'_> {
    /// Rewrites a statement, and gives back the ones to be put around it, if it needs a marker.
    fn statement(&mut self, stmt: &mut Stmt) -> Option<(Stmt, Stmt)> {
        let Some(mac) = direct_macro(stmt) else {
            self.visit_stmt_mut(stmt);
            return None;
        };
        let shown = mac.clone();
        let is_seen = self.rewrite_macro(mac);
        if let Stmt::Local(local) = stmt
            && let Some(LocalInit { diverge, .. }) = &mut local.init
            && let Some((_, diverge)) = diverge
        {
            self.visit_expr_mut(diverge);
        }
        (!is_seen).then(|| self.marker(&shown))
    }

    /// The statements around a macro that awaits in a way that cannot be seen: the macro's own line and
    /// name are in the stack meanwhile.
    fn marker(&mut self, mac: &Macro) -> (Stmt, Stmt) {
        let bang = mac.bang_token;
        let span = mac
            .path
            .segments
            .last()
            .map_or(bang.span, |last| last.ident.span());
        let path = &mac.path;
        let mut point = Point::new(span, &quote!(#path #bang));
        point.depth = BESIDE_OTHERS;
        let index = Literal::usize_unsuffixed(self.found.len());
        self.found.push(point);
        self.has_markers = true;
        let (points, place) = (self.points, hygienic(span));
        let within = Ident::new(WITHIN, place);
        let marker = Ident::new("__underscore_macro", place);
        let begin = quote_spanned!(place=> let #marker = #within(&#points[#index]););
        let end = quote_spanned!(place=>
            #[allow(unreachable_code)]
            ::core::mem::drop(#marker);
        );
        (parse_quote!(#begin), parse_quote!(#end))
    }

    /// `at(<future>, &POINTS[index])` for a future that a macro awaits; `shown` is what the user wrote.
    pub(crate) fn wrap_branch(&mut self, future: &Expr, shown: &Expr) -> Expr {
        let place = edges(shown.to_token_stream()).map_or_else(Span::call_site, |(first, _)| first);
        let mut point = Point::new(place, shown);
        point.depth = self.depth;
        let wrapped = self.wrap(future, self.found.len(), place);
        self.branches.push(Some(self.found.len()));
        self.found.push(point);
        wrapped
    }

    /// `at(<base>, &POINTS[index])`. The call begins and ends where `base` does: lints speak of the
    /// user's expression, and what they propose to write fits there. A path would not do for `at`, as
    /// lints would find it longer than it must be.
    fn wrap(&self, base: &Expr, index: usize, await_span: Span) -> Expr {
        let (at, points) = (self.at, self.points);
        let (first, last) = edges(base.to_token_stream()).unwrap_or((await_span, await_span));
        let base = without_parens(base);
        let at = Ident::new(at, first);
        let index = Literal::usize_unsuffixed(index);
        let point = quote_spanned!(hygienic(await_span)=> &#points[#index]);
        let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#base, #point));
        arguments.set_span(last);
        Expr::Verbatim(quote!(#at #arguments))
    }
}

/// The places of the first and the last token.
fn edges(tokens: TokenStream) -> Option<(Span, Span)> {
    let mut tokens = tokens.into_iter();
    let first = tokens.next()?;
    let last = tokens.last().unwrap_or_else(|| first.clone());
    let first = match &first {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => edges(group.stream())?.0,
        TokenTree::Group(group) => group.span_open(),
        other => other.span(),
    };
    let last = match &last {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => edges(group.stream())?.1,
        TokenTree::Group(group) => group.span_close(),
        other => other.span(),
    };
    Some((first, last))
}

/// `span`'s place with the macro's own hygiene: lints see generated code, errors the user's line.
pub(crate) fn hygienic(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// `tokens`, which have no groups, all of them at `span`: what is made of several pieces is blamed at one
/// place.
pub(crate) fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let at_span = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(at_span).collect()
}

/// `(&mut x).await` needs its parentheses, `at(&mut x, ..)` would be warned about them.
fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) if paren.attrs.is_empty() => without_parens(&paren.expr),
        other => other,
    }
}

/// A body with its awaits rewritten, without spaces, and what is shown of each.
#[cfg(test)]
pub(crate) fn rewritten(body: &str) -> (String, Vec<String>) {
    let mut block: Block = syn::parse_str(body).expect("the case parses");
    let (points, _) = rewrite(&mut block, "at", &format_ident!("POINTS"), true);
    let text = block.to_token_stream().to_string().replace(' ', "");
    (text, points.into_iter().map(|point| point.source).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_await_is_wrapped_with_its_own_point() {
        let (text, sources) = rewritten("{ a.b().await; c.await }");
        assert_eq!(text, "{at(a.b(),&POINTS[0]).await;at(c,&POINTS[1]).await}");
        assert_eq!(sources.len(), 2);
    }

    #[test]
    fn an_await_inside_an_awaited_expression_comes_first_and_the_text_is_the_users() {
        let (text, sources) = rewritten("{ f(g().await).await }");
        assert_eq!(text, "{at(f(at(g(),&POINTS[0]).await),&POINTS[1]).await}");
        assert_eq!(sources[1], "f(g().await)");
    }

    #[test]
    fn parentheses_that_only_await_needs_are_dropped() {
        let (text, _) = rewritten("{ (&mut x).await }");
        assert_eq!(text, "{at(&mutx,&POINTS[0]).await}");
    }

    #[test]
    fn blocks_and_closures_are_entered_but_items_are_not() {
        let (_, sources) = rewritten(
            "{ async { a.await }; || async move { b.await }; async fn item() { c.await } }",
        );
        assert_eq!(sources, ["a", "b"]);
    }

    #[test]
    fn a_point_knows_in_which_body_it_stands() {
        let body =
            "{ a.await; async { b.await; async || c.await }; || async { d.await }; e.await }";
        for (is_async, depths) in [(true, [1, 2, 4, 3, 1]), (false, [0, 1, 3, 2, 0])] {
            let mut block: Block = syn::parse_str(body).expect("the case parses");
            let (points, _) = rewrite(&mut block, "at", &format_ident!("POINTS"), is_async);
            let found: Vec<_> = points.iter().map(|point| point.depth).collect();
            assert_eq!(found, depths);
        }
    }
}
