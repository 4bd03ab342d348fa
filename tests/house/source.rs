//! Reads the modules of a crate from its source code, and finds the items to which the paths in the code refer.
//!
//! Must not know: which module may import which.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, iter};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// The modules of a crate. Code that is compiled only for tests is left out.
pub(crate) struct Source {
    /// The modules by their paths: `[]` is `lib.rs`, `["tape", "name"]` is `tape/name.rs`.
    pub(crate) modules: BTreeMap<Vec<String>, Module>,
}

/// A module, in its own file or inline.
pub(crate) struct Module {
    /// The path of the file below the folder of `lib.rs`, with forward slashes.
    pub(crate) file: String,
    /// The items, except modules, imports, and items that are compiled only for tests.
    pub(crate) items: Vec<Item>,
    /// The modules that this module declares, by name.
    pub(crate) children: BTreeMap<String, Child>,
    /// The `use` declarations of the module, and of the functions in it.
    pub(crate) imports: Vec<Import>,
}

pub(crate) struct Child {
    pub(crate) visibility: Visibility,
    pub(crate) attributes: Vec<Attribute>,
}

/// One name that a `use` declaration imports.
pub(crate) struct Import {
    /// The name under which the module uses the item. `*` if all names of the path are imported.
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    pub(crate) visibility: Visibility,
    pub(crate) attributes: Vec<Attribute>,
}

/// The module or item to which a path refers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Module(Vec<String>),
    /// An item: the path of its module, and its name.
    Item(Vec<String>, String),
}

impl Source {
    /// Reads the crate whose `lib.rs` is in this folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut source = Self { modules: BTreeMap::new() };
        source.read_file(folder, Path::new("lib.rs"), folder.to_owned(), vec![]);
        source
    }

    fn read_file(&mut self, root: &Path, file: &Path, children: PathBuf, path: Vec<String>) {
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.read_items(root, file, &children, path, parsed.items);
    }

    fn read_items(&mut self, root: &Path, file: &Path, folder: &Path, path: Vec<String>, items: Vec<Item>) {
        let name = file.to_str().expect("a file's name is UTF-8").replace('\\', "/");
        let mut module = Module { file: name, items: vec![], children: BTreeMap::new(), imports: vec![] };
        for item in items {
            if is_for_tests(attributes(&item)) {
                continue;
            }
            let mut imports = Imports(vec![]);
            imports.visit_item(&item);
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let below: Vec<_> = path.iter().chain([&name]).cloned().collect();
                    let folder = folder.join(name.trim_start_matches("r#"));
                    match child.content {
                        Some((_, items)) => self.read_items(root, file, &folder, below, items),
                        None => {
                            let single = folder.with_extension("rs");
                            let found = if single.is_file() { single } else { folder.join("mod.rs") };
                            let found =
                                found.strip_prefix(root).expect("modules are below the root").to_owned();
                            self.read_file(root, &found, folder, below);
                        }
                    }
                    let child = Child { visibility: child.vis, attributes: child.attrs };
                    module.children.insert(name, child);
                }
                item => {
                    module.imports.append(&mut imports.0);
                    if !matches!(item, Item::Use(_)) {
                        module.items.push(item);
                    }
                }
            }
        }
        // A module may be declared twice, once for builds with a feature and once for builds without it.
        match self.modules.entry(path) {
            Entry::Vacant(entry) => drop(entry.insert(module)),
            Entry::Occupied(mut entry) => {
                let both = entry.get_mut();
                both.items.append(&mut module.items);
                both.children.append(&mut module.children);
                both.imports.append(&mut module.imports);
            }
        }
    }

    /// Finds the target of a path in the code of the module `from`. Returns `None` for a name of another crate, and for
    /// a local name.
    pub(crate) fn resolve(&self, from: &[String], path: &[String]) -> Option<Target> {
        self.follow(from, path, 0)
    }

    fn follow(&self, from: &[String], path: &[String], depth: usize) -> Option<Target> {
        // If two modules import all names of each other, the search would never end.
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let (start, mut rest) = match first.as_str() {
            "crate" => (vec![], rest),
            "self" => (from.to_vec(), rest),
            "super" => (from.split_last()?.1.to_vec(), rest),
            _ => return self.name(from, first, rest, depth),
        };
        let mut at = start;
        while let Some((name, after)) = rest.split_first() {
            rest = after;
            if name == "super" {
                at.pop();
                continue;
            }
            return self.name(&at, name, rest, depth);
        }
        Some(Target::Module(at))
    }

    /// Finds a name in the module `at`: a child module, an imported name, or an item of the module. `rest` is the rest
    /// of the path.
    fn name(&self, at: &[String], name: &str, rest: &[String], depth: usize) -> Option<Target> {
        let module = self.modules.get(at)?;
        if module.children.contains_key(name) {
            let below: Vec<_> = at.iter().cloned().chain([name.to_owned()]).collect();
            return match rest.split_first() {
                None => Some(Target::Module(below)),
                Some((next, rest)) => self.name(&below, next, rest, depth + 1),
            };
        }
        if module.items.iter().any(|item| item_name(item).is_some_and(|n| n == name)) {
            return Some(Target::Item(at.to_vec(), name.to_owned()));
        }
        let imported =
            |import: &&Import| import.name == name && import.path.first().is_some_and(|f| f != name);
        if let Some(import) = module.imports.iter().find(imported) {
            let path: Vec<_> = import.path.iter().chain(rest).cloned().collect();
            return self.follow(at, &path, depth + 1);
        }
        let globs = module.imports.iter().filter(|import| import.name == "*");
        globs.filter(|glob| glob.path.first().is_some_and(|f| f != name)).find_map(|glob| {
            let path: Vec<_> =
                glob.path.iter().cloned().chain([name.to_owned()]).chain(rest.iter().cloned()).collect();
            self.follow(at, &path, depth + 1)
        })
    }

    /// The items of other modules that a module uses. A re-export (`pub use`) is not a use.
    pub(crate) fn uses(&self, at: &[String]) -> BTreeSet<Target> {
        let module = &self.modules[at];
        let imports =
            module.imports.iter().filter(|import| matches!(import.visibility, Visibility::Inherited));
        let mut paths: Vec<Vec<String>> = imports.map(|import| import.path.clone()).collect();
        for item in &module.items {
            paths_in(item.to_token_stream(), &mut paths);
        }
        let targets = paths.iter().filter_map(|path| self.resolve(at, path));
        targets.filter(|target| matches!(target, Target::Item(module, _) if module != at)).collect()
    }

    pub(crate) fn file(&self, module: &[String]) -> &str {
        &self.modules[module].file
    }
}

