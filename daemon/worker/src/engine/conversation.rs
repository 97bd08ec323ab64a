//! Our own record of a conversation. It decides what may go out; libotr only encrypts.
//!
//! What happens to it is a method each, named after what happens. Nobody else changes it.

mod allowances;
mod nick;
mod phase;
mod smp;
#[cfg(test)]
mod tests;
mod waiting;

pub use allowances::ErrorReply;
pub use nick::{LeftBehind, Merged};
pub use phase::{Phase, Private};
pub use smp::SmpState;

use super::crossing::Crossing;
use super::split_lines::Split;
use crate::limits;
use allowances::Allowances;
use otr::{Fingerprint, Handle, Version};
use proto::irc::Nick;
use std::time::Duration;
use waiting::WaitingLines;

/// One peer.
pub struct Conversation {
    /// As last spelled.
    nick: Nick,
    /// How libotr knows the peer: the same under every nick.
    handle: Handle,
    /// Nicks that were others by another CASEMAPPING, and closed too.
    aliases: Vec<Nick>,
    phase: Phase,
    /// When we asked for a private conversation that has not come about yet.
    asked: Option<Duration>,
    /// Typed lines that wait for it.
    waiting: WaitingLines,
    /// What waits for the end of the key exchange under way.
    crossing: Crossing,
    offer: Offer,
    smp: SmpState,
    /// The beginning of an OTR line that a gateway cut.
    split: Split,
    /// The key came along from another nick, and was not known of this one.
    brought: bool,
    guard: Guard,
    /// The user has written to this peer.
    written_to: bool,
    /// The peer has left IRC since.
    gone: bool,
    /// When something last happened.
    last: Duration,
    /// When we last asked for a new session because a message could not be read.
    repaired: Option<Duration>,
    allowances: Allowances,
}

/// Whether the whitespace tag goes on a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Offer {
    /// On the next that it fits.
    #[default]
    Next,
    /// It went out.
    Made,
    /// The peer wrote in clear without one: no more.
    Declined,
}

/// What keeps lines of other modules back.
#[derive(Clone, Copy, Default)]
struct Guard {
    /// Nothing may go in clear.
    on: bool,
    /// What the module was told of that.
    told: GuardTold,
}

/// What the module knows of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuardTold {
    /// Nothing.
    #[default]
    Open,
    /// Nothing may go in clear for now.
    Pending,
    /// Nothing may go in clear until the user says so.
    Closed,
}

/// What the user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was private, or asked for.
    Nothing,
    /// A private conversation was asked for.
    Asking,
    /// It was private, or closed.
    Conversation,
}

/// What a message that cannot be read leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing was private.
    Nothing,
    /// A new session was asked for a short while ago.
    AskedAlready,
    /// A new session is asked for.
    Asks,
}

impl Conversation {
    /// A peer whom nothing is known of.
    pub fn new(nick: Nick, handle: Handle, now: Duration) -> Self {
        Self {
            nick,
            handle,
            aliases: Vec::new(),
            phase: Phase::Clear,
            asked: None,
            waiting: WaitingLines::default(),
            crossing: Crossing::default(),
            offer: Offer::Next,
            smp: SmpState::Idle,
            split: Split::default(),
            brought: false,
            guard: Guard::default(),
            written_to: false,
            gone: false,
            last: now,
            repaired: None,
            allowances: Allowances::default(),
        }
    }

    /// A peer with whom it is known to have been private.
    pub fn closed(nick: Nick, handle: Handle, phase: Phase, now: Duration) -> Self {
        let guard = Guard { on: true, told: GuardTold::Open };
        Self { phase, guard, ..Self::new(nick, handle, now) }
    }
}

/// How it stands.
impl Conversation {
    pub fn nick(&self) -> &Nick {
        &self.nick
    }

    pub fn handle(&self) -> Handle {
        self.handle
    }

    pub fn aliases(&self) -> &[Nick] {
        &self.aliases
    }

    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The private conversation, if it is one.
    pub fn private(&self) -> Option<&Private> {
        self.phase.private()
    }

    pub fn is_private(&self) -> bool {
        self.private().is_some()
    }

    /// Whether it is neither private nor closed.
    pub fn is_clear(&self) -> bool {
        self.phase == Phase::Clear
    }

    /// Whether we asked for a private conversation that has not come about yet.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// Nothing to lose by forgetting it.
    pub fn is_idle(&self) -> bool {
        self.is_clear() && !self.is_asking() && self.waiting.is_empty()
    }

    /// When something last happened.
    pub fn last(&self) -> Duration {
        self.last
    }

    pub fn smp(&self) -> &SmpState {
        &self.smp
    }

    /// When this conversation wants a tick.
    pub fn deadline(&self) -> Option<Duration> {
        let asked = self.asked.map(|asked| asked + limits::QUERY_TIMEOUT);
        let lines = [self.waiting.deadline(), self.split.deadline()];
        let exchange = [self.crossing.deadline(), self.renewal_deadline()];
        let all = [asked, self.smp.deadline()].into_iter().chain(lines).chain(exchange);
        all.flatten().min()
    }

