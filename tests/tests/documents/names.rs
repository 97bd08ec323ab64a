//! What the documents name exists: tests, files, and the direction of imports.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn every_test_that_a_page_names_exists() {
    let tests = all_tests();
    for (page, least) in [("daemon/SECURITY.md", 80), ("proto/EXAMPLES.md", 10)] {
        let text = read(page);
        let named: Vec<&str> = code(&text).filter(|word| word.matches("::").count() == 2).collect();
        assert!(named.len() > least, "{page}: only {} names are found", named.len());
        let missing: Vec<&str> = named.into_iter().filter(|name| !tests.contains(*name)).collect();
        assert!(missing.is_empty(), "{page}: no such tests: {missing:#?}");
    }
}

#[test]
fn every_rule_for_libotr_stands_on_the_security_page() {
    let page = read("daemon/SECURITY.md");
    for rule in 'A'..='O' {
        let row = page.lines().find(|line| line.starts_with(&format!("| {rule} | ")));
        assert!(row.is_some_and(|row| row.contains("::")), "rule {rule} has no test");
    }
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut pages = vec![PathBuf::from("README.md")];
    find(Path::new(ROOT), &["proto", "daemon", "shim", "systemd", "tests"], "md", &mut pages);
    assert!(pages.len() > 5);
    for page in pages {
        let full = Path::new(ROOT).join(&page);
        let text = fs::read_to_string(&full).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { full.clone() } else { full.with_file_name(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).expect("a page");
                let found = text.lines().any(|line| anchor_of(line).as_deref() == Some(anchor));
                assert!(found, "{}: {link}: no such heading", page.display());
            }
        }
    }
}

#[test]
fn every_file_on_the_page_about_the_architecture_exists() {
    let page = read("daemon/ARCHITECTURE.md");
    let named: Vec<&str> = code(&page).filter(|word| word.contains('/')).collect();
    assert!(named.len() > 40, "only {} names are found", named.len());
    for path in named {
        assert!(Path::new(ROOT).join(path).exists(), "there is no {path}");
    }
}

#[test]
fn the_rooms_import_in_one_direction() {
    let page = read("daemon/CONTRIBUTING.md");
    let ours = ["proto", "otr", "otr-sys", "confine"];
    for room in [
        "proto",
        "daemon/otr-sys",
        "daemon/otr",
        "daemon/confine",
        "daemon/worker",
        "daemon/otrd",
        "daemon/otrctl",
    ] {
        let start = format!("| `{room}/` |");
        let row = page.lines().find(|line| line.starts_with(&start)).expect("a row of the map");
        let may = row.rsplit('|').nth(1).unwrap_or_default();
        let may = may.split("never").next().unwrap_or_default();
        let manifest = read(&format!("{room}/Cargo.toml"));
        let needs = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        let needs = needs.split("[dependencies]").nth(1).unwrap_or_default();
        for other in ours {
            let imports = needs.lines().any(|line| line.starts_with(&format!("{other}.")));
            let allowed = code(may).any(|word| word == other);
            assert_eq!(imports, allowed, "{room} and {other}: the map and Cargo.toml differ");
        }
    }
}

/// Phrases that were replaced by plainer ones, so that nobody brings them back.
#[test]
fn no_file_says_it_in_the_old_words() {
    const OLD: [&str; 17] = [
        "does not mind",
        "the watchdog does not bite",
        "lie otherwise",
        "lies otherwise",
        "files lie on disk",
        "gone along with",
        "nobody waits but whoever",
        "maker of keys",
        "who floods only",
        "can be read on the way",
        "not given back before",
        "perhaps said before",
        "lines that are of no use",
        "object a line",
        "one worker an account",
        "keeps the processor",
        "this loading of the module",
    ];
    let mut files = Vec::new();
    for ending in ["rs", "md", "h", "cpp", "json", "1", "5", "7", "8", "toml"] {
        find(Path::new(ROOT), &["proto", "daemon", "shim", "systemd", "tests"], ending, &mut files);
    }
    assert!(files.len() > 400);
    for file in files.iter().filter(|file| !file.ends_with("documents/names.rs")) {
        let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_default();
        let text = text.to_lowercase();
        for words in OLD {
            assert!(!text.contains(words), "{}: {words}", file.display());
        }
    }
}

/// What stands between backquotes.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// As `crate::file::test`; a directory of a test with a `main.rs` counts as a file.
fn all_tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    find(Path::new(ROOT), &["proto", "daemon", "tests"], "rs", &mut files);
    let mut tests = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(Path::new(ROOT).join(&file)).expect("a source");
        let parts: Vec<&str> = file.iter().filter_map(|part| part.to_str()).collect();
        let room = if parts[0] == "daemon" { parts[1] } else { parts[0] };
        let stem = match parts[parts.len() - 1] {
            "main.rs" | "mod.rs" => parts[parts.len() - 2],
            other => other.trim_end_matches(".rs"),
        };
        for test in text.replace("#[tokio::test", "#[test]").split("#[test]").skip(1) {
            let name = test.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            tests.insert(format!("{room}::{stem}::{}", name.unwrap_or_default()));
        }
    }
    tests
}

/// All files with this ending below some rooms.
pub fn find(root: &Path, rooms: &[&str], ending: &str, found: &mut Vec<PathBuf>) {
    for room in rooms {
        let entries = fs::read_dir(root.join(room)).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{room}/{name}");
            if name == "target" || name == "node_modules" || name.starts_with('.') {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                find(root, &[&path], ending, found);
            } else if name.ends_with(&format!(".{ending}")) {
                found.push(path.into());
            }
        }
    }
}

/// How a page is linked to at this heading.
fn anchor_of(line: &str) -> Option<String> {
    let heading = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'));
    let letters = heading?.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(letters.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect())
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).expect("a file of ours")
}
