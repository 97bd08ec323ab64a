//! Long texts in lines that an IRC client takes.

/// Bytes of an IRC line that are left for the text of a PRIVMSG or NOTICE, from
/// `:mask COMMAND target :` and CR LF (RFC 2812 section 2.3; LINELEN of ISUPPORT).
pub fn room(linelen: usize, mask: usize, command: &str, target: usize) -> usize {
    let frame = ":".len() + mask + " ".len() + command.len() + " ".len() + target + " :\r\n".len();
    linelen.saturating_sub(frame)
}

/// Cuts a text into pieces of at most `max` bytes (at least 4), at a blank where there is one in
/// the last quarter, and never inside a UTF-8 character. Nothing is lost but the blank cut at.
pub fn wrap(text: &[u8], max: usize) -> Vec<&[u8]> {
    let max = max.max(4);
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > max {
        let at = blank_before(rest, max).unwrap_or_else(|| character_before(rest, max));
        let (piece, behind) = rest.split_at(at);
        pieces.push(piece);
        rest = behind.strip_prefix(b" ").unwrap_or(behind);
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces
}

fn blank_before(text: &[u8], max: usize) -> Option<usize> {
    let from = max - max / 4;
    text.get(from..=max)?.iter().rposition(|&b| b == b' ').map(|at| from + at)
}

fn character_before(text: &[u8], max: usize) -> usize {
    let continues = |at: usize| text.get(at).is_some_and(|b| b & 0xc0 == 0x80);
    let start = (max - 3..=max).rev().find(|&at| !continues(at));
    start.unwrap_or(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_room_of_a_usual_line() {
        // ":alice!a@host PRIVMSG bob :" is 27 bytes, CR LF two more.
        assert_eq!(room(512, "alice!a@host".len(), "PRIVMSG", 3), 512 - 27 - 2);
        assert_eq!(room(10, 100, "PRIVMSG", 3), 0);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_too_long(text in ".{0,300}", max in 4usize..80) {
            let pieces = wrap(text.as_bytes(), max);
            prop_assert!(pieces.iter().all(|p| p.len() <= max && std::str::from_utf8(p).is_ok()));
            let strip = |s: &[u8]| s.iter().copied().filter(|&b| b != b' ').collect::<Vec<_>>();
            prop_assert_eq!(strip(&pieces.concat()), strip(text.as_bytes()));
        }
    }
}
