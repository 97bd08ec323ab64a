//! `forget`: a key that the user wants to know no more.

use super::conversations::Conversations;
use super::key_dates::KeyDates;
use super::key_search::KeySearch;
use super::messages::Message;
use super::output::Output;
use super::persistence::Persistence;
use crate::store::StoredFile;
use otr::{FingerprintStore, KnownFingerprint, Otr};
use proto::command::Forget;

/// Why a fingerprint was not forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ForgetError {
    /// A private conversation uses it.
    InUse,
    /// It is not known of this peer.
    Unknown,
}

/// What the user wants to know no more, and what has to know of it.
pub(super) struct Forgetting<'a> {
    pub(super) otr: &'a Otr,
    pub(super) known: &'a mut FingerprintStore,
    pub(super) key_dates: &'a mut KeyDates,
    pub(super) conversations: &'a Conversations,
    pub(super) persistence: &'a mut Persistence,
    pub(super) output: &'a mut Output,
}

impl Forgetting<'_> {
    /// `forget`
    pub(super) fn run(&mut self, forget: &Forget) {
        let search = KeySearch::new(self.known, self.conversations);
        let Some(found) = search.of_digits(&forget.fingerprint, forget.peer.as_ref()) else {
            return self.output.report(Message::NoSuchFingerprint {});
        };
        for known in found {
            let (peer, fingerprint) = (&known.peer, known.fingerprint.to_string());
            let name = self.conversations.spelled(peer);
            match self.forget(&known) {
                Ok(()) => self.conversations.report_of_peer(
                    peer,
                    Message::Forgotten { fingerprint },
                    self.output,
                ),
                Err(ForgetError::InUse) => {
                    self.conversations.report_of_peer(
                        peer,
                        Message::FingerprintInUse { fingerprint, name },
                        self.output,
                    );
                }
                Err(ForgetError::Unknown) => {}
            }
        }
    }

    /// The user does not want to know it any more.
    fn forget(&mut self, known: &KnownFingerprint) -> Result<(), ForgetError> {
        if self.conversations.use_key(self.otr, &known.peer, known.fingerprint) {
            return Err(ForgetError::InUse);
        }
        if !self.known.forget(&known.peer, known.fingerprint) {
            return Err(ForgetError::Unknown);
        }
        if !self.known.all().any(|other| other.fingerprint == known.fingerprint) {
            self.key_dates.forget(known.fingerprint);
        }
        self.persistence.changed(StoredFile::Conversations);
        self.persistence.changed(StoredFile::Fingerprints);
        Ok(())
    }
}
