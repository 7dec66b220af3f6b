//! For tests: what becomes of annotated functions is kept in files, so that a reviewer reads what users get.
//!
//! Beside each `tests/expansions/NAME.rs` stands `NAME.expanded.rs`, laid out by prettyplease.
//! `GOLDEN=overwrite cargo test -p underscore-macros` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, ItemFn, Meta};

use crate::{expand, frame};

#[test]
fn expansions_are_the_ones_that_were_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expansions");
    let (_, sources) = of(&folder);
    assert!(sources.len() > 1, "sources in {sources:?}");
    sources.iter().for_each(assert_is_as_reviewed);
    let (expanded, _) = of(&folder);
    assert_eq!(expanded.len(), sources.len(), "one beside each source");
}

/// The expansions in a folder, and the sources.
fn of(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let files = fs::read_dir(folder).expect("the folder is there");
    let files = files.map(|file| file.expect("an entry").path());
    files.partition(|file| file.to_string_lossy().ends_with(".expanded.rs"))
}

/// Compares the expansion of `source` with the one beside it.
fn assert_is_as_reviewed(source: &PathBuf) {
    let golden = source.with_extension("expanded.rs");
    let written = fs::read_to_string(source).expect("the source is there");
    let expansion = expansion(&written);
    let expansion = syn::parse2(expansion).expect("the expansion is Rust");
    let expansion = prettyplease::unparse(&expansion);
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "overwrite") {
        fs::write(&golden, &expansion).expect("the file can be written");
    }
    let reviewed = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(
        expansion, reviewed,
        "{source:?}: `GOLDEN=overwrite cargo test -p underscore-macros` keeps it"
    );
}

/// What the attribute makes of the function that is all of `source`.
fn expansion(source: &str) -> TokenStream {
    let mut item: ItemFn = syn::parse_str(source).expect("the source is a function");
    let is_ours = |attr: &Attribute| {
        attr.path().is_ident("underscore_route") || attr.path().is_ident("underscore_frame")
    };
    let place = item
        .attrs
        .iter()
        .position(is_ours)
        .expect("it is annotated");
    let attribute = item.attrs.remove(place);
    let args = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let item = item.into_token_stream();
    if attribute.path().is_ident("underscore_frame") {
        frame::frame(args, &item)
    } else {
        expand::route(args, &item)
    }
}
