//! Merges an output into what the README shows: values that differ between runs are kept, every
//! other difference, even a blank, is reported.

use super::table;

/// The layout of an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A table with headings.
    Table,
    /// Anything else: JSON, or a status line.
    Lines,
}

/// The text that the README must show for `given`, if it shows `shown` now.
///
/// # Errors
///
/// A table that does not line up.
pub fn to_show(form: Form, shown: &[String], given: &[String]) -> Result<Vec<String>, String> {
    match form {
        Form::Table if given.is_empty() => Ok(Vec::new()),
        Form::Table => table::to_show(shown, given),
        Form::Lines => {
            let mut shown = shown.iter();
            let line = |given| {
                shown
                    .next()
                    .map_or(String::clone(given), |shown| line(shown, given))
            };
            Ok(given.iter().map(line).collect())
        }
    }
}

/// A line outside of tables, in which times differ between runs.
fn line(shown: &str, given: &str) -> String {
    let words = |line| str::split_inclusive(line, [' ', ',', '"', '[', ']', '{', '}']);
    if words(shown).count() != words(given).count() {
        return given.to_owned();
    }
    let word = |(shown, given)| match (split(shown), split(given)) {
        ((was, end), (is, same)) if end == same && is_time(was) && is_time(is) => shown,
        _ => given,
    };
    words(shown).zip(words(given)).map(word).collect()
}

/// A word and its separator.
fn split(word: &str) -> (&str, &str) {
    let end = word.trim_end_matches([' ', ',', '"', '[', ']', '{', '}']);
    word.split_at(end.len())
}

fn is_time(word: &str) -> bool {
    is_duration(word) || is_timestamp(word)
}

/// A duration such as `4.2s`, with few digits, so that no id counts as one.
pub fn is_duration(word: &str) -> bool {
    let number = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let units = ["nanos", "micros", "ms", "s", "m", "h", "d"];
    number.len() <= 5 && is_number(number) && units.contains(&&word[number.len()..])
}

/// A timestamp such as `2026-11-23T03:12:09.314Z`.
pub fn is_timestamp(word: &str) -> bool {
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    word.chars().map(shape).collect::<String>() == "0000-00-00T00:00:00.000Z"
}

/// A number such as `42` and `0.4`.
pub fn is_number(word: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = word.split_once('.').unwrap_or((word, "0"));
    digits(whole) && digits(fraction)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    /// True if `shown` is up to date for the output `given`.
    fn agree(shown: &str, given: &str) -> bool {
        to_show(Form::Lines, &lines(shown), &lines(given)) == Ok(lines(shown))
    }

    #[test]
    fn times_may_differ() {
        assert!(agree(
            r#"{"expires_in":"14.9m"}"#,
            r#"{"expires_in":"14m"}"#
        ));
        assert!(agree(
            "at 2026-11-23T03:12:09.314Z, in 5ms",
            "at 2027-01-01T00:00:00.000Z, in 1.1s"
        ));
    }

    #[test]
    fn other_text_may_not_differ() {
        for (shown, given) in [
            (r#"{"52a57d15":"15m"}"#, r#"{"52a57d16":"15m"}"#),
            (r#"{"1234567d":1}"#, r#"{"7654321d":1}"#),
            (r#"{"after":"14.9m"}"#, r#"{"expires_in":"14.9m"}"#),
            (r#"{"expires_in":"14.9m"}"#, r#"{"expires_in":"soon"}"#),
            (r#"{"expires_in":"14.9m"}"#, r#"{"expires_in":"14.9m",}"#),
            (r#"{"a":"1s"}"#, r#"{"a":"1s" "#),
            ("HTTP/1.1 503 Back soon", "HTTP/1.1 503 Back  soon"),
            ("HTTP/1.1 503 Back soon", "HTTP/1.1 200 OK"),
            ("examples/sample_app.rs:46", "examples/sample_app.rs:47"),
            ("  \"3\" : \"interrupted\"", "  \"4\" : \"interrupted\""),
            ("once\ntwice", "twice\nonce"),
            ("twice", "twice\ntwice"),
            ("twice\ntwice", "twice"),
        ] {
            assert!(!agree(shown, given), "{shown} and {given}");
        }
    }

    #[test]
    fn rewritten_text_keeps_the_times_shown() {
        let shown = lines(r#"{"52a57d15":{},"expires_in":"14.9m"}"#);
        let given = lines(r#"{"abc4a664":{},"expires_in":"15m"}"#);
        let expected = lines(r#"{"abc4a664":{},"expires_in":"14.9m"}"#);
        assert_eq!(to_show(Form::Lines, &shown, &given), Ok(expected));
    }

    #[test]
    fn forms_are_strict() {
        for word in ["4.2s", "0s", "999ms", "23.9h", "1.5d"] {
            assert!(is_duration(word), "{word}");
        }
        for word in ["", "s", "4", "4.s", ".2s", "4.2", "4.2x", "1234567d", "-"] {
            assert!(!is_duration(word), "{word}");
        }
        assert!(!is_timestamp("2026-11-23") && !is_timestamp("2026-11-23T03:12:09.314"));
        assert!(!is_number("-") && !is_number("1.") && !is_number("1e3"));
    }
}
