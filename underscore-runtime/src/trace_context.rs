//! The `traceparent` header of W3C Trace Context.

use crate::hex::is_lower_hex;

/// The trace id, the second field of `version-traceid-parentid-flags`, `None` if the header is not
/// valid: the id has 32 lower-case hex digits that are not all zero.
pub(crate) fn trace_id(trace_parent: &str) -> Option<&str> {
    let mut fields = trace_parent.trim().split('-');
    let (version, id, parent) = (fields.next()?, fields.next()?, fields.next()?);
    let is_valid = is_lower_hex(version, 2)
        && version != "ff"
        && is_lower_hex(id, 32)
        && is_lower_hex(parent, 16);
    (is_valid && id.bytes().any(|byte| byte != b'0')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_taken_from_a_trace_parent_that_is_one() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let cases = [
            (format!("00-{id}-00f067aa0ba902b7-01"), Some(id)),
            (format!("01-{id}-00f067aa0ba902b7-01-more"), Some(id)),
            (format!("ff-{id}-00f067aa0ba902b7-01"), None),
            (format!("00-{id}"), None),
            (
                format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
                None,
            ),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (String::from("\u{1b}[2J"), None),
        ];
        for (header, expected) in cases {
            assert_eq!(trace_id(&header), expected, "{header}");
        }
    }
}
