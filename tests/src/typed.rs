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
    let logged = fs::read(&log).unwrap_or_default();
    for file in &looked {
        let content = fs::read(file).unwrap_or_default();
        if let Some(text) = secrets.iter().find(|text| holds(&content, text)) {
            return Some(format!("{} holds {text:?}", file.display()));
        }
        // The keys and the fingerprints in the files are in no log.
        let text = String::from_utf8_lossy(&content).into_owned();
        let words = text.split(|c: char| !c.is_ascii_hexdigit());
        let secret = words.filter(|word| word.len() >= 40).map(|word| &word[..40]);
        if let Some(secret) = secret.into_iter().find(|secret| holds(&logged, secret)) {
            return Some(format!("the log holds {secret} of {}", file.display()));
        }
    }
    let text = secrets.iter().find(|text| holds(&logged, text))?;
    Some(format!("the log holds {text:?}"))
}

fn holds(content: &[u8], text: &str) -> bool {
    let (content, text) = (content.to_ascii_lowercase(), text.to_ascii_lowercase());
    content.windows(text.len()).any(|part| part == text.as_bytes())
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}
