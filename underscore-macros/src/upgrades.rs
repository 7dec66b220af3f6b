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
    Block, Expr, ExprAsync, ExprClosure, ExprMethodCall, ExprReturn, FnArg, GenericArgument, Item,
    Macro, Pat, PatType, Path, PathArguments, ReturnType, Signature, Stmt, Token, Type,
    parse_quote,
};

/// Hands the request on to the callbacks in `block`, if the function takes an upgrade.
pub(crate) fn rewrite(block: &mut Block, sig: &Signature, runtime: &Path) {
    if sig.inputs.iter().any(is_upgrade) {
        Rewriter { runtime }.visit_block_mut(block);
    }
}

fn is_upgrade(argument: &FnArg) -> bool {
    match argument {
        FnArg::Typed(argument) => names_upgrade(&argument.ty),
        FnArg::Receiver(_) => false,
    }
}

/// `WebSocketUpgrade`, by whatever path, alone or in a `Result` or an `Option`.
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
    /// `{ let request = request_context(); |socket| request.wrap(<body>) }`: the closure stays one, for the type of its
    /// argument comes from the method that it is given to. What cannot be changed from outside stays.
    fn hand_on(&self, callback: &mut Expr) {
        let request = format_ident!("__underscore_request");
        let handing_on: Expr = match callback {
            Expr::Paren(paren) => return self.hand_on(&mut paren.expr),
            Expr::Group(group) => return self.hand_on(&mut group.expr),
            Expr::Block(block) => {
                if let Some(Stmt::Expr(last, None)) = block.block.stmts.last_mut() {
                    self.hand_on(last);
                }
                return;
            }
            Expr::Closure(closure) => match handing_on(closure, &request) {
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
            #handing_on
        });
    }
}

/// The closure with its future given to `request`; nothing where that cannot be done from outside.
fn handing_on(closure: &ExprClosure, request: &Ident) -> Option<ExprClosure> {
    if !matches!(closure.output, ReturnType::Default) || closure.inputs.len() != 1 {
        return None;
    }
    let mut closure = closure.clone();
    if closure.asyncness.take().is_some() {
        make_plain(&mut closure, request);
    } else {
        give_last(&mut closure.body, request)?;
    }
    Some(closure)
}

/// Makes an async closure one that returns the future itself. What it captures it gives to its future, which
/// is called once and outlives it; and so it does with its argument, whether the body names that or not.
fn make_plain(closure: &mut ExprClosure, request: &Ident) {
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

/// Gives what `body` comes to at its end to `request`.
fn give_last(body: &mut Expr, request: &Ident) -> Option<()> {
    if leaves_early(body) {
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

/// Whether a `return` in `expr` leaves the closure whose body it is, or may, in the tokens of a macro.
fn leaves_early(expr: &Expr) -> bool {
    struct Finder(bool);
    impl<'ast> Visit<'ast> for Finder {
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
