//! What an IRC line is to OTR. Pure: no libotr.
//!
//! libotr looks for `?OTR` anywhere in a text, so that somebody who merely
//! mentions it loses the message. Here a line is OTR only if it begins with
//! something well formed; everything else is [`OtrLine::Text`] and never reaches
//! libotr. What this module calls a query or a message, libotr does too.

use base64::alphabet;
use base64::engine::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// The tag that begins a whitespace offer (OTR spec, "tagged plaintext").
const TAG_BASE: &[u8; 16] = b" \t  \t\t\t\t \t \t \t  ";
const TAG_V2: &[u8; 8] = b"  \t\t  \t ";
const TAG_V3: &[u8; 8] = b"  \t\t  \t\t";

/// As other programs write base64: bits that are left over at the end may be anything, as with
/// libotr, and [`decode_all`] takes the padding off.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));

/// A version of the OTR protocol that we speak. Version 1 is broken and 4 has
/// no library.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// No instance tags.
    V2,
    /// With instance tags.
    V3,
}

/// One line from a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OtrLine<'a> {
    /// A request for a private conversation: `?OTRv23?`. With neither version
    /// it asks for one that we do not speak.
    Query {
        /// Version 2 is offered.
        v2: bool,
        /// Version 3 is offered.
        v3: bool,
    },
    /// Clear text with a whitespace tag: the peer can do OTR.
    Tagged {
        /// Version 2 is offered.
        v2: bool,
        /// Version 3 is offered.
        v3: bool,
        /// The text without the tag.
        text: Vec<u8>,
    },
    /// `?OTR Error: …`, with the words of the peer's program.
    Error {
        /// What follows the marker: the peer's text, any bytes.
        text: &'a [u8],
    },
    /// An encoded message: `?OTR:…`.
    Message {
        /// OTR version that the message names.
        version: Version,
        /// Which step of the protocol it is.
        kind: MessageType,
        /// The sender's instance tag; 0 in version 2.
        sender: u32,
        /// The receiver's instance tag; 0 in version 2 and if not yet known.
        receiver: u32,
    },
    /// A piece of an encoded message: `?OTR|…` or `?OTR,…`.
    Fragment(Fragment<'a>),
    /// Nothing of the kind.
    Text,
}

/// What the header of an encoded message says, see [`OtrLine::Message`].
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) version: Version,
    pub(crate) kind: MessageType,
    pub(crate) sender: u32,
    pub(crate) receiver: u32,
}

/// What an encoded message is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MessageType {
    /// First step of the key exchange.
    DhCommit,
    /// Second step of the key exchange, in answer to a commit message.
    DhKey,
    /// Third step of the key exchange: the committing side reveals its key and signs.
    RevealSig,
    /// Last step of the key exchange: the other side's signature.
    Signature,
    /// An encrypted text of a private conversation.
    Data,
}

/// A piece of an encoded message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fragment<'a> {
    /// OTR version of the fragments.
    pub version: Version,
    /// The sender's instance tag; 0 in version 2.
    pub sender: u32,
    /// The receiver's instance tag; 0 in version 2 and if not yet known.
    pub receiver: u32,
    /// Which piece this is, from 1 to `n`.
    pub k: u16,
    /// How many pieces there are.
    pub n: u16,
    /// The piece of the message that this line carries.
    pub piece: &'a [u8],
}

/// Says what `line` is.
#[must_use]
pub fn classify(line: &[u8]) -> OtrLine<'_> {
    let otr = line.strip_prefix(b"?OTR").and_then(|rest| match rest.first()? {
        b':' => message(rest.get(1..)?),
        b'|' => fragment_v3(rest.get(1..)?).map(OtrLine::Fragment),
        b',' => fragment_v2(rest.get(1..)?).map(OtrLine::Fragment),
        b'?' | b'v' => query(rest),
        b' ' => error(rest),
        _ => None,
    });
    otr.or_else(|| tagged(line)).unwrap_or(OtrLine::Text)
}

/// Whether this is the beginning of an encoded message whose end, with the final
/// dot, is missing: some gateway cut it into several lines.
#[must_use]
pub fn is_cut_off(line: &[u8]) -> bool {
    line.starts_with(b"?OTR:")
        // In a whole one it is found at the end.
        && memchr::memrchr(b'.', line).is_none()
        && matches!(classify(line), OtrLine::Message { .. })
}

