//! Hexadecimal numbers of a fixed length, as ids are written.

/// True if `text` is this number of lower-case hex digits.
pub(crate) fn is_lower_hex(text: &str, digits: usize) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == digits && text.bytes().all(is_digit)
}
