//! What the connected module said of itself and of IRC, and what it knows of us.

use super::messages::Message;
use crate::text::wrap;
use otr::Peer;
use proto::irc::{Nick, Source};
use proto::shim::guard::Rule;
use proto::shim::{Hello, Network, Standing, Want};
use std::collections::BTreeMap;

/// Bytes of our own nick!user@host until the server has shown it to us: NICKLEN 30, USERLEN 12,
/// HOSTLEN 63 and the two signs.
const WORST_MASK: usize = 30 + 1 + 12 + 1 + 63;

/// Bytes of a user name for which room is kept: services and operators may change it (CHGIDENT)
/// without a word to us.
const LONGEST_IDENT: usize = 12;

/// The module, connected or not.
#[derive(Default)]
pub(crate) struct ModuleView {
    /// What it said when it connected; `None` while none is there.
    hello: Option<Hello>,
    /// IRC, as it last described it.
    network: Network,
    /// How everybody stands of whom it was told anything but `clear`.
    standings: BTreeMap<Peer, Standing>,
    /// The rules for lines of other modules.
    rules: Vec<Rule>,
    /// What the user is told as soon as one is there.
    notes: Vec<Message>,
}

impl ModuleView {
    /// What the module said when it connected; `None` while none is there.
    pub(super) fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// It is there.
    pub(super) fn connects(&mut self, hello: Hello) {
        self.hello = Some(hello);
    }

    /// It is not there any more. Whether it may come back as the same.
    pub(super) fn leaves(&mut self) -> bool {
        self.offline();
        self.hello.take().is_some_and(|hello| hello.instance.is_some())
    }

    pub(super) fn is_connected(&self) -> bool {
        self.hello.is_some()
    }

    pub(super) fn wants(&self, what: Want) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.wants(what))
    }

    /// Whether it remembers by itself who is closed.
    pub(super) fn remembers(&self) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.closed.is_some())
    }

    /// IRC, as the module last described it.
    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// The module describes IRC. Gives what it said before.
    pub(super) fn describes(&mut self, network: Network) -> Network {
        std::mem::replace(&mut self.network, network)
    }

    /// Whether ZNC is connected to the network.
    pub(super) fn is_online(&self) -> bool {
        self.network.connected
    }

    /// ZNC is not, as far as is known.
    pub(super) fn offline(&mut self) {
        self.network.connected = false;
    }

    /// Bytes that a line to this target may carry.
    pub(super) fn room(&self, to: &Nick, command: &str) -> usize {
        let mask = self.network.mask.as_ref().map_or(WORST_MASK, longest);
        // No network has lines of more than 8 KiB; less than 512 is not allowed.
        let line = self.network.linelen.clamp(512, 8192) as usize;
        wrap::room(line, mask, command, to.as_bytes().len())
    }

    /// The rules of now. Whether the module is to be told.
    pub(super) fn learns_rules(&mut self, rules: &[Rule]) -> bool {
        let new = self.rules != rules;
        if new {
            self.rules = rules.to_vec();
        }
        new
    }

    /// It knows nothing of how anybody stands.
    pub(super) fn forget_standings(&mut self) {
        self.standings.clear();
    }

    /// Everybody of whom it was told anything but `clear`.
    pub(super) fn knows_of(&self) -> impl Iterator<Item = &Peer> {
        self.standings.keys()
    }

    /// What it was told last of a peer; `None` where they are clear.
    pub(super) fn standing(&self, peer: &Peer) -> Option<&Standing> {
        self.standings.get(peer)
    }

    /// How a peer stands now. Gives what it was told before.
    pub(super) fn learns(&mut self, peer: &Peer, standing: Option<&Standing>) -> Option<Standing> {
        match standing {
            Some(standing) => self.standings.insert(peer.clone(), standing.clone()),
            None => self.standings.remove(peer),
        }
    }

    /// Has the next `hello` followed by a line of `*otr`.
    pub(super) fn note(&mut self, message: Message) {
        self.notes.push(message);
    }

    pub(super) fn take_notes(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.notes)
    }
}

/// Bytes of our own mask, should the user name become as long as it can be.
fn longest(mask: &Source) -> usize {
    let bytes = mask.as_bytes();
    let ident = bytes.split(|byte| *byte == b'!').nth(1).unwrap_or_default();
    let ident = ident.split(|byte| *byte == b'@').next().unwrap_or_default();
    bytes.len() + LONGEST_IDENT.saturating_sub(ident.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_for_a_user_name_that_becomes_longer() {
        let longest = |mask: &str| longest(&Source::new(mask.as_bytes()).unwrap());
        assert_eq!(longest("alice!a@host"), "alice!123456789012@host".len());
        assert_eq!(longest("alice!~verylongident@host"), "alice!~verylongident@host".len());
        assert_eq!(longest("alice"), "alice".len() + LONGEST_IDENT);
    }

    #[test]
    fn it_is_told_what_it_does_not_know() {
        let mut module = ModuleView::default();
        let rule = Rule { pattern: Nick::new("*").unwrap(), required: true };
        assert!(!module.learns_rules(&[]));
        assert!(module.learns_rules(std::slice::from_ref(&rule)));
        assert!(!module.learns_rules(&[rule]));
        assert!(module.learns_rules(&[]));
    }
}
