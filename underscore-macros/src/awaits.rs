//! Rewrites every `.await` of a body to `at(<expr>, &POINTS[n]).await` and remembers the points.
//!
//! Nested async blocks and closures are rewritten too; nested items are not, for they are functions
//! of their own, and neither are the tokens inside other macros, which nobody can know the meaning of.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, Item, Path, parse_quote};

/// The longest source text kept for a point; the rest is cut off at a character's edge.
const LONGEST_SOURCE: usize = 160;

/// A place where a future is awaited.
pub(crate) struct Point {
    /// Where it stands: `line!()` at this span is the line that a user reads.
    span: Span,
    /// What is awaited, on one line.
    source: String,
}

impl Point {
    /// A point at `span` that shows `tokens` as what is awaited there.
    pub(crate) fn new(span: Span, tokens: &impl ToTokens) -> Self {
        Point {
            span,
            source: one_line(&tokens.to_token_stream().to_string()),
        }
    }

    /// The expression that builds the point, in a function that is shown as `function`.
    pub(crate) fn expression(&self, runtime: &Path, function: &TokenStream) -> TokenStream {
        let Point { span, source } = self;
        // The position is asked for with the user's span: at the attribute's own it would be the
        // attribute's line.
        let file = quote_spanned!(*span=> ::core::file!());
        let line = quote_spanned!(*span=> ::core::line!());
        let column = quote_spanned!(*span=> ::core::column!());
        quote!(#runtime::private::AwaitPoint::new(#function, #file, #line, #column, #source))
    }
}

/// Rewrites the awaits of `block`, which refer to the array `points` of the same function.
pub(crate) fn rewrite(block: &mut Block, runtime: &Path, points: &TokenStream) -> Vec<Point> {
    let mut rewriter = Rewriter {
        runtime,
        points,
        found: Vec::new(),
    };
    rewriter.visit_block_mut(block);
    rewriter.found
}

struct Rewriter<'a> {
    runtime: &'a Path,
    points: &'a TokenStream,
    found: Vec<Point>,
}

impl VisitMut for Rewriter<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // The text is taken before what is inside is rewritten: a user reads what he wrote.
        let point = match expr {
            Expr::Await(awaited) => Some(Point::new(awaited.await_token.span, &awaited.base)),
            _ => None,
        };
        visit_mut::visit_expr_mut(self, expr);
        if let (Expr::Await(awaited), Some(point)) = (expr, point) {
            let index = self.found.len();
            let Rewriter {
                runtime, points, ..
            } = self;
            let base = without_parens(&awaited.base);
            let at = quote_spanned!(hygienic(point.span)=> #runtime::private::at);
            awaited.base = parse_quote!(#at(#base, &#points[#index]));
            self.found.push(point);
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}
}

/// `span`'s place with the macro's own hygiene: lints see generated code, errors the user's line.
pub(crate) fn hygienic(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// `(&mut x).await` needs its parentheses, `at(&mut x, ..)` would be warned about them.
fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) if paren.attrs.is_empty() => without_parens(&paren.expr),
        other => other,
    }
}

fn one_line(source: &str) -> String {
    let mut line = String::new();
    for word in source.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.len() > LONGEST_SOURCE {
        let end = (0..=LONGEST_SOURCE)
            .rev()
            .find(|&at| line.is_char_boundary(at))
            .unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(body: &str) -> (String, Vec<String>) {
        let mut block: Block = syn::parse_str(body).expect("the case parses");
        let runtime = parse_quote!(::rt);
        let points = rewrite(&mut block, &runtime, &quote!(POINTS));
        let text = block.to_token_stream().to_string().replace(' ', "");
        (text, points.into_iter().map(|point| point.source).collect())
    }

    #[test]
    fn an_await_is_wrapped_with_its_own_point() {
        let (text, sources) = rewritten("{ a.b().await; c.await }");
        assert_eq!(
            text,
            "{::rt::private::at(a.b(),&POINTS[0usize]).await;::rt::private::at(c,&POINTS[1usize]).await}"
        );
        assert_eq!(sources.len(), 2);
    }

    #[test]
    fn an_await_inside_an_awaited_expression_comes_first_and_the_text_is_the_users() {
        let (text, sources) = rewritten("{ f(g().await).await }");
        assert_eq!(
            text,
            "{::rt::private::at(f(::rt::private::at(g(),&POINTS[0usize]).await),&POINTS[1usize]).await}"
        );
        assert_eq!(sources[1].replace(' ', ""), "f(g().await)");
    }

    #[test]
    fn parentheses_that_only_await_needs_are_dropped() {
        let (text, _) = rewritten("{ (&mut x).await }");
        assert_eq!(text, "{::rt::private::at(&mutx,&POINTS[0usize]).await}");
    }

    #[test]
    fn blocks_and_closures_are_entered_but_items_and_macros_are_not() {
        let (_, sources) = rewritten(
            "{ async { a.await }; || async move { b.await }; async fn item() { c.await } select!(d.await); }",
        );
        assert_eq!(sources, ["a", "b"]);
    }

    #[test]
    fn a_long_text_is_cut_at_a_characters_edge() {
        let long = "é".repeat(LONGEST_SOURCE);
        let line = one_line(&long);
        assert!(line.ends_with('…') && line.len() <= LONGEST_SOURCE + '…'.len_utf8());
    }
}
