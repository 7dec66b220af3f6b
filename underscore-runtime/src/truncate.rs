//! Truncates text, with an ellipsis for the rest.

use std::borrow::Cow;

/// Truncates `text` to `max` bytes, at a character boundary.
pub(crate) fn to_bytes(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let mut ends = (0..=max).rev();
    let end = ends.find(|end| text.is_char_boundary(*end));
    Cow::Owned(cut(text, end.unwrap_or_default()))
}

/// Truncates `text` to `max` characters.
pub(crate) fn to_chars(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(cut(text, end)),
    }
}

fn cut(text: &str, end: usize) -> String {
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 7.22 of docs/admin-api.md.
    #[test]
    fn a_long_text_is_truncated_at_a_character_boundary() {
        let fits = "x".repeat(1_024);
        assert_eq!(to_bytes(&fits, 1_024), fits);
        let short = to_bytes(&format!("x{}", "é".repeat(1_024)), 1_024).into_owned();
        assert_eq!(short.len(), 1_023 + "…".len());
        assert!(short.ends_with("é…"), "{short}");
    }
}
