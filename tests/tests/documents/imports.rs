//! What the files of a crate import of each other, by their text.
//!
//! A name leads to the file that defines it, by whatever way it is named: `use crate::Otr`, where
//! `lib.rs` only has it by `pub use otr::Otr`, is an import of `otr.rs`. A path begins at `crate`,
//! `self`, `super`, at a module that the file declares, or at a name that it imported. Code for tests
//! is left out. No imports are: that a file declares another one as its module, or shows it to others
//! (`pub use`) and does not use it itself; and the call of a method.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The files of a crate by their paths as modules, the root by its own name, and what each imports of
/// them.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// Reads a crate, from the file of its root.
pub fn imports(root: &Path) -> Imports {
    let mut modules = BTreeMap::new();
    read(root, true, Vec::new(), &mut modules);
    of_modules(&modules, &root.file_stem().expect("a name").to_string_lossy())
}

/// The same of texts: `""` is the root's module.
pub fn of_texts(texts: &[(&str, &str)]) -> Imports {
    let path = |name: &str| -> Names {
        name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let modules = texts.iter().map(|(name, text)| (path(name), Module::parse(text)));
    of_modules(&modules.collect(), "lib")
}

/// A module's path, or another one.
type Names = Vec<String>;

/// What a file says.
#[derive(Default)]
struct Module {
    /// The modules that it declares, which are files.
    children: Vec<String>,
    /// What it defines itself.
    defined: BTreeSet<String>,
    /// What it has by `use`: a name and where that comes from.
    bound: Vec<(String, Names)>,
    /// Where all names come from: `use x::*`.
    globs: Vec<Names>,
    /// What it has by `pub use`: no import unless it uses that itself.
    shown: Vec<(String, Names)>,
    /// Every other path in it.
    paths: Vec<Names>,
    /// Every name in it that stands alone.
    words: BTreeSet<String>,
}

type Modules = BTreeMap<Names, Module>;

fn read(file: &Path, is_root: bool, path: Names, modules: &mut Modules) {
    let module = Module::parse(&fs::read_to_string(file).expect("a source"));
    let is_directory = is_root || file.ends_with("mod.rs");
    let directory = if is_directory { file.with_file_name("") } else { file.with_extension("") };
    for child in &module.children {
        let files = [format!("{child}.rs"), format!("{child}/mod.rs")].map(|it| directory.join(it));
        let found = files.iter().find(|file| file.exists());
        let found = found.unwrap_or_else(|| panic!("{}: no file of mod {child}", file.display()));
        read(found, false, with(&path, child), modules);
    }
    modules.insert(path, module);
}

fn of_modules(modules: &Modules, root: &str) -> Imports {
    let name = |path: &Names| match path.is_empty() {
        true => root.to_owned(),
        false => path.join("::"),
    };
    let imports = modules.iter().map(|(own, module)| {
        let used = module.shown.iter().filter(|(name, _)| module.words.contains(name));
        let paths = module.paths.iter().chain(used.map(|(_, path)| path));
        let files = paths.filter_map(|path| resolve(modules, own, path, true, &mut Vec::new()));
        (name(own), files.filter(|file| file != own).map(|file| name(&file)).collect())
    });
    imports.collect()
}

/// The file that defines what a path leads to, where it is of this crate. `first`: the path's first
/// name is looked up in the scope of the file, where `crate` and `super` mean something.
fn resolve(
    modules: &Modules,
    at: &Names,
    path: &[String],
    first: bool,
    trail: &mut Vec<(Names, String)>,
) -> Option<Names> {
    let Some((name, rest)) = path.split_first() else { return Some(at.clone()) };
    let mut go = |to: &Names, first| resolve(modules, to, rest, first, trail);
    match name.as_str() {
        "crate" if first => return go(&Vec::new(), false),
        "self" if rest.is_empty() || first => return go(at, false),
        "super" => return go(&at.get(..at.len().checked_sub(1)?)?.to_vec(), rest_is_super(rest)),
        _ => {}
    }
    let module = modules.get(at)?;
    if module.children.contains(name) {
        return go(&with(at, name), false);
    }
    if module.defined.contains(name) {
        return Some(at.clone());
    }
    // A name that comes from itself is of another crate.
    let here = (at.clone(), name.clone());
    if trail.contains(&here) {
        return None;
    }
    trail.push(here);
    for (_, from) in module.bound.iter().filter(|(bound, _)| bound == name) {
        let path: Names = from.iter().chain(rest).cloned().collect();
        if let Some(found) = resolve(modules, at, &path, true, trail) {
            return Some(found);
        }
    }
    let by_glob = module.globs.iter().find_map(|glob| {
        let there = resolve(modules, at, glob, true, trail).filter(|there| there != at)?;
        let known = modules.get(&there).is_some_and(|module| module.knows(name));
        known.then(|| resolve(modules, &there, path, false, trail)).flatten()
    });
    // What a macro defines has no name here.
    by_glob.or_else(|| (!first).then(|| at.clone()))
}

fn rest_is_super(rest: &[String]) -> bool {
    rest.first().is_some_and(|name| name == "super")
}

impl Module {
    fn parse(text: &str) -> Self {
        let mut module = Self::default();
        let tokens = without_tests(tokens(text));
        let mut rest = tokens.as_slice();
        let (mut depth, mut inner_modules) = (0, Vec::new());
        let mut previous = "";
        while let Some((token, behind)) = rest.split_first() {
            rest = behind;
            let was = std::mem::replace(&mut previous, token);
            match (token.as_str(), behind) {
                ("{", _) => depth += 1,
                ("}", _) => {
                    depth -= 1;
                    inner_modules.pop_if(|outside| *outside == depth);
                }
                // `pub(in crate::engine)` is no import.
                ("pub", [open, inside @ ..]) if open == "(" => {
                    let end = inside.iter().position(|token| token == ")");
                    rest = inside.get(end.unwrap_or(0)..).unwrap_or_default();
                }
                // `pub use`, `pub(crate) use`
                ("use", _) => {
                    let mut tree = Tree { public: matches!(was, "pub" | ")"), ..Tree::default() };
                    rest = tree.read(&Vec::new(), behind);
                    module.take(tree, inner_modules.len());
                }
                ("mod", [name, end, ..]) if end == ";" => module.children.push(name.clone()),
                ("mod", [_, open, ..]) if open == "{" => inner_modules.push(depth),
                (
                    "mod" | "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const"
                    | "static",
                    [name, ..],
                ) => drop(module.defined.insert(name.clone())),
                ("macro_rules", [_, name, ..]) => drop(module.defined.insert(name.clone())),
                (_, [colons, ..]) if colons == "::" && is_name(token) => {
                    let mut path = vec![token.clone()];
                    while let [colons, name, behind @ ..] = rest
                        && colons == "::"
                        && is_name(name)
                    {
                        path.push(name.clone());
                        rest = behind;
                    }
                    module.paths.push(in_file(path, inner_modules.len()));
                }
                (name, _) if is_name(name) => drop(module.words.insert(name.to_owned())),
                _ => {}
            }
        }
        module
    }

    fn take(&mut self, tree: Tree, inner_modules: usize) {
        for (name, path) in tree.names {
            let path = in_file(path, inner_modules);
            match tree.public {
                true => self.shown.push((name.clone(), path.clone())),
                false => self.paths.push(path.clone()),
            }
            self.bound.push((name, path));
        }
        for path in tree.globs {
            let path = in_file(path, inner_modules);
            if !tree.public {
                self.paths.push(path.clone());
            }
            self.globs.push(path);
        }
    }

    fn knows(&self, name: &String) -> bool {
        let bound = self.bound.iter().any(|(bound, _)| bound == name);
        bound || self.children.contains(name) || self.defined.contains(name)
    }
}

/// What one `use` names.
#[derive(Default)]
struct Tree {
    /// Whether others see it through this file.
    public: bool,
    names: Vec<(String, Names)>,
    globs: Vec<Names>,
}

impl Tree {
    /// Reads it, or a part of it; what stands behind it.
    fn read<'a>(&mut self, start: &Names, mut rest: &'a [String]) -> &'a [String] {
        let mut path = start.clone();
        loop {
            match rest {
                [colons, behind @ ..] if colons == "::" => rest = behind,
                [open, behind @ ..] if open == "{" => {
                    rest = behind;
                    while let Some((token, behind)) = rest.split_first() {
                        match token.as_str() {
                            "}" => return behind,
                            "," => rest = behind,
                            _ => match self.read(&path, rest) {
                                same if same.len() == rest.len() => return rest,
                                behind => rest = behind,
                            },
                        }
                    }
                    return rest;
                }
                [star, behind @ ..] if star == "*" => {
                    self.globs.push(path);
                    return behind;
                }
                [word, name, behind @ ..] if word == "as" => {
                    self.names.push((name.clone(), path));
                    return behind;
                }
                [name, behind @ ..] if is_name(name) => {
                    if name != "self" || path.is_empty() {
                        path.push(name.clone());
                    }
                    rest = behind;
                }
                _ => {
                    self.names.push((path.last().cloned().unwrap_or_default(), path));
                    return rest;
                }
            }
        }
    }
}

