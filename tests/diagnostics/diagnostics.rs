//! The compiler's message for each mistake, one file in `ui` per mistake.
//!
//! Messages are compared exactly. Those in `ui` are the macro's own; those in `ui/compiler` are the
//! compiler's, which follow ours and must at least point at the user's code. A new compiler may
//! word them differently: `TRYBUILD=overwrite cargo test -p diagnostics`, and read the diff.

#[test]
fn every_mistake_is_reported_at_its_place() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*.rs");
    cases.compile_fail("ui/compiler/*.rs");
}
