//! Spans for generated tokens.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// A span of generated code at the location of `span`: lints treat it as the macro's, errors point
/// at the user's line.
pub(crate) fn generated_at(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// Sets the span of all `tokens`, which must not contain groups.
pub(crate) fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let with_span = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(with_span).collect()
}

/// The spans of the first and the last token.
pub(crate) fn ends(tokens: TokenStream) -> Option<(Span, Span)> {
    let mut tokens = tokens.into_iter();
    let first = tokens.next()?;
    let last = tokens.last().unwrap_or_else(|| first.clone());
    let first = match &first {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => ends(group.stream())?.0,
        TokenTree::Group(group) => group.span_open(),
        other => other.span(),
    };
    let last = match &last {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => ends(group.stream())?.1,
        TokenTree::Group(group) => group.span_close(),
        other => other.span(),
    };
    Some((first, last))
}
