//! No circle of imports inside of a crate: a file can be read once those that it imports were read.
//!
//! A parent may use the modules that it declares; then they import nothing that the parent's own file
//! defines. A file that only adds methods to a type is a chapter of it: it imports the type's file, and
//! nobody imports anything of it.

use crate::imports::{Imports, imports, of_texts};
use crate::names::{ROOT, find};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[test]
fn no_file_imports_one_that_imports_it() {
    let roots = roots();
    assert!(roots.len() > 10, "{roots:?}");
    let mut circles = Vec::new();
    for root in roots {
        let imports = imports(&Path::new(ROOT).join(&root));
        for circle in circles_in(&imports) {
            circles.push(format!("{}:", root.display()));
            for name in &circle {
                let mut of_circle = imports[name].clone();
                of_circle.retain(|other| circle.contains(other));
                circles.push(format!("  {name} imports {of_circle:?}"));
            }
        }
    }
    assert!(circles.is_empty(), "these files import each other:\n{}", circles.join("\n"));
}

/// The file of the root of every library and program, and of the scenarios.
fn roots() -> Vec<PathBuf> {
    let mut files = Vec::new();
    find(Path::new(ROOT), &["proto", "daemon", "tests"], "rs", &mut files);
    files.retain(|file| {
        let directory = file.parent().unwrap_or(file);
        let is_root = file.ends_with("lib.rs") || file.ends_with("main.rs");
        // Fuzzing is no part of the workspace, and tests of one crate take in each other's files.
        let is_ours = !file.starts_with("tests/fuzz")
            && (file.starts_with("tests") || file.iter().any(|part| part == "src"));
        is_ours && (is_root || directory.ends_with("src/bin"))
    });
    files
}

/// Files that lead to each other, the largest sets of them.
fn circles_in(imports: &Imports) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|name| (name, reachable(imports, name))).collect();
    let leads = |from: &String, to: &String| reach.get(from).is_some_and(|all| all.contains(to));
    let circle = |name: &String| {
        let both = imports.keys().filter(|other| leads(name, other) && leads(other, name));
        both.cloned().collect::<Vec<_>>()
    };
    imports.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

fn reachable<'a>(imports: &'a Imports, from: &str) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&String> = imports.get(from).into_iter().flatten().collect();
    while let Some(name) = next.pop() {
        if seen.insert(name) {
            next.extend(imports.get(name).into_iter().flatten());
        }
    }
    seen
}

#[test]
fn a_circle_is_seen_by_whatever_name() {
    let circles = |texts: &[(&str, &str)]| circles_in(&of_texts(texts));
    let is_one = |texts: &[(&str, &str)], files: &[&str]| {
        let found = circles(texts);
        assert_eq!(found.iter().flatten().collect::<Vec<_>>(), files, "{texts:?}");
    };
    // By the root, which only shows the name.
    let root = ("", "mod a; mod b;\npub use a::A;");
    is_one(
        &[root, ("a", "use crate::b::{self, B}; pub struct A;"), ("b", "use crate::A;")],
        &["a", "b"],
    );
    is_one(&[root, ("a", "use crate::b::B; pub struct A;"), ("b", "pub struct B;")], &[]);
    // A parent that uses its child, and a child that imports what the parent itself defines.
    let parent = "mod inner;\npub use inner::Inner;\npub struct A;";
    let inner = ("a::inner", "use super::A;\npub struct Inner;");
    is_one(&[root, ("b", ""), ("a", parent), inner], &[]);
    let uses = format!("{parent} fn f(_: Inner) {{}}");
    is_one(&[root, ("b", ""), ("a", &uses), inner], &["a", "a::inner"]);
    let calls = format!("{parent} fn f() {{ inner::g(); }}");
    is_one(&[root, ("b", ""), ("a", &calls), inner], &["a", "a::inner"]);
    // By all names of a file, and by a path of a module within a file.
    is_one(
        &[root, ("a", "use super::b::*; pub struct A;"), ("b", "use super::a::*;")],
        &["a", "b"],
    );
    let nested = "mod real { use super::super::b::B; } pub struct A;";
    is_one(&[root, ("a", nested), ("b", "fn f() -> crate::A {}")], &["a", "b"]);
    // Neither comments, strings, tests nor visibilities are imports.
    let none = "// use crate::A;\nconst C: &str = \"crate::A\";\npub(in crate::a) fn f(c: char) -> bool { c == '\"' }\n#[cfg(test)]\nmod tests { use crate::A; }";
    is_one(&[root, ("a", "use crate::b::C; pub struct A;"), ("b", none)], &[]);
}

/// Whoever opens a file by its name gets the right one.
#[test]
fn the_name_of_a_file_is_unique_in_its_crate() {
    for root in roots() {
        let Some(source) = root.parent().filter(|directory| directory.ends_with("src")) else {
            continue;
        };
        let mut files = Vec::new();
        find(Path::new(ROOT), &[&source.to_string_lossy()], "rs", &mut files);
        let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
        for file in files {
            let is_of = |name| file.ends_with(name);
            // A `mod.rs` goes by the name of its directory, a root by that of its crate.
            let name = match is_of("mod.rs") {
                true => file.parent().and_then(Path::file_name),
                false if is_of("lib.rs") || is_of("main.rs") => continue,
                false => file.file_stem(),
            };
            let name = name.expect("a name").to_string_lossy().into_owned();
            if let Some(other) = named.insert(name, file.clone()) {
                panic!("{} and {} have one name", file.display(), other.display());
            }
        }
    }
}
