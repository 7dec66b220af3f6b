//! Names in the tokens of macros.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Stmt;

use super::names;

/// True if the tokens contain the identifier `word`.
pub(super) fn has_word(tokens: &TokenStream, word: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => has_word(&group.stream(), word),
        TokenTree::Literal(_) | TokenTree::Punct(_) => false,
    })
}

/// True if `stmt` contains the identifier `name`, or a format string that captures it.
pub(super) fn mentions(stmt: &Stmt, name: &str) -> bool {
    let captured = format!("{{{name}");
    has_word_or_capture(stmt.to_token_stream(), name, &captured)
}

fn has_word_or_capture(tokens: TokenStream, name: &str, captured: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => has_word_or_capture(group.stream(), name, captured),
        TokenTree::Literal(literal) => literal.to_string().contains(captured),
        TokenTree::Punct(_) => false,
    })
}

/// True if a macro with these tokens may move the value of `name`. `is_format` if it only uses
/// references to its arguments.
pub(super) fn moves(tokens: &TokenStream, name: &str, is_format: bool) -> bool {
    let is_captured = has_word(tokens, "move");
    let is_exchanged = ["replace", "swap", "take"]
        .iter()
        .any(|function| has_word(tokens, function));
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    (0..tokens.len()).any(|index| match tokens.get(index) {
        Some(TokenTree::Group(group)) => moves(&group.stream(), name, false),
        Some(TokenTree::Ident(ident)) if ident == name => {
            let name = Neighbors {
                tokens: &tokens,
                index,
            };
            !name.is_field() && (is_captured || !name.is_only_used(is_format, is_exchanged))
        }
        _ => false,
    })
}

/// The tokens around a name.
struct Neighbors<'a> {
    tokens: &'a [TokenTree],
    index: usize,
}

impl Neighbors<'_> {
    fn before(&self, distance: usize) -> Option<&TokenTree> {
        self.index
            .checked_sub(distance)
            .and_then(|index| self.tokens.get(index))
    }

    fn after(&self, distance: usize) -> Option<&TokenTree> {
        self.tokens.get(self.index.saturating_add(distance))
    }

    /// The `name` of `x.name`.
    fn is_field(&self) -> bool {
        is_punct(self.before(1), '.') && !is_punct(self.before(2), '.')
    }

    /// True if the value stays where it is.
    fn is_only_used(&self, is_format: bool, is_exchanged: bool) -> bool {
        self.is_borrowed(is_exchanged) || self.is_looked_into() || is_format && self.is_argument()
    }

    /// `&name`, `*name` or `&mut name`.
    fn is_borrowed(&self, is_exchanged: bool) -> bool {
        let is_mut = matches!(self.before(1), Some(TokenTree::Ident(word)) if word == "mut");
        is_punct(self.before(1), '&')
            || is_punct(self.before(1), '*')
            || is_mut && is_punct(self.before(2), '&') && !is_exchanged
    }

    /// `name.0`, `name.field`, `name.method()` or `name[index]`.
    fn is_looked_into(&self) -> bool {
        match (self.after(1), self.after(2)) {
            (Some(TokenTree::Punct(dot)), Some(TokenTree::Literal(_))) => dot.as_char() == '.',
            (Some(TokenTree::Punct(dot)), Some(TokenTree::Ident(method))) => {
                let may_take = method == "await"
                    || names::is_taker(method)
                    || names::guard_taker(method).is_some();
                dot.as_char() == '.' && !may_take
            }
            (Some(TokenTree::Group(group)), _) => group.delimiter() == Delimiter::Bracket,
            _ => false,
        }
    }

    /// `name`, `?name` or `%name` between commas.
    fn is_argument(&self) -> bool {
        let begins = match self.before(1) {
            None => true,
            Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), ',' | '?' | '%' | '='),
            Some(_) => false,
        };
        begins && (self.after(1).is_none() || is_punct(self.after(1), ','))
    }
}

fn is_punct(token: Option<&TokenTree>, is: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == is)
}
