//! Reads the modules of a crate: functions, imports and routing calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Expr, ItemFn, ReturnType, Signature, UseTree, Visibility};

use crate::routing::{self, Mount};

/// A module, or the block of a function, which is a scope of names as well.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) parent: Option<usize>,
    pub(crate) is_block: bool,
    pub(crate) modules: BTreeMap<String, usize>,
    /// Indices in `Sources::functions`.
    pub(crate) functions: BTreeMap<String, usize>,
    pub(crate) imports: BTreeMap<String, Vec<String>>,
    pub(crate) globs: Vec<Vec<String>>,
}

pub(crate) struct Crate {
    pub(crate) name: String,
    /// Index in the workspace's packages.
    pub(crate) package: usize,
    pub(crate) is_library: bool,
    /// The first is the root.
    pub(crate) modules: Vec<Module>,
    /// Each with its module and its file.
    pub(crate) mounts: Vec<(usize, PathBuf, Mount)>,
}

pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) package: usize,
    pub(crate) file: PathBuf,
    /// Position of the attribute: a line, counted from 0, and a column in characters.
    pub(crate) place: (usize, usize),
    /// First and last line of the function, counted from 0.
    pub(crate) lines: (usize, usize),
    /// False if it is neither `async` nor returns anything that could be a future.
    pub(crate) is_future: bool,
    /// True if it is an `async fn`, also one of a type or a trait.
    pub(crate) is_async: bool,
    pub(crate) is_annotated: bool,
}

impl Function {
    pub(crate) fn shown(&self) -> String {
        format!(
            "{}:{}: {}",
            self.file.display(),
            self.lines.0 + 1,
            self.name
        )
    }
}

#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) crates: Vec<Crate>,
    pub(crate) functions: Vec<Function>,
    /// Packages with tests, by index.
    pub(crate) tested: Vec<usize>,
    /// By file and line: a file may be a module of several crates.
    known: BTreeMap<(PathBuf, usize, usize), usize>,
}

impl Sources {
    /// Reads the crate whose root file is `root`.
    pub(crate) fn read(
        &mut self,
        name: &str,
        package: usize,
        is_library: bool,
        root: &Path,
    ) -> io::Result<()> {
        let mut reader = Reader {
            sources: self,
            krate: Crate {
                name: name.replace('-', "_"),
                package,
                is_library,
                modules: vec![Module::default()],
                mounts: Vec::new(),
            },
            module: 0,
            file: root.to_owned(),
            folder: root.parent().unwrap_or(root).to_owned(),
        };
        reader.file(root)?;
        let krate = reader.krate;
        self.crates.push(krate);
        Ok(())
    }
}

struct Reader<'a> {
    sources: &'a mut Sources,
    krate: Crate,
    module: usize,
    file: PathBuf,
    /// The folder of submodule files.
    folder: PathBuf,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) -> io::Result<()> {
        let text = fs::read_to_string(path)?;
        if text.contains("#[test]") || text.contains("#[tokio::test") {
            self.sources.tested.push(self.krate.package);
        }
        match syn::parse_file(&text) {
            Ok(file) => self.visit_file(&file),
            Err(error) => println!("{}: not read: {error}", path.display()),
        }
        Ok(())
    }

    /// Calls `read` in a new module of the current one.
    fn within(&mut self, is_block: bool, read: impl FnOnce(&mut Self)) -> usize {
        let index = self.krate.modules.len();
        self.krate.modules.push(Module {
            parent: Some(self.module),
            is_block,
            ..Module::default()
        });
        let outer = std::mem::replace(&mut self.module, index);
        read(self);
        self.module = outer;
        index
    }

    fn here(&mut self) -> &mut Module {
        &mut self.krate.modules[self.module]
    }

    fn mount(&mut self, mount: Option<Mount>) {
        let here = |mount| (self.module, self.file.clone(), mount);
        self.krate.mounts.extend(mount.map(here));
    }

    fn import(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |last: &syn::Ident| -> Vec<String> {
            let mut path = prefix.to_vec();
            if last != "self" {
                path.push(last.to_string());
            }
            path
        };
        match tree {
            UseTree::Path(path) => self.import(&with_segment(prefix, &path.ident), &path.tree),
            UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|item| self.import(prefix, item)),
            UseTree::Glob(_) => self.here().globs.push(prefix.to_vec()),
            UseTree::Name(name) => {
                let path = with(&name.ident);
                if let Some(last) = path.last().cloned() {
                    self.here().imports.insert(last, path);
                }
            }
            UseTree::Rename(rename) => {
                let path = with(&rename.ident);
                self.here().imports.insert(rename.rename.to_string(), path);
            }
        }
    }

    fn function(&mut self, function: &ItemFn) {
        let index = self.record(
            &function.attrs,
            &function.vis,
            &function.sig,
            &function.block,
        );
        let name = function.sig.ident.to_string();
        self.here().functions.insert(name, index);
    }

    /// Records a function, of a module or not. Returns its index.
    fn record(
        &mut self,
        attrs: &[Attribute],
        vis: &Visibility,
        signature: &Signature,
        block: &Block,
    ) -> usize {
        let begin = match vis {
            Visibility::Inherited => signature.span(),
            written => written.span(),
        };
        let place = place(attrs).unwrap_or(begin.start());
        let lines = (place.line - 1, block.span().end().line - 1);
        let key = (self.file.clone(), lines.0, place.column);
        let functions = &mut self.sources.functions;
        *self.sources.known.entry(key).or_insert_with(|| {
            let is_async = signature.asyncness.is_some();
            functions.push(Function {
                name: signature.ident.to_string(),
                package: self.krate.package,
                file: self.file.clone(),
                place: (place.line - 1, place.column),
                lines,
                is_future: is_async || may_be_future(&signature.output),
                is_async,
                is_annotated: ["underscore_route", "underscore_frame"]
                    .iter()
                    .any(|name| attrs.iter().any(|attr| ends_with(attr, name))),
            });
            functions.len() - 1
        })
    }
}

