//! Reading secrets into memory that is wiped. `Read::read_to_end` leaves copies where its buffer
//! grows, and on the stack where it asks whether there is more.

use std::io::{self, Read};
use zeroize::Zeroizing;

/// Reads to the end, or one byte more than `most`: by that the caller sees that there are more. The
/// room is reserved at once for as many bytes as are `expected`; where more come, what was read moves
/// and its old place is wiped.
pub fn read(mut from: impl Read, expected: usize, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let longest = most.saturating_add(1);
    // One byte more shows the end.
    let mut content = Zeroizing::new(vec![0; expected.saturating_add(1).min(longest)]);
    let mut length = 0;
    loop {
        let room = content.get_mut(length..).unwrap_or_default();
        if room.is_empty() {
            if length >= longest {
                break;
            }
            let mut longer = Zeroizing::new(vec![0; length.saturating_mul(2).min(longest)]);
            for (to, from) in longer.iter_mut().zip(content.iter()) {
                *to = *from;
            }
            content = longer;
            continue;
        }
        match from.read(room) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    content.truncate(length);
    Ok(content)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Gives so many bytes at once at most, and is interrupted each time before.
    struct Slow<'a>(&'a [u8], usize, bool);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.2 = !self.2;
            if self.2 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let most = self.1.min(into.len());
            self.0.read(&mut into[..most])
        }
    }

    #[test]
    fn all_is_read_whatever_was_expected_and_no_more_than_the_bound_and_one() {
        let secret: Vec<u8> = (0..=255).cycle().take(300).collect();
        for expected in [0, 1, 100, 299, 300, 301, usize::MAX] {
            for most in [0, 1, 50, 299, 300, 301, 10_000] {
                for at_once in [1, 7, 1000] {
                    let got = read(Slow(&secret, at_once, false), expected, most).unwrap();
                    let wanted = secret.len().min(most + 1);
                    assert_eq!(*got, secret[..wanted], "{expected} {most} {at_once}");
                }
            }
        }
    }

    #[test]
    fn what_was_expected_does_not_move() {
        let got = read(&[7; 100][..], 100, 1000).unwrap();
        assert_eq!((got.len(), got.capacity()), (100, 101));
        assert!(read(&b""[..], 0, 10).unwrap().is_empty());
    }

    #[test]
    fn an_error_is_told() {
        let directory = std::fs::File::open("/").unwrap();
        assert_eq!(read(directory, 10, 10).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }
}
