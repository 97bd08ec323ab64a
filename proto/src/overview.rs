//! Everything of an account that a page or a client shows, as data: the result of `state`.

use crate::irc::Nick;
use crate::shim::{Standing, Trust};
use serde::{Deserialize, Serialize};

/// `state`: which part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatePage {
    /// Entries to pass over: `next` of the page before; 0 for the first page.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub from: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The result of `state`. Entries are those of `peers`, `fingerprints`, `policies`, `ignore` and
/// `enable`, counted in this order; what is not an entry is in every page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// The ZNC user's name.
    pub user: String,
    /// The network's name in ZNC.
    pub network: String,
    /// Versions of the programs and libraries in use.
    pub versions: Versions,
    /// The account's own key.
    pub key: OwnKey,
    /// The policy of everybody whom no rule names.
    pub default_policy: String,
    /// The policy for nicks with a trusted fingerprint, where one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_policy: Option<String>,
    /// Everybody who has a known fingerprint, a conversation that is not clear, or lines that
    /// wait; by nick.
    pub peers: Vec<PeerState>,
    /// Known fingerprints, by nick and fingerprint.
    pub fingerprints: Vec<FingerprintState>,
    /// Policies, in the order in which they were set.
    pub policies: Vec<PatternPolicy>,
    /// Patterns of nicks for which OTR is off.
    pub ignore: Vec<String>,
    /// Patterns of nicks for which OTR is on all the same.
    pub enable: Vec<String>,
    /// More entries follow: ask again with this as `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Releases, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Of the daemon's worker.
    pub daemon: String,
    /// Of the module, where one is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shim: Option<String>,
    /// Of ZNC, where a module is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub znc: Option<String>,
    /// Of libotr, in the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libotr: Option<String>,
    /// Of libgcrypt, in the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libgcrypt: Option<String>,
}

/// The account's own private key, described.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnKey {
    /// `none`, `generating`, `ready` or `damaged`.
    pub state: String,
    /// 40 upper-case hexadecimal digits, where there is one. With `generating` it is that of the
    /// key which the new one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The fingerprint to be photographed: `otr:` and the digits. In the first page only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr: Option<QrCode>,
    /// When it was made, in seconds since 1970. Missing where that was not recorded, as of a key
    /// that was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<u64>,
    /// For how many seconds it has been made; with `generating` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// A QR code: a square of dark (`1`) and light (`0`) modules, row by row, without the quiet zone
/// around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct QrCode(Vec<String>);

impl QrCode {
    /// Modules in a row of the smallest QR code, and of the largest.
    const SIZES: std::ops::RangeInclusive<usize> = 21..=177;

    /// The rows, from top to bottom; all as long as there are rows.
    pub fn rows(&self) -> &[String] {
        &self.0
    }
}

impl From<QrCode> for Vec<String> {
    fn from(code: QrCode) -> Self {
        code.0
    }
}

impl TryFrom<Vec<String>> for QrCode {
    type Error = &'static str;

    fn try_from(rows: Vec<String>) -> Result<Self, Self::Error> {
        let size = rows.len();
        let fits =
            |row: &String| row.len() == size && row.bytes().all(|m| matches!(m, b'0' | b'1'));
        if Self::SIZES.contains(&size) && (size - 21).is_multiple_of(4) && rows.iter().all(fits) {
            Ok(Self(rows))
        } else {
            Err("no QR code")
        }
    }
}

/// A peer with a conversation, a fingerprint, or lines that wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerState {
    /// How the conversation stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// Which rule decides the policy, in words: `policy bob*`, `ignore *`, `the default`.
    pub rule: String,
    /// Since when it is private, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The version of OTR that it is private with: 2 or 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otr: Option<u8>,
}

/// A known fingerprint of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerprintState {
    /// The nick that the fingerprint is known of.
    pub peer: Nick,
    /// 40 upper-case hexadecimal digits.
    pub fingerprint: String,
    /// Whether the user trusts it: `none`, `manual` or `secret`.
    pub trust: Trust,
    /// The conversation is private with this one.
    pub in_use: bool,
    /// When it was first used, in seconds since 1970. Missing where that was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_used: Option<u64>,
    /// When a conversation with it last became private, in seconds since 1970. Missing where that
    /// was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<u64>,
}

/// A policy for nicks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternPolicy {
    /// Nicks, with `*` and `?`.
    pub pattern: String,
    /// `never`, `manual`, `opportunistic` or `required`.
    pub policy: String,
}
