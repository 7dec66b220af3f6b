//! Reads the attribute's parentheses: `(get, "/once", name = "once", inner = once_inner, crate = path)`.
//! Every value keeps the span it was written with; whether it fits the function is not asked here.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Path, Token};

use crate::diagnostics::{Diagnostics, one_of};
use crate::source;

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

/// The keys that take a value, each with an example.
const KEYS: &[(&str, &str)] = &[
    ("name", "name = \"once\""),
    ("inner", "inner = once_inner"),
    ("crate", "crate = my::reexport"),
];

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
                comma(input, diagnostics)?;
            }
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            diagnostics.push(error);
        }
        args
    }

    /// Whether anything is said that only a route has.
    pub(crate) fn names_a_route(&self) -> bool {
        self.method.is_some() || self.path.is_some() || self.name.is_some() || self.inner.is_some()
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
            self.method(&word, diagnostics);
        } else {
            let token: TokenTree = input.parse()?;
            diagnostics.error(
                &token,
                format!("`{token}` must be a method, a path or a key; write `get`, \"/once\" or `name = \"once\"`"),
            );
        }
        Ok(())
    }

    fn method(&mut self, word: &Ident, diagnostics: &mut Diagnostics) {
        let written = word.to_string();
        let lower = written.to_ascii_lowercase();
        if let Some((_, shown)) = METHODS.iter().find(|(name, _)| *name == lower) {
            diagnostics.set(&mut self.method, word, *shown, "be a second method");
        } else if let Some((_, example)) = KEYS.iter().find(|(key, _)| *key == written) {
            diagnostics.error(
                word,
                format!("`{written}` must have a value; write `{example}`"),
            );
        } else {
            let cure = one_of(&lower, METHODS.iter().map(|(name, _)| *name));
            diagnostics.error(
                word,
                format!("`{written}` cannot be a method; write {cure}"),
            );
        }
    }

    /// What stands behind `key =`.
    fn value(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        const TWICE: &str = "be given twice";
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
                diagnostics.error(key, no_key(&written, &tokens));
                return Ok(());
            }
        };
        if !fits || !(ahead.is_empty() || ahead.peek(Token![,])) {
            let (kind, cure) = wanted(&written, &tokens);
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

/// What is said of a key that does not exist, with `value` behind it.
fn no_key(key: &str, value: &TokenStream) -> String {
    let cure = match key {
        "path" | "method" => format!("`{}` alone", source::text(value.clone())),
        _ => one_of(key, KEYS.iter().map(|(key, _)| *key)),
    };
    format!("`{key}` cannot be a key; write {cure}")
}

/// What the value of `key` must be, and what was meant by `value`.
fn wanted(key: &str, value: &TokenStream) -> (&'static str, String) {
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
            format!("route path cannot have `{old}` since axum 0.8; write {cured:?}"),
        );
    }
}

/// A segment of a path as axum 0.8 writes it: `:id` is `{id}`, `*rest` is `{*rest}`.
fn modern(segment: &str) -> String {
    match segment.as_bytes() {
        [b':', _, ..] => format!("{{{}}}", &segment[1..]),
        [b'*', _, ..] => format!("{{{segment}}}"),
        _ => segment.to_owned(),
    }
}

/// Operators type names in URLs, in lists with commas, with `-` before those that are taken away.
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

/// What stands before the next comma, which stays.
fn until_comma(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?.to_tokens(&mut tokens);
    }
    Ok(tokens)
}

/// Reads the comma between two arguments; where it is missing, what follows is still read.
fn comma(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<()> {
    if !input.is_empty() && input.parse::<Option<Token![,]>>()?.is_none() {
        let token: TokenTree = input.fork().parse()?;
        diagnostics.error(
            &token,
            format!("`{token}` must stand behind a comma; write `, {token}`"),
        );
    }
    Ok(())
}
