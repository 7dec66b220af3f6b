//! Lets what goes on with an upgraded connection know whose it was: the callback of `on_upgrade` runs in
//! another tokio task, after the handler has ended, and nothing else leads from there to the request.
//!
//! It is axum's `on_upgrade` in a function that takes a `WebSocketUpgrade`; of other methods with that
//! name nobody knows what they do with their argument.

use proc_macro2::Ident;
use quote::{format_ident, quote};
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprClosure, ExprMethodCall, ExprReturn, FnArg, Item, Path, ReturnType, Signature,
    Type, parse_quote,
};

/// Hands the request on to the callbacks in `block`, if the function takes an upgrade.
pub(crate) fn rewrite(block: &mut Block, sig: &Signature, runtime: &Path) {
    if sig.inputs.iter().any(is_upgrade) {
        Rewriter { runtime }.visit_block_mut(block);
    }
}

fn is_upgrade(argument: &FnArg) -> bool {
    let FnArg::Typed(argument) = argument else {
        return false;
    };
    let Type::Path(ty) = &*argument.ty else {
        return false;
    };
    let name = ty.path.segments.last();
    name.is_some_and(|name| name.ident == "WebSocketUpgrade")
}

struct Rewriter<'a> {
    runtime: &'a Path,
}

impl VisitMut for Rewriter<'_> {
    fn visit_expr_method_call_mut(&mut self, call: &mut ExprMethodCall) {
        visit_mut::visit_expr_method_call_mut(self, call);
        if call.method == "on_upgrade" && call.args.len() == 1 {
            for callback in &mut call.args {
                self.hand_on(callback);
            }
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}
}

impl Rewriter<'_> {
    /// `{ let request = handed_on(); |socket| request.to(<body>) }`: the closure stays one, for the type of its
    /// argument comes from the method that it is given to.
    fn hand_on(&self, callback: &mut Expr) {
        let runtime = self.runtime;
        let request = format_ident!("__underscore_request");
        let closure = match callback {
            Expr::Closure(closure) => match handing_on(closure, &request) {
                Some(closure) => closure,
                None => return,
            },
            callback => {
                let function = format_ident!("__underscore_callback");
                let socket = format_ident!("__underscore_socket");
                *callback = parse_quote!({
                    let #request = #runtime::private::handed_on();
                    let #function = #callback;
                    move |#socket| #request.to(#function(#socket))
                });
                return;
            }
        };
        *callback = parse_quote!({
            let #request = #runtime::private::handed_on();
            #closure
        });
    }
}

/// The closure with its future given to `request`; nothing where that cannot be done from outside.
fn handing_on(closure: &ExprClosure, request: &Ident) -> Option<ExprClosure> {
    if !matches!(closure.output, ReturnType::Default) {
        return None;
    }
    let mut closure = closure.clone();
    let body = &closure.body;
    let future = match closure.asyncness.take() {
        // What it captures it gives to its future, which is called once and outlives it.
        Some(_) => quote!(async move { #body }),
        None if returns(body) => return None,
        None => quote!(#body),
    };
    *closure.body = parse_quote!(#request.to(#future));
    Some(closure)
}

/// Whether a `return` in `expr` leaves the closure whose body it is.
fn returns(expr: &Expr) -> bool {
    struct Finder(bool);
    impl<'ast> Visit<'ast> for Finder {
        fn visit_expr_return(&mut self, _: &'ast ExprReturn) {
            self.0 = true;
        }
        fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
        fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut finder = Finder(false);
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
    fn a_callback_is_given_its_request() {
        let cases = [
            (
                "{ ws.on_upgrade(|s| talk(s)) }",
                "{ws.on_upgrade({let__underscore_request=u::private::handed_on();\
                 |s|__underscore_request.to(talk(s))})}",
            ),
            (
                "{ ws.on_upgrade(async move |s| talk(s).await) }",
                "{ws.on_upgrade({let__underscore_request=u::private::handed_on();\
                 move|s|__underscore_request.to(asyncmove{talk(s).await})})}",
            ),
            (
                "{ ws.on_upgrade(talk) }",
                "{ws.on_upgrade({let__underscore_request=u::private::handed_on();\
                 let__underscore_callback=talk;\
                 move|__underscore_socket|\
                 __underscore_request.to(__underscore_callback(__underscore_socket))})}",
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(rewritten("ws: axum::ws::WebSocketUpgrade", body), expected);
        }
    }

    #[test]
    fn what_cannot_be_known_is_left_as_it_is() {
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
