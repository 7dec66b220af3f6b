//! Parses the arguments of macros that people await in, so that the awaits in them can be
//! rewritten, and the futures that `select!`, `join!` and `try_join!` await themselves.
//!
//! A macro can do anything with its tokens, so only macros whose arguments are known to be
//! expressions are parsed, by name.

mod select;

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Macro, Token, token};

pub(crate) use self::select::{Branch, Handler};
use crate::source;

/// The result of parsing the tokens of a macro call.
pub(crate) enum MacroInput {
    /// Nothing is awaited in the tokens.
    NoAwaits,
    /// Something is awaited, but the tokens cannot be parsed.
    Opaque,
    /// The tokens in order.
    Parsed(Vec<Piece>),
}

/// A part of the tokens of a macro call.
pub(crate) enum Piece {
    Tokens(TokenStream),
    /// Pieces inside the delimiters of a group.
    Group(Group, Vec<Piece>),
    Expr(Box<Expr>),
    /// A future that the macro awaits.
    Future {
        future: Box<Expr>,
        /// False if the macro may only borrow the future, so that it must stay a place expression.
        is_owned: bool,
    },
    /// A branch of a `select!`.
    Branch(Box<Branch>),
}

impl ToTokens for Piece {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Piece::Tokens(piece) => tokens.extend(piece.clone()),
            Piece::Group(group, pieces) => {
                regroup(group, quote!(#(#pieces)*)).to_tokens(tokens);
            }
            Piece::Expr(expr) => expr.to_tokens(tokens),
            Piece::Future { future, .. } => future.to_tokens(tokens),
            Piece::Branch(branch) => branch.to_tokens(tokens),
        }
    }
}

/// A group like `group` with other tokens.
pub(crate) fn regroup(group: &Group, tokens: TokenStream) -> Group {
    let mut other = Group::new(group.delimiter(), tokens);
    other.set_span(group.span());
    other
}

/// The syntax of a macro's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    /// Expressions separated by commas, possibly named.
    List,
    /// The same. If there is only the condition, a failed assertion shows it as text.
    Assertion,
    /// JSON that contains expressions.
    Json,
    /// Futures separated by commas, which the macro awaits.
    Join,
    /// `pattern = future => expression`: the macro awaits the futures.
    Select,
}

const LISTS: [&str; 31] = [
    "anyhow",
    "assert_eq",
    "assert_ne",
    "bail",
    "debug",
    "debug_assert_eq",
    "debug_assert_ne",
    "debug_span",
    "eprint",
    "eprintln",
    "error",
    "error_span",
    "event",
    "format",
    "format_args",
    "info",
    "info_span",
    "log",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "trace",
    "trace_span",
    "unimplemented",
    "unreachable",
    "vec",
    "warn",
    "write",
    "writeln",
];

/// The crates whose `join!` and `try_join!` are known.
const JOIN_CRATES: [&str; 3] = ["tokio", "futures", "futures_util"];

/// Parses the arguments of `mac`.
pub(crate) fn parse(mac: &Macro) -> MacroInput {
    let syntax = syntax(mac);
    parse_as(mac, syntax)
}

/// Parses the arguments of `mac` if it is a `select!`.
pub(crate) fn parse_select(mac: &Macro) -> MacroInput {
    match syntax(mac) {
        Some(Syntax::Select) => parse_as(mac, Some(Syntax::Select)),
        _ => MacroInput::Opaque,
    }
}

fn parse_as(mac: &Macro, syntax: Option<Syntax>) -> MacroInput {
    let awaits_itself = matches!(syntax, Some(Syntax::Join | Syntax::Select));
    if !awaits_itself && !has_await(mac.tokens.clone()) {
        return MacroInput::NoAwaits;
    }
    let Some(syntax) = syntax else {
        return MacroInput::Opaque;
    };
    let parser = |input: ParseStream<'_>| match syntax {
        Syntax::List => list(input),
        Syntax::Assertion => assertion(input),
        Syntax::Json => json(input),
        Syntax::Join => join(input, JOIN_CRATES.iter().any(|name| is_from(mac, name))),
        Syntax::Select => select::select(input, is_from(mac, "tokio")),
    };
    match parser.parse2(mac.tokens.clone()) {
        Ok(Pieces(pieces)) => MacroInput::Parsed(pieces),
        Err(_) => MacroInput::Opaque,
    }
}

