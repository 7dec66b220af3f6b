//! Reads which modules of a crate import which: `use` declarations with nested braces, and paths in
//! code, each that begins with `crate`, `super`, `self` or a child module. Names that a `mod.rs`
//! only re-exports count as those of the module that defines them. Code under `#[cfg(test)]` is
//! skipped.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// The path of a module below the crate: `["admin", "cat"]`.
pub(crate) type Module = Vec<String>;

/// The modules of a crate, and the paths that each of them names.
#[derive(Default)]
pub(crate) struct Imports {
    modules: BTreeSet<Module>,
    /// The absolute paths that the code of a module contains.
    paths: BTreeMap<Module, BTreeSet<Module>>,
    /// The names that `use` brings into a module, each with its absolute path.
    names: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Imports {
    /// Reads files, each with its path below `src` and its text.
    pub(crate) fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut imports = Imports::default();
        let files: Vec<(Module, &str)> = files
            .into_iter()
            .filter(|(path, _)| !path.ends_with("tests.rs"))
            .map(|(path, text)| (module_of(path), text))
            .collect();
        imports
            .modules
            .extend(files.iter().map(|(module, _)| module.clone()));
        for (module, text) in files {
            let tokens: TokenStream = text.parse().expect("a file of Rust");
            Reader {
                imports: &mut imports,
                file: module.clone(),
            }
            .tokens(tokens, &module);
        }
        imports
    }

    /// The imports of each module: pairs of modules, each once, none of itself.
    pub(crate) fn edges(&self) -> Vec<(Module, Module)> {
        let edges = self.paths.iter().flat_map(|(module, paths)| {
            let targets: BTreeSet<Module> =
                paths.iter().map(|path| self.resolve(path, 0)).collect();
            let others = targets.into_iter().filter(move |target| target != module);
            others.map(move |target| (module.clone(), target))
        });
        edges.collect()
    }

    /// The modules whose parent is `folder`.
    pub(crate) fn children(&self, folder: &[String]) -> Vec<String> {
        let children = self.modules.iter().filter_map(|module| {
            let (name, parent) = module.split_last()?;
            (parent == folder).then(|| name.clone())
        });
        children.collect()
    }

    /// The module that defines the item at an absolute path.
    fn resolve(&self, path: &[String], depth: usize) -> Module {
        assert!(depth < 20, "{path:?} is re-exported in a circle");
        let mut module = Module::new();
        for (at, segment) in path.iter().enumerate() {
            let child = [module.as_slice(), std::slice::from_ref(segment)].concat();
            if self.modules.contains(&child) {
                module = child;
                continue;
            }
            let name = self.names.get(&module).and_then(|names| names.get(segment));
            return match name {
                Some(target) => self.resolve(&[target, &path[at + 1..]].concat(), depth + 1),
                None => module,
            };
        }
        module
    }
}

/// `admin/cat/mod.rs` is `admin::cat`, `lib.rs` the root.
fn module_of(path: &str) -> Module {
    let path = path.strip_suffix(".rs").expect("a file of Rust");
    let parts = path
        .split('/')
        .filter(|part| !["mod", "lib"].contains(part));
    parts.map(str::to_owned).collect()
}

/// Reads the tokens of one file.
struct Reader<'a> {
    imports: &'a mut Imports,
    file: Module,
}

