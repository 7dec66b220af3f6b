//! Passes the request to the callbacks of `on_upgrade`. A callback runs in another tokio task after
//! the handler has ended, where nothing else refers to the request.
//!
//! Only functions with a `WebSocketUpgrade` argument are rewritten, because other methods named
//! `on_upgrade` may do anything with their argument.

use proc_macro2::Ident;
use quote::{format_ident, quote};
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprAsync, ExprClosure, ExprMethodCall, ExprReturn, FnArg, GenericArgument, Item,
    Macro, Pat, PatType, Path, PathArguments, ReturnType, Signature, Stmt, Token, Type,
    parse_quote,
};

/// Rewrites the callbacks in `block` if the function has a `WebSocketUpgrade` argument.
pub(crate) fn rewrite(block: &mut Block, sig: &Signature, runtime: &Path) {
    if sig.inputs.iter().any(is_upgrade) {
        CallbackRewriter { runtime }.visit_block_mut(block);
    }
}

fn is_upgrade(argument: &FnArg) -> bool {
    match argument {
        FnArg::Typed(argument) => names_upgrade(&argument.ty),
        FnArg::Receiver(_) => false,
    }
}

/// True for `WebSocketUpgrade` with any path, alone or in a `Result` or an `Option`.
fn names_upgrade(ty: &Type) -> bool {
    let Type::Path(ty) = ty else {
        return false;
    };
    let Some(last) = ty.path.segments.last() else {
        return false;
    };
    let inside = match &last.arguments {
        PathArguments::AngleBracketed(inside) => inside.args.first(),
        _ => None,
    };
    match inside {
        _ if last.ident == "WebSocketUpgrade" => true,
        Some(GenericArgument::Type(inside)) => names_upgrade(inside),
        _ => false,
    }
}

struct CallbackRewriter<'a> {
    runtime: &'a Path,
}

impl VisitMut for CallbackRewriter<'_> {
    fn visit_expr_method_call_mut(&mut self, call: &mut ExprMethodCall) {
        visit_mut::visit_expr_method_call_mut(self, call);
        if call.method == "on_upgrade" && call.args.len() == 1 {
            for callback in &mut call.args {
                self.rewrite(callback);
            }
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}
}

impl CallbackRewriter<'_> {
    /// `{ let request = request_context(); |socket| request.wrap(<body>) }`. The closure stays a
    /// direct argument of `on_upgrade`, from which the type of its argument is inferred. Callbacks
    /// that cannot be rewritten are unchanged.
    fn rewrite(&self, callback: &mut Expr) {
        let request = format_ident!("__underscore_request");
        let wrapped: Expr = match callback {
            Expr::Paren(paren) => return self.rewrite(&mut paren.expr),
            Expr::Group(group) => return self.rewrite(&mut group.expr),
            Expr::Block(block) => {
                if let Some(Stmt::Expr(last, None)) = block.block.stmts.last_mut() {
                    self.rewrite(last);
                }
                return;
            }
            Expr::Closure(closure) => match wrap_closure(closure, &request) {
                Some(closure) => parse_quote!(#closure),
                None => return,
            },
            Expr::Path(_) | Expr::Field(_) | Expr::Call(_) | Expr::MethodCall(_) => {
                let function = format_ident!("__underscore_callback");
                let socket = format_ident!("__underscore_socket");
                parse_quote!({
                    let #function = #callback;
                    move |#socket| #request.wrap(#function(#socket))
                })
            }
            _ => return,
        };
        let runtime = self.runtime;
        *callback = parse_quote!({
            let #request = #runtime::__private::request_context();
            #wrapped
        });
    }
}

/// The closure with its future wrapped by `request`. `None` if it has a return type, a `return` or
/// no final expression.
fn wrap_closure(closure: &ExprClosure, request: &Ident) -> Option<ExprClosure> {
    if !matches!(closure.output, ReturnType::Default) || closure.inputs.len() != 1 {
        return None;
    }
    let mut closure = closure.clone();
    if closure.asyncness.take().is_some() {
        wrap_async(&mut closure, request);
    } else {
        wrap_final_expr(&mut closure.body, request)?;
    }
    Some(closure)
}

