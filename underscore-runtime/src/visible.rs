//! Escapes untrusted text for tables, errors and logs.

use std::borrow::Cow;

use crate::truncate;

/// Maximum number of characters of an input in an error.
const MAX_ECHOED: usize = 200;

/// True if a terminal shows `c` as a visible character in its own place.
///
/// Uses the tables behind `str::escape_debug`, which escapes control and format characters
/// (including bidirectional ones), separators other than the space, and unassigned code points.
/// The explicit list below adds the letters and marks with `Default_Ignorable_Code_Point`
/// (`DerivedCoreProperties.txt`), which std does not escape.
pub(crate) fn is_visible(c: char) -> bool {
    match c {
        // Common scripts without a table lookup: Latin, Cyrillic, kana, Han, Hangul, pictographs.
        ' '..='~'
        | '\u{ae}'..='\u{2ff}'
        | '\u{400}'..='\u{482}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{1f300}'..='\u{1f64f}' => true,
        '\u{34f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}' => false,
        _ => stays(c.escape_debug(), c) || is_mark(c),
    }
}

/// True for a combining mark. `escape_debug` escapes it only at the start of a string.
fn is_mark(c: char) -> bool {
    let mut pair = [b'x'; 5];
    let Some((_, rest)) = pair.split_first_mut() else {
        return false;
    };
    let end = c.encode_utf8(rest).len().saturating_add(1);
    let pair = pair.get(..end).and_then(|pair| str::from_utf8(pair).ok());
    pair.is_some_and(|pair| stays(pair.escape_debug().skip(1), c))
}

fn stays(mut escaped: impl Iterator<Item = char>, c: char) -> bool {
    escaped.next() == Some(c)
}

/// True if every character of `text` is visible.
pub(crate) fn is_all_visible(text: &str) -> bool {
    // Fast path for ASCII.
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.chars().all(is_visible)
}

/// Escapes the invisible characters of `text` as in `\u{202e}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if is_all_visible(text) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char, escaped: &mut String| escaped.extend(c.escape_default());
    Cow::Owned(escaped(text, is_visible, escape))
}

/// Escapes the invisible characters of a whole document. It keeps its line feeds.
pub(crate) fn visible_document(text: String, escape: impl Fn(char, &mut String)) -> String {
    let may_stand = |c: char| c == '\n' || is_visible(c);
    if text.is_ascii() && !text.contains('\u{7f}') || text.chars().all(may_stand) {
        return text;
    }
    escaped(&text, may_stand, escape)
}

fn escaped(
    text: &str,
    may_stand: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> String {
    let mut escaped = String::with_capacity(text.len().saturating_add(16));
    for c in text.chars() {
        if may_stand(c) {
            escaped.push(c);
        } else {
            escape(c, &mut escaped);
        }
    }
    escaped
}

/// Truncates an input for an error message, with an ellipsis.
pub(crate) fn echo(input: &str) -> Cow<'_, str> {
    echo_one_of(input, 1)
}

/// Truncates one of `several` inputs that appear in the same error and share its limit.
pub(crate) fn echo_one_of(input: &str, several: usize) -> Cow<'_, str> {
    let max = MAX_ECHOED.checked_div(several).unwrap_or(MAX_ECHOED);
    truncate::to_chars(input, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_text_stays_and_control_or_invisible_characters_are_escaped() {
        let read = "~ é e\u{301} 日本 ‹›…→ 😀 \u{fffd} עברית العربية हिन्दी";
        assert_eq!(visible(read), read);
        assert!(matches!(visible(read), Cow::Borrowed(_)));
        let hidden = [
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{ad}',
            '\u{a0}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{ffa0}',
            '\u{e000}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{10ffff}',
        ];
        for c in hidden {
            let shown = visible(&format!("a{c}b")).into_owned();
            assert!(
                shown.bytes().all(|byte| matches!(byte, b' '..=b'~')),
                "{c:?}: {shown:?}"
            );
            assert_eq!(shown, format!("a{}b", c.escape_default()));
        }
    }

    #[test]
    fn the_fast_path_agrees_with_the_tables() {
        let known = ('\u{80}'..=char::MAX).filter(|c| is_visible(*c));
        let wrong: Vec<char> = known
            .filter(|c| !stays(c.escape_debug(), *c) && !is_mark(*c))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn a_long_input_is_truncated() {
        let fits = "é".repeat(MAX_ECHOED);
        assert_eq!(echo(&fits), fits);
        assert_eq!(echo(&format!("{fits}x")), format!("{fits}…"));
    }
}