impl Reader<'_> {
    /// Reads tokens in `module`, which is the file's or an inline one.
    fn tokens(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let Some((token, after)) = rest.split_first() {
            rest = match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' && is_test_attribute(after) => {
                    behind_item(after)
                }
                TokenTree::Ident(ident) if ident == "use" => self.use_item(after, module),
                TokenTree::Ident(ident) if ident == "mod" => self.inline_module(after, module),
                TokenTree::Ident(ident) => self.path(ident, after, module),
                TokenTree::Group(group) if !is_visibility(group) => {
                    self.tokens(group.stream(), module);
                    after
                }
                // The rest of a path whose beginning was an expression or another crate.
                TokenTree::Punct(punct) if punct.as_char() == ':' => behind_path(after),
                _ => after,
            };
        }
    }

    fn inline_module<'t>(&mut self, after: &'t [TokenTree], module: &[String]) -> &'t [TokenTree] {
        let [TokenTree::Ident(name), TokenTree::Group(body), rest @ ..] = after else {
            return after;
        };
        self.tokens(body.stream(), &[module, &[name.to_string()]].concat());
        rest
    }

    fn path<'t>(
        &mut self,
        first: &Ident,
        after: &'t [TokenTree],
        module: &[String],
    ) -> &'t [TokenTree] {
        let mut segments = vec![first.to_string()];
        let mut rest = after;
        while let [colon, second, TokenTree::Ident(segment), behind @ ..] = rest
            && is_colon(colon)
            && is_colon(second)
        {
            segments.push(segment.to_string());
            rest = behind;
        }
        if segments.len() > 1 {
            self.add(&segments, module);
        }
        rest
    }

    fn use_item<'t>(&mut self, after: &'t [TokenTree], module: &[String]) -> &'t [TokenTree] {
        let end = after.iter().position(|token| is_punct(token, ';'));
        // The `use<>` of a type does not end with a `;`.
        let Some(end) = end.filter(|_| !after.first().is_some_and(|token| is_punct(token, '<')))
        else {
            return after;
        };
        self.use_tree(&after[..end], &[], module);
        &after[end..]
    }

    fn use_tree(&mut self, tree: &[TokenTree], before: &[String], module: &[String]) {
        let mut path = before.to_vec();
        let mut name = None;
        let mut tokens = tree.iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) if ident == "as" => {
                    name = tokens.next().map(ToString::to_string);
                }
                TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Group(group) => {
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    for tree in inside.split(|token| is_punct(token, ',')) {
                        if !tree.is_empty() {
                            self.use_tree(tree, &path, module);
                        }
                    }
                    return;
                }
                // `::`, or the `*` of a glob, which imports from the module before it.
                _ => {}
            }
        }
        let name = name.or_else(|| path.last().cloned());
        if let (Some(target), Some(name)) = (self.add(&path, module), name)
            && module == self.file
        {
            let names = self.imports.names.entry(module.to_vec()).or_default();
            names.insert(name, target);
        }
    }

    /// Adds a path that is written in `module`, and returns it as an absolute path. `None` if it
    /// begins with another crate or a local name.
    fn add(&mut self, segments: &[String], module: &[String]) -> Option<Module> {
        let mut start = match segments.first()?.as_str() {
            "crate" => Module::new(),
            "super" | "self" => module.to_vec(),
            child => {
                let child = [module, &[child.to_owned()]].concat();
                if !self.imports.modules.contains(&child) {
                    return None;
                }
                module.to_vec()
            }
        };
        for segment in segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => {
                    start.pop();
                }
                _ => start.push(segment.clone()),
            }
        }
        let paths = self.imports.paths.entry(self.file.clone()).or_default();
        paths.insert(start.clone());
        Some(start)
    }
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_colon(token: &TokenTree) -> bool {
    is_punct(token, ':')
}

/// The parentheses of `pub(crate)` and `pub(in crate::admin)`.
fn is_visibility(group: &Group) -> bool {
    let first = group.stream().into_iter().next();
    let word = first.map(|first| first.to_string());
    group.delimiter() == Delimiter::Parenthesis && word.as_deref() == Some("in")
}

fn is_test_attribute(after: &[TokenTree]) -> bool {
    matches!(after, [TokenTree::Group(group), ..] if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// The tokens after the item that begins here with its attributes. An item ends with a `;` or its
/// braces.
fn behind_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(token, ';'),
    };
    let end = tokens.iter().position(is_end);
    end.map_or(&[], |end| &tokens[end + 1..])
}

