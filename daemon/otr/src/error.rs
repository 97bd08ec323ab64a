//! Every way in which a call can fail, each with what to do next.

use std::ffi::CStr;

/// Why libotr could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// libgcrypt is in FIPS mode, where it refuses OTR's 1024-bit keys.
    #[error(
        "libgcrypt runs in FIPS mode, which forbids OTR's keys: \
         unset LIBGCRYPT_FORCE_FIPS_MODE or switch FIPS mode off for this machine"
    )]
    Fips,
    /// The installed libotr is too old or another major version.
    #[error("libotr {0} is installed, 4.1.1 or a newer 4.x is needed: upgrade it")]
    Version(String),
    /// `otrl_init` refused.
    #[error("libotr did not start ({0}): reinstall libotr and libgcrypt")]
    Libotr(String),
    /// libotr was built with a `time_t` of another size.
    #[error(
        "libotr was built with a time_t of another size: build this program with `CFLAGS=-D_TIME_BITS=64 \
         -D_FILE_OFFSET_BITS=64`, or without them"
    )]
    Layout,
    /// libgcrypt's own function of this name was not found.
    #[error("libgcrypt's {0} was not found: link libgcrypt dynamically")]
    NoFunction(&'static str),
}

/// Why there is no [`crate::Otr`].
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// The account's name cannot be in libotr's files.
    #[error("account: {0}")]
    Name(#[from] crate::NameError),
    /// libotr could not be made ready.
    #[error(transparent)]
    Init(#[from] InitError),
}

/// The check of peers' keys is not in force, so nothing may be received.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum DsaCheckError {
    /// libotr resolved `gcry_pk_verify` to libgcrypt's.
    #[error(
        "libotr does not use our check of keys: \
         link the program with -Wl,--export-dynamic-symbol=gcry_pk_verify"
    )]
    NotResolved,
    /// The probe could not be built.
    #[error("the check of keys could not be tried ({0}): call otr::init first")]
    Probe(String),
}

/// Why a key could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a key file of libotr's.
    #[error("this is no otr.key file ({0}): restore it from a backup or make a new key")]
    Malformed(String),
    /// The file holds no key for us, and none for another `irc` account.
    #[error("the file holds no key for protocol irc: export one, or make a new key")]
    Missing,
    /// The file's key is another account's.
    #[error(
        "the file holds the key of account {found:?}: change the account's name in it to {wanted:?}"
    )]
    OtherAccount {
        /// Whose key it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The numbers are not those of a DSA key that OTR can use.
    #[error(
        "the key is not a sound 1024-bit DSA key ({0}): restore it from a backup or make a new key"
    )]
    Unsound(String),
    /// The file is larger than any key file.
    #[error("the file is larger than {0} bytes: this is no otr.key file")]
    TooLarge(usize),
    /// libotr could not be made ready.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Generation failed.
    #[error("no key could be made ({0}): try again, and see the log")]
    Generate(String),
    /// A memory file could not be made.
    #[error("no memory file: {0}: free memory or descriptors and try again")]
    Io(#[from] std::io::Error),
    /// The account's name cannot be in a key file.
    #[error(transparent)]
    Name(#[from] crate::NameError),
}

/// Why a file of ours could not be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FileError {
    /// The file is larger than the bound.
    #[error("the file is larger than {0} bytes: set it aside")]
    TooLarge(usize),
}

/// Why a text was not encrypted. It has not been sent in any form.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SendError {
    /// There is no private conversation with that instance.
    #[error("there is no private conversation: start one first")]
    NotPrivate,
    /// The peer has ended the conversation.
    #[error("the peer has ended the private conversation: finish or start it anew")]
    Finished,
    /// Nothing to send: an empty text is a heartbeat to the peer.
    #[error("there is no text: type one")]
    Empty,
    /// A NUL would cut the text short.
    #[error("the text contains NUL: take it out")]
    Nul,
    /// Longer than [`crate::MAX_TEXT`].
    #[error("the text is longer than {0} bytes: send it in parts")]
    TooLong(usize),
    /// libotr failed, or made something else than a data message.
    #[error("libotr did not encrypt it ({0}): start the conversation anew")]
    Libotr(String),
}

/// Why the socialist millionaires' protocol did not go on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SmpError {
    /// There is no private conversation with that instance.
    #[error("there is no private conversation: start one first")]
    NotPrivate,
    /// The peer has not asked.
    #[error("the peer has not asked for a secret: begin yourself")]
    NotAsked,
    /// Our key is gone, and with it our half of the proof.
    #[error("there is no private key: make one and start the conversation anew")]
    NoKey,
    /// An empty secret proves nothing.
    #[error("the secret is empty: type one")]
    EmptySecret,
    /// A secret or a question is too long.
    #[error("the secret or question is longer than {0} bytes: use a shorter one")]
    TooLong(usize),
    /// A NUL would cut the question short.
    #[error("the question contains NUL: take it out")]
    Nul,
}

/// libgcrypt's words for an error.
pub(crate) fn explain(error: otr_sys::gcry_error_t) -> String {
    // SAFETY: any number is fine; the result is a constant string.
    let words = unsafe { otr_sys::gcry_strerror(error) };
    if words.is_null() {
        return format!("error {error}");
    }
    // SAFETY: a C string that lives as long as the process.
    let words = unsafe { CStr::from_ptr(words) };
    words.to_string_lossy().to_lowercase()
}
