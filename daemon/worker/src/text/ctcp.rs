//! How `/me` and other CTCPs stand inside an encrypted text.

/// What a decrypted text turns out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Decrypted<'a> {
    /// A text that is no CTCP.
    Text(&'a [u8]),
    /// `/me`, as irssi's plugin writes it (`/me …`) or as CTCP ACTION.
    Action(&'a [u8]),
    /// Another CTCP, its name first. No client must answer it: the answer would go in clear.
    Ctcp(&'a [u8]),
}

/// Whether a decrypted text is an action, another CTCP, or plain text.
pub fn read(text: &[u8]) -> Decrypted<'_> {
    if let Some(action) = text.strip_prefix(b"/me ") {
        return Decrypted::Action(action);
    }
    let Some(inner) = text.strip_prefix(b"\x01") else { return Decrypted::Text(text) };
    let inner = inner.strip_suffix(b"\x01").unwrap_or(inner);
    match inner.strip_prefix(b"ACTION") {
        Some([]) => Decrypted::Action(b""),
        Some([b' ', action @ ..]) => Decrypted::Action(action),
        _ => Decrypted::Ctcp(inner),
    }
}

/// An action as it is encrypted: `/me …`, which every OTR plugin for IRC understands.
pub fn write_action(text: &[u8]) -> Vec<u8> {
    [b"/me ", text].concat()
}

/// Whether a CTCP, its wrapping taken off, only says that somebody is typing. Clients send these by
/// themselves while a line is being written.
pub fn is_typing_notice(ctcp: &[u8]) -> bool {
    let name = ctcp.split(|byte| matches!(byte, b' ' | b'\t' | b'=')).next().unwrap_or_default();
    let names: [&[u8]; 6] =
        [b"TYPING", b"ISTYPING", b"STARTTYPING", b"STOPTYPING", b"COMPOSING", b"PAUSED"];
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_notices_are_told_from_requests() {
        for notice in [&b"TYPING"[..], b"TYPING 1", b"typing 0", b"Typing=2", b"COMPOSING\t1"] {
            assert!(is_typing_notice(notice));
        }
        for other in [&b""[..], b"TYPINGS", b"VERSION", b"PING TYPING", b" TYPING 1", b"ACTION"] {
            assert!(!is_typing_notice(other));
        }
    }

    #[test]
    fn both_spellings_of_an_action_are_one() {
        assert_eq!(read(b"/me waves"), Decrypted::Action(b"waves"));
        assert_eq!(read(b"\x01ACTION waves\x01"), Decrypted::Action(b"waves"));
        assert_eq!(read(b"\x01ACTION waves"), Decrypted::Action(b"waves"));
        assert_eq!(read(&write_action(b"waves")), Decrypted::Action(b"waves"));
    }

    #[test]
    fn other_requests_are_told_from_words() {
        assert_eq!(read(b"\x01VERSION\x01"), Decrypted::Ctcp(b"VERSION"));
        assert_eq!(read(b"\x01ACTIONX\x01"), Decrypted::Ctcp(b"ACTIONX"));
        assert_eq!(read(b"/mean"), Decrypted::Text(b"/mean"));
    }
}