/// The tokens after the second `:` of a `::` and the name behind it.
fn behind_path(after: &[TokenTree]) -> &[TokenTree] {
    match after {
        [colon, TokenTree::Ident(_), rest @ ..] if is_colon(colon) => rest,
        _ => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The imports of modules, as `a -> b::c`.
    fn edges(files: &[(&str, &str)]) -> Vec<String> {
        let imports = Imports::read(files.iter().copied());
        let edge =
            |(from, to): (Module, Module)| format!("{} -> {}", from.join("::"), to.join("::"));
        imports.edges().into_iter().map(edge).collect()
    }

    /// Files that others import from.
    const GROUND: [(&str, &str); 3] = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a/mod.rs",
            "mod inner; pub use inner::Inner; pub struct Outer;",
        ),
        ("a/inner.rs", "pub struct Inner;"),
    ];

    fn edges_of(path: &'static str, text: &'static str) -> Vec<String> {
        let mut files = GROUND.to_vec();
        files.push((path, text));
        let mut edges = edges(&files);
        edges.retain(|edge| edge != "a -> a::inner");
        edges
    }

    #[test]
    fn a_use_declaration_is_read_with_its_nested_braces_and_renames() {
        let text = "use crate::{a::{self as other, inner::{Inner as I, *}}, sync};";
        let expected = ["b -> ", "b -> a", "b -> a::inner"];
        assert_eq!(edges_of("b.rs", text), expected);
    }

    #[test]
    fn super_and_self_are_resolved_in_files_and_in_inline_modules() {
        assert_eq!(edges_of("a/c.rs", "use super::Outer;"), ["a::c -> a"]);
        let text = "use super::super::a::Outer; use self::x::Y;";
        assert_eq!(edges_of("a/c.rs", text), ["a::c -> a"]);
        let text = "mod sealed { use super::super::inner::Inner; }";
        assert_eq!(edges_of("a/c.rs", text), ["a::c -> a::inner"]);
    }

    #[test]
    fn a_name_that_is_re_exported_is_that_of_its_own_module() {
        assert_eq!(
            edges_of("a/c.rs", "use super::Inner;"),
            ["a::c -> a::inner"]
        );
        assert_eq!(
            edges_of("b.rs", "fn f(_: crate::a::Inner) {}"),
            ["b -> a::inner"]
        );
        let mut files = GROUND.to_vec();
        files.push(("b.rs", "pub(crate) use crate::a::Inner as Renamed;"));
        files.push(("d.rs", "use crate::b::Renamed;"));
        assert!(edges(&files).contains(&"d -> a::inner".to_owned()));
    }

    #[test]
    fn a_path_in_code_is_an_import_and_one_in_text_is_none() {
        let text = r#"
            //! crate::a::Outer
            fn f() { g("crate::a", /* crate::a */ || [super::a::inner::Inner::new()]) }
        "#;
        assert_eq!(edges_of("b.rs", text), ["b -> a::inner"]);
        assert_eq!(edges_of("a/c.rs", "pub(in crate::a) fn f() {}"), [""; 0]);
        assert_eq!(
            edges_of("b.rs", "fn f() -> impl A + use<> { std::a::f() }"),
            [""; 0]
        );
    }

    #[test]
    fn a_module_uses_its_children_by_their_names_alone() {
        assert_eq!(edges_of("b.rs", "mod c; fn f() { c::g() }"), [""; 0]);
        let mut files = GROUND.to_vec();
        files.push(("b/mod.rs", "mod c; fn f() { c::g() }"));
        files.push(("b/c.rs", "pub fn g() {}"));
        assert!(edges(&files).contains(&"b -> b::c".to_owned()));
    }

    #[test]
    fn code_for_tests_is_skipped() {
        let text = "#[cfg(test)] mod tests { use crate::a::Outer; }
            #[cfg(test)] impl X { fn f() -> crate::a::Outer {} }
            use crate::a::inner::Inner;";
        assert_eq!(edges_of("b.rs", text), ["b -> a::inner"]);
        assert_eq!(edges_of("b/tests.rs", "use crate::a::Outer;"), [""; 0]);
    }
}
