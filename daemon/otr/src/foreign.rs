//! Files of other programs: whose keys and fingerprints are in them, and the
//! same as ours.
//!
//! Most programs use libotr's formats and differ in how they name an account and
//! its protocol: irssi says `libera` and `IRC`, Pidgin `alice@irc.libera.chat`
//! and `prpl-irc`, HexChat the same and `IRC`, BitlBee the same and `irc`. weechat keeps the key as numbers, in the format of potr.

use std::ffi::{CStr, c_void};
use std::fmt::Write;
use std::ptr;

use otr_sys::gcry_sexp_t;
use zeroize::Zeroizing;

use crate::error::{FileError, KeyError};
use crate::fingerprint::Fingerprint;
use crate::fingerprint_store::{MAX_FINGERPRINTS, MAX_RECORDS_FILE};
use crate::key::{self, MAX_KEY_FILE};
use crate::peer::Peer;
use crate::record::Record;
use crate::text_file::{TextFile, lines, trimmed};
use crate::trust::Trust;
use crate::user_state::UserState;

/// How a program names whose key it is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ForeignAccount {
    /// The account's name as it is in the file: any bytes.
    pub account: Vec<u8>,
    /// The protocol's name as it is in the file, such as `prpl-irc`.
    pub protocol: Vec<u8>,
}

impl ForeignAccount {
    /// Whether the protocol is IRC: ours (`irc`), irssi's, HexChat's and Kopete's (`IRC`),
    /// libpurple's (`prpl-irc`, `prpl-ircv3`), Adium's (`libpurple-IRC`), and what they and
    /// their ancestors write in other cases.
    #[must_use]
    pub fn is_irc(&self) -> bool {
        const PREFIXES: [&str; 4] = ["prpl-", "libpurple-", "libgaim-", "gaim-"];
        let protocol = trimmed(&self.protocol).to_ascii_lowercase();
        let prefixed = PREFIXES.iter().find_map(|prefix| protocol.strip_prefix(prefix.as_bytes()));
        matches!(prefixed.unwrap_or(&protocol), b"irc" | b"ircv3" | b"ircprotocol")
    }
}

/// A key in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignKey {
    /// The account that the key is for.
    pub owner: ForeignAccount,
    /// Fingerprint of the key's public part.
    pub fingerprint: Fingerprint,
}

/// The keys in a file of libotr's format, in its order.
///
/// # Errors
/// [`KeyError`] if it is no such file.
pub fn keys(file: &[u8]) -> Result<Vec<ForeignKey>, KeyError> {
    let scratch = read(file)?;
    let mut found = Vec::new();
    each(&scratch, |owner, _, fingerprint| {
        found.extend(fingerprint.map(|fingerprint| ForeignKey { owner, fingerprint }));
    });
    Ok(found)
}

/// The content of an `otr.key` file for `account` and protocol `irc` that holds
/// the key of another owner in a file of libotr's format.
///
/// # Errors
/// [`KeyError`] if there is none, or if it cannot be used.
pub fn take_key(
    file: &[u8],
    owner: &ForeignAccount,
    account: &str,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let scratch = read(file)?;
    let mut found = Err(KeyError::Missing);
    each(&scratch, |other, expression, _| {
        if other == *owner && found.is_err() {
            found = key::check_sound(expression).and_then(|()| printed(expression));
        }
    });
    key_file(account, &found?)
}

/// The content of an `otr.key` file for `account` and protocol `irc` that holds
/// the key in a file of weechat's (`….key3`, written by potr), with its
/// fingerprint.
///
/// # Errors
/// [`KeyError`] if it is no such file, or if the key cannot be used.
pub fn take_potr_key(
    file: &[u8],
    account: &str,
) -> Result<(Zeroizing<Vec<u8>>, Fingerprint), KeyError> {
    if file.len() > MAX_KEY_FILE {
        return Err(KeyError::TooLarge(MAX_KEY_FILE));
    }
    let malformed = || KeyError::Malformed("not in the format of weechat's script".to_owned());
    let expression = potr_expression(file).ok_or_else(malformed)?;
    let file = key_file(account, &expression)?;
    let scratch = read(&file)?;
    let mut found = Err(KeyError::Missing);
    each(&scratch, |_, expression, fingerprint| {
        found = key::check_sound(expression).and_then(|()| fingerprint.ok_or(KeyError::Missing));
    });
    Ok((file, found?))
}

/// A fingerprint in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignFingerprint {
    /// To whom it is known.
    pub owner: ForeignAccount,
    /// The peer who uses the key.
    pub peer: Peer,
    /// Fingerprint of the peer's key.
    pub fingerprint: Fingerprint,
    /// How far it is trusted.
    pub trust: Trust,
    /// The word for trust, where no program is known to write it. It counts as no trust.
    pub unknown_trust: Option<Vec<u8>>,
}

/// The fingerprints in a file, and how many lines make no sense or are too many.
///
/// # Errors
/// [`FileError::TooLarge`] beyond [`MAX_RECORDS_FILE`].
pub fn fingerprints(file: &[u8]) -> Result<(Vec<ForeignFingerprint>, usize), FileError> {
    if file.len() > MAX_RECORDS_FILE {
        return Err(FileError::TooLarge(MAX_RECORDS_FILE));
    }
    let (mut found, mut left_out) = (Vec::new(), 0);
    for line in lines(&TextFile::new(file)) {
        match Record::parse(line).and_then(|record| foreign(&record)) {
            Some(one) if found.len() < MAX_FINGERPRINTS => found.push(one),
            _ => left_out += 1,
        }
    }
    Ok((found, left_out))
}