    /// The word of the `info` table.
    pub fn state_word(&self) -> &'static str {
        match self.phase {
            Phase::Clear => "plaintext",
            Phase::Private(_) => "encrypted",
            Phase::Finished => "finished",
            Phase::Blocked { .. } | Phase::Moved { .. } => "blocked",
        }
    }
}

/// Parts that own what is in them.
impl Conversation {
    pub fn waiting(&self) -> &WaitingLines {
        &self.waiting
    }

    pub fn waiting_mut(&mut self) -> &mut WaitingLines {
        &mut self.waiting
    }

    pub fn crossing_mut(&mut self) -> &mut Crossing {
        &mut self.crossing
    }

    pub fn split(&self) -> &Split {
        &self.split
    }

    pub fn split_mut(&mut self) -> &mut Split {
        &mut self.split
    }

    pub fn allowances_mut(&mut self) -> &mut Allowances {
        &mut self.allowances
    }
}

/// It is asked for, and becomes private.
impl Conversation {
    /// We ask for a private conversation. What is typed from now on waits for it.
    pub fn asks(&mut self, now: Duration) {
        self.asked = Some(now);
        self.allowances.we_ask();
    }

    /// Nothing comes of it. Whether we had asked.
    pub fn asks_no_longer(&mut self) -> bool {
        self.asked.take().is_some()
    }

    /// The same without the key exchange that was to come of it.
    pub fn withdraws(&mut self) -> bool {
        self.crossing = Crossing::default();
        self.asks_no_longer()
    }

    /// Gives up asking where nobody has come in time. Whether that is so.
    pub fn nobody_came(&mut self, now: Duration) -> bool {
        self.asked.take_if(|asked| now >= *asked + limits::QUERY_TIMEOUT).is_some()
    }

    /// A new session is asked for in place of one that a restart interrupted: once.
    pub fn asks_anew(&mut self) {
        if let Phase::Blocked { asked_anew, .. } = &mut self.phase {
            *asked_anew = true;
        }
    }

    /// A session began. Its key is trusted, or is another one than that known of this nick, or neither.
    /// Whether it is held: nothing goes out until the user trusts the key.
    pub fn becomes_private(&mut self, session: Private, trusted: bool, other: bool) -> bool {
        let pinned = self.phase.fingerprint();
        let moved = matches!(self.phase, Phase::Moved { .. });
        let changed = !trusted
            && (other || moved || pinned.is_some_and(|pinned| pinned != session.fingerprint));
        let again = self.private().filter(|was| was.is_with(session.fingerprint, session.instance));
        // A conversation held for its new key stays held when the same key comes again.
        let held = changed || (again.is_some_and(|was| was.held) && !trusted);
        let since = again.map_or(session.since, |was| was.since);
        self.phase = Phase::Private(Private { since, held, ..session });
        self.keys_renewed();
        held
    }

    /// The session in use has new keys.
    pub fn keys_renewed(&mut self) {
        self.asked = None;
        self.smp = SmpState::Idle;
        self.gone = false;
    }

    /// The user trusts this key, or does so no longer; `other`: it is not the one known of this nick.
    /// Whether what is private with it is held only from now on, where it is in use at all.
    pub fn key_judged(&mut self, key: Fingerprint, trusted: bool, other: bool) -> Option<bool> {
        let Phase::Private(private) = &mut self.phase else { return None };
        if private.fingerprint != key {
            return None;
        }
        let was_held = private.held;
        private.held = !trusted && (was_held || other);
        Some(private.held && !was_held)
    }

    /// Holds what is private where its key is another one than that known of this nick. Which key, where it was
    /// not held before.
    pub fn hold_other_key(
        &mut self,
        is_other: impl FnOnce(Fingerprint) -> bool,
    ) -> Option<Fingerprint> {
        let Phase::Private(private) = &mut self.phase else { return None };
        if private.held || !is_other(private.fingerprint) {
            return None;
        }
        private.held = true;
        Some(private.fingerprint)
    }

    /// Until when what is typed waits for new session keys, where anything does.
    pub fn renewal_deadline(&self) -> Option<Duration> {
        let released = self.private().is_some_and(|private| !private.held);
        self.crossing.renewal_deadline().filter(|_| released && !self.waiting.is_empty())
    }

    /// Whether the peer may use new session keys that we cannot use yet.
    pub fn is_renewing(&self) -> bool {
        self.crossing.renewal_deadline().is_some()
    }

    /// Whether what is typed now waits for new session keys, or behind what does.
    pub fn waits_for_new_keys(&self, now: Duration) -> bool {
        self.crossing.renewal_deadline().is_some_and(|at| now < at) || !self.waiting.is_empty()
    }
}