/// The hash in a commitment of version 3, by which two that cross are put in order.
pub(crate) fn commitment_hash(line: &[u8]) -> Option<[u8; 32]> {
    let bytes = bytes_of(line)?;
    let is_whole = has_all_fields(Version::V3, MessageType::DhCommit, &bytes);
    bytes.last_chunk().filter(|_| is_whole).copied()
}

/// Whether an encoded message is exactly as long as the lengths inside it say.
#[must_use]
pub fn is_whole(line: &[u8]) -> bool {
    let OtrLine::Message { version, kind, .. } = classify(line) else { return false };
    bytes_of(line).is_some_and(|bytes| has_all_fields(version, kind, &bytes))
}

/// Whether a decoded message is exactly as long as the lengths inside it say.
fn has_all_fields(version: Version, kind: MessageType, bytes: &[u8]) -> bool {
    let head = match version {
        Version::V2 => 3,
        Version::V3 => 11,
    };
    let fields: &[Field] = match kind {
        MessageType::DhCommit => &[Field::Counted, Field::Counted],
        MessageType::DhKey => &[Field::Counted],
        MessageType::RevealSig => &[Field::Counted, Field::Counted, Field::Fixed(20)],
        MessageType::Signature => &[Field::Counted, Field::Fixed(20)],
        // Flags and key ids, key, counter, text, MAC, old MAC keys.
        MessageType::Data => &[
            Field::Fixed(9),
            Field::Counted,
            Field::Fixed(8),
            Field::Counted,
            Field::Fixed(20),
            Field::Counted,
        ],
    };
    let rest = bytes.get(head..).and_then(|rest| fields.iter().try_fold(rest, Field::skip));
    rest.is_some_and(<[u8]>::is_empty)
}

/// What an encoded message encodes.
fn bytes_of(line: &[u8]) -> Option<Vec<u8>> {
    decode_all(line.strip_prefix(b"?OTR:")?.trim_ascii_end().strip_suffix(b".")?)
}

/// A part of a message.
enum Field {
    /// So many bytes.
    Fixed(usize),
    /// As many bytes as the four in front of them say.
    Counted,
}

impl Field {
    fn skip<'a>(bytes: &'a [u8], field: &Field) -> Option<&'a [u8]> {
        match field {
            Field::Fixed(length) => bytes.get(*length..),
            Field::Counted => {
                let length = usize::try_from(number(bytes.get(..4)?)?).ok()?;
                bytes.get(length.checked_add(4)?..)
            }
        }
    }
}

/// The tag to append to a clear text to say that we can do OTR. It begins with
/// a blank, and some servers strip it.
#[must_use]
pub const fn whitespace_tag(v2: bool, v3: bool) -> &'static [u8] {
    match (v2, v3) {
        (true, true) => b" \t  \t\t\t\t \t \t \t    \t\t  \t   \t\t  \t\t",
        (true, false) => b" \t  \t\t\t\t \t \t \t    \t\t  \t ",
        (false, true) => b" \t  \t\t\t\t \t \t \t    \t\t  \t\t",
        (false, false) => b"",
    }
}

/// Whether the sender of this data message marked it as not worth a complaint
/// if it cannot be read: a heartbeat, a step of a protocol, a goodbye.
#[must_use]
pub(crate) fn ignorable(line: &[u8]) -> bool {
    let Some(body) = line.strip_prefix(b"?OTR:") else { return false };
    let flags = match body.get(..4) {
        Some(b"AAMD") => head::<12>(body).map(|[.., flags]| flags),
        Some(b"AAID") => head::<6>(body).map(|[_, _, _, flags, ..]| flags),
        _ => None,
    };
    flags.is_some_and(|flags| flags & 1 == 1)
}

/// After `?OTR:`. The base64 must run to the end or to the final dot; a message
/// that was cut off is still one, and libotr will call it malformed.
fn message(body: &[u8]) -> Option<OtrLine<'static>> {
    let version = match body.get(..3)? {
        b"AAM" => Version::V3,
        b"AAI" => Version::V2,
        _ => return None,
    };
    let kind = match body.get(3)? {
        b'C' => MessageType::DhCommit,
        b'K' => MessageType::DhKey,
        b'R' => MessageType::RevealSig,
        b'S' => MessageType::Signature,
        b'D' => MessageType::Data,
        _ => return None,
    };
    // The dot is the end but for blanks; base64 itself has none.
    if !is_base64(body.trim_ascii_end().strip_suffix(b".").unwrap_or(body)) {
        return None;
    }
    let (sender, receiver) = match version {
        Version::V2 => (0, 0),
        Version::V3 => {
            let head = head::<12>(body)?;
            (number(head.get(3..7)?)?, number(head.get(7..11)?)?)
        }
    };
    Some(OtrLine::Message { version, kind, sender, receiver })
}

