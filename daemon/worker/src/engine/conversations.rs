//! The conversations by folded nick. It notes which were changed in a step, so that what has to
//! be looked at afterwards does not grow with the number of peers.

use super::conversation::{Conversation, GuardTold, LeftBehind, Phase};
use super::messages::Message;
use super::output::Output;
use super::persistence::Persistence;
use crate::limits;
use crate::store::StoredFile;
use crate::text::casemap::Casemap;
use crate::text::sanitize::quote;
use otr::{Fingerprint, Handle, Otr, Peer, Session};
use proto::irc::Nick;
use proto::shim::guard;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

mod comings_and_goings;
mod exchanges;
mod joining;
mod session_in_use;
mod silence;
mod typed_lines;

/// Everybody whom we met, and everybody who is kept closed.
#[derive(Default)]
pub struct Conversations {
    map: HashMap<Peer, Conversation>,
    /// How nicks are folded.
    casemap: Casemap,
    /// So many nicks are closed that everybody is.
    everybody: bool,
    /// The number of the newest handle; handles are never reused.
    last_handle: u64,
    touched: Vec<Peer>,
    /// Those that wait for something.
    busy: BTreeSet<Peer>,
}

impl Conversations {
    /// The one name of a peer for all spellings; `None` where libotr could not hold it.
    pub fn peer(&self, nick: &[u8]) -> Option<Peer> {
        Peer::from_vec(self.casemap.fold(nick)).ok()
    }

    /// How nicks are folded.
    pub fn casemap(&self) -> Casemap {
        self.casemap
    }

    /// Folds nicks by another rule from now on. Those that are there have to be taken out and put in
    /// again.
    pub fn set_casemap(&mut self, casemap: Casemap) {
        self.casemap = casemap;
    }

    /// A conversation with somebody whom libotr has not met. It is not in the table.
    pub fn begin(&mut self, nick: Nick, now: Duration) -> Conversation {
        self.last_handle += 1;
        Conversation::new(nick, Handle::new(self.last_handle), now)
    }

    /// The same with somebody with whom it is known to have been private.
    pub fn begin_closed(&mut self, nick: Nick, phase: Phase, now: Duration) -> Conversation {
        self.last_handle += 1;
        Conversation::closed(nick, Handle::new(self.last_handle), phase, now)
    }

    /// What stays at a nick that a conversation left for another.
    pub fn leave(&mut self, peer: Peer, nick: Nick, to: Nick, left: LeftBehind, now: Duration) {
        self.last_handle += 1;
        let handle = Handle::new(self.last_handle);
        self.insert(peer, Conversation::left_at(nick, to, left, handle, now));
    }

    pub fn get(&self, peer: &Peer) -> Option<&Conversation> {
        self.map.get(peer)
    }

    pub fn get_mut(&mut self, peer: &Peer) -> Option<&mut Conversation> {
        let conversation = self.map.get_mut(peer);
        if conversation.is_some() && self.touched.last() != Some(peer) {
            self.touched.push(peer.clone());
        }
        conversation
    }

    pub fn insert(&mut self, peer: Peer, conversation: Conversation) {
        self.touched.push(peer.clone());
        self.map.insert(peer, conversation);
    }

    pub fn remove(&mut self, peer: &Peer) -> Option<Conversation> {
        self.touch(peer);
        self.busy.remove(peer);
        self.map.remove(peer)
    }