/// It ends.
impl Conversation {
    /// The peer ended it.
    pub fn ended_by_peer(&mut self) {
        self.phase = Phase::Finished;
        self.smp = SmpState::Idle;
    }

    /// It ends with the key of ours that it was made with. Whether it was private.
    pub fn ended_by_our_key(&mut self) -> bool {
        let private = self.is_private();
        if private {
            self.phase = Phase::Finished;
        }
        self.smp = SmpState::Idle;
        private
    }

    /// The user ended it: text may go out in clear, to all nicks that it kept closed.
    pub fn ended_by_user(&mut self) -> (Ended, Vec<Nick>) {
        let was = std::mem::replace(&mut self.phase, Phase::Clear);
        let asked = self.withdraws();
        self.smp = SmpState::Idle;
        self.offer = Offer::Declined;
        let mut nicks = std::mem::take(&mut self.aliases);
        nicks.push(self.nick.clone());
        let ended = match was {
            Phase::Clear if asked => Ended::Asking,
            Phase::Clear => Ended::Nothing,
            _ => Ended::Conversation,
        };
        (ended, nicks)
    }

    /// It goes on with another one of the peer's clients, under the same key.
    pub fn goes_on_with(&mut self, instance: u32, version: Version) {
        if let Phase::Private(private) = &mut self.phase {
            private.instance = instance;
            private.version = version;
        }
    }

    /// Its session keys are gone.
    pub fn keys_lost(&mut self) {
        if let Phase::Private(private) = &self.phase {
            self.phase = Phase::interrupted(Some(private.fingerprint));
        }
    }

    /// A message cannot be read: someone encrypts to keys that we no longer have.
    pub fn unreadable(&mut self, now: Duration) -> Unreadable {
        let lately = self.repaired.is_some_and(|at| now < at + limits::REPAIR_EVERY);
        if self.is_clear() {
            return Unreadable::Nothing;
        }
        if lately || self.is_asking() {
            return Unreadable::AskedAlready;
        }
        self.repaired = Some(now);
        Unreadable::Asks
    }
}

/// Authentications.
impl Conversation {
    /// The peer asks; what, in words as they may be quoted.
    pub fn smp_asked(&mut self, question: Option<String>) {
        self.smp = SmpState::Asked { question };
    }

    /// It is for the peer to go on.
    pub fn smp_runs(&mut self, now: Duration) {
        self.smp = SmpState::running(now);
    }

    /// It is over. Whether there was one.
    pub fn smp_ends(&mut self) -> bool {
        std::mem::take(&mut self.smp) != SmpState::Idle
    }

    /// Whether the user is to be told that the peer does not answer.
    pub fn smp_is_silent(&mut self, now: Duration) -> bool {
        self.smp.is_silent(now)
    }
}

/// Clear text, and who keeps it back.
impl Conversation {
    /// The user writes to the peer.
    pub fn written_to(&mut self) {
        self.written_to = true;
    }

    /// Whether a message is to offer OTR by whitespace: one does.
    pub fn offers(&mut self) -> bool {
        let offers = self.offer == Offer::Next;
        if offers {
            self.offer = Offer::Made;
        }
        offers
    }

    /// The peer wrote in clear without an offer: ours was not taken.
    pub fn wrote_in_clear(&mut self) {
        if self.offer == Offer::Made {
            self.offer = Offer::Declined;
        }
    }

    /// Whether nothing may go to the peer in clear.
    pub fn is_guarded(&self) -> bool {
        self.guard.on
    }

    /// What the module was told of that.
    pub fn guard_told(&self) -> GuardTold {
        self.guard.told
    }

    /// How the module is to guard the peer. `required`: nothing goes to the peer in clear, whatever happens.
    pub fn guard_wanted(&self, required: impl FnOnce() -> bool) -> GuardTold {
        if !self.is_clear() {
            return GuardTold::Closed;
        }
        // Not for everybody who writes to us: strangers would fill the guard's list.
        let pending =
            self.is_asking() || !self.waiting.is_empty() || (self.written_to && required());
        if pending { GuardTold::Pending } else { GuardTold::Open }
    }

    /// Whether this is how the peer is guarded already.
    pub fn is_guarded_so(&self, guard: GuardTold) -> bool {
        self.guard.told == guard && self.guard.on == (guard != GuardTold::Open)
    }

    /// The peer is guarded so from now on. Whether the module is to be told.
    pub fn guarded_so(&mut self, guard: GuardTold) -> bool {
        self.guard.on = guard != GuardTold::Open;
        std::mem::replace(&mut self.guard.told, guard) != guard
    }

    /// The module guards the peer at least so, without being told.
    pub fn module_guards(&mut self, guard: GuardTold) {
        self.guard.told = self.guard.told.max(guard);
    }

    /// The module holds the peer closed, of whom nothing was known here.
    pub fn found_closed(&mut self) {
        self.phase = Phase::lost();
        self.guard = Guard { on: true, told: GuardTold::Closed };
    }
}
