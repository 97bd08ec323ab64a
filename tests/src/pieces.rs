//! A long text that comes in several messages, cut at blanks or anywhere.

/// Reads until the whole text has come; `next` waits for a message that fits what is left.
pub fn read(text: &str, mut next: impl FnMut(&str) -> String) {
    let mut left = text.trim();
    while !left.is_empty() {
        let piece = next(left);
        left = left.strip_prefix(piece.trim()).unwrap_or_default().trim_start();
    }
}

/// Can this message be the beginning of what is left?
pub fn fits(message: &str, left: &str) -> bool {
    let piece = message.trim();
    !piece.is_empty() && left.starts_with(piece)
}
