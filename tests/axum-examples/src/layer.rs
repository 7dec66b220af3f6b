//! Puts `RequestLayer` around the routers of axum's examples, runs them, and compares the number of
//! requests sent with the number that the layer has counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use proc_macro2::LineColumn;
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, ItemFn, ItemMod};

use crate::cargo::{Cargo, Package};
use crate::{copy, drive};

const LAYER: &str = ".layer(underscore_runtime::RequestLayer::new())";
/// Beside the layer: the API that tells what it has counted.
const ADMIN: &str = "\n    let _admin = underscore_runtime::serve_admin(std::env::var_os(\"ADMIN_SOCKET\").unwrap()).unwrap();";

/// Dependencies of examples that need another process, or a client with TLS.
const NOT_DRIVEN: &[&str] = &[
    "axum-server",
    "bb8",
    "diesel",
    "mongodb",
    "oauth2",
    "redis",
    "sqlx",
    "tokio-postgres",
];

/// What the source of an example says.
#[derive(Default)]
pub(crate) struct Source {
    /// Text to insert, with its place.
    insertions: Vec<(LineColumn, &'static str)>,
    /// The paths of its routers, and the prefixes of its nested ones.
    pub(crate) routes: Vec<String>,
    pub(crate) prefixes: Vec<String>,
    is_served: bool,
}

/// Runs all examples in `workspace`, a copy. Returns true if the counts of each are right.
pub(crate) fn run(workspace: &Path) -> io::Result<bool> {
    let cargo = Cargo::new(workspace, &[]);
    let (_, packages) = cargo.packages()?;
    let mut sources = BTreeMap::new();
    for package in &packages {
        match patched(package) {
            Ok(source) => drop(sources.insert(package.name.as_str(), source)),
            Err(why) => println!("{}: skipped: {why}", package.name),
        }
    }
    let programs = build(workspace, sources.keys())?;
    println!("{}", drive::TITLES);
    let mut is_right = true;
    for (name, source) in &sources {
        let folder = packages.iter().find(|package| package.name == *name);
        let folder = folder.and_then(|package| package.manifest.parent());
        let (Some(program), Some(folder)) = (programs.get(*name), folder) else {
            println!("{name}: skipped: it does not compile");
            continue;
        };
        let socket = workspace.join("admin.sock");
        let mut command = Command::new(program);
        command.current_dir(folder).env("ADMIN_SOCKET", &socket);
        // The secret of the example `jwt`.
        command.env("JWT_SECRET", "secret").env_remove("RUST_LOG");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match drive::drive(name, command, &socket, source) {
            Ok(counts) => {
                println!("{counts}");
                is_right &= counts.are_right();
            }
            Err(why) => {
                println!("{name}: FAILED: {why}");
                is_right = false;
            }
        }
    }
    Ok(is_right && !sources.is_empty())
}

/// Adds the layer to an example's source, or returns the reason why it is not run.
fn patched(package: &Package) -> Result<Source, String> {
    let mut needs = NOT_DRIVEN.iter();
    if let Some(needed) = needs.find(|needed| package.versions.contains_key(**needed)) {
        return Err(format!("it needs what {needed} connects to"));
    }
    // Some have a client beside the service.
    let mut programs = package.targets.iter();
    let Some((_, file, _)) = programs.find(|(_, file, _)| file.ends_with("src/main.rs")) else {
        return Err("it is no program".to_owned());
    };
    let told = |error: io::Error| error.to_string();
    let text = fs::read_to_string(file).map_err(told)?;
    let parsed = syn::parse_file(&text).map_err(|error| error.to_string())?;
    let mut source = Source::default();
    source.visit_file(&parsed);
    if !source.is_served {
        return Err("it does not call `axum::serve` with a TCP listener".to_owned());
    }
    fs::write(file, source.inserted(&text)).map_err(told)?;
    copy::add_runtime(&package.manifest, &[]).map_err(told)?;
    Ok(source)
}

/// The programs of the packages that compile.
fn build<'a>(
    workspace: &Path,
    packages: impl Iterator<Item = &'a &'a str>,
) -> io::Result<BTreeMap<String, PathBuf>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--keep-going", "--message-format=json"]);
    for package in packages {
        command.args(["-p", package]);
    }
    let output = command
        .current_dir(workspace)
        .stdin(Stdio::null())
        .output()?;
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs = messages.filter_map(|message| {
        let name = message["target"]["name"].as_str()?;
        let program = message["executable"].as_str()?;
        Some((name.to_owned(), PathBuf::from(program)))
    });
    Ok(programs.collect())
}

impl Source {
    /// The text with all insertions.
    fn inserted(&self, text: &str) -> String {
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let mut insertions = self.insertions.clone();
        insertions.sort_unstable_by_key(|(place, _)| (place.line, place.column));
        for (place, inserted) in insertions.into_iter().rev() {
            let line = &mut lines[place.line - 1];
            let at = line
                .char_indices()
                .nth(place.column)
                .map_or(line.len(), |(at, _)| at);
            line.insert_str(at, inserted);
        }
        lines.join("\n")
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let is_of_tests = item.attrs.iter().any(|attr| attr.path().is_ident("cfg"));
        if !is_of_tests {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if function.sig.ident == "main" {
            let body = function.block.brace_token.span.open().end();
            self.insertions.push((body, ADMIN));
        }
        visit::visit_item_fn(self, function);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        visit::visit_expr_call(self, call);
        let Expr::Path(path) = &*call.func else {
            return;
        };
        let names: Vec<String> = path
            .path
            .segments
            .iter()
            .map(|name| name.ident.to_string())
            .collect();
        if let (["axum", "serve"], [listener, app]) = (
            names
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .as_slice(),
            call.args.iter().collect::<Vec<_>>().as_slice(),
        ) {
            // A Unix socket is named so in the only example with one.
            self.is_served |= !matches!(listener, Expr::Path(path) if path.path.is_ident("uds"));
            self.insertions.push((router(app).span().end(), LAYER));
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        let Some(Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(path),
            ..
        })) = call.args.first()
        else {
            return;
        };
        match call.method.to_string().as_str() {
            "route" | "route_service" => self.routes.push(path.value()),
            "nest" | "nest_service" => self.prefixes.push(path.value()),
            _ => {}
        }
    }
}

/// The router in the expression of a service.
fn router(service: &Expr) -> &Expr {
    match service {
        Expr::MethodCall(call) if call.method.to_string().starts_with("into_make_service") => {
            router(&call.receiver)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_is_around_the_router_and_one_line_serves_the_api() {
        let text = "async fn main() {\n    let app = Router::new().route(\"/{id}\", get(f));\n    \
            axum::serve(listener, app.into_make_service()).await\n}\n\
            #[cfg(test)]\nmod tests { fn f() { axum::serve(listener, app()) } }";
        let mut source = Source::default();
        source.visit_file(&syn::parse_file(text).expect("it is Rust"));
        assert_eq!(
            source.inserted(text),
            text.replace("main() {", &format!("main() {{{ADMIN}"))
                .replace("app.into", &format!("app{LAYER}.into"))
        );
        assert_eq!(source.routes, ["/{id}"]);
    }
}
