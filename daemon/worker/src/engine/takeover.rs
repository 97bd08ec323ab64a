//! Whom a module holds closed that was not connected before.

use super::conversation::{GuardTold, Phase};
use super::hashes::hash;
use super::messages::Message;
use super::nicks::Nicks;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use proto::irc::Nick;
use proto::shim::guard::{self, ClosedNicks};
use std::collections::{BTreeMap, HashSet};

/// Names that one line of `*otr` lists.
const NAMED: usize = 20;

impl Nicks<'_> {
    /// A module that was not connected before says whom it holds closed. Who is known here by any
    /// of our files, and not closed, was private once: another otrd may have seen to it, or files
    /// are lost.
    pub(super) fn take_over(&mut self, closed: &ClosedNicks) {
        if closed.everybody && self.conversations.close_everybody() {
            self.persistence.changed(StoredFile::Conversations);
        }
        let hashes: HashSet<&str> = closed.hashes.iter().map(String::as_str).collect();
        if hashes.is_empty() {
            return;
        }
        let mut nicks: BTreeMap<Vec<u8>, Nick> = BTreeMap::new();
        let of_files = self.known.peers().filter_map(|peer| Nick::new(peer.as_bytes()).ok());
        let met = self.conversations.values().map(|c| c.nick().clone());
        for nick in of_files.chain(met) {
            nicks.insert(guard::fold(nick.as_bytes()), nick);
        }
        let mut names = Vec::new();
        for (folded, nick) in nicks {
            let Some(peer) = self.conversations.peer(nick.as_bytes()) else { continue };
            if self.conversations.is_closed(&peer)
                || !hashes.contains(hash(&closed.salt, &folded).as_str())
            {
                continue;
            }
            self.close(nick.clone(), Phase::lost());
            if let Some(conversation) = self.conversations.get_mut(&peer) {
                conversation.module_guards(GuardTold::Closed);
            }
            names.push(quote(nick.as_bytes()));
        }
        if names.is_empty() {
            return;
        }
        self.persistence.changed(StoredFile::Conversations);
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names.join(", ");
        self.output.report(Message::UnknownToOtrd { names: format!("{names}{more}") });
    }
}
