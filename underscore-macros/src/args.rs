//! Parses the attribute's arguments:
//! `(get, "/once", name = "once", inner = once_inner, keep, crate = path)`. Values keep their spans.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Path, Token, parse_quote};

use crate::diagnostics::{Diagnostics, one_of};
use crate::source;

/// The methods: the names of axum's routing functions, and the methods that tables show.
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

/// What an argument cannot do.
const TWICE: &str = "be given twice";

/// The argument that keeps the function's signature.
const KEEP: &str = "keep";

/// The keys, each with an example.
const KEYS: &[(&str, &str)] = &[
    ("name", "name = \"once\""),
    ("inner", "inner = once_inner"),
    ("crate", "crate = my::reexport"),
];

/// The attribute's arguments.
#[derive(Default)]
pub(crate) struct Args {
    /// The method as tables show it: `GET`.
    pub(crate) method: Option<&'static str>,
    pub(crate) path: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    /// The name of the plain function, which is private to the outer one by default.
    pub(crate) inner: Option<Ident>,
    /// Set if the function keeps its signature.
    pub(crate) keep: Option<Ident>,
    /// The path of the runtime crate, if given.
    runtime: Option<Path>,
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut args = Args::default();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                args.argument(input, diagnostics)?;
                comma(input, diagnostics)?;
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            diagnostics.push(error);
        }
        if let (Some(inner), Some(_)) = (&args.inner, &args.keep) {
            diagnostics.error(
                inner,
                format!(
                    "`inner` cannot be combined with `keep`, which keeps the function itself \
                     callable; remove `inner = {inner}`"
                ),
            );
        }
        args
    }

    /// The path of the runtime crate.
    pub(crate) fn runtime(&self) -> Path {
        let default = || parse_quote!(::underscore_runtime);
        self.runtime.clone().unwrap_or_else(default)
    }

    /// True if an argument is only valid for a route.
    pub(crate) fn declares_route(&self) -> bool {
        self.method.is_some()
            || self.path.is_some()
            || self.name.is_some()
            || self.inner.is_some()
            || self.keep.is_some()
    }

    fn argument(
        &mut self,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        if input.peek(LitStr) {
            let path: LitStr = input.parse()?;
            check_path(&path, diagnostics);
            diagnostics.set(&mut self.path, path.clone(), path, "be a second path");
        } else if input.peek(Ident::peek_any) {
            let word = input.call(Ident::parse_any)?;
            if input.parse::<Option<Token![=]>>()?.is_some() {
                return self.value(&word, input, diagnostics);
            }
            self.word(&word, diagnostics);
        } else {
            let token: TokenTree = input.parse()?;
            diagnostics.error(
                &token,
                format!(
                    "`{token}` must be a method, a path or a key; \
                     write `get`, \"/once\" or `name = \"once\"`"
                ),
            );
        }
        Ok(())
    }

    /// Sets the argument that `word` alone is: a method, or `keep`.
    fn word(&mut self, word: &Ident, diagnostics: &mut Diagnostics) {
        let written = word.to_string();
        let lower = written.to_ascii_lowercase();
        if let Some((_, shown)) = METHODS.iter().find(|(name, _)| *name == lower) {
            diagnostics.set(&mut self.method, word, *shown, "be a second method");
        } else if written == KEEP {
            diagnostics.set(&mut self.keep, word, word.clone(), TWICE);
        } else if let Some((_, example)) = KEYS.iter().find(|(key, _)| *key == written) {
            diagnostics.error(
                word,
                format!("`{written}` must have a value; write `{example}`"),
            );
        } else {
            let words = METHODS.iter().map(|(name, _)| *name).chain([KEEP]);
            let cure = one_of(&lower, words);
            diagnostics.error(
                word,
                format!("`{written}` must be a method or `{KEEP}`; write {cure}"),
            );
        }
    }

    /// Parses the value after `key =`.
    fn value(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        let ahead = input.fork();
        let tokens = until_comma(input)?;
        let written = key.to_string();
        let fits = match written.as_str() {
            "name" => ahead.parse().is_ok_and(|name: LitStr| {
                check_name(&name, diagnostics);
                diagnostics.set(&mut self.name, key, name, TWICE);
                true
            }),
            "inner" => ahead.parse().is_ok_and(|inner: Ident| {
                diagnostics.set(&mut self.inner, key, inner, TWICE);
                true
            }),
            "crate" => ahead.call(Path::parse_mod_style).is_ok_and(|path| {
                diagnostics.set(&mut self.runtime, key, path, TWICE);
                true
            }),
            _ => {
                diagnostics.error(key, unknown_key(&written, &tokens));
                return Ok(());
            }
        };
        if !fits || !(ahead.is_empty() || ahead.peek(Token![,])) {
            let (kind, cure) = expected(&written, &tokens);
            let message = format!("`{written}` must be {kind}; write `{written} = {cure}`");
            if tokens.is_empty() {
                diagnostics.error(key, message);
            } else {
                diagnostics.error(tokens, message);
            }
        }
        Ok(())
    }
}