fn with_segment(prefix: &[String], last: &syn::Ident) -> Vec<String> {
    let mut path = prefix.to_vec();
    path.push(last.to_string());
    path
}

/// Above the attributes, but below documentation and attributes that must come first:
/// `utoipa::path`, and `cfg`.
fn place(attrs: &[Attribute]) -> Option<proc_macro2::LineColumn> {
    let above = |attr: &Attribute| {
        let path = attr.path();
        ["doc", "cfg", "cfg_attr"]
            .iter()
            .any(|name| path.is_ident(name))
    };
    let after_utoipa = attrs.iter().rposition(|attr| {
        let mut segments = attr.path().segments.iter();
        segments.next().is_some_and(|first| first.ident == "utoipa") && ends_with(attr, "path")
    });
    let rest = &attrs[after_utoipa.map_or(0, |at| at + 1)..];
    let next = rest.iter().find(|attr| !above(attr))?;
    Some(next.span().start())
}

fn ends_with(attr: &Attribute, name: &str) -> bool {
    let last = attr.path().segments.last();
    last.is_some_and(|last| last.ident == name)
}

/// `impl Future`, `BoxFuture`, `Pin<Box<dyn Future>>`.
fn may_be_future(output: &ReturnType) -> bool {
    let mut future = NamesFuture(false);
    future.visit_return_type(output);
    future.0
}

struct NamesFuture(bool);

impl Visit<'_> for NamesFuture {
    fn visit_ident(&mut self, ident: &syn::Ident) {
        self.0 |= ident.to_string().ends_with("Future");
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        let folder = self.folder.join(&name);
        let (outer, module) = if item.content.is_some() {
            let outer = (
                self.file.clone(),
                std::mem::replace(&mut self.folder, folder),
            );
            let read = |reader: &mut Self| visit::visit_item_mod(reader, item);
            (outer, self.within(false, read))
        } else {
            let beside = self.folder.join(format!("{name}.rs"));
            let (file, folder) = match path_of(&item.attrs) {
                Some(path) => {
                    let file = self.file.parent().unwrap_or(&self.file).join(path);
                    let folder = file.parent().unwrap_or(&file).to_owned();
                    (file, folder)
                }
                None if beside.exists() => (beside, folder),
                None => (folder.join("mod.rs"), folder),
            };
            let outer = (
                std::mem::replace(&mut self.file, file.clone()),
                std::mem::replace(&mut self.folder, folder),
            );
            // A missing file is generated by a build, or belongs to another platform.
            let module = self.within(false, |reader| drop(reader.file(&file)));
            (outer, module)
        };
        (self.file, self.folder) = outer;
        self.here().modules.insert(name, module);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&[], &item.tree);
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(function);
        self.within(true, |reader| visit::visit_item_fn(reader, function));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.record(
            &function.attrs,
            &function.vis,
            &function.sig,
            &function.block,
        );
        self.within(true, |reader| visit::visit_impl_item_fn(reader, function));
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            let inherited = Visibility::Inherited;
            self.record(&function.attrs, &inherited, &function.sig, block);
        }
        self.within(true, |reader| visit::visit_trait_item_fn(reader, function));
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        visit::visit_expr_call(self, call);
        self.mount(routing::of_call(call));
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        self.mount(routing::of_method_call(call));
    }

    fn visit_macro(&mut self, written: &'ast syn::Macro) {
        let comma_list = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
        let Ok(arguments) = written.parse_body_with(comma_list) else {
            return;
        };
        let last = written.path.segments.last();
        let is_routes = last.is_some_and(|last| last.ident == "routes");
        for argument in &arguments {
            self.visit_expr(argument);
            if is_routes {
                self.mount(Some(routing::of_routes(argument)));
            }
        }
    }
}

fn path_of(attrs: &[Attribute]) -> Option<String> {
    attrs.iter().find_map(|attr| match &attr.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}
