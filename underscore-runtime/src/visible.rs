//! Text of others, made fit to be shown: nothing in it can drive a terminal, forge a line of a log, hide, or be so
//! long that nothing else is seen.

use std::borrow::Cow;

/// The most characters of an input that an error repeats.
const MOST_ECHOED: usize = 200;

/// Whether a terminal shows `c` as a character of its own, in its place.
///
/// The standard library knows, for it writes text for debugging: it escapes what is a control or a format character
/// (the bidirectional ones among them), a separator other than the space, and what Unicode has not assigned. Not
/// these, which are letters or marks by name, and are shown as nothing:
/// `Default_Ignorable_Code_Point` of Unicode's `DerivedCoreProperties.txt`.
pub(crate) fn is_visible(c: char) -> bool {
    match c {
        // Without a search, what most text is made of: Latin and Cyrillic, kana, Han and Hangul, pictographs.
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

/// Whether `c` combines with the character before it, and is seen there: alone it would be escaped.
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

/// Whether all of `text` is.
pub(crate) fn is_all_visible(text: &str) -> bool {
    // Of most texts a look at the bytes tells.
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.chars().all(is_visible)
}

/// `text` with what is not visible as `\u{202e}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if is_all_visible(text) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if is_visible(c) {
            visible.push(c);
        } else {
            visible.extend(c.escape_default());
        }
    }
    Cow::Owned(visible)
}

/// As much of `input` as an error repeats, so that it is known again; what is cut off leaves an ellipsis.
pub(crate) fn echo(input: &str) -> Cow<'_, str> {
    echo_one_of(input, 1)
}

/// The same of one of several inputs, which share the room.
pub(crate) fn echo_one_of(input: &str, several: usize) -> Cow<'_, str> {
    let most = MOST_ECHOED.checked_div(several).unwrap_or(MOST_ECHOED);
    match input.char_indices().nth(most) {
        None => Cow::Borrowed(input),
        Some((end, _)) => Cow::Owned(format!("{}…", input.get(..end).unwrap_or_default())),
    }
}

/// As much of `text` as fits into `most` bytes; what is cut off leaves an ellipsis.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut ends = (0..=most).rev();
    let end = ends.find(|end| text.is_char_boundary(*end));
    let kept = text.get(..end.unwrap_or_default()).unwrap_or_default();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_stays_and_what_drives_or_hides_is_escaped() {
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
    fn what_is_known_without_a_search_is_what_the_search_finds() {
        let known = ('\u{80}'..=char::MAX).filter(|c| is_visible(*c));
        let wrong: Vec<char> = known
            .filter(|c| !stays(c.escape_debug(), *c) && !is_mark(*c))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn of_a_long_input_there_is_a_beginning() {
        let fits = "é".repeat(MOST_ECHOED);
        assert_eq!(echo(&fits), fits);
        assert_eq!(echo(&format!("{fits}x")), format!("{fits}…"));
    }

    /// Holds 7.22 of docs/admin-api.md.
    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let fits = "x".repeat(1_024);
        assert_eq!(shortened(&fits, 1_024), fits);
        let short = shortened(&format!("x{}", "é".repeat(1_024)), 1_024);
        assert_eq!(short.len(), 1_023 + "…".len());
        assert!(short.ends_with("é…"), "{short}");
    }
}