/// After `?OTR`: `?`, `v` and versions and `?`, or both, and then the end or
/// words set off by a blank, a line end or HTML, as other programs send.
fn query(rest: &[u8]) -> Option<OtrLine<'static>> {
    let (mut v2, mut v3) = (false, false);
    let mut rest = rest;
    let mut seen = false;
    if let Some(after) = rest.strip_prefix(b"?") {
        (rest, seen) = (after, true);
    }
    if let Some(after) = rest.strip_prefix(b"v") {
        let end = after.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
        let (versions, after) = after.split_at_checked(end)?;
        if let Some(after) = after.strip_prefix(b"?") {
            (v2, v3) = (versions.contains(&b'2'), versions.contains(&b'3'));
            (rest, seen) = (after, true);
        }
    }
    let ends = rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'<');
    (seen && ends).then_some(OtrLine::Query { v2, v3 })
}

/// After `?OTR`.
fn error(rest: &[u8]) -> Option<OtrLine<'_>> {
    let text = rest.strip_prefix(b" Error:")?;
    Some(OtrLine::Error { text: text.strip_prefix(b" ").unwrap_or(text) })
}

/// After `?OTR|`: `sender|receiver,k,n,piece,`.
fn fragment_v3(rest: &[u8]) -> Option<Fragment<'_>> {
    let (sender, rest) = split_once(rest, b'|')?;
    let (receiver, rest) = split_once(rest, b',')?;
    let (sender, receiver) = (hex(sender)?, hex(receiver)?);
    let (k, n, piece) = pieces(rest)?;
    Some(Fragment { version: Version::V3, sender, receiver, k, n, piece })
}

/// After `?OTR,`: `k,n,piece,`.
fn fragment_v2(rest: &[u8]) -> Option<Fragment<'_>> {
    let (k, n, piece) = pieces(rest)?;
    Some(Fragment { version: Version::V2, sender: 0, receiver: 0, k, n, piece })
}

fn pieces(rest: &[u8]) -> Option<(u16, u16, &[u8])> {
    let (k, rest) = split_once(rest, b',')?;
    let (n, rest) = split_once(rest, b',')?;
    let (piece, rest) = split_once(rest, b',')?;
    let (k, n) = (decimal(k)?, decimal(n)?);
    let sound = 1 <= k && k <= n && !piece.is_empty() && rest.iter().all(u8::is_ascii_whitespace);
    sound.then_some((k, n, piece))
}

fn tagged(line: &[u8]) -> Option<OtrLine<'static>> {
    // Few lines have tabs at all.
    memchr::memchr(b'\t', line)?;
    let start = memchr::memmem::find(line, TAG_BASE)?;
    let (mut v2, mut v3) = (false, false);
    let mut end = start + TAG_BASE.len();
    while let Some(group) = line.get(end..end + 8) {
        if !group.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            break;
        }
        v2 |= group == TAG_V2;
        v3 |= group == TAG_V3;
        end += 8;
    }
    let text = [line.get(..start)?, line.get(end..)?].concat();
    Some(OtrLine::Tagged { v2, v3, text })
}

fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let i = text.iter().position(|byte| *byte == at)?;
    Some((text.get(..i)?, text.get(i + 1..)?))
}

fn decimal(text: &[u8]) -> Option<u16> {
    let digits = (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

fn hex(text: &[u8]) -> Option<u32> {
    let digits = (1..=8).contains(&text.len()) && text.iter().all(u8::is_ascii_hexdigit);
    digits.then(|| u32::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok())?
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// The first `N` (a multiple of 3) bytes of base64.
fn head<const N: usize>(base64: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = BASE64.decode_slice(base64.get(..N / 3 * 4)?, &mut bytes).ok()?;
    (length == N).then_some(bytes)
}

/// The bytes of base64, with its padding, a wrong number of `=` up to two, or none.
fn decode_all(base64: &[u8]) -> Option<Vec<u8>> {
    let padding = base64.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = base64.get(..base64.len() - padding).filter(|_| padding <= 2)?;
    BASE64.decode(digits).ok()
}

/// Whether base64 is made of these bytes. All are looked at, for so the compiler takes many at
/// once: every encrypted line comes by here.
fn is_base64(bytes: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/' | b'=');
    bytes.iter().fold(true, |all, byte| all & fits(byte))
}
