//! Whom the user trusts: `trust`, `distrust`, `forget`, `fingerprint`.

use super::{Engine, ForgetError};
use otr::{KnownFingerprint, Trust};
use proto::command::{Digits, FingerprintOf, Forget};
use proto::irc::Nick;
use proto::shim::Style;

impl Engine {
    /// What is meant by a word: the nick of a private conversation, else (a part of) a fingerprint
    /// that is known, else a nick.
    pub(super) fn meant(&self, peer: Nick, fingerprint: Digits) -> FingerprintOf {
        let private = self.fingerprint_in_use(&peer).is_some();
        match private || self.by_prefix(&fingerprint).is_none() {
            true => FingerprintOf { peer: Some(peer), fingerprint: None },
            false => FingerprintOf { peer: None, fingerprint: Some(fingerprint) },
        }
    }

    pub(super) fn trust(&mut self, of: &FingerprintOf) {
        self.set_trust(of, Trust::Manual, "trusted!")
    }

    pub(super) fn distrust(&mut self, of: &FingerprintOf) {
        self.set_trust(of, Trust::None, "not trusted.")
    }

    fn set_trust(&mut self, of: &FingerprintOf, trust: Trust, word: &str) {
        for known in self.pick(of) {
            let nick = self.conversations.spelled(&known.peer);
            let style = if trust.is_trusted() { Style::Good } else { Style::Warn };
            self.say(style, format!("[{nick}] Fingerprint {} {word}", known.fingerprint));
            self.trust_set(&known.peer, known.fingerprint, trust.clone());
        }
    }

    pub(super) fn forget_named(&mut self, forget: &Forget) {
        let Some(mut found) = self.by_prefix(&forget.fingerprint) else {
            return self.say_unknown();
        };
        if !self.only_of(&mut found, forget.peer.as_ref()) {
            return self.say_unknown();
        }
        for known in found {
            let nick = self.conversations.spelled(&known.peer);
            match self.forget(&known) {
                Ok(()) => self.say(
                    Style::Plain,
                    format!("[{nick}] Fingerprint {} forgotten.", known.fingerprint),
                ),
                Err(ForgetError::InUse) => self.say(
                    Style::Bad,
                    format!(
                        "[{nick}] Fingerprint {} is in use: say finish {nick} first.",
                        known.fingerprint
                    ),
                ),
                Err(ForgetError::Unknown) => {}
            }
        }
    }

    pub(super) fn say_own_fingerprint(&mut self) {
        let (user, network) = (self.account.user.clone(), self.account.network.clone());
        let fingerprint = self.own_fingerprint();
        self.say(Style::Plain, format!("Your fingerprint as {user} on {network}: {fingerprint}."));
    }

    pub(super) fn say_unknown(&mut self) {
        self.say(Style::Bad, "No such fingerprint: info lists them.");
    }

    /// The records that are meant. Says why where there is none.
    fn pick(&mut self, of: &FingerprintOf) -> Vec<KnownFingerprint> {
        match (&of.peer, &of.fingerprint) {
            (peer, Some(digits)) => {
                let mut found = self.by_prefix(digits).unwrap_or_default();
                if !self.only_of(&mut found, peer.as_ref()) {
                    self.say_unknown();
                }
                found
            }
            (Some(nick), None) => {
                if self.fingerprint_in_use(nick).is_none() {
                    self.say_of(
                        nick,
                        Style::Bad,
                        "There is no private conversation with this nick. Start one, or name a fingerprint that info lists.",
                    );
                }
                self.fingerprint_in_use(nick).into_iter().collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// Leaves only records of one peer, if one is given; whether there are any.
    fn only_of(&self, found: &mut Vec<KnownFingerprint>, nick: Option<&Nick>) -> bool {
        if let Some(nick) = nick {
            let peer = self.peer(nick.as_bytes());
            found.retain(|known| Some(&known.peer) == peer.as_ref());
        }
        !found.is_empty()
    }

    /// The fingerprint in use with a nick.
    fn fingerprint_in_use(&self, nick: &Nick) -> Option<KnownFingerprint> {
        let peer = self.peer(nick.as_bytes())?;
        let fingerprint = self.conversations.get(&peer)?.private()?.fingerprint;
        self.known.of(&peer).find(|known| known.fingerprint == fingerprint)
    }

    /// All records of the one fingerprint that begins so; `None` where none or several do.
    fn by_prefix(&self, digits: &Digits) -> Option<Vec<KnownFingerprint>> {
        let starts = |known: &KnownFingerprint| known.fingerprint.starts_with_hex(digits.as_str());
        let found: Vec<KnownFingerprint> = self.known.all().filter(starts).collect();
        let first = found.first()?.fingerprint;
        found.iter().all(|known| known.fingerprint == first).then_some(found)
    }
}
