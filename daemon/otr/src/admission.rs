//! Who gets a context. libotr makes one for whatever comes, and keeps it.

use crate::Otr;
use crate::context::Context;
use crate::event::{Event, State};
use crate::handle::Handle;
use crate::message::{self, Header, MessageType, Version};

/// How many instances of one peer are kept.
pub const MAX_INSTANCES: usize = 8;
/// How many peers without a private conversation are kept.
pub const MAX_STRANGERS: usize = 512;

/// Kept from libotr, and what the caller hears of that.
type Refused = Option<Event>;

impl Otr {
    /// Whether a message may reach libotr, which would make a context for it.
    ///
    /// # Errors
    /// It may not; what is to be told of it, if anything.
    pub(crate) fn admit(
        &mut self,
        peer: Handle,
        line: &[u8],
        header: Header,
        ours: u32,
    ) -> Result<(), Refused> {
        let Header { version, kind, sender, receiver } = header;
        if version == Version::V3 {
            if sender < otr_sys::OTRL_MIN_VALID_INSTAG {
                return Err(Some(Event::Malformed));
            }
            if receiver != ours && !(receiver == 0 && kind == MessageType::DhCommit) {
                return Err(Some(Event::OtherInstance));
            }
        }
        let known = self.context(peer, sender);
        match kind {
            // libotr drops the first of these without a word after a restart.
            MessageType::Data if !known.is_some_and(Context::is_private) => {
                Err(Some(Event::NotPrivate {
                    instance: sender,
                    ignorable: message::ignorable(line),
                }))
            }
            MessageType::DhCommit if version == Version::V3 && self.ours_goes_first(peer, line) => {
                Err(self.our_commitment(peer))
            }
            _ if known.is_some() => Ok(()),
            MessageType::DhCommit => self.admit_instance(peer, version),
            // An answer to a query that we did not put changes nothing.
            MessageType::DhKey if self.context(peer, 0).is_some_and(Context::awaits_key) => {
                self.admit_instance(peer, version)
            }
            _ => Err(None),
        }
    }

    /// Both have committed at the same time: by the OTR spec the higher hash goes first, and the
    /// other one is forgotten. libotr compares within one context only, but in version 3 ours is
    /// the master's and theirs comes to a child's: both would answer, and then both wait.
    fn ours_goes_first(&self, peer: Handle, line: &[u8]) -> bool {
        let Some(master) = self.context(peer, 0).filter(|master| master.awaits_key()) else {
            return false;
        };
        let theirs = message::commitment_hash(line);
        let ours_first = theirs.is_some_and(|theirs| master.commitment_hash() > theirs);
        if !ours_first {
            master.forget_commitment();
        }
        ours_first
    }

    /// Ours once more: theirs may have been made by a program that never saw it.
    fn our_commitment(&self, peer: Handle) -> Option<Event> {
        let line = self.context(peer, 0)?.last_exchange_message()?;
        Some(Event::Inject { line })
    }

    /// Makes room for one more instance of a peer.
    fn admit_instance(&mut self, peer: Handle, version: Version) -> Result<(), Refused> {
        let Some(master) = self.context(peer, 0).filter(|_| version == Version::V3) else {
            return Ok(());
        };
        let children = || master.run().filter(|one| !one.is_master());
        if children().count() < MAX_INSTANCES {
            return Ok(());
        }
        let idle = children().filter(|one| one.state() == State::Plaintext);
        let oldest =
            idle.min_by_key(|one| (one.is_exchanging(), self.last_received(peer, one.instance())));
        match oldest.map(Context::instance) {
            Some(oldest) => {
                self.live.remove(&(peer, oldest));
                self.traffic.remove(&(peer, oldest));
                self.us.forget(self.account.as_c(), peer, oldest);
                Ok(())
            }
            None => Err(Some(Event::TooManyInstances)),
        }
    }

    /// Contexts are a linked list that libotr never shortens: peers without a session give way,
    /// the longest silent first.
    pub(crate) fn make_room_for_stranger(&mut self) {
        let strangers = || {
            let in_session =
                |master: &Context<'_>| master.run().any(|one| one.state() != State::Plaintext);
            self.us.masters().filter(move |master| !in_session(master))
        };
        if strangers().count() < MAX_STRANGERS {
            return;
        }
        let last_received = |master: Context<'_>| {
            let peer = master.peer()?;
            master.run().filter_map(|one| self.last_received(peer, one.instance())).max()
        };
        let oldest = strangers()
            .min_by_key(|one| (one.run().any(Context::is_exchanging), last_received(*one)));
        if let Some(oldest) = oldest.and_then(Context::peer) {
            self.forget(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::classify;
    use std::time::Duration;

    /// By the caller's time: the wall clock, by which libotr notes the same, may be set.
    #[test]
    fn the_longest_silent_stranger_gives_way() {
        // It makes no sense, and still makes a context.
        let commitment = b"?OTR:AAICAAAAAAAA.";
        let mut otr = Otr::new("alice").expect("libotr");
        let hear = |otr: &mut Otr, who: u64, at: u64| {
            otr.set_now(Duration::from_secs(at));
            otr.receive(Handle::new(who), &classify(commitment), commitment);
        };
        let newcomer = MAX_STRANGERS as u64;
        for who in 0..newcomer {
            hear(&mut otr, who, who);
        }
        hear(&mut otr, 0, newcomer);
        hear(&mut otr, newcomer, newcomer + 1);
        let is_kept = |who| otr.context(Handle::new(who), 0).is_some();
        assert_eq!([0, 1, 2, newcomer].map(is_kept), [true, false, true, true]);
        assert_eq!(otr.traffic.len(), MAX_STRANGERS);
    }
}
