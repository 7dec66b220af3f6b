//! Awaits among the tokens of macros that people await in: their arguments become points like other
//! awaits, and the branches of `select!`, `join!` and `try_join!`, which these await themselves.
//!
//! A macro may do with its tokens what it likes, so only those are looked into whose arguments are known
//! to be expressions, by name. What cannot be read stays as it is.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, Macro, Pat, Token, token};

use crate::awaits::Rewriter;

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
        let rewritten = match kind {
            None => None,
            Some(Kind::List) => Some(self.list(mac.tokens.clone())),
            Some(Kind::Assertion) => Some(self.assertion(&mac.tokens)),
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
        self.found.len() > found
    }

    /// Each argument by itself.
    fn list(&mut self, tokens: TokenStream) -> TokenStream {
        self.arguments(tokens, Self::argument)
    }

    /// What `each` makes of the tokens between commas and semicolons.
    fn arguments(
        &mut self,
        tokens: TokenStream,
        mut each: impl FnMut(&mut Self, TokenStream) -> TokenStream,
    ) -> TokenStream {
        let (mut all, mut argument) = (TokenStream::new(), TokenStream::new());
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => {
                    all.extend(each(self, std::mem::take(&mut argument)));
                    all.extend([token]);
                }
                _ => argument.extend([token]),
            }
        }
        all.extend(each(self, argument));
        all
    }

    /// `expression`, `name = expression`, and with `%` or `?` before it, as tracing has them.
    fn argument(&mut self, tokens: TokenStream) -> TokenStream {
        if !has_await(tokens.clone()) {
            return tokens;
        }
        if let Some(rewritten) = self.expression(&tokens) {
            return rewritten;
        }
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let start = tokens.iter().position(is_assignment).map_or(0, |at| at + 1);
        let is_sigil = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if matches!(punct.as_char(), '%' | '?'));
        let start = start + usize::from(tokens.get(start).is_some_and(is_sigil));
        let (name, value) = tokens.split_at(start);
        let value: TokenStream = value.iter().cloned().collect();
        let value = self.expression(&value).unwrap_or(value);
        name.iter().cloned().chain(value).collect()
    }

    /// The tokens as an expression, with its awaits rewritten.
    fn expression(&mut self, tokens: &TokenStream) -> Option<TokenStream> {
        let mut expr: Expr = syn::parse2(tokens.clone()).ok()?;
        self.visit_expr_mut(&mut expr);
        Some(expr.into_token_stream())
    }

    /// What is shown of an assertion that fails is the condition as the user wrote it.
    fn assertion(&mut self, tokens: &TokenStream) -> TokenStream {
        let is_comma =
            |token: TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
        let mut commas = tokens
            .clone()
            .into_iter()
            .filter(|token| is_comma(token.clone()));
        let is_alone = commas.next().is_none();
        let mut rewritten = self.list(tokens.clone());
        if is_alone {
            rewritten.extend(quote! {
                , "{}", ::core::concat!("assertion failed: ", ::core::stringify!(#tokens))
            });
        }
        rewritten
    }

    /// `value`s, and `key: value`s.
    fn json(&mut self, tokens: TokenStream) -> TokenStream {
        self.arguments(tokens, |this, tokens| {
            if !has_await(tokens.clone()) {
                return tokens;
            }
            let tokens: Vec<TokenTree> = tokens.into_iter().collect();
            let start = tokens.iter().position(is_colon).map_or(0, |at| at + 1);
            let (key, value) = tokens.split_at(start);
            let value = match value {
                [TokenTree::Group(group)] if group.delimiter() != Delimiter::Parenthesis => {
                    let mut inner = Group::new(group.delimiter(), this.json(group.stream()));
                    inner.set_span(group.span());
                    TokenTree::Group(inner).into()
                }
                value => {
                    let value: TokenStream = value.iter().cloned().collect();
                    this.expression(&value).unwrap_or(value)
                }
            };
            key.iter().cloned().chain(value).collect()
        })
    }

    /// Futures, each of which becomes a point.
    /// Under this name alone, without the crate's, there may be another macro.
    fn join(&mut self, tokens: TokenStream, is_known: bool) -> Option<TokenStream> {
        let (biased, futures) = Self::biased(tokens);
        let mut is_read = true;
        let rewritten = self.arguments(futures, |this, tokens| {
            if tokens.is_empty() {
                return tokens;
            }
            match syn::parse2::<Expr>(tokens.clone()) {
                Ok(future) if is_known || may_be_future(&future) => this.branch(future, is_known),
                Ok(_) | Err(_) => {
                    is_read = false;
                    tokens
                }
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

/// True if it is a `=`, and no part of `==` or `=>`: those begin with one that is joint.
fn is_assignment(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '=' && punct.spacing() == Spacing::Alone)
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Alone)
}

#[cfg(test)]
mod tests {
    use crate::awaits::rewritten;

    /// The body with its awaits rewritten, and what is shown of each.
    fn assert_rewritten(body: &str, expected: &str, sources: &[&str]) {
        let (text, found) = rewritten(body);
        let expected: String = expected.split_whitespace().collect();
        assert_eq!(text, expected);
        assert_eq!(found, sources, "{body}");
    }

    #[test]
    fn arguments_are_points() {
        assert_rewritten(
            r#"{ format!("{} {y}", a.await, y = b(1, c).await); }"#,
            r#"{ format!("{} {y}", at(a, &POINTS[0]).await, y = at(b(1, c), &POINTS[1]).await); }"#,
            &["a", "b(1, c)"],
        );
        assert_rewritten(
            "{ vec![a.await; 3]; matches!(b.await, Some(1 | 2) if x == 3); }",
            "{ vec![at(a, &POINTS[0]).await; 3]; matches!(at(b, &POINTS[1]).await, Some(1 | 2) if x == 3); }",
            &["a", "b"],
        );
        assert_rewritten(
            r#"{ tracing::info!(target: "t", x = %a.await, y.z = ?b.await, c, "{}", d.await); }"#,
            r#"{ tracing::info!(target: "t", x = %at(a, &POINTS[0]).await, y.z = ?at(b, &POINTS[1]).await, c,
                "{}", at(d, &POINTS[2]).await); }"#,
            &["a", "b", "d"],
        );
        assert_rewritten(
            r#"{ json!({"a": [x.await, {"b": y.await}], "c": null, (k): z.await == 1}); }"#,
            r#"{ json!({"a": [at(x, &POINTS[0]).await, {"b": at(y, &POINTS[1]).await}], "c": null,
                (k): at(z, &POINTS[2]).await == 1}); }"#,
            &["x", "y", "z"],
        );
    }

    #[test]
    fn an_assertion_that_fails_shows_the_condition_as_it_was_written() {
        assert_rewritten(
            "{ assert!(a.await > 1); assert!(b.await, \"no {}\", 1); }",
            "{ assert!(at(a, &POINTS[0]).await > 1, \"{}\",
                ::core::concat!(\"assertionfailed:\", ::core::stringify!(a.await > 1)));
                assert!(at(b, &POINTS[1]).await, \"no {}\", 1); }",
            &["a", "b"],
        );
    }

    #[test]
    fn branches_are_points() {
        assert_rewritten(
            "{ tokio::join!(biased; a(b.await), c); }",
            "{ tokio::join!(biased; at(a(at(b, &POINTS[0]).await), &POINTS[1]), at(c, &POINTS[2])); }",
            &["b", "a(b.await)", "c"],
        );
        assert_rewritten(
            "{ tokio::select! { biased; Some(x) = a(), if b => c.await, y = z => { d.await } else => e, } }",
            "{ tokio::select! { biased; Some(x) = at(a(), &POINTS[0]), if b => at(c, &POINTS[1]).await,
                y = at(z, &POINTS[2]) => { at(d, &POINTS[3]).await } else => e, } }",
            &["a()", "c", "z", "d"],
        );
        // A future that is only named is borrowed by futures' `select!`, and used again.
        assert_rewritten(
            "{ select! { x = a => 1, y = b.next() => 2, complete => 3 } }",
            "{ select! { x = a => 1, y = at(b.next(), &POINTS[0]) => 2, complete => 3 } }",
            &["b.next()"],
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_as_it_is_and_shown_by_its_name() {
        assert_rewritten(
            "{ own!(a.await); let x = own::mac! { b.await }; select! { recv(r) -> m => m } }",
            "{ let __underscore_macro = __underscore_within(&POINTS[0]); own!(a.await);
                #[allow(unreachable_code)] ::core::mem::drop(__underscore_macro);
                let __underscore_macro = __underscore_within(&POINTS[1]); let x = own::mac! { b.await };
                #[allow(unreachable_code)] ::core::mem::drop(__underscore_macro);
                let __underscore_macro = __underscore_within(&POINTS[2]);
                select! { recv(r) -> m => m } }",
            &["own!", "own::mac!", "select!"],
        );
        // Another macro of that name, perhaps.
        assert_rewritten(
            r#"{ f(join!("a", b)); f(own!(a.b.await.c)); }"#,
            r#"{ f(join!("a", b)); f(own!(a.b.await.c)); }"#,
            &[],
        );
        assert_rewritten("{ own!(a, awaits, .b) }", "{ own!(a, awaits, .b) }", &[]);
    }
}
