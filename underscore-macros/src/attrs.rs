//! Assigns a handler's other attributes to the generated items: to the outer function that users
//! see, to the inner function with the body, or to both.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token, parse_quote};

/// The attributes of the generated items.
#[derive(Default)]
pub(crate) struct Attrs {
    /// Of the function that has the handler's name.
    pub(crate) outer: Vec<Attribute>,
    /// Of the function with the handler's body.
    pub(crate) inner: Vec<Attribute>,
    /// Of the items beside them: `cfg`.
    pub(crate) all: Vec<Attribute>,
}

/// The items that an attribute applies to.
#[derive(Clone, Copy)]
enum Target {
    Outer,
    Inner,
    Both,
    All,
}

impl Attrs {
    pub(crate) fn sort(attrs: &[Attribute]) -> Self {
        let mut sorted = Attrs::default();
        for attr in attrs {
            if let Some((condition, metas)) = cfg_attr(attr) {
                for meta in metas {
                    let (target, meta) = (target(meta.path()), expect_to_allow(meta));
                    sorted.push(target, &parse_quote!(#[cfg_attr(#condition, #meta)]));
                }
            } else {
                let (target, mut attr) = (target(attr.path()), attr.clone());
                attr.meta = expect_to_allow(attr.meta);
                sorted.push(target, &attr);
            }
        }
        sorted
    }

    fn push(&mut self, target: Target, attr: &Attribute) {
        let Attrs { outer, inner, all } = self;
        let items = match target {
            Target::Outer => vec![outer],
            Target::Inner => vec![inner],
            Target::Both => vec![outer, inner],
            Target::All => vec![outer, inner, all],
        };
        for item in items {
            item.push(attr.clone());
        }
    }
}

fn target(path: &Path) -> Target {
    const OUTER: &[&str] = &["doc", "deprecated", "must_use"];
    const LINTS: &[&str] = &["allow", "expect", "warn", "deny", "forbid"];
    let is = |names: &[&str]| names.iter().any(|name| path.is_ident(name));
    if is(OUTER) {
        Target::Outer
    } else if is(LINTS) {
        Target::Both
    } else if path.is_ident("cfg") {
        Target::All
    } else {
        Target::Inner
    }
}

/// Replaces `expect` by `allow`: the lint fires in one of the two functions only, and `expect`
/// would be unfulfilled in the other.
fn expect_to_allow(mut meta: Meta) -> Meta {
    if let Meta::List(list) = &mut meta
        && list.path.is_ident("expect")
    {
        list.path = parse_quote!(allow);
    }
    meta
}

/// The condition and the attributes of a `cfg_attr`. Each of the attributes has its own target.
fn cfg_attr(attr: &Attribute) -> Option<(Meta, Vec<Meta>)> {
    if !attr.path().is_ident("cfg_attr") {
        return None;
    }
    let list = Punctuated::<Meta, Token![,]>::parse_terminated;
    let mut metas = attr.parse_args_with(list).ok()?.into_iter();
    Some((metas.next()?, metas.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    fn text(attrs: &[Attribute]) -> String {
        attrs
            .iter()
            .map(|attr| attr.to_token_stream().to_string().replace(' ', ""))
            .collect()
    }

    #[test]
    fn each_attribute_goes_to_the_items_it_applies_to() {
        let sorted = Attrs::sort(&[
            parse_quote!(#[deprecated]),
            parse_quote!(#[cfg(unix)]),
            parse_quote!(#[expect(unused, reason = "r")]),
            parse_quote!(#[tracing::instrument(skip_all)]),
        ]);
        assert_eq!(
            text(&sorted.outer),
            r#"#[deprecated]#[cfg(unix)]#[allow(unused,reason="r")]"#
        );
        assert_eq!(
            text(&sorted.inner),
            r#"#[cfg(unix)]#[allow(unused,reason="r")]#[tracing::instrument(skip_all)]"#
        );
        assert_eq!(text(&sorted.all), "#[cfg(unix)]");
    }

    #[test]
    fn attributes_in_a_cfg_attr_are_sorted_one_by_one() {
        let sorted = Attrs::sort(&[parse_quote!(#[cfg_attr(unix, must_use, inline)])]);
        assert_eq!(text(&sorted.outer), "#[cfg_attr(unix,must_use)]");
        assert_eq!(text(&sorted.inner), "#[cfg_attr(unix,inline)]");
    }
}