/// The imports in an item: of the module, or of a function in it.
struct Imports(Vec<Import>);

impl<'a> Visit<'a> for Imports {
    fn visit_item_use(&mut self, item: &'a ItemUse) {
        let mut add = |name: String, path: Vec<String>| {
            let (visibility, attributes) = (item.vis.clone(), item.attrs.clone());
            self.0.push(Import { name, path, visibility, attributes });
        };
        names(&item.tree, &mut vec![], &mut add);
    }

    fn visit_item(&mut self, item: &'a Item) {
        // A nested module is read separately, with its own imports.
        if !matches!(item, Item::Mod(_)) && !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }
}

fn names(tree: &UseTree, path: &mut Vec<String>, add: &mut impl FnMut(String, Vec<String>)) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            names(&part.tree, path, add);
            path.pop();
        }
        // `use a::{self, b}` imports `a` under its own name.
        UseTree::Name(name) if name.ident == "self" => {
            add(path.last().cloned().unwrap_or_default(), path.clone())
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            add(name.clone(), path.iter().cloned().chain([name]).collect());
        }
        UseTree::Rename(rename) => {
            let path = path.iter().cloned().chain([rename.ident.to_string()]).collect();
            add(rename.rename.to_string(), path);
        }
        UseTree::Glob(_) => add("*".to_owned(), path.clone()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| names(tree, path, add)),
    }
}

/// Collects every path `a::b::c` in the tokens, also in the arguments of macros.
fn paths_in(tokens: TokenStream, paths: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = vec![];
    let mut colons = 0;
    for token in tokens.into_iter().map(Some).chain(iter::once(None)) {
        match &token {
            Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => {
                colons += 1;
                continue;
            }
            Some(TokenTree::Ident(ident)) if colons == 2 && !path.is_empty() => path.push(ident.to_string()),
            other => {
                if path.len() > 1 {
                    paths.push(path.clone());
                }
                path.clear();
                match other {
                    Some(TokenTree::Ident(ident)) if colons != 2 => path.push(ident.to_string()),
                    Some(TokenTree::Group(group)) => paths_in(group.stream(), paths),
                    _ => {}
                }
            }
        }
        colons = 0;
    }
}

/// The name of an item, if it has one.
pub(crate) fn item_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an item is compiled only for tests or for documentation tests.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && {
            let condition = attribute.to_token_stream().to_string();
            condition.contains("(test") || condition.contains("(doctest") || condition.contains("(all (test")
        }
    })
}
