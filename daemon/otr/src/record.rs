//! A line of a file of fingerprints.

use crate::fingerprint::Fingerprint;
use crate::peer::Peer;
use crate::text_file::{trimmed, trimmed_end};

/// libotr reads lines with `fgets` into 1000 bytes.
const MAX_LINE: usize = 998;

/// What the line says.
pub(crate) struct Record<'a> {
    /// Could be a [`Peer`].
    pub(crate) peer: &'a [u8],
    pub(crate) account: &'a [u8],
    pub(crate) protocol: &'a [u8],
    pub(crate) fingerprint: Fingerprint,
    /// The field, as [`crate::Trust::parse`] takes it.
    pub(crate) trust: &'a [u8],
}

impl Record<'_> {
    pub(crate) fn parse(line: &[u8]) -> Option<Record<'_>> {
        if line.len() > MAX_LINE {
            return None;
        }
        let (peer, rest) = field(line)?;
        let (account, rest) = field(rest)?;
        let (protocol, rest) = field(rest)?;
        let (hex, trust) = field(rest).unwrap_or((rest, b""));
        let fingerprint = Fingerprint::from_digits(trimmed(hex).try_into().ok()?)?;
        let (peer, account, protocol) = (trimmed_end(peer), trimmed(account), trimmed(protocol));
        Peer::check(peer).ok()?;
        Some(Record { peer, account, protocol, fingerprint, trust })
    }
}

/// What stands before the next tab, and behind it.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\t', line)?;
    Some((line.get(..end)?, line.get(end + 1..)?))
}