    pub fn take_all(&mut self) -> Vec<(Peer, Conversation)> {
        self.busy.clear();
        self.touched.extend(self.map.keys().cloned());
        self.map.drain().collect()
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// How libotr knows a peer.
    pub fn handle(&self, peer: &Peer) -> Option<Handle> {
        self.get(peer).map(Conversation::handle)
    }

    /// What libotr holds with a peer, the one newest heard first.
    pub(super) fn sessions(&self, otr: &Otr, peer: &Peer) -> Vec<Session> {
        self.handle(peer).map(|handle| otr.sessions(handle)).unwrap_or_default()
    }

    /// Whether any session with a peer has this key.
    pub(super) fn use_key(&self, otr: &Otr, peer: &Peer, key: Fingerprint) -> bool {
        self.handle(peer).is_some_and(|handle| otr.keys_in_use(handle).contains(&key))
    }

    /// How a nick was last spelled, as it may be shown.
    pub fn spelled(&self, peer: &Peer) -> String {
        quote(self.get(peer).map_or(peer.as_bytes(), |c| c.nick().as_bytes()))
    }

    /// The nick by which a peer goes, or went last.
    pub fn nick(&self, peer: &Peer) -> Option<Nick> {
        let nick = self.get(peer).map(|conversation| conversation.nick().clone());
        nick.or_else(|| Nick::new(peer.as_bytes()).ok())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Peer, &Conversation)> {
        self.map.iter()
    }

    pub fn values(&self) -> impl Iterator<Item = &Conversation> {
        self.map.values()
    }

    /// This peer, as if it had been changed.
    pub fn touch(&mut self, peer: &Peer) {
        self.touched.push(peer.clone());
    }

    /// Where a nick that was left leads to. Nothing that is looked at after a step changes by that,
    /// and there may be a thousand of them.
    pub fn leads_to(&mut self, left: &Peer, nick: &Nick) {
        if let Some(conversation) = self.map.get_mut(left) {
            conversation.leads_to(nick);
        }
    }

    /// Every peer, as if all had been touched: a rule for all of them changed.
    pub fn touch_all(&mut self) {
        self.touched.extend(self.map.keys().cloned());
    }

    /// Peers that wait for something, in a stable order.
    pub fn busy(&self) -> Vec<Peer> {
        self.busy.iter().cloned().collect()
    }

    /// What waits was asked for by a module that is not there any more, and its requests' ids mean
    /// nothing to another one.
    pub fn forget_requests(&mut self) {
        for peer in self.busy() {
            if let Some(conversation) = self.get_mut(&peer) {
                conversation.waiting_mut().forget_requests();
            }
        }
    }

    /// How many of those that wait for something are so.
    pub fn count_busy(&self, is_so: fn(&Conversation) -> bool) -> usize {
        self.busy.iter().filter_map(|peer| self.get(peer)).filter(|c| is_so(c)).count()
    }

    /// How many are so.
    pub(super) fn count(&self, is_so: fn(&Conversation) -> bool) -> u32 {
        u32::try_from(self.values().filter(|c| is_so(c)).count()).unwrap_or(u32::MAX)
    }

    /// Lines that wait, of all peers.
    pub fn waiting(&self) -> usize {
        self.busy.iter().filter_map(|peer| self.get(peer)).map(|c| c.waiting().len()).sum()
    }

    /// When the next of them wants a tick.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.busy.iter().filter_map(|peer| self.get(peer)?.deadline()).min()
    }

