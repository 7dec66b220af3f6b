//! Awaits among the tokens of macros that people await in: their arguments become points like other
//! awaits, and the branches of `select!`, `join!` and `try_join!`, which these await themselves.
//!
//! A macro may do with its tokens what it likes, so only those are looked into whose arguments are known
//! to be expressions, by name. What cannot be read stays as it is.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, Macro, Pat, Token, token};

use crate::awaits::{BESIDE_OTHERS, Rewriter};
use crate::source;

/// What is known of a macro's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Expressions with commas between, some with a name before them.
    List,
    /// The same, and the text of the first one is shown if there is no other.
    Assertion,
    /// JSON with expressions in it.
    Json,
    /// Futures with commas between, which the macro awaits.
    Join,
    /// `pattern = future => expression`, of which the macro awaits the futures.
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

fn kind(mac: &Macro) -> Option<Kind> {
    let name = mac.path.segments.last()?.ident.to_string();
    match name.as_str() {
        "select" | "select_biased" => Some(Kind::Select),
        "join" | "try_join" => Some(Kind::Join),
        "json" => Some(Kind::Json),
        "assert" | "debug_assert" => Some(Kind::Assertion),
        name if LISTS.contains(&name) => Some(Kind::List),
        _ => None,
    }
}

impl Rewriter<'_> {
    /// Rewrites the awaits among the tokens of a macro. False if it awaits and was left as it is.
    pub(crate) fn rewrite_macro(&mut self, mac: &mut Macro) -> bool {
        let kind = kind(mac);
        let awaits_itself = matches!(kind, Some(Kind::Join | Kind::Select));
        if !awaits_itself && !has_await(mac.tokens.clone()) {
            return true;
        }
        // What was found before the macro turned out to be unreadable is taken back.
        let found = self.found.len();
        let outer_branches = std::mem::take(&mut self.branches);
        let rewritten = match kind {
            None => None,
            Some(Kind::List) => Some(self.list(mac.tokens.clone())),
            Some(Kind::Assertion) => Some(self.assertion(mac.tokens.clone())),
            Some(Kind::Json) => Some(self.json(mac.tokens.clone())),
            Some(Kind::Join) => {
                let is_known = CRATES.iter().any(|known| begins_with(mac, known));
                self.join(mac.tokens.clone(), is_known)
            }
            Some(Kind::Select) => {
                let is_tokios = begins_with(mac, "tokio");
                let parser = |input: ParseStream<'_>| self.select(input, is_tokios);
                parser.parse2(mac.tokens.clone()).ok()
            }
        };
        if let Some(rewritten) = rewritten {
            mac.tokens = rewritten;
        } else {
            self.found.truncate(found);
        }
        let branches = std::mem::replace(&mut self.branches, outer_branches);
        if branches.contains(&None) {
            // What is awaited in those that are no points would be taken for kept beside the others.
            for branch in branches.into_iter().flatten() {
                if let Some(point) = self.found.get_mut(branch) {
                    point.depth = BESIDE_OTHERS;
                }
            }
        }
        self.found.len() > found
    }

    fn list(&mut self, tokens: TokenStream) -> TokenStream {
        let (rewritten, _) = self.arguments(tokens, Self::argument);
        rewritten
    }

    /// What `each` makes of the arguments, which have commas or semicolons between. From the first one on that
    /// cannot be read, they stay as they are, and the second value is false.
    fn arguments(
        &mut self,
        tokens: TokenStream,
        mut each: impl FnMut(&mut Self, ParseStream<'_>) -> syn::Result<TokenStream>,
    ) -> (TokenStream, bool) {
        let parser = |input: ParseStream<'_>| {
            let mut all = TokenStream::new();
            while !input.is_empty() {
                let (found, fork) = (self.found.len(), input.fork());
                let argument = each(self, &fork);
                let is_at_end = fork.is_empty() || fork.peek(Token![,]) || fork.peek(Token![;]);
                let (Ok(argument), true) = (argument, is_at_end) else {
                    self.found.truncate(found);
                    all.extend(input.parse::<TokenStream>()?);
                    return Ok((all, false));
                };
                input.advance_to(&fork);
                all.extend(argument);
                if !input.is_empty() {
                    all.extend([input.parse::<TokenTree>()?]);
                }
            }
            Ok((all, true))
        };
        let rewritten = parser.parse2(tokens.clone());
        rewritten.unwrap_or((tokens, false))
    }

    /// `expression`, `name = expression`, `name: expression`, and with `%` or `?` before the expression, as tracing
    /// has them.
    fn argument(&mut self, input: ParseStream<'_>) -> syn::Result<TokenStream> {
        let mut argument = TokenStream::new();
        let is_named = input.peek(syn::Ident) && input.peek2(Token![:]);
        if is_named && !input.peek2(Token![::]) {
            argument.extend(input.parse::<syn::Ident>()?.into_token_stream());
            argument.extend(input.parse::<Token![:]>()?.into_token_stream());
        } else if let Ok(name) = field_with_sigil(&input.fork()) {
            // As many tokens as were read there.
            for _ in name {
                argument.extend([input.parse::<TokenTree>()?]);
            }
        }
        if input.peek(Token![%]) || input.peek(Token![?]) {
            argument.extend([input.parse::<TokenTree>()?]);
        }
        argument.extend(self.visited(input.parse()?));
        Ok(argument)
    }

    /// What is shown of an assertion that fails is the condition as the user wrote it.
    fn assertion(&mut self, tokens: TokenStream) -> TokenStream {
        let condition = |input: ParseStream<'_>| {
            let condition: Expr = input.parse()?;
            input.parse::<Option<Token![,]>>()?;
            Ok(condition)
        };
        let Ok(condition) = condition.parse2(tokens.clone()) else {
            return self.list(tokens);
        };
        // Not `stringify!`: of tokens that went through a macro it writes a space between any two.
        let text = source::whole(condition.to_token_stream());
        let text = format!("assertion failed: {text}");
        let condition = self.visited(condition);
        quote!(#condition, "{}", #text)
    }

    fn json(&mut self, tokens: TokenStream) -> TokenStream {
        let (rewritten, _) = self.arguments(tokens, Self::json_element);
        rewritten
    }

    /// `value`, or `key: value`.
    fn json_element(&mut self, input: ParseStream<'_>) -> syn::Result<TokenStream> {
        let mut element = TokenStream::new();
        let is_colon = |input: ParseStream<'_>| input.peek(Token![:]) && !input.peek(Token![::]);
        let (one, path) = (input.fork(), input.fork());
        one.parse::<TokenTree>()?;
        if is_colon(&one) {
            element.extend([input.parse::<TokenTree>()?, input.parse::<TokenTree>()?]);
        } else if path.parse::<syn::Path>().is_ok() && is_colon(&path) {
            input.parse::<syn::Path>()?.to_tokens(&mut element);
            input.parse::<Token![:]>()?.to_tokens(&mut element);
        }
        if input.peek(token::Brace) || input.peek(token::Bracket) {
            let TokenTree::Group(group) = input.parse()? else {
                return Err(input.error("a group was expected"));
            };
            let mut inner = Group::new(group.delimiter(), self.json(group.stream()));
            inner.set_span(group.span());
            element.extend([TokenTree::Group(inner)]);
        } else {
            element.extend(self.visited(input.parse()?));
        }
        Ok(element)
    }

    /// Futures, each of which becomes a point.
    ///
    /// Under this name alone, without the crate's, there may be another macro.
    fn join(&mut self, tokens: TokenStream, is_known: bool) -> Option<TokenStream> {
        let (biased, futures) = Self::biased(tokens);
        let (rewritten, is_read) = self.arguments(futures, |this, input| {
            let future: Expr = input.parse()?;
            if is_known || may_be_future(&future) {
                Ok(this.branch(future, is_known))
            } else {
                Err(input.error("a future was expected"))
            }
        });
        is_read.then(|| biased.into_iter().chain(rewritten).collect())
    }

    /// Tokio's `biased;` at the beginning, and what stands behind it.
    fn biased(tokens: TokenStream) -> (TokenStream, TokenStream) {
        let parser = |input: ParseStream<'_>| {
            let fork = input.fork();
            let word: syn::Ident = fork.parse()?;
            let semicolon: Token![;] = fork.parse()?;
            if word != "biased" {
                return Err(fork.error("no biased"));
            }
            input.parse::<syn::Ident>()?;
            input.parse::<Token![;]>()?;
            let rest: TokenStream = input.parse()?;
            Ok((quote!(#word #semicolon), rest))
        };
        let split = parser.parse2(tokens.clone());
        split.unwrap_or_else(|_| (TokenStream::new(), tokens))
    }

    /// A future that a macro awaits, as a point of its own.
    ///
    /// One that is only named may be borrowed by the macro and used again after it: futures' `select!`
    /// does that, and tokio's, `owns`, does not.
    fn branch(&mut self, mut future: Expr, owns: bool) -> TokenStream {
        let is_named = matches!(&future, Expr::Path(_));
        let shown = future.clone();
        self.visit_expr_mut(&mut future);
        if is_named && !owns {
            self.branches.push(None);
            return future.into_token_stream();
        }
        self.wrap_branch(&future, &shown).into_token_stream()
    }

    fn select(&mut self, input: ParseStream<'_>, is_tokios: bool) -> syn::Result<TokenStream> {
        let (biased, rest) = Self::biased(input.parse()?);
        let parser = |input: ParseStream<'_>| {
            let mut branches = TokenStream::new();
            while !input.is_empty() {
                branches.extend(self.select_branch(input, is_tokios)?);
            }
            Ok(branches)
        };
        let branches = parser.parse2(rest)?;
        Ok(biased.into_iter().chain(branches).collect())
    }

    /// `pattern = future, if condition => handler,`, or a word for when there is nothing to wait for.
    fn select_branch(
        &mut self,
        input: ParseStream<'_>,
        is_tokios: bool,
    ) -> syn::Result<TokenStream> {
        let mut branch = TokenStream::new();
        if input.peek2(Token![=>]) {
            // `else`, `complete`, `default`.
            branch.extend([input.parse::<TokenTree>()?]);
        } else {
            Pat::parse_multi_with_leading_vert(input)?.to_tokens(&mut branch);
            input.parse::<Token![=]>()?.to_tokens(&mut branch);
            branch.extend(self.branch(input.parse()?, is_tokios));
            if input.peek(Token![,]) && input.peek2(Token![if]) {
                input.parse::<Token![,]>()?.to_tokens(&mut branch);
                input.parse::<Token![if]>()?.to_tokens(&mut branch);
                branch.extend(self.visited(input.parse()?));
            }
        }
        input.parse::<Token![=>]>()?.to_tokens(&mut branch);
        if input.peek(token::Brace) {
            let mut block: Block = input.parse()?;
            self.visit_block_mut(&mut block);
            block.to_tokens(&mut branch);
        } else {
            branch.extend(self.visited(input.parse()?));
        }
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?.to_tokens(&mut branch);
        }
        Ok(branch)
    }

    fn visited(&mut self, mut expr: Expr) -> TokenStream {
        self.visit_expr_mut(&mut expr);
        expr.into_token_stream()
    }
}

