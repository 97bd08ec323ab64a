//! No circle of imports inside of a room: a file can be read once those that it imports were read.
//!
//! An import is a `use` of, or a path into, another file of the crate, outside of tests. That a file
//! declares another one as its module is none.

use crate::names::{ROOT, find};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn no_file_imports_one_that_imports_it() {
    for room in
        ["proto", "daemon/otr", "daemon/confine", "daemon/worker", "daemon/otrd", "daemon/otrctl"]
    {
        let imports = imports(room);
        for name in imports.keys() {
            if let Some(way) = way_back(&imports, name) {
                panic!("{room}: a circle of imports: {name} -> {}", way.join(" -> "));
            }
        }
    }
}

/// The files from one to itself again, where there are any.
fn way_back(imports: &BTreeMap<String, BTreeSet<String>>, from: &str) -> Option<Vec<String>> {
    let mut came = BTreeMap::from([(String::new(), String::new())]);
    let mut next = vec![from.to_owned()];
    while let Some(name) = next.pop() {
        for other in imports.get(&name).into_iter().flatten() {
            if other == from {
                let mut way = vec![other.clone()];
                let mut at = name;
                while at != from {
                    way.insert(0, at.clone());
                    at = came.remove(&at)?;
                }
                return Some(way);
            }
            if !came.contains_key(other) {
                came.insert(other.clone(), name.clone());
                next.push(other.clone());
            }
        }
    }
    None
}

/// The files of a room by their paths as modules, and what each imports of them.
fn imports(room: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    let source = format!("{room}/src");
    find(Path::new(ROOT), &[&source], "rs", &mut files);
    let module = |file: &PathBuf| {
        let path = file.strip_prefix(&source).expect("a file of the room").with_extension("");
        let name = path.to_string_lossy().replace('/', "::");
        let name = name.strip_suffix("::mod").unwrap_or(&name);
        if matches!(name, "lib" | "main") { String::new() } else { name.to_owned() }
    };
    let names: BTreeSet<String> = files.iter().map(module).filter(|it| !it.is_empty()).collect();
    let imports = files.iter().map(|file| {
        let text = fs::read_to_string(Path::new(ROOT).join(file)).expect("a source");
        let own = module(file);
        let imports = paths(&text, &own).filter_map(|path| longest(&names, &path));
        (own.clone(), imports.filter(|name| *name != own).collect())
    });
    imports.filter(|(name, _): &(String, _)| !name.is_empty()).collect()
}

/// The module that a path leads into.
fn longest(names: &BTreeSet<String>, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split("::").collect();
    while !parts.is_empty() {
        let name = parts.join("::");
        if names.contains(&name) {
            return Some(name);
        }
        parts.pop();
    }
    None
}

/// Every path into the crate itself, from its root.
fn paths(text: &str, own: &str) -> impl Iterator<Item = String> {
    let code = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for (root, start) in [("crate::", ""), ("super::", parent(own)), ("self::", own)] {
        for (at, _) in code.match_indices(root) {
            let is_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let behind = &code[at + root.len()..];
            let (start, behind) = match behind.strip_prefix("super::") {
                Some(behind) => (parent(start), behind),
                None => (start, behind),
            };
            if !is_word {
                spread(start, behind, &mut found);
            }
        }
    }
    found.into_iter()
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn spread(start: &str, text: &str, found: &mut Vec<String>) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let (path, rest) = text.split_at(end.unwrap_or(text.len()));
    let joined = [start, path.trim_end_matches(':')].into_iter().filter(|part| !part.is_empty());
    let joined = joined.collect::<Vec<_>>().join("::");
    let Some(list) = rest.strip_prefix('{') else { return found.push(joined) };
    let (mut depth, mut from) = (0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                spread(&joined, list[from..at].trim_start(), found);
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

#[test]
fn a_circle_is_seen() {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    let text = "use crate::{a, b::{c, d}}; use super::e;\n// use crate::f;\nlet x = crate::g::h();";
    let found: Vec<String> = paths(text, "own::part").collect();
    assert_eq!(found, ["a", "b::c", "b::d", "g::h", "own::e"]);
    let imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::from([
        ("a".to_owned(), names(&["b"])),
        ("b".to_owned(), names(&["c"])),
        ("c".to_owned(), names(&["b"])),
    ]);
    assert_eq!(way_back(&imports, "a"), None);
    assert_eq!(way_back(&imports, "b"), Some(vec!["c".to_owned(), "b".to_owned()]));
}
