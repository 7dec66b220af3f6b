//! Golden tests of the expansions, so that a reviewer reads the code that users get.
//!
//! The expansion of `tests/expansions/NAME.rs`, formatted by prettyplease, is `NAME.expanded.rs`
//! beside it. `GOLDEN=overwrite cargo test -p underscore-macros` rewrites these files.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, ItemFn, Meta};

use crate::{frame, route};

#[test]
fn expansions_equal_the_golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expansions");
    let (_, sources) = expanded_and_sources(&folder);
    assert!(sources.len() > 1, "sources in {sources:?}");
    sources.iter().for_each(assert_equals_golden_file);
    let (expanded, _) = expanded_and_sources(&folder);
    assert_eq!(expanded.len(), sources.len(), "one for each source");
}

/// The expansions in a folder, and the sources.
fn expanded_and_sources(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let files = fs::read_dir(folder).expect("the folder exists");
    let files = files.map(|file| file.expect("an entry").path());
    files.partition(|file| file.to_string_lossy().ends_with(".expanded.rs"))
}

/// Compares the expansion of `source` with the one beside it.
fn assert_equals_golden_file(source: &PathBuf) {
    let golden = source.with_extension("expanded.rs");
    let written = fs::read_to_string(source).expect("the source can be read");
    let expansion = expansion(&written);
    let expansion = syn::parse2(expansion).expect("the expansion is Rust");
    let expansion = prettyplease::unparse(&expansion);
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "overwrite") {
        fs::write(&golden, &expansion).expect("the file can be written");
    }
    let reviewed = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(
        expansion, reviewed,
        "{source:?}: `GOLDEN=overwrite cargo test -p underscore-macros` accepts it"
    );
}

/// The expansion of `source`, one annotated function.
fn expansion(source: &str) -> TokenStream {
    let mut item: ItemFn = syn::parse_str(source).expect("the source is a function");
    let is_ours = |attr: &Attribute| {
        attr.path().is_ident("underscore_route") || attr.path().is_ident("underscore_frame")
    };
    let index = item
        .attrs
        .iter()
        .position(is_ours)
        .expect("it is annotated");
    let attribute = item.attrs.remove(index);
    let args = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let item = item.into_token_stream();
    if attribute.path().is_ident("underscore_frame") {
        frame::frame(args, &item)
    } else {
        route::route(args, &item)
    }
}
