//! The whole account as data, in pages that fit in a line.

use super::action::Now;
use super::conversation::Conversation;
use super::key_dates::KeyDates;
use super::module_view::ModuleView;
use super::own_key::OwnKey;
use super::peers::Peers;
use super::policies::List;
use otr::{KnownFingerprint, Otr, Peer, Trust, Version};
use proto::account::Account;
use proto::irc::Nick;
use proto::overview::{
    AccountState, FingerprintState, OwnKey as OwnKeyState, PatternPolicy, PeerState, QrCode,
    StatePage, Versions,
};
use proto::shim;
use serde::Serialize;
use std::collections::BTreeMap;

/// Bytes of entries in a page. A line's other 16 KiB are enough for what is in every page.
const PAGE: usize = 48 * 1024;

/// The parts whose state is shown.
pub(super) struct Overview<'a> {
    pub(super) account: &'a Account,
    pub(super) otr: &'a Otr,
    pub(super) own_key: &'a OwnKey,
    pub(super) key_dates: &'a KeyDates,
    pub(super) peers: Peers<'a>,
    pub(super) module: &'a ModuleView,
    pub(super) now: Now,
}

impl Overview<'_> {
    /// One page of it, at this time.
    pub(super) fn page(&self, page: StatePage) -> AccountState {
        let module = self.module.hello();
        let mut known: BTreeMap<Peer, Vec<KnownFingerprint>> = BTreeMap::new();
        for one in self.peers.known().all() {
            known.entry(one.peer.clone()).or_default().push(one);
        }
        for (peer, conversation) in self.peers.conversations().iter() {
            if conversation.is_guarded() || !conversation.is_idle() {
                known.entry(peer.clone()).or_default();
            }
        }
        let mut entries = Entries { skip: page.from, room: PAGE, taken: page.from, full: false };
        let peers = entries.take(known.keys(), |peer| self.peer_state(peer));
        let fingerprints = entries.take(known.values().flatten(), |one| self.fingerprint(one));
        let policies = entries.take(self.peers.policies().typed(), |(pattern, policy)| {
            Some(PatternPolicy { pattern: pattern.clone(), policy: policy.word().into() })
        });
        let ignore =
            entries.take(self.peers.policies().list(List::Ignore), |pattern| Some(pattern.clone()));
        let enable =
            entries.take(self.peers.policies().list(List::Enable), |pattern| Some(pattern.clone()));
        AccountState {
            user: self.account.user.as_str().into(),
            network: self.account.network.as_str().into(),
            versions: Versions {
                daemon: env!("CARGO_PKG_VERSION").into(),
                shim: module.map(|module| shortened(&module.shim)),
                znc: module.map(|module| shortened(&module.znc)),
                libotr: Some(shortened(&otr::libotr_version())),
                libgcrypt: Some(shortened(&otr::libgcrypt_version())),
            },
            key: self.own_key_state(page.from == 0),
            default_policy: self.peers.policies().default_policy().word().into(),
            known_policy: self.peers.policies().of_known().map(|policy| policy.word().into()),
            peers,
            fingerprints,
            policies,
            ignore,
            enable,
            next: entries.full.then_some(entries.taken),
        }
    }

    fn own_key_state(&self, with_qr: bool) -> OwnKeyState {
        let seconds = self.own_key.generating_for(self.now.mono).map(|took| took.as_secs());
        let fingerprint = self.otr.own_fingerprint();
        let digits = fingerprint.map(|one| one.to_hex().to_ascii_uppercase());
        OwnKeyState {
            state: self.own_key.state().word().into(),
            qr: digits.as_deref().filter(|_| with_qr).and_then(qr_code),
            fingerprint: digits,
            made: fingerprint.and_then(|own| self.key_dates.made_at(own)),
            seconds,
        }
    }

    fn peer_state(&self, peer: &Peer) -> Option<PeerState> {
        let conversation = self.peers.conversations().get(peer);
        let standing = match conversation {
            Some(conversation) => self.peers.standing(peer, conversation),
            // What libotr's file names need not be a nick.
            None => self.peers.clear_standing(peer, Nick::new(peer.as_bytes()).ok()?),
        };
        let private = conversation.and_then(Conversation::private);
        Some(PeerState {
            standing,
            rule: self.peers.policy_and_rule(peer).1.to_string(),
            since: private.map(|private| private.since),
            otr: private.map(|private| match private.version {
                Version::V2 => 2,
                Version::V3 => 3,
            }),
        })
    }

    fn fingerprint(&self, known: &KnownFingerprint) -> Option<FingerprintState> {
        let conversation = self.peers.conversations().get(&known.peer);
        let in_use = conversation.and_then(|c| c.private()).map(|private| private.fingerprint);
        let nick = match conversation {
            Some(conversation) => conversation.nick().clone(),
            None => Nick::new(known.peer.as_bytes()).ok()?,
        };
        let used = self.key_dates.used(known.fingerprint);
        Some(FingerprintState {
            peer: nick,
            fingerprint: known.fingerprint.to_hex().to_ascii_uppercase(),
            trust: match known.trust {
                Trust::None => shim::Trust::None,
                Trust::Manual | Trust::Other(_) => shim::Trust::Manual,
                Trust::SharedSecret => shim::Trust::Secret,
            },
            in_use: in_use == Some(known.fingerprint),
            first_used: used.map(|used| used.first),
            last_used: used.map(|used| used.last),
        })
    }
}

/// The entries of one page, over all lists.
struct Entries {
    /// Entries of earlier pages that are still to be passed over.
    skip: u64,
    room: usize,
    /// Entries of earlier pages and of this one.
    taken: u64,
    full: bool,
}

impl Entries {
    fn take<I: IntoIterator, T: Serialize>(
        &mut self,
        list: I,
        entry: impl Fn(I::Item) -> Option<T>,
    ) -> Vec<T> {
        let mut page = Vec::new();
        for item in list {
            if self.full {
                break;
            }
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            let Some(entry) = entry(item) else {
                self.taken += 1;
                continue;
            };
            // No entry takes more than 2 KiB: each page has some.
            let size = serde_json::to_vec(&entry).map_or(0, |json| json.len() + 1);
            if size > self.room {
                self.full = true;
                break;
            }
            self.room -= size;
            self.taken += 1;
            page.push(entry);
        }
        page
    }
}

/// `otr:` and the fingerprint, as a picture for another person's camera. It takes 0.2 ms.
fn qr_code(fingerprint: &str) -> Option<QrCode> {
    let text = format!("otr:{fingerprint}");
    let code = qrcodegen::QrCode::encode_text(&text, qrcodegen::QrCodeEcc::Medium).ok()?;
    let module = |x, y| if code.get_module(x, y) { '1' } else { '0' };
    let row = |y| (0..code.size()).map(|x| module(x, y)).collect::<String>();
    QrCode::try_from((0..code.size()).map(row).collect::<Vec<_>>()).ok()
}

/// What the other end says of itself, as far as it is of use.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
