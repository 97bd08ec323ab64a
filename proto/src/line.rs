//! Bytes to lines. A line that grows past [`MAX_LINE`] is an error before it is looked at.

use crate::MAX_LINE;
use crate::irc::Text;
use crate::wiped::WipedBytes;
use zeroize::Zeroize;

/// Collects what a socket gives and hands out whole lines. A line is wiped when the next one is asked
/// for.
#[derive(Default)]
pub struct LineBuffer {
    buffer: WipedBytes,
    /// Bytes of `buffer` already handed out.
    taken: usize,
    /// Bytes of those already wiped.
    wiped: usize,
    /// Bytes of `buffer` known to hold no further LF.
    scanned: usize,
}

/// A line longer than [`MAX_LINE`]: what follows cannot be trusted to start a new one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line over {MAX_LINE} bytes: send shorter lines")]
pub struct TooLong;

impl LineBuffer {
    /// Adds bytes as they were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.wipe();
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            (self.taken, self.wiped, self.scanned) = (0, 0, 0);
        }
        // A vector that grows by itself would leave a copy behind.
        if self.buffer.capacity() - self.buffer.len() < bytes.len() {
            self.make_room(bytes.len());
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// What was not handed out moves to a buffer with room for so many bytes more.
    fn make_room(&mut self, more: usize) {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let capacity = (rest.len() + more).next_power_of_two();
        let mut larger = WipedBytes::with_capacity(capacity);
        larger.extend_from_slice(rest);
        self.buffer = larger;
        self.scanned -= self.taken;
        (self.taken, self.wiped) = (0, 0);
    }

    fn wipe(&mut self) {
        if let Some(old) = self.buffer.get_mut(self.wiped..self.taken) {
            old.zeroize();
        }
        self.wiped = self.taken;
    }

    /// The next whole line without its LF, or nothing until more is pushed.
    ///
    /// # Errors
    /// [`TooLong`], for good: the stream has to be closed.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, TooLong> {
        self.wipe();
        let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(length) = memchr::memchr(b'\n', fresh) else {
            self.scanned = self.buffer.len();
            return if self.buffer.len() - self.taken >= MAX_LINE {
                Err(TooLong)
            } else {
                Ok(None)
            };
        };
        let (start, end) = (self.taken, self.scanned + length);
        if end - start >= MAX_LINE {
            return Err(TooLong);
        }
        self.taken = end + 1;
        self.scanned = end + 1;
        Ok(self.buffer.get(start..end))
    }

    /// Everything not handed out yet, for another reader to go on with.
    pub fn into_rest(self) -> Text {
        Text::new(self.buffer.get(self.taken..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_whole_however_they_were_cut() {
        let mut lines = LineBuffer::default();
        let mut seen = Vec::new();
        for byte in b"one\n\ntwo\nthr" {
            lines.push(&[*byte]);
            while let Some(line) = lines.next_line().unwrap() {
                seen.push(line.to_vec());
            }
        }
        assert_eq!(seen, [b"one".to_vec(), b"".to_vec(), b"two".to_vec()]);
        assert_eq!(lines.into_rest().as_bytes(), b"thr");
    }

    #[test]
    fn what_was_handed_out_is_wiped() {
        let mut lines = LineBuffer::default();
        lines.push(b"secret\nnext\nbeg");
        assert_eq!(lines.next_line(), Ok(Some(b"secret".as_slice())));
        assert_eq!(lines.next_line(), Ok(Some(b"next".as_slice())));
        assert_eq!(lines.next_line(), Ok(None));
        assert_eq!(lines.buffer.as_slice(), [[0; 12].as_slice(), b"beg"].concat());
        lines.push(b"in\n");
        assert_eq!(lines.next_line(), Ok(Some(b"begin".as_slice())));
        assert_eq!(lines.next_line(), Ok(None));
        assert!(lines.buffer.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn the_longest_line_passes_and_one_more_byte_does_not() {
        let mut line = vec![b'x'; MAX_LINE - 1];
        line.push(b'\n');
        let mut lines = LineBuffer::default();
        lines.push(&line);
        assert_eq!(lines.next_line().unwrap().unwrap().len(), MAX_LINE - 1);

        line.insert(0, b'x');
        lines.push(&line);
        assert_eq!(lines.next_line(), Err(TooLong));
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_ends() {
        let mut lines = LineBuffer::default();
        lines.push(&vec![b'x'; MAX_LINE]);
        assert_eq!(lines.next_line(), Err(TooLong));
    }

    #[test]
    fn a_long_stream_does_not_grow_the_buffer() {
        let mut lines = LineBuffer::default();
        for _ in 0..100_000 {
            lines.push(b"0123456789\n01234");
            assert_eq!(lines.next_line().unwrap().unwrap().len() % 5, 0);
            lines.push(b"56789\n");
            assert_eq!(lines.next_line().unwrap().unwrap().len(), 10);
        }
        assert!(lines.buffer.capacity() < 4 * MAX_LINE);
    }
}
