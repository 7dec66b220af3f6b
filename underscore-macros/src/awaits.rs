//! Rewrites every `.await` of a body to `at(<expr>, &POINTS[n]).await` and collects the points.
//!
//! Nested async blocks and closures are rewritten, and the arguments of macros that `macro_input`
//! can parse. Nested items are not, because they are functions of their own. `bound` adds the
//! markers of guards behind the bindings of what was awaited, and `macros` rewrites macros.

mod bound;
mod imports;
mod macros;
#[cfg(test)]
mod tests;

use proc_macro2::{Delimiter, Group, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprAsync, ExprClosure, ExprIf, ExprMatch, ExprWhile, Item, Macro, Path,
    ReturnType, Stmt, parse_quote,
};

use self::imports::{Import, Imports};
use crate::function::Function;
use crate::guards::{self, Planner};
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

/// As [`rewrite_body`], for a helper: if it returns a guard, its caller holds it.
pub(crate) fn rewrite_helper_body(function: &Function, runtime: &Path) -> TokenStream {
    match function.block() {
        Ok(mut block) => {
            let may_be_guard = match &function.sig.output {
                ReturnType::Type(_, ty) => guards::may_be_guard(ty),
                ReturnType::Default => false,
            };
            if function.sig.asyncness.is_some() && may_be_guard {
                guards::mark_results(&mut block);
            }
            rewrite(&mut block, function, runtime);
            block.into_token_stream()
        }
        Err(text) => text,
    }
}