fn syntax(mac: &Macro) -> Option<Syntax> {
    let name = mac.path.segments.last()?.ident.to_string();
    match name.as_str() {
        "select" | "select_biased" => Some(Syntax::Select),
        "join" | "try_join" => Some(Syntax::Join),
        "json" => Some(Syntax::Json),
        "assert" | "debug_assert" => Some(Syntax::Assertion),
        name if LISTS.contains(&name) => Some(Syntax::List),
        _ => None,
    }
}

/// True if the macro is called by a path that begins with the name of a crate.
fn is_from(mac: &Macro, name: &str) -> bool {
    let segments = &mac.path.segments;
    segments.len() > 1 && segments.first().is_some_and(|first| first.ident == name)
}

/// True if there is an `.await` in the tokens.
fn has_await(tokens: TokenStream) -> bool {
    let mut is_after_dot = false;
    tokens.into_iter().any(|token| {
        let found = match &token {
            TokenTree::Ident(ident) => is_after_dot && ident == "await",
            TokenTree::Group(group) => has_await(group.stream()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        };
        is_after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        found
    })
}

#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn tokens(&mut self, tokens: impl ToTokens) {
        self.0.push(Piece::Tokens(tokens.into_token_stream()));
    }

    fn expr(&mut self, expr: Expr) {
        self.0.push(Piece::Expr(Box::new(expr)));
    }

    /// A future that the macro awaits.
    fn future(&mut self, future: Expr, owns: bool) {
        self.0.push(Piece::Future {
            is_owned: is_owned(&future, owns),
            future: Box::new(future),
        });
    }

    fn next_token(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        self.tokens(input.parse::<TokenTree>()?);
        Ok(())
    }

    fn append(&mut self, other: Pieces) {
        self.0.extend(other.0);
    }
}

fn list(input: ParseStream<'_>) -> syn::Result<Pieces> {
    Ok(arguments(input, argument)?.0)
}

/// Parses arguments separated by commas or semicolons with `each`. After the first argument that
/// fails, the rest is kept as tokens and the second value is false.
fn arguments(
    input: ParseStream<'_>,
    each: impl Fn(ParseStream<'_>) -> syn::Result<Pieces>,
) -> syn::Result<(Pieces, bool)> {
    let mut all = Pieces::default();
    while !input.is_empty() {
        let fork = input.fork();
        let argument = each(&fork);
        let is_at_end = fork.is_empty() || fork.peek(Token![,]) || fork.peek(Token![;]);
        let (Ok(argument), true) = (argument, is_at_end) else {
            all.tokens(input.parse::<TokenStream>()?);
            return Ok((all, false));
        };
        input.advance_to(&fork);
        all.append(argument);
        if !input.is_empty() {
            all.next_token(input)?;
        }
    }
    Ok((all, true))
}

/// `expression`, `name = expression` or `name: expression`, with an optional `%` or `?` before the
/// expression, as in tracing.
fn argument(input: ParseStream<'_>) -> syn::Result<Pieces> {
    let mut argument = Pieces::default();
    let is_named = input.peek(syn::Ident) && input.peek2(Token![:]);
    if is_named && !input.peek2(Token![::]) {
        argument.tokens(input.parse::<syn::Ident>()?);
        argument.tokens(input.parse::<Token![:]>()?);
    } else if let Ok(count) = field_with_sigil(&input.fork()) {
        for _ in 0..count {
            argument.next_token(input)?;
        }
    }
    if input.peek(Token![%]) || input.peek(Token![?]) {
        argument.next_token(input)?;
    }
    argument.expr(input.parse()?);
    Ok(argument)
}

/// The number of tokens of `name.of.a.field =` before a `%` or a `?`.
fn field_with_sigil(input: ParseStream<'_>) -> syn::Result<u8> {
    let mut count: u8 = 0;
    loop {
        input.parse::<syn::Ident>()?;
        count = count.saturating_add(2);
        if input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            continue;
        }
        input.parse::<Token![=]>()?;
        return if input.peek(Token![%]) || input.peek(Token![?]) {
            Ok(count)
        } else {
            Err(input.error("expected `%` or `?`"))
        };
    }
}

