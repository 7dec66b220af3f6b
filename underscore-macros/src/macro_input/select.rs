//! The branches of `select!`.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::ParseStream;
use syn::{Block, Expr, Pat, Token, token};

use super::{Piece, Pieces};

/// A branch of a `select!`: `pattern = future, if condition => handler,`, or a word such as `else`
/// instead of what is awaited.
pub(crate) struct Branch {
    pub(crate) word: Option<TokenTree>,
    pub(crate) awaited: Option<Awaited>,
    pub(crate) arrow: Token![=>],
    pub(crate) handler: Handler,
    pub(crate) comma: Option<Token![,]>,
}

/// The part of a branch before its arrow.
pub(crate) struct Awaited {
    pub(crate) pat: Pat,
    pub(crate) eq: Token![=],
    pub(crate) future: Expr,
    /// As in [`Piece::Future`].
    pub(crate) is_owned: bool,
    pub(crate) condition: Option<(Token![,], Token![if], Expr)>,
}

/// What a branch does after its future.
pub(crate) enum Handler {
    Block(Block),
    Expr(Box<Expr>),
}

impl ToTokens for Branch {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Branch {
            word,
            awaited,
            arrow,
            handler,
            comma,
        } = self;
        tokens.extend(quote!(#word #awaited #arrow));
        match handler {
            Handler::Block(block) => block.to_tokens(tokens),
            Handler::Expr(expr) => expr.to_tokens(tokens),
        }
        comma.to_tokens(tokens);
    }
}

impl ToTokens for Awaited {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Awaited {
            pat, eq, future, ..
        } = self;
        tokens.extend(quote!(#pat #eq #future));
        if let Some((comma, word, condition)) = &self.condition {
            tokens.extend(quote!(#comma #word #condition));
        }
    }
}

pub(super) fn select(input: ParseStream<'_>, is_tokio: bool) -> syn::Result<Pieces> {
    let mut pieces = super::biased(input)?;
    while !input.is_empty() {
        pieces.append(select_branch(input, is_tokio)?);
    }
    Ok(pieces)
}

/// A branch of a `select!`. Those without a pattern are `else`, `complete` and `default`.
fn select_branch(input: ParseStream<'_>, is_tokio: bool) -> syn::Result<Pieces> {
    let is_word = input.peek2(Token![=>]);
    let branch = Branch {
        word: is_word.then(|| input.parse()).transpose()?,
        awaited: (!is_word)
            .then(|| select_awaited(input, is_tokio))
            .transpose()?,
        arrow: input.parse()?,
        handler: if input.peek(token::Brace) {
            Handler::Block(input.parse()?)
        } else {
            Handler::Expr(input.parse()?)
        },
        comma: input.parse()?,
    };
    Ok(Pieces(vec![Piece::Branch(Box::new(branch))]))
}

/// `pattern = future, if condition`.
fn select_awaited(input: ParseStream<'_>, is_tokio: bool) -> syn::Result<Awaited> {
    let pat = Pat::parse_multi_with_leading_vert(input)?;
    let eq = input.parse()?;
    let future = input.parse()?;
    let is_conditional = input.peek(Token![,]) && input.peek2(Token![if]);
    let condition = if is_conditional {
        Some((input.parse()?, input.parse()?, input.parse()?))
    } else {
        None
    };
    Ok(Awaited {
        pat,
        eq,
        is_owned: super::is_owned(&future, is_tokio),
        future,
        condition,
    })
}