/// A path as from the file itself, where it stands in modules inside of that.
fn in_file(mut path: Names, inner_modules: usize) -> Names {
    let supers = path.iter().take(inner_modules).take_while(|name| *name == "super").count();
    if supers > 0 {
        path.splice(..supers, ["self".to_owned()]);
    }
    path
}

/// Names, `::` and single signs; without comments and strings.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(end) = raw_string(rest) {
            end
        } else if sign == '"' {
            string(rest)
        } else if sign == '\'' {
            character(rest)
        } else {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = match rest.find(|c| !is_word(c)) {
                _ if rest.starts_with("::") => 2,
                Some(0) => sign.len_utf8(),
                end => end.unwrap_or(rest.len()),
            };
            if !sign.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of `r"…"` or `r#"…"#` at the front.
fn raw_string(text: &str) -> Option<usize> {
    let start = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let inner = start.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(start.len() - inner.len()));
    let inner = inner.strip_prefix('"')?;
    let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
    Some(text.len() - inner.len() + length)
}

/// The length of a string at the front.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, sign)| {
        let is_end = *sign == '"' && !escaped;
        escaped = *sign == '\\' && !escaped;
        is_end
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// The length of a character at the front, or of the sign before a lifetime's name.
fn character(text: &str) -> usize {
    let mut signs = text.char_indices().skip(1);
    let Some((_, sign)) = signs.next() else { return text.len() };
    if sign == '\\' {
        signs.next();
        return signs.find(|(_, sign)| *sign == '\'').map_or(text.len(), |(at, _)| at + 1);
    }
    signs.next().filter(|(_, sign)| *sign == '\'').map_or(1, |(at, _)| at + 1)
}

/// Without what stands behind `#[cfg(test)]`.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut rest = tokens.as_slice();
    while let Some((token, behind)) = rest.split_first() {
        if rest.len() >= MARK.len() && rest.iter().zip(MARK).all(|(token, mark)| token == mark) {
            rest = behind_item(&rest[MARK.len()..]);
        } else {
            kept.push(token.clone());
            rest = behind;
        }
    }
    kept
}

/// What stands behind the next item: its `;`, or the end of its block.
fn behind_item(tokens: &[String]) -> &[String] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(token.as_str(), ";" | "}") {
            return &tokens[at + 1..];
        }
    }
    &[]
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn with(path: &Names, name: &str) -> Names {
    let mut path = path.clone();
    path.push(name.to_owned());
    path
}