fn foreign(record: &Record<'_>) -> Option<ForeignFingerprint> {
    let trust = Trust::parse(record.trust);
    Some(ForeignFingerprint {
        owner: ForeignAccount {
            account: record.account.to_vec(),
            protocol: record.protocol.to_vec(),
        },
        peer: Peer::new(record.peer).ok()?,
        fingerprint: record.fingerprint,
        unknown_trust: trust.is_none().then(|| trimmed(record.trust).to_vec()),
        trust: trust.unwrap_or_default(),
    })
}

/// The instance tag of an owner in a file of libotr's format.
#[must_use]
pub fn instag(file: &[u8], owner: &ForeignAccount) -> Option<u32> {
    let file = TextFile::new(file.get(..MAX_RECORDS_FILE.min(file.len()))?);
    let mut tags = lines(&file).filter_map(tag_line);
    tags.find(|(other, _)| other == owner).map(|(_, tag)| tag)
}

fn tag_line(line: &[u8]) -> Option<(ForeignAccount, u32)> {
    let mut fields = line.split(|byte| *byte == b'\t').map(trimmed);
    let owner =
        ForeignAccount { account: fields.next()?.to_vec(), protocol: fields.next()?.to_vec() };
    let tag = fields.next().filter(|tag| tag.len() == 8)?;
    let tag = u32::from_str_radix(std::str::from_utf8(tag).ok()?, 16).ok()?;
    (tag >= otr_sys::OTRL_MIN_VALID_INSTAG).then_some((owner, tag))
}

fn read(file: &[u8]) -> Result<UserState, KeyError> {
    if file.len() > MAX_KEY_FILE {
        return Err(KeyError::TooLarge(MAX_KEY_FILE));
    }
    if file.is_empty() {
        return Err(KeyError::Missing);
    }
    let mut scratch = UserState::new()?;
    key::read(&mut scratch, &TextFile::new(file))?;
    Ok(scratch)
}

/// Shows every key: whose it is, the S-expression, and the fingerprint.
fn each(state: &UserState, mut show: impl FnMut(ForeignAccount, gcry_sexp_t, Option<Fingerprint>)) {
    // SAFETY: the user state is open.
    let mut key = unsafe { (*state.as_ptr()).privkey_root };
    while !key.is_null() {
        let mut hash = [0_u8; 20];
        // SAFETY: a valid entry, with two C strings and a key; 20 bytes are what
        // libotr writes of a fingerprint.
        let (account, protocol, expression, next, found) = unsafe {
            let (account, protocol) = ((*key).accountname, (*key).protocol);
            let found = otr_sys::otrl_privkey_fingerprint_raw(
                state.as_ptr(),
                hash.as_mut_ptr(),
                account,
                protocol,
            );
            let (account, protocol) = (CStr::from_ptr(account), CStr::from_ptr(protocol));
            (account, protocol, (*key).privkey, (*key).next, found)
        };
        let owner = ForeignAccount {
            account: account.to_bytes().to_vec(),
            protocol: protocol.to_bytes().to_vec(),
        };
        let fingerprint = (!found.is_null()).then(|| Fingerprint::from_bytes(hash));
        show(owner, expression, fingerprint);
        key = next;
    }
}

/// An S-expression as text, as libotr writes it.
fn printed(expression: gcry_sexp_t) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let print = |buffer: *mut c_void, length| {
        // SAFETY: a valid S-expression; without a buffer libgcrypt only counts.
        unsafe {
            otr_sys::gcry_sexp_sprint(expression, otr_sys::GCRYSEXP_FMT_ADVANCED, buffer, length)
        }
    };
    let length = print(ptr::null_mut(), 0);
    let mut text = Zeroizing::new(vec![0; length.min(MAX_KEY_FILE)]);
    let written = print(text.as_mut_ptr().cast(), text.len());
    if written == 0 || written >= MAX_KEY_FILE {
        return Err(KeyError::Unsound("cannot be written".to_owned()));
    }
    text.truncate(written);
    Ok(text)
}

/// A key file with one key, for us.
fn key_file(account: &str, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let account = Peer::new(account.as_bytes())?;
    let hex: String = account.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    let name = match account.as_bytes() {
        // A token must not begin with a digit; anything else is given as bytes.
        bytes @ [first, ..] if first.is_ascii_alphabetic() && bytes.iter().all(plain) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        _ => format!("#{hex}#"),
    };
    let head = format!("(privkeys\n (account\n(name {name})\n(protocol irc)\n");
    let mut file = Zeroizing::new(Vec::with_capacity(head.len() + key.len() + 8));
    file.extend_from_slice(head.as_bytes());
    file.extend_from_slice(key);
    file.extend_from_slice(b" )\n)\n");
    Ok(file)
}

/// potr writes two bytes for the sort of key, 0 for DSA, then p, q, g, y and x,
/// each after its length in four bytes.
fn potr_expression(file: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut rest = file.strip_prefix(&[0, 0])?;
    // Two digits a byte; the names, brackets and signs take less than 64 bytes.
    let mut text = Zeroizing::new(String::with_capacity(2 * file.len() + 64));
    text.push_str("(private-key (dsa");
    for name in ["p", "q", "g", "y", "x"] {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (number, behind) = behind.split_at_checked(length)?;
        // A zero in front keeps a number positive.
        write!(text, " ({name} #00").ok()?;
        for byte in number {
            write!(text, "{byte:02X}").ok()?;
        }
        text.push_str("#)");
        rest = behind;
    }
    text.push_str("))");
    rest.is_empty().then(|| Zeroizing::new(text.as_bytes().to_vec()))
}
