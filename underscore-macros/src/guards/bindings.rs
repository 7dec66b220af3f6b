//! The names that a pattern binds.

use syn::visit::{self, Visit};
use syn::{Attribute, Expr, FieldPat, Ident, Pat, PatIdent};

/// The variables that `pat` binds by value. A reference is no guard, and a constant is uppercase.
pub(super) fn by_value(pat: &Pat) -> Vec<Ident> {
    let mut finder = ByValue(Vec::new());
    finder.visit_pat(pat);
    finder.0
}

struct ByValue(Vec<Ident>);

impl<'ast> Visit<'ast> for ByValue {
    fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
        let text = pat.ident.to_string();
        let first = text.trim_start_matches("r#").chars().next();
        let is_variable = first.is_some_and(|first| first == '_' || first.is_lowercase());
        if pat.by_ref.is_none() && is_variable && !self.0.contains(&pat.ident) {
            self.0.push(pat.ident.clone());
        }
        visit::visit_pat_ident(self, pat);
    }

    fn visit_field_pat(&mut self, field: &'ast FieldPat) {
        if !has_condition(&field.attrs) {
            visit::visit_field_pat(self, field);
        }
    }

    // The guard of an arm, and constants.
    fn visit_expr(&mut self, _: &'ast Expr) {}
}

/// True if `pat` binds a variable named `name`.
pub(super) fn binds(pat: &Pat, name: &str) -> bool {
    let mut finder = Named { name, found: false };
    finder.visit_pat(pat);
    finder.found
}

struct Named<'a> {
    name: &'a str,
    found: bool,
}

impl<'ast> Visit<'ast> for Named<'_> {
    fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
        self.found |= pat.ident == self.name;
        visit::visit_pat_ident(self, pat);
    }

    fn visit_expr(&mut self, _: &'ast Expr) {}
}

/// True if `pat` binds `name` to the whole value, or to what is in its `Ok` or `Some`.
pub(super) fn binds_value(pat: &Pat, name: &str) -> bool {
    match pat {
        Pat::Ident(ident) => ident.ident == name && ident.by_ref.is_none(),
        Pat::Paren(paren) => binds_value(&paren.pat, name),
        Pat::Type(typed) => binds_value(&typed.pat, name),
        Pat::Guard(guard) => binds_value(&guard.pat, name),
        Pat::TupleStruct(variant) => {
            let last = variant.path.segments.last();
            let is_wrapper = last.is_some_and(|last| last.ident == "Ok" || last.ident == "Some");
            let mut elems = variant.elems.iter();
            is_wrapper && elems.len() == 1 && elems.all(|elem| binds_value(elem, name))
        }
        _ => false,
    }
}

/// True if an attribute may remove what it is on.
pub(super) fn has_condition(attrs: &[Attribute]) -> bool {
    let conditions = ["cfg", "cfg_attr"];
    let is_condition = |attr: &Attribute| conditions.iter().any(|name| attr.path().is_ident(name));
    attrs.iter().any(is_condition)
}
