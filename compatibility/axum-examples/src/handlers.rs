//! Finds the handlers of an example, the functions that its routing calls name, and puts the attribute on them. The
//! text of a file stays as it is but for that.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, ExprMethodCall, ItemFn, ReturnType};

const ATTRIBUTE: &str = "#[underscore_runtime::underscore_route]";

/// Functions and methods whose last argument is a handler.
const ROUTING: &[&str] = &[
    "get",
    "post",
    "put",
    "delete",
    "patch",
    "head",
    "options",
    "trace",
    "connect",
    "any",
    "on",
    "fallback",
    "method_not_allowed_fallback",
];

/// Methods of a handler that make something else of it.
const OF_A_HANDLER: &[&str] = &["layer", "with_state", "into_service", "into_make_service"];

/// What was found in an example.
#[derive(Default)]
pub(crate) struct Found {
    /// How many handlers the routing calls name.
    pub(crate) named: usize,
    pub(crate) annotated: usize,
    /// Handlers that are closures: they have no name for an attribute to stand above.
    pub(crate) closures: usize,
    pub(crate) missing: Vec<String>,
    /// Whether it has tests of its own.
    pub(crate) tests: bool,
}

/// Annotates all handlers in the files of a package.
pub(crate) fn annotate(sources: &Path) -> io::Result<Found> {
    let mut files = Vec::new();
    rust_below(sources, &mut files)?;
    let mut package = Routing::default();
    let mut parsed = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path)?;
        let file = syn::parse_file(&text)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        package.visit_file(&file);
        parsed.push((path, text, file));
    }
    let mut found = Found {
        closures: package.closures,
        ..Found::default()
    };
    let mut seen = BTreeSet::new();
    for (path, mut text, file) in parsed {
        found.tests |= text.contains("#[test]") || text.contains("#[tokio::test]");
        let mut functions = Functions::default();
        functions.visit_file(&file);
        let of_the_package = |(name, _): &(String, usize)| package.handlers.contains(name);
        functions.places.retain(of_the_package);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        functions.places.sort_by_key(|(_, line)| *line);
        for (name, line) in functions.places.into_iter().rev() {
            lines.insert(line - 1, ATTRIBUTE.to_owned());
            seen.insert(name);
            found.annotated += 1;
        }
        text = lines.join("\n") + "\n";
        fs::write(path, text)?;
    }
    // What is bound to something else is an argument of a call that only looks like a route: `connect(address)`.
    let missing = package.handlers.difference(&seen);
    found.missing = missing
        .filter(|name| !package.bound.contains(*name))
        .cloned()
        .collect();
    // Functions of one name in several modules are as many handlers.
    found.named = found.annotated + found.missing.len();
    Ok(found)
}

fn rust_below(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_below(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The names in routing calls.
#[derive(Default)]
struct Routing {
    handlers: BTreeSet<String>,
    closures: usize,
    /// Names of variables and arguments.
    bound: BTreeSet<String>,
}

impl Routing {
    fn handler(&mut self, expr: &Expr) {
        match expr {
            Expr::Closure(_) => self.closures += 1,
            // `kv_get.layer(...)`
            Expr::MethodCall(call) if is_in(OF_A_HANDLER, &call.method) => {
                self.handler(&call.receiver);
            }
            Expr::Path(path) => {
                // Those of other crates cannot be annotated.
                let segments = &path.path.segments;
                let foreign = segments.first().is_some_and(|first| first.ident == "std");
                if let (Some(last), false) = (segments.last(), foreign) {
                    self.handlers.insert(last.ident.to_string());
                }
            }
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Routing {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        visit::visit_expr_call(self, call);
        if let (Expr::Path(function), Some(last)) = (&*call.func, call.args.last())
            && let Some(name) = function.path.segments.last()
            && is_in(ROUTING, &name.ident)
        {
            self.handler(last);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        // `map.get(key)` looks like a route, and is none.
        let is_route =
            is_in(ROUTING, &call.method) && (call.method != "get" || is_routing(&call.receiver));
        if let (true, Some(last)) = (is_route, call.args.last()) {
            self.handler(last);
        } else if call.method == "into_service"
            && let Expr::Path(path) = &*call.receiver
            && let Some(name) = path.path.get_ident()
        {
            self.handlers.insert(name.to_string());
        }
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.bound.insert(pattern.ident.to_string());
    }
}

/// Whether a chain of routing calls begins here.
fn is_routing(receiver: &Expr) -> bool {
    match receiver {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => path
                .path
                .segments
                .last()
                .is_some_and(|last| is_in(ROUTING, &last.ident)),
            _ => false,
        },
        Expr::MethodCall(call) => is_routing(&call.receiver),
        _ => false,
    }
}

fn is_in(names: &[&str], ident: &syn::Ident) -> bool {
    names.iter().any(|name| ident == name)
}

/// The functions that can be handlers, with the lines on which they begin.
#[derive(Default)]
struct Functions {
    places: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        visit::visit_item_fn(self, function);
        let returns_future = match &function.sig.output {
            ReturnType::Type(_, ty) => matches!(**ty, syn::Type::ImplTrait(_)),
            ReturnType::Default => false,
        };
        if function.sig.asyncness.is_some() || returns_future {
            let line = begin(&function.attrs, function.span()).start().line;
            self.places.push((function.sig.ident.to_string(), line));
        }
    }
}

/// Where an item begins, its comments and attributes included.
fn begin(attrs: &[Attribute], item: Span) -> Span {
    attrs.first().map_or(item, Spanned::span)
}
