//! OTR lines that a gateway cut into several: `?OTR:…` without its final dot, and then the rest,
//! line by line. Nothing marks the rest as such, so a line of the same nick is taken for it only
//! where it can be nothing else.

use crate::limits;
use otr::message;
use std::time::Duration;

/// The beginning of a line that was cut, while its end is waited for.
#[derive(Default)]
pub struct Split(Option<Beginning>);

struct Beginning {
    text: Vec<u8>,
    since: Duration,
}

/// What came of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined {
    /// It stands for itself.
    Line,
    /// It was the end of one that was cut: here is the whole.
    Whole(Vec<u8>),
    /// It is kept until more comes.
    Kept,
    /// So it is, and the one before is given up.
    KeptInPlace,
}

/// What a line is to one that was cut.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Its end: here is the whole.
    End(Vec<u8>),
    /// A further piece, but not the last: here is what came so far.
    Middle(Vec<u8>),
    /// A line that does not continue it.
    Other,
}

impl Split {
    /// Whether the end of a line is waited for.
    pub fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// When it is given up.
    pub fn deadline(&self) -> Option<Duration> {
        self.0.as_ref().map(|beginning| beginning.since + limits::SPLIT_TIMEOUT)
    }

    /// A line comes. `room`: one more may be kept.
    pub fn join(&mut self, text: &[u8], room: bool, now: Duration) -> Joined {
        if let Some(beginning) = &mut self.0 {
            match piece(&beginning.text, text) {
                Piece::End(whole) => {
                    self.0 = None;
                    return Joined::Whole(whole);
                }
                Piece::Middle(longer) => {
                    beginning.text = longer;
                    return Joined::Kept;
                }
                Piece::Other => {}
            }
        }
        if !message::is_cut_off(text) || !room {
            return Joined::Line;
        }
        let beginning = Beginning { text: text.trim_ascii_end().to_vec(), since: now };
        match self.0.replace(beginning) {
            Some(_) => Joined::KeptInPlace,
            None => Joined::Kept,
        }
    }

    /// Gives it up where its end has not come in time. Whether that is so.
    pub fn expires(&mut self, now: Duration) -> bool {
        let late = self.deadline().is_some_and(|at| now >= at);
        late && self.0.take().is_some()
    }
}

fn piece(start: &[u8], text: &[u8]) -> Piece {
    let text = text.trim_ascii();
    let (body, ends) = match text.strip_suffix(b".") {
        Some(body) => (body, true),
        None => (text, false),
    };
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
    if text.is_empty() || !body.iter().all(base64) || start.len() + text.len() > limits::SPLIT_MAX {
        return Piece::Other;
    }
    let joined = [start, text].concat();
    match ends {
        // People end lines with a dot as well: the whole has to be a message.
        true if message::is_whole(&joined) => Piece::End(joined),
        false if body.len() >= limits::SPLIT_PIECE => Piece::Middle(joined),
        _ => Piece::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A DH key message of version 2 with a key of 192 bytes, all zero.
    fn message() -> Vec<u8> {
        [b"?OTR:AAIKAAAAwAAA".as_slice(), &b"A".repeat(252), b"AA==."].concat()
    }

    #[test]
    fn pieces_are_told_from_words() {
        let whole = message();
        assert!(otr::message::is_whole(&whole));
        let (start, rest) = whole.split_at(60);
        let (middle, end) = rest.split_at(100);
        assert_eq!(piece(start, rest), Piece::End(whole.clone()));
        let Piece::Middle(longer) = piece(start, middle) else { panic!("the middle") };
        assert_eq!(piece(&longer, end), Piece::End(whole.clone()));
        for words in
            ["hello", "hello.", "ok.", "a b c", "", ".", "see http://x.org/ now.", "?OTRv23?"]
        {
            assert_eq!(piece(start, words.as_bytes()), Piece::Other, "{words}");
        }
        assert_eq!(piece(start, &b"x".repeat(70_000)), Piece::Other);
    }

    #[test]
    fn a_line_that_was_cut_is_put_together_or_given_up() {
        let second = Duration::from_secs(1);
        let whole = message();
        let (start, rest) = whole.split_at(60);
        let (middle, end) = rest.split_at(100);
        let mut split = Split::default();
        assert_eq!(split.join(b"hello", true, second), Joined::Line);
        assert_eq!(split.join(start, false, second), Joined::Line);
        assert_eq!(split.join(start, true, second), Joined::Kept);
        assert_eq!(split.join(b"hello", true, second), Joined::Line);
        assert_eq!(split.join(start, true, 2 * second), Joined::KeptInPlace);
        assert_eq!(split.join(middle, true, 3 * second), Joined::Kept);
        assert_eq!(split.deadline(), Some(2 * second + limits::SPLIT_TIMEOUT));
        assert_eq!(split.join(end, true, 4 * second), Joined::Whole(whole.clone()));
        assert_eq!((split.is_open(), split.deadline()), (false, None));
        split.join(start, true, second);
        assert!(!split.expires(limits::SPLIT_TIMEOUT));
        assert!(split.expires(second + limits::SPLIT_TIMEOUT) && !split.is_open());
        assert!(!split.expires(second + limits::SPLIT_TIMEOUT));
    }
}
