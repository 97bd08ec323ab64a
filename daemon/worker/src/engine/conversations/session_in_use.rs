//! The session that a conversation uses, where libotr has another one, or less than we believed.

use super::Conversations;
use crate::engine::messages::Message;
use crate::engine::output::Output;
use crate::engine::persistence::Persistence;
use crate::store::StoredFile;
use otr::{Otr, Peer};

impl Conversations {
    /// Where the session in use ends, the newest of the peer's other clients takes its place: one
    /// with the same key that was heard since. An older one may be gone, and our words with it.
    pub(in crate::engine) fn go_on_elsewhere(
        &mut self,
        otr: &Otr,
        peer: &Peer,
        ended: u32,
        output: &mut Output,
    ) -> bool {
        let sessions = self.sessions(otr, peer);
        let began = sessions.iter().find(|s| s.instance == ended).map(|s| s.since);
        let Some(conversation) = self.get_mut(peer) else { return false };
        let Some(private) = conversation.private() else { return false };
        let newest = sessions
            .iter()
            .filter(|s| {
                s.instance != ended
                    && s.state == otr::State::Encrypted
                    && s.fingerprint == Some(private.fingerprint)
                    && began.is_some_and(|began| s.last_heard > began)
            })
            .max_by_key(|s| s.since);
        let Some(newest) = newest else { return false };
        conversation.goes_on_with(newest.instance, newest.version);
        let nick = conversation.nick().clone();
        output.report_of(
            &nick,
            Message::GoesOnElsewhere { instance: format!("{:08x}", newest.instance) },
        );
        true
    }

    /// Makes our record agree with libotr where libotr has less than we believed.
    pub(in crate::engine) fn reconcile(
        &mut self,
        otr: &Otr,
        peer: &Peer,
        persistence: &mut Persistence,
        output: &mut Output,
    ) {
        let Some(conversation) = self.get_mut(peer) else { return };
        let Some(private) = conversation.private() else { return };
        let alive = otr.sessions(conversation.handle()).into_iter().any(|s| {
            s.instance == private.instance
                && s.state == otr::State::Encrypted
                && s.fingerprint == Some(private.fingerprint)
        });
        if !alive {
            conversation.keys_lost();
            let nick = conversation.nick().clone();
            persistence.changed(StoredFile::Conversations);
            output.report_of(&nick, Message::KeysLost {});
        }
    }
}
