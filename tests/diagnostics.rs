//! Each mistake, and what a user reads about it: one file per mistake in `ui`, named by the mistake.
//!
//! The words are compared to the letter. Those in `ui` are the macro's own; those in `ui/compiler` are the
//! compiler's, which come after ours and must at least point at what the user wrote. A new compiler may
//! say them differently: `TRYBUILD=overwrite cargo test --test diagnostics`, and read the difference.

#[test]
fn every_mistake_is_named_where_it_was_made() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    cases.compile_fail("tests/ui/compiler/*.rs");
}