/// Rewrites an async closure to a plain one that returns the wrapped future. The closure is called
/// once and its future outlives it, so the captures and the argument move into the future, even if
/// the body does not use the argument.
fn wrap_async(closure: &mut ExprClosure, request: &Ident) {
    let socket = format_ident!("__underscore_socket");
    let pattern = closure.inputs.pop();
    let (pattern, ty) = match pattern {
        Some(Pat::Type(typed)) => (Some(*typed.pat), Some(typed.ty)),
        pattern => (pattern, None),
    };
    let argument: Pat = parse_quote!(#socket);
    closure.inputs.push(match ty {
        Some(ty) => Pat::Type(PatType {
            attrs: Vec::new(),
            pat: Box::new(argument),
            colon_token: Token![:](socket.span()),
            ty,
        }),
        None => argument,
    });
    let body = match &*closure.body {
        Expr::Block(block) if block.label.is_none() && block.attrs.is_empty() => {
            let statements = &block.block.stmts;
            quote!(#(#statements)*)
        }
        body => quote!(#body),
    };
    *closure.body = parse_quote!(#request.wrap(async move {
        let #socket = #socket;
        let #pattern = #socket;
        #body
    }));
}

/// Wraps the final expression of `body`. `None` if there is none.
fn wrap_final_expr(body: &mut Expr, request: &Ident) -> Option<()> {
    if may_return(body) {
        return None;
    }
    let last = match body {
        Expr::Block(block) if block.label.is_none() => match block.block.stmts.last_mut() {
            Some(Stmt::Expr(last, None)) => last,
            _ => return None,
        },
        body => body,
    };
    *last = parse_quote!(#request.wrap(#last));
    Some(())
}

/// True if the closure with body `expr` contains a `return`, or a macro, which may contain one.
fn may_return(expr: &Expr) -> bool {
    struct ReturnFinder(bool);
    impl<'ast> Visit<'ast> for ReturnFinder {
        fn visit_expr_return(&mut self, _: &'ast ExprReturn) {
            self.0 = true;
        }
        fn visit_macro(&mut self, _: &'ast Macro) {
            self.0 = true;
        }
        fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
        fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut finder = ReturnFinder(false);
    finder.visit_expr(expr);
    finder.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    fn rewritten(arguments: &str, body: &str) -> String {
        let function: syn::ItemFn =
            syn::parse_str(&format!("async fn f({arguments}) {body}")).expect("the case parses");
        let mut block = *function.block;
        rewrite(&mut block, &function.sig, &parse_quote!(u));
        block.to_token_stream().to_string().replace(' ', "")
    }

    #[test]
    fn a_callback_gets_its_request() {
        let cases = [
            (
                "{ ws.on_upgrade(|s| talk(s)) }",
                "{ws.on_upgrade({let__underscore_request=u::__private::request_context();\
                 |s|__underscore_request.wrap(talk(s))})}",
            ),
            (
                "{ ws.on_upgrade(async move |mut s: S| { talk(s).await }) }",
                "{ws.on_upgrade({let__underscore_request=u::__private::request_context();\
                 move|__underscore_socket:S|__underscore_request.wrap(asyncmove{\
                 let__underscore_socket=__underscore_socket;letmuts=__underscore_socket;\
                 talk(s).await})})}",
            ),
            (
                "{ ws.on_upgrade({ let c = c.clone(); move |s| { let t = c; talk(s, t) } }) }",
                "{ws.on_upgrade({letc=c.clone();{let__underscore_request=u::__private::request_context();\
                 move|s|{lett=c;__underscore_request.wrap(talk(s,t))}}})}",
            ),
            (
                "{ ws.on_upgrade(talk) }",
                "{ws.on_upgrade({let__underscore_request=u::__private::request_context();\
                 {let__underscore_callback=talk;\
                 move|__underscore_socket|\
                 __underscore_request.wrap(__underscore_callback(__underscore_socket))}})}",
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(rewritten("ws: axum::ws::WebSocketUpgrade", body), expected);
            assert_eq!(rewritten("ws: Result<WebSocketUpgrade, E>", body), expected);
        }
    }

    #[test]
    fn other_callbacks_are_unchanged() {
        let cases = [
            ("ws: Upgrade", "{ ws.on_upgrade(|s| talk(s)) }"),
            (
                "ws: WebSocketUpgrade",
                "{ ws.on_upgrade(|s| -> Talk { talk(s) }) }",
            ),
            (
                "ws: WebSocketUpgrade",
                "{ ws.on_upgrade(|s| { if x { return talk(s); } other(s) }) }",
            ),
            (
                "ws: WebSocketUpgrade",
                "{ ws.on_upgrade(|s| { bail!(s); talk(s) }) }",
            ),
            (
                "ws: WebSocketUpgrade",
                "{ ws.on_upgrade(|s| { talk(s); }) }",
            ),
            ("ws: WebSocketUpgrade", "{ ws.on_upgrade(a, b) }"),
            (
                "ws: WebSocketUpgrade",
                "{ ws.on_failed_upgrade(|e| log(e)) }",
            ),
        ];
        for (arguments, body) in cases {
            let untouched: Block = syn::parse_str(body).expect("the case parses");
            let untouched = untouched.to_token_stream().to_string().replace(' ', "");
            assert_eq!(rewritten(arguments, body), untouched);
        }
    }
}
