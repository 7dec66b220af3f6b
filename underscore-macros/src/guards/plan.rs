//! Decides which bindings get a marker, and generates it.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{Attribute, Block, Expr, Ident, Pat, Stmt, Type, parse_quote};

use super::ends::Ends;
use super::{bindings, initializer};
use crate::span;

/// Plans the markers of a function and numbers them.
#[derive(Default)]
pub(crate) struct Planner {
    count: usize,
}

/// A variable that gets a marker.
pub(crate) struct Plan {
    hold: Ident,
    variable: Ident,
    /// True if the claim may end before the scope does.
    has_ends: bool,
}

impl Planner {
    /// Plans the markers of what a `let` binds, for the statements after it.
    pub(crate) fn plan_local(
        &mut self,
        attrs: &[Attribute],
        pat: &Pat,
        init: &Expr,
        scope: &mut Vec<Stmt>,
    ) -> Vec<Plan> {
        if bindings::has_condition(attrs) {
            return Vec::new();
        }
        self.plan(pat, init, scope)
    }

    /// Plans the markers of what `pat` binds to the value of `init`, and puts their ends into
    /// `scope`.
    pub(crate) fn plan(&mut self, pat: &Pat, init: &Expr, scope: &mut Vec<Stmt>) -> Vec<Plan> {
        if !initializer::may_give(init) {
            return Vec::new();
        }
        self.plan_given(pat, initializer::is_giver(init), scope)
    }

    /// As [`plan`](Self::plan), for a value that an await gives. `is_giver` if it is a guard by the
    /// name of what is awaited: then who passed it on is known.
    pub(crate) fn plan_given(
        &mut self,
        pat: &Pat,
        is_giver: bool,
        scope: &mut Vec<Stmt>,
    ) -> Vec<Plan> {
        if matches!(type_of(pat), Some(ty) if !initializer::may_be_guard(ty)) {
            return Vec::new();
        }
        // A claim is only seen while the body is pending.
        if !scope.iter().any(initializer::awaits) {
            return Vec::new();
        }
        let variables = bindings::by_value(pat).into_iter();
        variables
            .filter_map(|variable| self.plan_variable(variable, is_giver, scope))
            .collect()
    }

    fn plan_variable(
        &mut self,
        variable: Ident,
        is_giver: bool,
        scope: &mut Vec<Stmt>,
    ) -> Option<Plan> {
        let name = variable.to_string();
        if !name.starts_with('_') && !initializer::is_read(&name, scope) {
            return None;
        }
        let hold = format_ident!("__underscore_hold_{}", self.count, span = Span::call_site());
        let mut with_ends = scope.clone();
        let mut ends = Ends::new(&name, hold.clone());
        let until = ends.put(&mut with_ends).unwrap_or(scope.len());
        let is_seen = scope.iter().take(until).any(initializer::awaits);
        if !(is_seen || is_giver && ends.is_passed_on()) {
            return None;
        }
        *scope = with_ends;
        self.count = self.count.saturating_add(1);
        Some(Plan {
            hold,
            variable,
            has_ends: ends.is_put(),
        })
    }

    /// Plans the markers of what a pattern in a condition binds: for the rest of the condition,
    /// which must not move it, and the block after it.
    pub(crate) fn plan_condition(
        &mut self,
        pat: &Pat,
        init: &Expr,
        rest: &[&Expr],
        block: &mut Block,
    ) -> Vec<Plan> {
        let is_moved = bindings::by_value(pat).iter().any(|variable| {
            let name = variable.to_string();
            let is_other = |other: &&Expr| match other {
                Expr::Let(matched) => bindings::binds(&matched.pat, &name),
                _ => false,
            };
            rest.iter()
                .any(|other| is_other(other) || Ends::are_needed_in(&name, other))
        });
        if is_moved {
            return Vec::new();
        }
        self.plan(pat, init, &mut block.stmts)
    }
}

impl Plan {
    /// The marker of a value that was acquired at one of `points`.
    pub(crate) fn marker(&self, points: &TokenStream) -> Stmt {
        let Plan {
            hold,
            variable,
            has_ends,
        } = self;
        let span = span::generated_at(variable.span());
        let function = Ident::new("__underscore_hold", span);
        let mutability = has_ends.then(|| quote_spanned!(span=> mut));
        // The name of the variable has the user's span.
        let is_hidden = variable.to_string().starts_with('_');
        let allow =
            is_hidden.then(|| quote_spanned!(span=> #[allow(clippy::used_underscore_binding)]));
        let marker = quote_spanned! {span=>
            #allow
            let #mutability #hold = #function(#points, &#variable);
        };
        parse_quote!(#marker)
    }
}

fn type_of(pat: &Pat) -> Option<&Type> {
    match pat {
        Pat::Type(typed) => Some(&typed.ty),
        Pat::Paren(paren) => type_of(&paren.pat),
        _ => None,
    }
}
