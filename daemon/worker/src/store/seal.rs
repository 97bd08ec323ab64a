//! One encrypted file: a mark, the version of this format, a nonce of its own, the content under
//! XChaCha20-Poly1305, and the tag. The account and the file's name are associated data, so that no
//! file opens in another one's place.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY: usize = 32;

/// No file that libotr or we write in plain begins so: they are text, without NUL.
pub const MAGIC: &[u8] = b"otrd\0sealed\0";
const VERSION: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = MAGIC.len() + 1 + NONCE;

/// By the system call itself. The getrandom crate looks libc's function up at run time, which finds
/// nothing in a static program, and then opens /dev/urandom, which ends a confined worker.
fn nonce() -> io::Result<XNonce> {
    let mut nonce = [0; NONCE];
    loop {
        match getrandom(&mut nonce, GetRandomFlags::empty()) {
            // So few bytes come all at once.
            Ok(NONCE) => return Ok(nonce.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// An account's key; wiped when it is dropped.
pub struct Key(XChaCha20Poly1305);

/// It is encrypted, and does not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// Another key, or not what was written.
    #[error("it is encrypted with another master secret, or damaged")]
    Key,
    /// Not a file of this release.
    #[error("it is encrypted in format {0}, which a newer otrd wrote: update otrd")]
    Version(u8),
}

impl Key {
    /// Takes a key over.
    pub fn new(bytes: &Zeroizing<[u8; KEY]>) -> Self {
        Self(XChaCha20Poly1305::new((&**bytes).into()))
    }

    /// Whether another key is this one.
    pub fn is(&self, other: &Key) -> bool {
        self.seal("", b"").is_ok_and(|sealed| other.open("", &sealed).is_ok())
    }

    /// Encrypts a content for one place, see [`place`].
    ///
    /// # Errors
    /// Without randomness.
    pub fn seal(&self, place: &str, content: &[u8]) -> io::Result<Vec<u8>> {
        let nonce = nonce()?;
        // Reserved at once: a growing buffer would leave copies of a key behind.
        let mut out = Vec::with_capacity(HEAD + content.len() + TAG);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(content);
        let (_, body) = out.split_at_mut(HEAD);
        let sealed = self.0.encrypt_inout_detached(&nonce, &bound(place), body.into());
        let tag = sealed.map_err(|_| io::Error::other("too large to be encrypted"))?;
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Decrypts what [`Key::seal`] made for this place.
    ///
    /// # Errors
    /// [`OpenError`], wherever a byte is not as it was.
    pub fn open(&self, place: &str, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(OpenError::Key)?;
        let (version, rest) = rest.split_first().ok_or(OpenError::Key)?;
        if *version != VERSION {
            return Err(OpenError::Version(*version));
        }
        let (nonce, rest) = rest.split_at_checked(NONCE).ok_or(OpenError::Key)?;
        let length = rest.len().checked_sub(TAG).ok_or(OpenError::Key)?;
        let (body, tag) = rest.split_at_checked(length).ok_or(OpenError::Key)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| OpenError::Key)?;
        let tag = Tag::try_from(tag).map_err(|_| OpenError::Key)?;
        let mut content = Zeroizing::new(body.to_vec());
        let buffer = content.as_mut_slice().into();
        let opened = self.0.decrypt_inout_detached(&nonce, &bound(place), buffer, &tag);
        opened.map(|()| content).map_err(|_| OpenError::Key)
    }
}

/// Whether a file is encrypted.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// What an encrypted file is for: an account's directory and one of its names.
pub fn place(account: &str, file: &str) -> String {
    format!("{account}/{file}")
}

fn bound(place: &str) -> Vec<u8> {
    [MAGIC, &[VERSION], place.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "1000/alice/net/otr.key";

    fn key(byte: u8) -> Key {
        Key::new(&Zeroizing::new([byte; KEY]))
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_in_its_place_only() {
        for content in [&b""[..], b"(privkeys)", &[7; 100_000]] {
            let sealed = key(1).seal(PLACE, content).unwrap();
            assert!(is_sealed(&sealed) && !is_sealed(content));
            assert_eq!(key(1).open(PLACE, &sealed).unwrap().as_slice(), content);
            assert_eq!(key(2).open(PLACE, &sealed), Err(OpenError::Key));
            for other in ["1001/alice/net/otr.key", "1000/alice/net/otr.fp", ""] {
                assert_eq!(key(1).open(other, &sealed), Err(OpenError::Key));
            }
        }
    }

    #[test]
    fn the_same_content_is_never_sealed_the_same() {
        let key = key(1);
        let [one, other] = [(), ()].map(|()| key.seal(PLACE, b"secret").unwrap());
        assert_ne!(one[HEAD - NONCE..], other[HEAD - NONCE..]);
        let readable = one.windows(6).any(|part| part == b"secret");
        assert!(!readable);
    }

    #[test]
    fn a_changed_byte_anywhere_and_a_cut_anywhere_are_noticed() {
        let key = key(1);
        let sealed = key.seal(PLACE, b"(privkeys (account))").unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut bad = sealed.clone();
                bad[at] ^= 1 << bit;
                assert!(key.open(PLACE, &bad).is_err(), "byte {at}");
            }
            assert_eq!(key.open(PLACE, &sealed[..at]).unwrap_err(), OpenError::Key, "cut at {at}");
        }
        let longer = [sealed.as_slice(), b"x"].concat();
        assert_eq!(key.open(PLACE, &longer), Err(OpenError::Key));
    }

    #[test]
    fn another_version_says_so() {
        let mut sealed = key(1).seal(PLACE, b"x").unwrap();
        sealed[MAGIC.len()] = 2;
        assert_eq!(key(1).open(PLACE, &sealed), Err(OpenError::Version(2)));
    }
}
