//! Moving in and out: keys and fingerprints of other programs, and ours for them. The files
//! themselves are in a descriptor beside the request, see [`crate::bundle`]; here is only what is
//! said about them.

use crate::account::Selector;
use crate::irc::Text;
use serde::{Deserialize, Serialize};

/// `import`: take a key and fingerprints of another program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The account that takes them.
    pub account: Selector,
    /// Which of the files' accounts is meant, and whether to replace.
    #[serde(flatten)]
    pub order: Order,
}

/// What is to be taken out of a bundle, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Whose key and fingerprints, as the program names its account; needed where there are
    /// several and none has the name of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text>,
    /// Also in place of what is there; that is kept under a dated name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overwrite: bool,
    /// Only say what would be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
}

/// The result of `import`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Every account that the files name, the first [`MAX_OWNERS`].
    pub owners: Vec<ForeignAccount>,
    /// Which of them was taken; none where the files have nothing for IRC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text>,
    /// What came of the key.
    pub key: KeyOutcome,
    /// The fingerprint of the key in the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The first [`MAX_PEERS`] of the fingerprints of that account.
    pub peers: Vec<Peer>,
    /// How many fingerprints there are in all.
    pub known: u32,
    /// How many of them were new, or changed their trust.
    pub changed: u32,
    /// Lines that make no sense, or that are about nobody on IRC.
    pub skipped: u32,
    /// The first [`MAX_WORDS`] words for trust that no program is known to write. The
    /// fingerprints that have them are not trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_trust: Vec<Text>,
}

/// The most of [`Imported::owners`].
pub const MAX_OWNERS: usize = 16;
/// The most of [`Imported::peers`].
pub const MAX_PEERS: usize = 100;
/// The most of [`Imported::unknown_trust`].
pub const MAX_WORDS: usize = 8;

/// An account that files name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignAccount {
    /// The account's name as it is in the files; not to be trusted.
    pub account: Text,
    /// The protocol's name as it is in the files.
    pub protocol: Text,
    /// The fingerprint of its key, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Fingerprints that are known to it.
    pub known: u32,
}

/// What came of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOutcome {
    /// The files have none for us.
    #[default]
    None,
    /// The account has this key already.
    Same,
    /// The account had none.
    New,
    /// The account had another one, which is kept under a dated name.
    Replaced,
}

/// A fingerprint of a peer that the files have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The peer's nick as it is in the files.
    pub nick: Text,
    /// As OTR programs print it.
    pub fingerprint: String,
    /// `not trusted`, `manual` or `shared secret`.
    pub trust: String,
    /// What came of it.
    pub outcome: PeerOutcome,
}

/// What came of a peer's fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerOutcome {
    /// Not known before: it was added.
    New,
    /// Known, with this trust.
    Same,
    /// Known with another trust, which stays.
    Kept,
    /// Known with another trust, which was changed.
    Changed,
}

/// `export`: write the account's key and fingerprints in libotr's formats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The account to export.
    pub account: Selector,
}

/// The result of `export`; the files are in the descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The fingerprint of the key, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// How many fingerprints of peers.
    pub known: u32,
}

/// `forget-account`: set an account's files aside, or remove them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    /// The account to forget.
    pub account: Selector,
    /// Remove its files; otherwise they are set aside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove: bool,
}

/// The result of `forget-account`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// The directory, beside the account's old one, in which its files are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<String>,
}

/// `restore-account`: take back files that were set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// Whose files were set aside.
    pub account: Selector,
    /// The directory in which they are now: [`Former::directory`](crate::admin::Former).
    pub directory: String,
}
