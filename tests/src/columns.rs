//! No line of `*otr` is wider than a client shows in one. This is looked at at the end of every scenario.

use std::fs;
use std::path::Path;

use crate::Line;

/// Characters, as the module has it.
const COLUMNS: usize = 100;

/// A line of `*otr` that is wider, of all that a scenario's clients of ZNC were sent.
pub(crate) fn too_wide(dir: &Path) -> Option<String> {
    let logs = fs::read_dir(dir.join("logs")).into_iter().flatten().flatten();
    let logs = logs.filter(|log| log.file_name().to_string_lossy().starts_with("attached-"));
    for log in logs {
        let content = fs::read(log.path()).unwrap_or_default();
        let came =
            content.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"<< "));
        // What was sent while the rest of a long line was still to come stands in the middle of it.
        let came = came.map(|line| match line.windows(4).position(|part| part == b">> P") {
            Some(at) => line.get(..at).unwrap_or_default(),
            None => line,
        });
        let wide = came.map(Line::parse).find(|line| line.is("PRIVMSG", "*otr") && is_wide(line));
        if let Some(line) = wide {
            return Some(format!("{} holds {}", log.path().display(), line.plain_text()));
        }
    }
    None
}

fn is_wide(line: &Line) -> bool {
    let text = line.plain_text();
    // The table of fingerprints, and a word that no blank divides.
    let words = text.strip_prefix("… ").unwrap_or(&text).trim();
    if text.starts_with(['+', '|']) || !words.contains(' ') {
        return false;
    }
    // The user's own words, which come back in one piece.
    let own = match text.contains("Not sent (") || text.starts_with("… ") {
        true => text.find("): "),
        false => text.find("Stopped, it was not encrypted: ").map(|at| at + 28),
    };
    let ours = own.and_then(|at| text.get(..at)).unwrap_or(&text);
    ours.trim_end().chars().count() > COLUMNS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sentences_of_otr_are_measured() {
        let is_wide =
            |text: &str| is_wide(&Line::parse(format!(":*otr PRIVMSG a :{text}").as_bytes()));
        let long = "word ".repeat(30);
        assert!(is_wide(&long) && is_wide(&format!("… {long}")));
        assert!(is_wide(&format!("Not sent ({long}): hello")));
        assert!(!is_wide(&format!("[bob] Not sent (why): {long}")));
        assert!(!is_wide(&format!("… and why): {long}")));
        assert!(!is_wide(&format!("[bob] Stopped, it was not encrypted: PRIVMSG bob :{long}")));
        assert!(!is_wide(&format!("| {long} |")));
        assert!(!is_wide(&"x".repeat(200)) && !is_wide(&"ü ".repeat(50)));
    }
}
