//! Resolves a path to a function, through modules, imports and the libraries of a workspace.

use crate::sources::{Module, Sources};

/// Maximum depth of imports; a cycle of globs would exceed it.
const DEEPEST: usize = 12;

pub(crate) enum Named {
    /// Index in `Sources::functions`.
    Function(usize),
    Module(usize, usize),
}

impl Sources {
    /// The function that `path` names in a module of a crate.
    pub(crate) fn function(&self, krate: usize, module: usize, path: &[String]) -> Option<usize> {
        match self.path((krate, module), path, false, 0)? {
            Named::Function(function) => Some(function),
            Named::Module(..) => None,
        }
    }

    /// True if a name in a module comes from a module called `routing`.
    pub(crate) fn is_of_routing(&self, krate: usize, module: usize, path: &[String]) -> bool {
        let is_routing = |path: &Vec<String>| path.iter().any(|name| name == "routing");
        if path.iter().any(|name| name == "routing") {
            return true;
        }
        let mut next = Some(module);
        while let Some(index) = next {
            let module = self.module((krate, index));
            let import = path.first().and_then(|first| module.imports.get(first));
            if import.is_some_and(is_routing) || module.globs.iter().any(is_routing) {
                return true;
            }
            next = module.parent.filter(|_| module.is_block);
        }
        false
    }

    fn module(&self, (krate, module): (usize, usize)) -> &Module {
        &self.crates[krate].modules[module]
    }

    fn path(
        &self,
        at: (usize, usize),
        path: &[String],
        is_module: bool,
        depth: usize,
    ) -> Option<Named> {
        if depth > DEEPEST {
            return None;
        }
        let (first, mut rest) = path.split_first()?;
        let mut found = match first.as_str() {
            "crate" => Named::Module(at.0, 0),
            "self" => Named::Module(at.0, self.not_block(at)),
            "super" => {
                let module = self.module((at.0, self.not_block(at)));
                Named::Module(at.0, self.not_block((at.0, module.parent?)))
            }
            name => self.first(at, name, is_module || !rest.is_empty(), depth)?,
        };
        while let Some((name, others)) = rest.split_first() {
            let Named::Module(krate, module) = found else {
                return None;
            };
            found = if name == "super" {
                let parent = self.module((krate, module)).parent?;
                Named::Module(krate, self.not_block((krate, parent)))
            } else {
                let is_module = is_module || !others.is_empty();
                self.member((krate, module), name, is_module, depth)?
            };
            rest = others;
        }
        Some(found)
    }

    /// The module itself, or the one that contains the block.
    fn not_block(&self, (krate, mut module): (usize, usize)) -> usize {
        while let Module {
            is_block: true,
            parent: Some(parent),
            ..
        } = self.module((krate, module))
        {
            module = *parent;
        }
        module
    }

    /// The first name of a path: of this scope, an enclosing one, or a crate's.
    fn first(
        &self,
        at: (usize, usize),
        name: &str,
        is_module: bool,
        depth: usize,
    ) -> Option<Named> {
        let mut next = Some(at.1);
        while let Some(index) = next {
            if let Some(found) = self.member((at.0, index), name, is_module, depth) {
                return Some(found);
            }
            let module = self.module((at.0, index));
            next = module.parent.filter(|_| module.is_block);
        }
        let mut crates = self.crates.iter();
        let library = crates.position(|krate| krate.is_library && krate.name == name)?;
        is_module.then_some(Named::Module(library, 0))
    }

    /// A name in a module: declared there, or imported.
    fn member(
        &self,
        at: (usize, usize),
        name: &str,
        is_module: bool,
        depth: usize,
    ) -> Option<Named> {
        let module = self.module(at);
        let declared = if is_module {
            let child = module.modules.get(name);
            child.map(|child| Named::Module(at.0, *child))
        } else {
            let function = module.functions.get(name);
            function.map(|function| Named::Function(*function))
        };
        let imported = || {
            let path = module.imports.get(name)?;
            self.path(at, path, is_module, depth + 1)
        };
        let of_glob = || {
            module.globs.iter().find_map(|glob| {
                match self.path(at, glob, true, depth + 1)? {
                    // `use super::*` in a module whose parent has a glob as well.
                    Named::Module(krate, module) if (krate, module) != at && depth < DEEPEST => {
                        self.member((krate, module), name, is_module, depth + 1)
                    }
                    _ => None,
                }
            })
        };
        declared.or_else(imported).or_else(of_glob)
    }
}
