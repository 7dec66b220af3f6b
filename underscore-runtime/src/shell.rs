//! Quotes text for a POSIX shell.

use std::borrow::Cow;

/// Quotes `text` as one word of a POSIX shell, if it needs that.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'@' | b':')
    };
    if !text.is_empty() && text.bytes().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(always_quoted(text))
    }
}

/// [`quoted`], also for text that does not need it.
pub(crate) fn always_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_if_a_shell_would_read_it_differently() {
        for plain in ["/run/app.sock", "a@b:c-d_e.f"] {
            assert_eq!(quoted(plain), plain);
        }
        let cases = [
            ("", "''"),
            ("a b", "'a b'"),
            ("$HOME", "'$HOME'"),
            ("it's", r"'it'\''s'"),
            ("é", "'é'"),
        ];
        for (text, word) in cases {
            assert_eq!(quoted(text), word);
        }
        assert_eq!(always_quoted("/"), "'/'");
    }
}