    /// Peers touched since the last call, sorted, each once; brings [`Conversations::busy`] up to date.
    pub fn settle(&mut self) -> Vec<Peer> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort();
        touched.dedup();
        for peer in &touched {
            match self.get(peer).and_then(Conversation::deadline) {
                Some(_) => self.busy.insert(peer.clone()),
                None => self.busy.remove(peer),
            };
        }
        touched
    }

    /// What [`Conversations::settle`] gave has been looked at: it is not to be looked at again.
    pub fn settled(&mut self, mut looked_at: Vec<Peer>) {
        looked_at.clear();
        self.touched = looked_at;
    }

    /// Takes out the half of the idle ones that was quiet longest, where there are too many.
    pub fn make_room(&mut self) -> Vec<(Peer, Conversation)> {
        if self.len() < limits::IDLE_PEERS {
            return Vec::new();
        }
        let idle = self.iter().filter(|(_, c)| c.is_idle());
        let mut idle: Vec<(Duration, Peer)> =
            idle.map(|(peer, c)| (c.last(), peer.clone())).collect();
        idle.sort();
        idle.truncate(idle.len().div_ceil(2));
        let out = idle.into_iter().map(|(_, peer)| (self.remove(&peer), peer));
        out.filter_map(|(conversation, peer)| Some((peer, conversation?))).collect()
    }

    /// Peers with whom something is private, asked for or blocked, sorted.
    pub fn not_clear(&self) -> Vec<Peer> {
        let open = self.iter().filter(|(_, c)| !c.is_clear() || c.is_asking());
        let mut open: Vec<Peer> = open.map(|(peer, _)| peer.clone()).collect();
        open.sort();
        open
    }

    /// Whether nothing may go to this peer in clear until the user says so.
    pub fn is_closed(&self, peer: &Peer) -> bool {
        self.get(peer).is_some_and(|conversation| !conversation.is_clear())
    }

    /// Whether fewer than so many nicks are closed.
    pub fn fewer_closed_than(&self, most: usize) -> bool {
        self.values().filter(|c| !c.is_clear()).take(most).count() < most
    }

    /// A closed nick, spelled otherwise, that some CASEMAPPING takes for this one.
    pub fn same_to_some(&self, nick: &Nick) -> Option<Nick> {
        let folded = guard::fold(nick.as_bytes());
        let closed = self.values().filter(|c| !c.is_clear()).map(Conversation::nick);
        let mut others = closed.filter(|other| *other != nick);
        others.find(|other| guard::fold(other.as_bytes()) == folded).cloned()
    }

    /// Whether nothing may go in clear to anybody.
    pub fn everybody_closed(&self) -> bool {
        self.everybody
    }

    /// From now on nothing may go in clear to anybody. Whether that is new.
    pub fn close_everybody(&mut self) -> bool {
        !std::mem::replace(&mut self.everybody, true)
    }

    /// Whether one more nick can be kept closed by its name; otherwise everybody is.
    pub(super) fn room_for_closed(&mut self, persistence: &mut Persistence) -> bool {
        if self.fewer_closed_than(limits::CLOSED) {
            return true;
        }
        if self.close_everybody() {
            persistence.changed(StoredFile::Conversations);
        }
        false
    }

    /// From now on those alone are closed who are so by name. Whether that is new.
    pub fn open_everybody(&mut self) -> bool {
        std::mem::take(&mut self.everybody)
    }

    /// A line of `*otr` about a peer, whoever has the nick.
    pub(super) fn report_of_peer(&self, peer: &Peer, message: Message, output: &mut Output) {
        output.report_under(&self.spelled(peer), self.nick(peer), message);
    }

    /// A line of `*otr` about a peer, as often as this one may cause it.
    pub(super) fn report_seldom(
        &mut self,
        peer: &Peer,
        now: Duration,
        message: Message,
        output: &mut Output,
    ) {
        let Some(conversation) = self.get_mut(peer) else { return };
        if conversation.allowances_mut().note(now) {
            output.report_of(conversation.nick(), message);
        }
    }

    /// Nicks that were left for this one.
    pub fn left_for(&self, nick: &Nick) -> Vec<Peer> {
        let left = |c: &Conversation| matches!(c.phase(), Phase::Moved { to } if to == nick);
        self.iter().filter(|(_, c)| left(c)).map(|(peer, _)| peer.clone()).collect()
    }

    /// Whom the module was told to guard: until the user says otherwise, or for now.
    pub fn guarded(&self, told: GuardTold) -> Vec<Nick> {
        let guarded = self.values().filter(|c| c.is_guarded() && c.guard_told() == told);
        let mut nicks: Vec<Nick> = guarded.map(|c| c.nick().clone()).collect();
        nicks.sort();
        nicks
    }
}

#[cfg(test)]
mod conversations_tests;
