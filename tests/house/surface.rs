//! Tests the public names of the library. `surface.txt` lists all of them, so that no change adds or removes a name by
//! accident.
//!
//! After an intended change, run `UPDATE_SURFACE=1 cargo test -p cassette-tests --test house`, and review the diff.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, Signature, TraitItem, Type, Visibility};

use super::source::{Source, Target, attributes, item_name};

#[test]
fn the_surface_is_the_one_that_is_listed() {
    let listed = Path::new(env!("CARGO_MANIFEST_DIR")).join("house/surface.txt");
    let mut lines = Surface { source: &super::source(), lines: BTreeSet::new() };
    lines.module(&[], "cassette");
    let now: String = lines.lines.iter().map(|line| format!("{line}\n")).collect();
    if env::var_os("UPDATE_SURFACE").is_some() {
        fs::write(&listed, &now).unwrap();
    }
    let before = fs::read_to_string(&listed).unwrap_or_default();
    let missing = |of: &str, from: &str, sign: char| -> String {
        let there: BTreeSet<_> = from.lines().collect();
        of.lines().filter(|line| !there.contains(line)).map(|line| format!("{sign} {line}\n")).collect()
    };
    assert!(
        now == before,
        "the public surface has changed:\n{}{}if the change is intended:\n    UPDATE_SURFACE=1 cargo test -p cassette-tests --test house",
        missing(&before, &now, '-'),
        missing(&now, &before, '+'),
    );
}

/// Collects the lines of the list, one for each public name.
struct Surface<'a> {
    source: &'a Source,
    lines: BTreeSet<String>,
}

impl Surface<'_> {
    fn module(&mut self, at: &[String], path: &str) {
        let module = &self.source.modules[at];
        for (name, child) in &module.children {
            if is_public(&child.visibility) && !is_hidden(&child.attributes) {
                self.lines.insert(format!("{path}::{name}: mod"));
                self.module(&below(at, name), &format!("{path}::{name}"));
            }
        }
        for item in &module.items {
            if visibility(item).is_some_and(is_public) && !is_hidden(attributes(item)) {
                self.item(at, item, path, &item_name(item).expect("what is public has a name"));
            }
        }
        for import in &module.imports {
            if !is_public(&import.visibility) || is_hidden(&import.attributes) {
                continue;
            }
            match self.source.resolve(at, &import.path) {
                Some(Target::Module(child)) => self.module(&child, &format!("{path}::{}", import.name)),
                Some(Target::Item(module, name)) => {
                    let items = &self.source.modules[&module].items;
                    for item in items.iter().filter(|item| item_name(item).is_some_and(|n| n == name)) {
                        if !is_hidden(attributes(item)) {
                            self.item(&module, item, path, &import.name);
                        }
                    }
                }
                None => drop(self.lines.insert(format!(
                    "{path}::{}: use {}",
                    import.name,
                    import.path.join("::")
                ))),
            }
        }
    }

    fn item(&mut self, at: &[String], item: &Item, path: &str, name: &str) {
        let path = format!("{path}::{name}");
        let mut line = |text: String| _ = self.lines.insert(text);
        match item {
            Item::Const(item) => line(format!("{path}: const {}", text(&item.ty))),
            Item::Static(item) => line(format!("{path}: static {}", text(&item.ty))),
            Item::Type(item) => line(format!("{path}: type = {}", text(&item.ty))),
            Item::Fn(item) => line(format!("{path}: {}", signature(&item.sig))),
            Item::Struct(item) => {
                line(format!("{path}: struct{}", text(&item.generics)));
                self.fields(&item.fields, &path, false);
                self.methods(&Target::Item(at.to_vec(), item.ident.to_string()), &path);
            }
            Item::Enum(item) => {
                line(format!("{path}: enum{}", text(&item.generics)));
                for variant in item.variants.iter().filter(|variant| !is_hidden(&variant.attrs)) {
                    self.lines.insert(format!("{path}::{}: variant", variant.ident));
                    self.fields(&variant.fields, &format!("{path}::{}", variant.ident), true);
                }
                self.methods(&Target::Item(at.to_vec(), item.ident.to_string()), &path);
            }
            Item::Trait(item) => {
                line(format!("{path}: trait{}", text(&item.generics)));
                for member in &item.items {
                    match member {
                        TraitItem::Fn(f) => line(format!("{path}::{}: {}", f.sig.ident, signature(&f.sig))),
                        TraitItem::Type(t) => line(format!("{path}::{}: type", t.ident)),
                        TraitItem::Const(c) => line(format!("{path}::{}: const {}", c.ident, text(&c.ty))),
                        _ => {}
                    }
                }
            }
            _ => line(format!("{path}: macro")),
        }
    }

    fn fields(&mut self, fields: &Fields, path: &str, all: bool) {
        for (i, field) in fields.iter().enumerate() {
            if (all || is_public(&field.vis)) && !is_hidden(&field.attrs) {
                let name = field.ident.as_ref().map_or_else(|| i.to_string(), ToString::to_string);
                self.lines.insert(format!("{path}.{name}: {}", text(&field.ty)));
            }
        }
    }

    /// Adds the public functions of a type. Its `impl` blocks may be anywhere in the crate.
    fn methods(&mut self, of: &Target, path: &str) {
        for (at, module) in &self.source.modules {
            for item in &module.items {
                let Item::Impl(block) = item else { continue };
                let Type::Path(named) = &*block.self_ty else { continue };
                let segments: Vec<_> = named.path.segments.iter().map(|s| s.ident.to_string()).collect();
                if block.trait_.is_some() || self.source.resolve(at, &segments).as_ref() != Some(of) {
                    continue;
                }
                for member in &block.items {
                    match member {
                        ImplItem::Fn(f) if is_public(&f.vis) && !is_hidden(&f.attrs) => {
                            self.lines.insert(format!("{path}::{}: {}", f.sig.ident, signature(&f.sig)));
                        }
                        ImplItem::Const(c) if is_public(&c.vis) && !is_hidden(&c.attrs) => {
                            self.lines.insert(format!("{path}::{}: const {}", c.ident, text(&c.ty)));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

fn below(at: &[String], name: &str) -> Vec<String> {
    at.iter().cloned().chain([name.to_owned()]).collect()
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|a| a.path().is_ident("doc") && a.to_token_stream().to_string().contains("(hidden)"))
}

fn visibility(item: &Item) -> Option<&Visibility> {
    Some(match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Union(item) => &item.vis,
        _ => return None,
    })
}

fn signature(of: &Signature) -> String {
    let mut of = of.clone();
    of.ident = syn::Ident::new("f", of.ident.span());
    text(&of).replacen("fn f", "fn", 1).replace("(mut self", "(self")
}

/// The tokens as one line of code, with spaces as rustfmt sets them.
fn text(of: &impl ToTokens) -> String {
    let mut text = of.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" > ", "> "),
        (" >", ">"),
        ("> (", ">("),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ,", ","),
        (" : ", ": "),
        ("& ", "&"),
        (" ;", ";"),
        ("' ", "'"),
        ("->", " ->"),
    ] {
        text = text.replace(spaced, tight);
    }
    text.replace("  ", " ").replace("fn(", "fn (").replace("fn (", "fn(")
}
