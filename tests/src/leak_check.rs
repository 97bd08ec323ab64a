//! What a scenario has typed must be neither in otrd's log, at any level, nor in its files. This is
//! looked for at the end of every scenario.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

thread_local! {
    static TYPED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Shorter ones are in other words, too.
const SHORTEST: usize = 8;

/// Remembers a text or a secret.
pub(crate) fn typed(text: &str) {
    let text = text.trim_matches('\x01').trim_start_matches("ACTION ").trim();
    let says_nothing = text.starts_with("?OTR") || text.len() < SHORTEST;
    if !says_nothing {
        TYPED.with_borrow_mut(|typed| typed.push(text.to_owned()));
    }
}

/// Remembers the secret in a command.
pub(crate) fn commanded(command: &str) {
    let mut words = command.trim_start_matches('/').split(' ');
    let word = words.next().unwrap_or_default();
    if word.eq_ignore_ascii_case("auth") || word.eq_ignore_ascii_case("authq") {
        let rest: Vec<&str> = words.skip(1).collect();
        let rest = rest.join(" ");
        rest.split(['[', ']']).for_each(typed);
    }
}

/// What was found where it must not be, in a scenario's directory.
pub(crate) fn found(dir: &Path) -> Option<String> {
    let log = dir.join("logs/otrd.log");
    let mut looked = Vec::new();
    files(&dir.join("otrd/state"), &mut looked);
    let mut secrets = TYPED.with_borrow(Clone::clone);
    secrets.sort();
    secrets.dedup();
    let logged = lower(&log);
    for file in &looked {
        let content = lower(file);
        if let Some(text) = secrets.iter().find(|text| holds(&content, text)) {
            return Some(format!("{} holds {text:?}", file.display()));
        }
        // The keys and the fingerprints in the files are in no log.
        let words = content.split(|c: char| !c.is_ascii_hexdigit());
        let secret = words.filter(|word| word.len() >= 40).map(|word| &word[..40]);
        if let Some(secret) = secret.into_iter().find(|secret| holds(&logged, secret)) {
            return Some(format!("the log holds {secret} of {}", file.display()));
        }
    }
    let text = secrets.iter().find(|text| holds(&logged, text))?;
    Some(format!("the log holds {text:?}"))
}

/// Whether a text is there, in whatever letters. What is searched is in small ones already.
fn holds(content: &str, text: &str) -> bool {
    content.contains(&text.to_ascii_lowercase())
}

fn lower(file: &Path) -> String {
    let content = fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&content).to_ascii_lowercase()
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        // Anything else may be a pipe, which would be read for ever.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}
