//! Writes tokens as their author did, on one line: what tables show of an await. `TokenStream`'s own text
//! has a space between any two tokens, which nobody searches a source for.

use proc_macro2::{Delimiter, Group, LineColumn, Span, TokenStream, TokenTree};

/// The longest text; the rest is cut off at a character's edge.
const LONGEST: usize = 160;

/// The source text of `tokens` on one line, without comments.
pub(crate) fn text(tokens: TokenStream) -> String {
    shortened(whole(tokens))
}

/// The same, however long it is.
pub(crate) fn whole(tokens: TokenStream) -> String {
    let mut line = Line::default();
    line.tokens(tokens);
    // A literal may go over several lines.
    let words: Vec<&str> = line.text.split_whitespace().collect();
    words.join(" ")
}

/// True if `token` is in the source at `span`. Tokens of other macros have the span of the macro.
pub(crate) fn is_written(span: Span, token: &str) -> bool {
    // Assumed if the source is unavailable.
    span.source_text().is_none_or(|text| text == token)
}

#[derive(Default)]
struct Line {
    text: String,
    /// Where the last token ended.
    end: Option<LineColumn>,
}

impl Line {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut is_future = false;
        for token in tokens {
            let is_block_of_future = is_future;
            is_future = match &token {
                TokenTree::Ident(word) => word == "async" || is_future && word == "move",
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
                    if is_block_of_future {
                        self.inside_of_future(&group);
                    } else {
                        self.tokens(group.stream());
                    }
                    self.token(close, group.span_close());
                }
                other => self.token(&written(&other), other.span()),
            }
        }
    }

    /// Elides the body of an `async` block, whose awaits are points of their own.
    fn inside_of_future(&mut self, block: &Group) {
        if !block.stream().is_empty() {
            self.text.push_str(" ... ");
            self.end = Some(block.span_close().start());
        }
    }

    /// Adds a token, apart from the one before if it is in the source, unless only a line ended there.
    fn token(&mut self, token: &str, span: Span) {
        let apart = self.end.is_some_and(|end| end != span.start());
        if apart
            && !self.text.ends_with(['.', '(', '['])
            && !token.starts_with(['.', '?', ')', ']'])
        {
            self.text.push(' ');
        }
        self.text.push_str(token);
        self.end = Some(span.end());
    }
}

/// The token as written in the source. Macros may rename an identifier and keep its span.
fn written(token: &TokenTree) -> String {
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

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        text(source.parse().expect("the case is made of tokens"))
    }

    #[test]
    fn spaces_are_where_the_author_put_them() {
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
    fn of_a_future_that_is_a_block_the_inside_is_left_out() {
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
    fn a_long_text_is_cut_at_a_characters_edge() {
        let text = shortened("é".repeat(LONGEST));
        assert!(text.ends_with('…') && text.len() <= LONGEST + '…'.len_utf8());
    }
}
