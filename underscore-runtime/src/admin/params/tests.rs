//! The definitions as a whole, and their checks.

use super::*;
use std::fmt::Write;

#[test]
fn names_are_unique_in_each_group() {
    for (of, group) in GROUPS {
        let mut names: Vec<&str> = group.iter().map(|param| param.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{of}");
    }
}

/// With `README=overwrite` in the environment, the table is rewritten.
#[test]
fn the_docs_show_every_parameter() {
    let mut table = String::from("| parameter | of | value | effect |\n|---|---|---|---|\n");
    for (of, group) in GROUPS {
        for param in group {
            let (name, values, about) = (param.name, param.values(), param.about);
            writeln!(table, "| `{name}` | {of} | {values} | {about} |").expect("a string");
        }
    }
    crate::admin::readme::assert_block("docs/admin-api.md", "parameters", &table);
}

/// Holds 3.12, 5.3, 5.6, 6.8 of docs/admin-api.md.
#[test]
fn a_value_is_checked_by_its_kind() {
    let wrong = [
        (&V, "yes"),
        (&SIZE, "-1"),
        (&SIZE, "+1"),
        (&SIZE, ""),
        (&OLDER_THAN, "5"),
        (&SECONDS, "0"),
        (&SECONDS, "61"),
        (&SECONDS, "+5"),
        (&SECONDS, ""),
        (&STATE, "stuck"),
        (&FORMAT, "xml"),
        (&TIME, "sec"),
        (&BYTES, "B"),
    ];
    for (param, value) in wrong {
        let error = param.check(value, false).expect_err(value);
        assert!(
            format!("{error:?}").contains(&format!("[{value}]")),
            "{error:?}"
        );
        assert_eq!(
            param.check(value, true).is_ok(),
            param.ignored_by_help,
            "{}",
            param.name
        );
    }
    for (param, value) in [
        (&V, ""),
        (&V, "false"),
        (&SIZE, "0"),
        (&TIMEOUT, "2m"),
        (&SECONDS, "1"),
        (&SECONDS, "60"),
        (&BYTES, "kb"),
    ] {
        assert!(param.check(value, false).is_ok(), "{} {value}", param.name);
    }
}