/// The error message for `key = value` with an unknown key.
fn unknown_key(key: &str, value: &TokenStream) -> String {
    let cure = match key {
        "path" | "method" => format!("`{}` alone", source::text(value.clone())),
        KEEP => format!("`{KEEP}` alone"),
        _ => one_of(key, KEYS.iter().map(|(key, _)| *key)),
    };
    format!("`{key}` cannot be a key; write {cure}")
}

/// The kind of value that `key` takes, and `value` corrected to that kind.
fn expected(key: &str, value: &TokenStream) -> (&'static str, String) {
    let written = source::text(value.clone());
    let plain: String = written.chars().filter(|c| *c != '"').collect();
    let word = syn::parse_str::<Path>(&plain).is_ok();
    let (kind, example) = match key {
        "name" => ("a string", "\"once\""),
        "inner" => ("an identifier", "once_inner"),
        _ => ("a path", "my::reexport"),
    };
    let cure = match key {
        _ if !word => example.to_owned(),
        "name" => format!("\"{plain}\""),
        _ => plain,
    };
    (kind, cure)
}

fn check_path(path: &LitStr, diagnostics: &mut Diagnostics) {
    let value = path.value();
    let cured: Vec<String> = value.split('/').map(modern).collect();
    let mut cured = cured.join("/");
    if !cured.starts_with('/') {
        cured.insert(0, '/');
    }
    if !value.starts_with('/') {
        diagnostics.error(
            path,
            format!("route path must start with \"/\"; write {cured:?}"),
        );
    }
    if let Some(old) = value.split('/').find(|segment| modern(segment) != *segment) {
        diagnostics.error(
            path,
            format!("route path cannot contain `{old}` since axum 0.8; write {cured:?}"),
        );
    }
}

/// A path segment in the syntax of axum 0.8: `:id` becomes `{id}`, `*rest` becomes `{*rest}`.
fn modern(segment: &str) -> String {
    match segment.as_bytes() {
        [b':', _, ..] => format!("{{{}}}", &segment[1..]),
        [b'*', _, ..] => format!("{{{segment}}}"),
        _ => segment.to_owned(),
    }
}

/// Checks that a name can be used in URLs and in comma lists, where a leading `-` excludes it.
fn check_name(name: &LitStr, diagnostics: &mut Diagnostics) {
    let value = name.value();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let cured = value.replace(|c| !plain(c), "-");
    let cured = match cured.trim_start_matches(['-', '_']) {
        "" => "once",
        cured => cured,
    };
    let fault = match value.chars().next() {
        None => "be empty".to_owned(),
        Some(first @ ('-' | '_')) => format!("start with `{first}`"),
        Some(_) => match value.chars().find(|c| !plain(*c)) {
            Some(c) => format!("contain `{c}`"),
            None => return,
        },
    };
    diagnostics.error(name, format!("route name cannot {fault}; write {cured:?}"));
}

/// Parses the tokens before the next comma.
fn until_comma(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?.to_tokens(&mut tokens);
    }
    Ok(tokens)
}

/// Parses the comma between two arguments. If it is missing, parsing continues.
fn comma(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<()> {
    if !input.is_empty() && input.parse::<Option<Token![,]>>()?.is_none() {
        let token: TokenTree = input.fork().parse()?;
        diagnostics.error(
            &token,
            format!("`{token}` must be preceded by a comma; write `, {token}`"),
        );
    }
    Ok(())
}