/// The crates whose `join!` and `try_join!` are known.
const CRATES: [&str; 3] = ["tokio", "futures", "futures_util"];

/// True if the macro is called by a path that begins with the crate's name.
fn begins_with(mac: &Macro, name: &str) -> bool {
    let segments = &mac.path.segments;
    segments.len() > 1 && segments.first().is_some_and(|first| first.ident == name)
}

/// True if the expression is one that futures are written as.
fn may_be_future(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Async(_) | Expr::Call(_) | Expr::MethodCall(_) | Expr::Path(_) | Expr::Reference(_)
    )
}

/// True if there is an `.await` somewhere among the tokens.
fn has_await(tokens: TokenStream) -> bool {
    let mut is_behind_dot = false;
    tokens.into_iter().any(|token| {
        let found = match &token {
            TokenTree::Ident(ident) => is_behind_dot && ident == "await",
            TokenTree::Group(group) => has_await(group.stream()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        };
        is_behind_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        found
    })
}

/// Reads `name.of.a.field =` where a `%` or a `?` stands behind it: how many tokens that are.
fn field_with_sigil(input: ParseStream<'_>) -> syn::Result<std::ops::Range<u8>> {
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
            Ok(0..count)
        } else {
            Err(input.error("no sigil"))
        };
    }
}

#[cfg(test)]
mod tests;
