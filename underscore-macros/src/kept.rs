//! `#[underscore_route(keep)]`: a handler that keeps its signature, so that it stays callable and
//! can be a method. A guard at the top of its body takes over the record of the request that
//! `RequestLayer` began; everything else is as in `underscore_frame`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Block, Expr, Stmt, parse_quote};

use crate::args::Args;
use crate::function::Function;
use crate::{awaits, entry, surroundings};

/// The function with its entry, its guard and its awaits rewritten.
pub(crate) fn expand(args: &Args, mut handler: Function) -> TokenStream {
    handler.owner = surroundings::owner(handler.sig.fn_token.span);
    let guard = guard(args, &handler);
    let body = match handler.block() {
        Ok(mut block) => {
            awaits::rewrite(&mut block, &handler, &args.runtime());
            insert(guard, &mut block, &handler);
            block.into_token_stream()
        }
        // The compiler may know syntax that `syn` does not.
        Err(_) if handler.sig.asyncness.is_some() => {
            let body = &handler.body;
            quote!({ #guard #body })
        }
        Err(body) => body,
    };
    let Function {
        attrs, vis, sig, ..
    } = &handler;
    quote!(#(#attrs)* #vis #sig #body)
}

/// True if `handler` has a place for the guard: it is async, or its value is an async block. True
/// for a body that does not parse, whose error the compiler reports.
pub(crate) fn has_async_body(handler: &Function) -> bool {
    handler.sig.asyncness.is_some()
        || handler
            .block()
            .map_or(true, |mut block| async_value(&mut block).is_some())
}

/// The statement that registers the handler and holds its guard. The statics are in a block of
/// their own, so that the body does not see their names.
fn guard(args: &Args, handler: &Function) -> Stmt {
    let runtime = args.runtime();
    let statics = entry::statics(args, handler, quote!(.keep()));
    parse_quote! {
        let __underscore_handler = {
            use #runtime::__private as __underscore;
            #statics
            __underscore::handler(&__UNDERSCORE_ENTRY)
        };
    }
}

/// Puts the guard before the first local, so that it is dropped after all of them. The items at the
/// top stay above it, where clippy wants items.
fn insert(guard: Stmt, block: &mut Block, handler: &Function) {
    let body = if handler.sig.asyncness.is_some() {
        Some(block)
    } else {
        async_value(block)
    };
    if let Some(body) = body {
        let is_code = |stmt: &Stmt| !matches!(stmt, Stmt::Item(_));
        let first = body.stmts.iter().position(is_code);
        body.stmts.insert(first.unwrap_or(body.stmts.len()), guard);
    }
}

/// The async block that is the value of `block`, alone, boxed or in an adapter: `async { .. }`,
/// `Box::pin(async { .. })`, `async { .. }.boxed()`.
fn async_value(block: &mut Block) -> Option<&mut Block> {
    match block.stmts.last_mut()? {
        Stmt::Expr(value, None) => async_block(value),
        _ => None,
    }
}

fn async_block(value: &mut Expr) -> Option<&mut Block> {
    match value {
        Expr::Async(value) => Some(&mut value.block),
        Expr::Block(value) if value.label.is_none() => async_value(&mut value.block),
        Expr::Call(call) if is_pin(&call.func) => async_block(call.args.first_mut()?),
        Expr::Cast(value) => async_block(&mut value.expr),
        Expr::Group(value) => async_block(&mut value.expr),
        Expr::MethodCall(call) => async_block(&mut call.receiver),
        Expr::Paren(value) => async_block(&mut value.expr),
        _ => None,
    }
}

/// True for `Box::pin` with any path.
fn is_pin(function: &Expr) -> bool {
    match function {
        Expr::Path(path) => {
            let last = path.path.segments.last();
            last.is_some_and(|last| last.ident == "pin")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_async_body_of(function: &str) -> bool {
        has_async_body(&syn::parse_str(function).expect("the case parses"))
    }

    #[test]
    fn an_async_block_that_is_the_value_of_a_function_is_its_body() {
        for function in [
            "async fn f() {}",
            "fn f() -> impl Future { async {} }",
            "fn f() -> impl Future { let x = 1; async move { x } }",
            "fn f() -> Pin<Box<dyn Future>> { Box::pin(async {}) }",
            "fn f() -> Pin<Box<dyn Future>> { ::std::boxed::Box::pin(async {}) as Pin<_> }",
            "fn f() -> BoxFuture { (async {}).instrument(span).boxed() }",
            "fn f() -> impl Future { does not parse }",
        ] {
            assert!(has_async_body_of(function), "{function}");
        }
        for function in [
            "fn f() -> impl Future { ready(1) }",
            "fn f() -> JoinHandle<()> { spawn(async {}) }",
            "fn f() -> u8 { async {}; 1 }",
            "fn f() {}",
        ] {
            assert!(!has_async_body_of(function), "{function}");
        }
    }

    #[test]
    fn the_guard_is_below_the_items_and_above_the_code() {
        let handler: Function = syn::parse_str(
            "fn f() -> BoxFuture { use a::b; let c = 1; Box::pin(async move { use d::e; c.await }) }",
        )
        .expect("the case parses");
        let expanded = expand(&Args::default(), handler).to_string();
        let at = |text: &str| expanded.find(text).expect(text);
        assert!(at("use d :: e") < at("let __underscore_handler"));
        assert!(at("let __underscore_handler") < at("__underscore_at (c"));
    }

    #[test]
    fn a_body_with_unknown_syntax_keeps_its_guard() {
        let handler: Function =
            syn::parse_str("async fn f() { a new syntax }").expect("the case parses");
        let expanded = expand(&Args::default(), handler).to_string();
        assert!(expanded.contains("let __underscore_handler"));
        assert!(expanded.ends_with("a new syntax }"));
    }
}
