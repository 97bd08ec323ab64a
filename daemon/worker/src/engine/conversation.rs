//! Our own record of a conversation. It decides what may go out; libotr only encrypts.
//!
//! What happens to it is a method each, named after what happens. Nobody else changes it.

mod guard;
mod nick;
mod peer_allowances;
mod phase;
mod private_session;
mod smp_state;
#[cfg(test)]
mod transition_tests;
mod waiting;

pub use guard::GuardTold;
pub use nick::{LeftBehind, Merged};
pub use peer_allowances::{ErrorReply, Step};
pub use phase::{Phase, Private};
pub use private_session::{Ended, Unreadable};
pub use smp_state::SmpState;

use super::crossing::Crossing;
use super::split_lines::Split;
use crate::limits;
use guard::Guard;
use otr::Handle;
use peer_allowances::Allowances;
use proto::irc::Nick;
use std::time::Duration;
use waiting::WaitingLines;

/// What is known of one peer: the conversation, and what the peer may cause.
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
    /// The tag went out once; it is not repeated.
    Made,
    /// The peer wrote in clear without one: no more.
    Declined,
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
        Self { phase, guard: Guard::untold(), ..Self::new(nick, handle, now) }
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

    /// Whether it was private, and goes on nowhere or at another nick.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.phase(), Phase::Blocked { .. } | Phase::Moved { .. })
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
    pub fn user_wrote(&mut self) {
        self.written_to = true;
    }

    /// Whether a message is to offer OTR by whitespace: one does.
    pub fn offers(&mut self) -> bool {
        let offers = self.offer == Offer::Next;
        if offers {
            self.offer = Offer::Made;
            self.allowances.we_ask();
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
        self.guard.is(guard)
    }

    /// The peer is guarded so from now on. Whether the module is to be told.
    pub fn guarded_so(&mut self, guard: GuardTold) -> bool {
        self.guard.set(guard)
    }

    /// The module guards the peer at least so, without being told.
    pub fn module_guards(&mut self, guard: GuardTold) {
        self.guard.at_least(guard);
    }

    /// The module holds the peer closed, of whom nothing was known here.
    pub fn found_closed(&mut self) {
        self.phase = Phase::lost();
        self.guard = Guard::closed();
    }
}
