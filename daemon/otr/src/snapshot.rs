//! Putting right what a line did to the contexts of its sender.
//!
//! Anybody who can use a peer's nick can make libotr change a context, without
//! any key. What must not change is remembered before each call and put right
//! after it.

use crate::context::Context;
use crate::event::State;
use crate::fingerprint::Fingerprint;
use crate::trust::Trust;

/// How a peer's contexts were before a call.
#[derive(Default)]
pub(crate) struct ContextSnapshot {
    states: Vec<(u32, State)>,
    prints: Vec<(Fingerprint, Trust)>,
}

/// What was seen while putting them right.
#[derive(Default)]
pub(crate) struct Seen {
    /// Instances whose peer has ended the conversation.
    pub(crate) ended: Vec<u32>,
    /// A fingerprint was added.
    pub(crate) new_print: bool,
}

impl ContextSnapshot {
    /// Takes note of a peer's contexts; `None` if there are none.
    pub(crate) fn of(master: Option<Context>) -> ContextSnapshot {
        let Some(master) = master else { return ContextSnapshot::default() };
        ContextSnapshot {
            states: master.each_of_run().map(|one| (one.instance(), one.state())).collect(),
            prints: master.each_print().map(|one| (one.fingerprint(), one.trust())).collect(),
        }
    }

    pub(crate) fn fingerprints(&self) -> Vec<Fingerprint> {
        self.prints.iter().map(|(fingerprint, _)| *fingerprint).collect()
    }

    fn state(&self, instance: u32) -> State {
        let found = self.states.iter().find(|(which, _)| *which == instance);
        found.map_or(State::Plaintext, |(_, state)| *state)
    }

    /// Puts the contexts of a peer right.
    pub(crate) fn restore(&self, master: Option<Context>) -> Seen {
        let mut seen = Seen::default();
        let Some(master) = master else { return seen };
        for context in master.each_of_run() {
            context.drop_last_message();
            let before = self.state(context.instance());
            restore_state(context, before);
            if before == State::Encrypted && context.state() == State::Finished {
                seen.ended.push(context.instance());
            }
        }
        for print in master.each_print() {
            let fingerprint = print.fingerprint();
            match self.prints.iter().find(|(known, _)| *known == fingerprint) {
                // A failed SMP takes trust away and a successful one gives it:
                // that is for the user to do.
                Some((_, trust)) if *trust != print.trust() => print.set_trust(trust),
                Some(_) => {}
                None => seen.new_print = true,
            }
        }
        seen
    }
}

/// A message state that contradicts the keys, or that came by copying the
/// master's, is a trick: a forged key message makes a private session look plain,
/// a forged commitment makes a session look private that has no keys.
fn restore_state(context: Context, before: State) {
    if context.has_keys() {
        context.set_state(State::Encrypted);
        return;
    }
    match (before, context.state()) {
        (State::Finished, State::Plaintext | State::Encrypted) => {
            context.set_state(State::Finished);
        }
        (State::Plaintext, State::Finished) | (_, State::Encrypted) => {
            context.set_state(State::Plaintext);
        }
        _ => {}
    }
}
