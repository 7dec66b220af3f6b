//! Reads the attribute's parentheses: `(get, "/once", name = "once", inner = once_inner, crate = path)`.
//! Every value keeps the span it was written with; whether it fits the function is not asked here.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Path, Token};

use crate::diagnostics::Diagnostics;

/// The words for a method: axum's routing functions, and what the tables show for them.
const METHODS: &[(&str, &str)] = &[
    ("get", "GET"),
    ("post", "POST"),
    ("put", "PUT"),
    ("delete", "DELETE"),
    ("patch", "PATCH"),
    ("head", "HEAD"),
    ("options", "OPTIONS"),
    ("trace", "TRACE"),
    ("connect", "CONNECT"),
    ("any", "ANY"),
];

/// The keys that take a value.
const KEYS: &[&str] = &["name", "inner", "crate"];

/// What stands in the attribute's parentheses.
#[derive(Default)]
pub(crate) struct Args {
    /// The method as the tables show it: `GET`.
    pub(crate) method: Option<&'static str>,
    pub(crate) path: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    /// The name under which the plain function stays callable.
    pub(crate) inner: Option<Ident>,
    /// Where the runtime crate is found, if not at `::underscore_runtime`.
    pub(crate) runtime: Option<Path>,
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut args = Args::default();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                args.argument(input, diagnostics)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            diagnostics.push(error);
        }
        args
    }

    fn argument(
        &mut self,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        if input.peek(LitStr) {
            let path: LitStr = input.parse()?;
            check_path(&path, diagnostics);
            diagnostics.set(&mut self.path, path.clone(), path);
            return Ok(());
        }
        if !input.peek(Ident::peek_any) {
            return Err(input.error(
                "expected a method such as `get`, a path such as \"/once\", or `name = \"...\"`",
            ));
        }
        let key = input.call(Ident::parse_any)?;
        if !input.peek(Token![=]) {
            self.method(&key, diagnostics);
            return Ok(());
        }
        input.parse::<Token![=]>()?;
        match key.to_string().as_str() {
            "name" => {
                let name: LitStr = input.parse()?;
                check_name(&name, diagnostics);
                diagnostics.set(&mut self.name, &key, name);
            }
            "inner" => diagnostics.set(&mut self.inner, &key, input.parse()?),
            "crate" => {
                let path = input.call(Path::parse_mod_style)?;
                diagnostics.set(&mut self.runtime, &key, path);
            }
            other => {
                let known = KEYS.join("`, `");
                diagnostics.error(
                    &key,
                    format!("unknown key `{other}`; the keys are `{known}`"),
                );
                skip_value(input)?;
            }
        }
        Ok(())
    }

    fn method(&mut self, word: &Ident, diagnostics: &mut Diagnostics) {
        let written = word.to_string();
        if let Some((_, shown)) = METHODS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&written))
        {
            diagnostics.set(&mut self.method, word, *shown);
        } else if KEYS.contains(&written.as_str()) {
            diagnostics.error(
                word,
                format!("`{written}` must have a value; write `{written} = ...`"),
            );
        } else {
            let known: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
            let known = known.join("`, `");
            diagnostics.error(
                word,
                format!("`{written}` is not a method; write one of `{known}`"),
            );
        }
    }
}

fn check_path(path: &LitStr, diagnostics: &mut Diagnostics) {
    let value = path.value();
    if !value.starts_with('/') {
        diagnostics.error(
            path,
            format!("route path must start with \"/\"; write \"/{value}\""),
        );
    }
    for segment in value.split('/') {
        let cure = match segment.as_bytes() {
            [b':', ..] => format!("{{{}}}", &segment[1..]),
            [b'*', _, ..] => format!("{{{segment}}}"),
            _ => continue,
        };
        diagnostics.error(
            path,
            format!("`{segment}` is the path syntax of axum 0.7; write \"{cure}\""),
        );
    }
}

fn check_name(name: &LitStr, diagnostics: &mut Diagnostics) {
    let value = name.value();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if value.is_empty() || value.starts_with(['-', '_']) || !value.chars().all(plain) {
        diagnostics.error(
            name,
            "route name must be letters, digits, `_`, `-`, `.` or `:` and cannot start with `-` or `_`; \
             operators type it in a URL",
        );
    }
}

/// Passes over the value of an unknown key, so that what stands behind it is still read.
fn skip_value(input: ParseStream<'_>) -> syn::Result<()> {
    let mut skipped = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        input
            .parse::<proc_macro2::TokenTree>()?
            .to_tokens(&mut skipped);
    }
    Ok(())
}
