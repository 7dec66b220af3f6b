//! Reports why a function cannot be a handler. Extractor types are checked by the compiler, except
//! for those that consume the body, see `body_check`.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Ident, ReturnType, Safety, TypeImplTrait};

use crate::diagnostics::Diagnostics;
use crate::function::Function;
use crate::{kept, source, surroundings};

/// The maximum number of arguments for which axum implements `Handler`.
const MAX_EXTRACTORS: usize = 16;

/// Reports every reason why `function` cannot be a handler. One that keeps its signature may have
/// any place and any arguments.
pub(crate) fn check(function: &Function, is_kept: bool, diagnostics: &mut Diagnostics) {
    check_qualifiers(function, diagnostics);
    check_attributes(function, is_kept, diagnostics);
    if is_kept {
        check_future(function, diagnostics);
    } else {
        check_surroundings(function, diagnostics);
        check_arguments(function, diagnostics);
    }
}

fn check_surroundings(function: &Function, diagnostics: &mut Diagnostics) {
    let (sig, name) = (&function.sig, function.ident());
    // Methods get the error about `self`.
    if sig.receiver().is_none() && surroundings::is_in_impl(sig.fn_token.span) {
        diagnostics.error(
            name,
            format!(
                "`underscore_route` cannot be used in an `impl` or a `trait`; \
                 add `keep`, or move `{name}` out of it"
            ),
        );
    }
}

/// A function that only calls another one has no code that runs when its future is polled.
fn check_future(function: &Function, diagnostics: &mut Diagnostics) {
    let (sig, name) = (&function.sig, function.ident());
    if !matches!(sig.output, ReturnType::Default) && !kept::has_async_body(function) {
        let message = format!(
            "`{name}` must be async or end in an async block with `keep`; write `async fn {name}`"
        );
        diagnostics.error(sig.fn_token, message);
    }
}

fn check_qualifiers(function: &Function, diagnostics: &mut Diagnostics) {
    let (sig, name) = (&function.sig, function.ident());
    if sig.asyncness.is_none() && matches!(sig.output, ReturnType::Default) {
        let message = format!("`{name}` must be async; write `async fn {name}`");
        diagnostics.error(sig.fn_token, message);
    }
    if let Safety::Unsafe(token) = &sig.safety {
        diagnostics.error(token, format!("`{name}` cannot be unsafe; remove `unsafe`"));
    }
    if let Some(abi) = &sig.abi {
        let written = source::text(abi.to_token_stream());
        diagnostics.error(
            abi,
            format!("`{name}` cannot have an ABI; remove `{written}`"),
        );
    }
    if let Some(token) = &sig.constness {
        diagnostics.error(token, format!("`{name}` cannot be const; remove `const`"));
    }
}

fn check_attributes(function: &Function, is_kept: bool, diagnostics: &mut Diagnostics) {
    for attr in &function.attrs {
        let path = attr.path();
        let segments: Vec<String> = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            [.., "underscore_route"] => diagnostics.error(
                path,
                "`underscore_route` cannot be applied twice; remove one: \
                 a handler can be mounted at any number of paths",
            ),
            // Below, its generated item would be inside of a function, where `openapi(paths(...))`
            // cannot find it.
            ["utoipa", .., "path"] if !is_kept => diagnostics.error(
                path,
                "`utoipa::path` must be above `underscore_route`; move it up",
            ),
            _ => {}
        }
    }
}

fn check_arguments(function: &Function, diagnostics: &mut Diagnostics) {
    let (sig, name) = (&function.sig, function.ident());
    if let Some(receiver) = sig.receiver() {
        diagnostics.error(
            receiver.self_token,
            "`self` cannot be an extractor; add `keep`, or write a free function that takes \
             `State(...)`",
        );
    }
    if let Some(extra) = sig.inputs.iter().nth(MAX_EXTRACTORS) {
        diagnostics.error(
            extra,
            format!(
                "`{name}` cannot take more than {MAX_EXTRACTORS} extractors; \
                 group some in a type that derives `FromRequestParts`"
            ),
        );
    }
    for ty in function.argument_types() {
        ImplTraitCheck { name, diagnostics }.visit_type(ty);
    }
}

/// Reports `impl Trait` in an argument's type.
struct ImplTraitCheck<'a> {
    name: &'a Ident,
    diagnostics: &'a mut Diagnostics,
}

impl<'ast> Visit<'ast> for ImplTraitCheck<'_> {
    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let (name, bounds) = (self.name, source::text(ty.bounds.to_token_stream()));
        self.diagnostics.error(
            ty.impl_token,
            format!(
                "`impl {bounds}` cannot be in an extractor's type; \
                 add `keep`, or write `fn {name}<T: {bounds}>` and `T` here"
            ),
        );
        visit::visit_type_impl_trait(self, ty);
    }
}
