//! Bytes to lines. A line that grows past [`MAX_LINE`] is an error before it is looked at.

use crate::MAX_LINE;

/// Collects what a socket gives and hands out whole lines.
#[derive(Debug, Default)]
pub struct LineBuffer {
    buffer: Vec<u8>,
    /// Bytes of `buffer` already handed out.
    taken: usize,
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
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
            self.scanned = 0;
        } else if self.taken > MAX_LINE {
            self.buffer.drain(..self.taken);
            self.scanned -= self.taken;
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its LF, or nothing until more is pushed.
    ///
    /// # Errors
    /// [`TooLong`], for good: the stream has to be closed.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, TooLong> {
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
    pub fn into_rest(mut self) -> Vec<u8> {
        self.buffer.drain(..self.taken);
        self.buffer
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
        assert_eq!(lines.into_rest(), b"thr");
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