/// Adds a message with the condition as the user wrote it, unless there is a message.
fn assertion(input: ParseStream<'_>) -> syn::Result<Pieces> {
    let fork = input.fork();
    let Ok(condition) = lone_condition(&fork) else {
        return list(input);
    };
    input.advance_to(&fork);
    // Not `stringify!`, which puts a space between any two tokens that went through a macro.
    let text = source::full_text(condition.to_token_stream());
    let text = format!("assertion failed: {text}");
    let mut pieces = Pieces::default();
    pieces.expr(condition);
    pieces.tokens(quote!(, "{}", #text));
    Ok(pieces)
}

fn lone_condition(input: ParseStream<'_>) -> syn::Result<Expr> {
    let condition = input.parse()?;
    input.parse::<Option<Token![,]>>()?;
    if input.is_empty() {
        Ok(condition)
    } else {
        Err(input.error("expected no message"))
    }
}

fn json(input: ParseStream<'_>) -> syn::Result<Pieces> {
    Ok(arguments(input, json_element)?.0)
}

/// `value` or `key: value`.
fn json_element(input: ParseStream<'_>) -> syn::Result<Pieces> {
    let mut element = Pieces::default();
    let is_colon = |input: ParseStream<'_>| input.peek(Token![:]) && !input.peek(Token![::]);
    let (one, path) = (input.fork(), input.fork());
    one.parse::<TokenTree>()?;
    if is_colon(&one) {
        element.next_token(input)?;
        element.next_token(input)?;
    } else if path.parse::<syn::Path>().is_ok() && is_colon(&path) {
        element.tokens(input.parse::<syn::Path>()?);
        element.tokens(input.parse::<Token![:]>()?);
    }
    if input.peek(token::Brace) || input.peek(token::Bracket) {
        let TokenTree::Group(group) = input.parse()? else {
            return Err(input.error("expected a group"));
        };
        let Pieces(inner) = json.parse2(group.stream())?;
        element.0.push(Piece::Group(group, inner));
    } else {
        element.expr(input.parse()?);
    }
    Ok(element)
}

/// Futures. If the crate of the macro is unknown, another macro may have this name, and all
/// arguments must look like futures.
fn join(input: ParseStream<'_>, is_known: bool) -> syn::Result<Pieces> {
    let mut pieces = biased(input)?;
    let (futures, is_parsed) = arguments(input, |input| {
        let future: Expr = input.parse()?;
        if !is_known && !may_be_future(&future) {
            return Err(input.error("expected a future"));
        }
        let mut pieces = Pieces::default();
        pieces.future(future, is_known);
        Ok(pieces)
    })?;
    if !is_parsed {
        return Err(input.error("expected futures"));
    }
    pieces.append(futures);
    Ok(pieces)
}

/// True if futures are commonly written as this kind of expression.
fn may_be_future(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Async(_) | Expr::Call(_) | Expr::MethodCall(_) | Expr::Path(_) | Expr::Reference(_)
    )
}

/// Tokio's optional `biased;`.
fn biased(input: ParseStream<'_>) -> syn::Result<Pieces> {
    let mut pieces = Pieces::default();
    let is_biased = |word: syn::Ident| word == "biased";
    if input.peek2(Token![;]) && input.fork().parse().is_ok_and(is_biased) {
        pieces.next_token(input)?;
        pieces.next_token(input)?;
    }
    Ok(pieces)
}

/// A macro that does not own a named future may borrow it, and the caller may use it after the
/// macro: the `select!` of futures borrows, tokio's does not.
fn is_owned(future: &Expr, owns: bool) -> bool {
    owns || !matches!(future, Expr::Path(_))
}
