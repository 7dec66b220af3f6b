//! Formats tokens on one line with the spacing of the source, as tables show an await. The
//! `Display` of `TokenStream` puts a space between any two tokens, so its text is not found by
//! searching the source.

use proc_macro2::{Delimiter, Group, LineColumn, Span, TokenStream, TokenTree};

/// The maximum length of a text in bytes. Longer ones are cut at a character boundary.
const MAX_LEN: usize = 160;

/// The source text of `tokens` on one line, without comments.
pub(crate) fn text(tokens: TokenStream) -> String {
    truncate(full_text(tokens))
}

/// Like [`text`], without a maximum length.
pub(crate) fn full_text(tokens: TokenStream) -> String {
    let mut line = Line::default();
    line.tokens(tokens);
    // A literal can span several lines.
    let words: Vec<&str> = line.text.split_whitespace().collect();
    words.join(" ")
}

/// True if the source has `token` at `span`. Tokens of other macros have the span of the macro
/// call.
pub(crate) fn is_written(span: Span, token: &str) -> bool {
    // True if the source is unavailable.
    span.source_text().is_none_or(|text| text == token)
}

#[derive(Default)]
struct Line {
    text: String,
    /// The end of the last token.
    end: Option<LineColumn>,
}

impl Line {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut is_async = false;
        for token in tokens {
            let is_async_body = is_async;
            is_async = match &token {
                TokenTree::Ident(word) => word == "async" || is_async && word == "move",
                _ => false,
            };
            match token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::None => {
                            self.tokens(group.stream());
                            continue;
                        }
                    };
                    self.token(open, group.span_open());
                    if is_async_body {
                        self.elide_async_body(&group);
                    } else {
                        self.tokens(group.stream());
                    }
                    self.token(close, group.span_close());
                }
                other => self.token(&source_token(&other), other.span()),
            }
        }
    }

    /// Elides the body of an `async` block, whose awaits are points of their own.
    fn elide_async_body(&mut self, block: &Group) {
        if !block.stream().is_empty() {
            self.text.push_str(" ... ");
            self.end = Some(block.span_close().start());
        }
    }

    /// Appends a token, after a space if the source has space there, but not inside a method chain
    /// or at the edges of a group, where the source only has line breaks.
    fn token(&mut self, token: &str, span: Span) {
        let is_spaced = self.end.is_some_and(|end| end != span.start());
        if is_spaced
            && !self.text.ends_with(['.', '(', '['])
            && !token.starts_with(['.', '?', ')', ']'])
        {
            self.text.push(' ');
        }
        self.text.push_str(token);
        self.end = Some(span.end());
    }
}

/// The token as written in the source. Macros can rename an identifier and keep its span.
fn source_token(token: &TokenTree) -> String {
    let written = || {
        let text = token.span().source_text()?;
        let is_word = text.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_word.then_some(text)
    };
    match token {
        TokenTree::Ident(ident) => written().unwrap_or_else(|| ident.to_string()),
        _ => token.to_string(),
    }
}

fn truncate(mut text: String) -> String {
    if text.len() > MAX_LEN {
        let end = (0..=MAX_LEN).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        text(source.parse().expect("the case is valid tokens"))
    }

    #[test]
    fn spacing_is_that_of_the_source() {
        for source in [
            "permits.acquire()",
            "(&mut x)",
            "timeout(5 * MINUTE, rx.recv())",
            "App { pool: &pool }.get::<Vec<u8>>(b\"key\", 'k')?",
            "async move {}",
            "f(async {}, |x| x)",
        ] {
            assert_eq!(shown(source), source);
        }
    }

    #[test]
    fn a_chain_over_several_lines_becomes_one_line() {
        let source = "client\n    .get(\n        url, // where\n    )\n    .send()";
        assert_eq!(shown(source), "client.get(url,).send()");
        assert_eq!(shown("f(\"a\n   b\")"), "f(\"a b\")");
    }

    #[test]
    fn the_body_of_an_async_block_is_elided() {
        for (source, expected) in [
            ("async { f(x).await }", "async { ... }"),
            (
                "timeout(a, async move {\n    f(x)\n})",
                "timeout(a, async move { ... })",
            ),
            ("move || async move {f(x)}", "move || async move { ... }"),
        ] {
            assert_eq!(shown(source), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_boundary() {
        let text = truncate("é".repeat(MAX_LEN));
        assert!(text.ends_with('…') && text.len() <= MAX_LEN + '…'.len_utf8());
    }
}