/// Rewrites the awaits of `block`, the body of `function`, and defines their points at its top.
pub(crate) fn rewrite(block: &mut Block, function: &Function, runtime: &Path) {
    upgrades::rewrite(block, &function.sig, runtime);
    let is_async = function.sig.asyncness.is_some();
    let AwaitRewriter { found, imports, .. } = rewrite_block(block, is_async);
    if !found.is_empty() {
        let array = format_ident!("{POINTS}");
        let kind = quote!(__UnderscorePoint);
        let count = Literal::usize_unsuffixed(found.len());
        let path = function.path_expr();
        let points = found.iter().map(|point| point.expr(&kind, &path));
        let items: [Stmt; 2] = [
            parse_quote!(use #runtime::__private::{AwaitPoint as #kind, #imports};),
            parse_quote!(static #array: [#kind; #count] = [#(#points),*];),
        ];
        block.stmts.splice(0..0, items);
    }
}

/// Rewrites the awaits of `block` to calls of imported functions with an element of the array
/// [`POINTS`]. The caller defines both.
fn rewrite_block(block: &mut Block, is_async: bool) -> AwaitRewriter {
    let mut rewriter = AwaitRewriter {
        found: Vec::new(),
        sources: Vec::new(),
        depth: u32::from(is_async),
        is_lending: false,
        imports: Imports::default(),
        planner: Planner::default(),
    };
    rewriter.visit_block_mut(block);
    rewriter
}

/// The array of the points of a function.
const POINTS: &str = "__UNDERSCORE_POINTS";

struct AwaitRewriter {
    found: Vec<Point>,
    /// The indexes of the points that give what is bound to a variable.
    sources: Vec<usize>,
    /// The number of bodies around the visited code.
    depth: u32,
    /// True in an async closure. Its future may borrow what the closure captured by `&mut`, but not
    /// the reference itself, so an address cannot be taken.
    is_lending: bool,
    imports: Imports,
    planner: Planner,
}

/// An await or call to rewrite, as the user wrote it.
struct Original {
    point: Point,
    /// The lock that it is for.
    place: Option<Expr>,
    /// True if its value is bound to a variable that may be a guard.
    is_source: bool,
}

impl VisitMut for AwaitRewriter {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // The text is taken before the inner awaits are rewritten, so that it is the user's.
        let original = self.original(expr);
        visit_mut::visit_expr_mut(self, expr);
        if let Some(original) = original {
            match expr {
                Expr::Await(awaited) => *awaited.base = self.wrap_future(&awaited.base, original),
                call => *call = self.wrap_call(call, original),
            }
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
        let is_lending = self.is_lending;
        self.depth += bodies;
        self.is_lending |= closure.asyncness.is_some();
        visit_mut::visit_expr_closure_mut(self, closure);
        self.is_lending = is_lending;
        self.depth -= bodies;
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_block_mut(&mut self, block: &mut Block) {
        self.rewrite_stmts(&mut block.stmts);
    }

    fn visit_expr_if_mut(&mut self, branch: &mut ExprIf) {
        self.rewrite_condition(&mut branch.cond, &mut branch.then_branch);
        if let Some((_, other)) = &mut branch.else_branch {
            self.visit_expr_mut(other);
        }
    }

    fn visit_expr_while_mut(&mut self, repeated: &mut ExprWhile) {
        self.rewrite_condition(&mut repeated.cond, &mut repeated.body);
    }

    fn visit_expr_match_mut(&mut self, matched: &mut ExprMatch) {
        self.rewrite_match(matched);
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        self.rewrite_macro(mac);
    }
}

impl AwaitRewriter {
    /// The await or call that `expr` is, if it is to be rewritten.
    fn original(&self, expr: &mut Expr) -> Option<Original> {
        match expr {
            Expr::Await(awaited) => {
                let is_source = guards::take_mark(&mut awaited.attrs);
                let span = awaited.await_token.span;
                // Awaits that another macro generated are skipped.
                source::is_written(span, "await").then(|| Original {
                    point: self.point(span, &awaited.base),
                    place: self.lock_place(&awaited.base),
                    is_source,
                })
            }
            Expr::MethodCall(call) => guards::take_mark(&mut call.attrs).then(|| Original {
                point: self.point(call.method.span(), call),
                place: guards::call_place(call)
                    .filter(|_| !self.is_lending)
                    .cloned(),
                is_source: true,
            }),
            _ => None,
        }
    }

    /// The lock that `future` waits for.
    fn lock_place(&self, future: &Expr) -> Option<Expr> {
        let place = guards::lock_place(future).filter(|_| !self.is_lending);
        place.cloned()
    }

    /// Adds a point and returns its index.
    fn add(&mut self, point: Point) -> usize {
        self.found.push(point);
        self.found.len().saturating_sub(1)
    }

    fn point(&self, span: Span, tokens: &impl ToTokens) -> Point {
        let mut point = Point::new(span, tokens);
        point.depth = self.depth;
        point
    }

    /// `at(<future>, &POINTS[index])`, or `at_lock` or `at_guard` with the address of the lock.
    /// Adds the point.
    fn wrap_future(&mut self, future: &Expr, original: Original) -> Expr {
        let Original {
            point,
            place,
            is_source,
        } = original;
        let function = match place {
            _ if is_source => Import::AtGuard,
            Some(_) => Import::AtLock,
            None => Import::At,
        };
        self.wrap(function, place.as_ref(), without_parens(future), point)
    }

    /// `acquired(address, <call>, &POINTS[index])`. Adds the point.
    fn wrap_call(&mut self, call: &Expr, original: Original) -> Expr {
        let Original { point, place, .. } = original;
        self.wrap(Import::Acquired, place.as_ref(), call, point)
    }

    /// A call of `function` with `expr`. It has the location of `expr`, so that lints and their
    /// suggestions apply to the user's expression. The function is a single identifier, because
    /// lints would report a path as unnecessarily long.
    fn wrap(&mut self, function: Import, place: Option<&Expr>, expr: &Expr, point: Point) -> Expr {
        let index = self.found.len();
        if matches!(function, Import::AtGuard | Import::Acquired) {
            self.sources.push(index);
        }
        let span = span::generated_at(point.span);
        let (first, last) = span::ends(expr.to_token_stream()).unwrap_or((point.span, point.span));
        let address = (function != Import::At).then(|| {
            let address = self.address(place, span);
            quote_spanned!(span=> #address,)
        });
        let function = self.imports.name(function, first);
        let points = format_ident!("{POINTS}");
        let index = Literal::usize_unsuffixed(index);
        let point_expr = quote_spanned!(span=> &#points[#index]);
        let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#address #expr, #point_expr));
        arguments.set_span(last);
        self.found.push(point);
        Expr::Verbatim(quote!(#function #arguments))
    }

    /// The address of the lock that `place` is, zero if there is none.
    fn address(&mut self, place: Option<&Expr>, span: Span) -> TokenStream {
        let Some(place) = place else {
            return quote_spanned!(span=> 0);
        };
        let of_place = self.imports.name(Import::Place, span);
        quote_spanned!(span=> #of_place(&#place).__underscore_address())
    }
}

/// `(&mut x).await` needs its parentheses, but `at((&mut x), ..)` would cause a warning.
fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) if paren.attrs.is_empty() => without_parens(&paren.expr),
        other => other,
    }
}
