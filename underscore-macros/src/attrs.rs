//! Sorts the other attributes of a handler: which of them speak of the name that users see, which of
//! the code behind it, and which of both.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token, parse_quote};

/// The attributes that each generated item gets.
#[derive(Default)]
pub(crate) struct Attrs {
    /// For the function that keeps the handler's name.
    pub(crate) face: Vec<Attribute>,
    /// For the function with the handler's body.
    pub(crate) inner: Vec<Attribute>,
    /// For every item beside them: `cfg`.
    pub(crate) every: Vec<Attribute>,
}

/// The items that an attribute is for.
#[derive(Clone, Copy)]
enum Place {
    Face,
    Inner,
    Both,
    Every,
}

impl Attrs {
    pub(crate) fn sort(attrs: &[Attribute]) -> Self {
        let mut sorted = Attrs::default();
        for attr in attrs {
            if let Some((condition, metas)) = conditional(attr) {
                for meta in metas {
                    let (place, meta) = (place(meta.path()), mild(meta));
                    sorted.put(place, &parse_quote!(#[cfg_attr(#condition, #meta)]));
                }
            } else {
                let (place, mut attr) = (place(attr.path()), attr.clone());
                attr.meta = mild(attr.meta);
                sorted.put(place, &attr);
            }
        }
        sorted
    }

    fn put(&mut self, place: Place, attr: &Attribute) {
        let Attrs { face, inner, every } = self;
        let items = match place {
            Place::Face => vec![face],
            Place::Inner => vec![inner],
            Place::Both => vec![face, inner],
            Place::Every => vec![face, inner, every],
        };
        for item in items {
            item.push(attr.clone());
        }
    }
}

fn place(path: &Path) -> Place {
    const FACE: &[&str] = &["doc", "deprecated", "must_use"];
    const LINTS: &[&str] = &["allow", "expect", "warn", "deny", "forbid"];
    let is = |names: &[&str]| names.iter().any(|name| path.is_ident(name));
    if is(FACE) {
        Place::Face
    } else if is(LINTS) {
        Place::Both
    } else if path.is_ident("cfg") {
        Place::Every
    } else {
        Place::Inner
    }
}

/// `expect` as `allow`: what is expected happens in one of the two functions, and in the other one it
/// would be missed.
fn mild(mut meta: Meta) -> Meta {
    if let Meta::List(list) = &mut meta
        && list.path.is_ident("expect")
    {
        list.path = parse_quote!(allow);
    }
    meta
}

/// The condition of a `cfg_attr`, and what it guards: each of those has a place of its own.
fn conditional(attr: &Attribute) -> Option<(Meta, Vec<Meta>)> {
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
    fn each_attribute_goes_where_it_means_something() {
        let sorted = Attrs::sort(&[
            parse_quote!(#[deprecated]),
            parse_quote!(#[cfg(unix)]),
            parse_quote!(#[expect(unused, reason = "r")]),
            parse_quote!(#[tracing::instrument(skip_all)]),
        ]);
        assert_eq!(
            text(&sorted.face),
            r#"#[deprecated]#[cfg(unix)]#[allow(unused,reason="r")]"#
        );
        assert_eq!(
            text(&sorted.inner),
            r#"#[cfg(unix)]#[allow(unused,reason="r")]#[tracing::instrument(skip_all)]"#
        );
        assert_eq!(text(&sorted.every), "#[cfg(unix)]");
    }

    #[test]
    fn what_a_condition_guards_is_sorted_one_by_one() {
        let sorted = Attrs::sort(&[parse_quote!(#[cfg_attr(unix, must_use, inline)])]);
        assert_eq!(text(&sorted.face), "#[cfg_attr(unix,must_use)]");
        assert_eq!(text(&sorted.inner), "#[cfg_attr(unix,inline)]");
    }
}
