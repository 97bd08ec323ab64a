//! Putting right what a line did to the contexts of its sender.
//!
//! Anybody who can use a peer's nick can make libotr change a context, without
//! any key. What must not change is remembered before each call and put right
//! after it.

use crate::context::Context;
use crate::event::State;

/// How a peer's contexts were before a call.
#[derive(Default)]
pub(crate) struct ContextSnapshot {
    states: Vec<(u32, State)>,
}

impl ContextSnapshot {
    /// Takes note of a peer's contexts.
    pub(crate) fn of<'a>(run: impl Iterator<Item = Context<'a>>) -> ContextSnapshot {
        ContextSnapshot { states: run.map(|one| (one.instance(), one.state())).collect() }
    }

    fn state(&self, instance: u32) -> State {
        let found = self.states.iter().find(|(which, _)| *which == instance);
        found.map_or(State::Plaintext, |(_, state)| *state)
    }

    /// Puts the contexts of a peer right; returns the instances whose peer has ended the
    /// conversation.
    pub(crate) fn restore<'a>(&self, run: impl Iterator<Item = Context<'a>>) -> Vec<u32> {
        let mut ended = Vec::new();
        for context in run {
            context.drop_last_message();
            let before = self.state(context.instance());
            restore_state(context, before);
            if before == State::Encrypted && context.state() == State::Finished {
                ended.push(context.instance());
            }
        }
        ended
    }
}

/// A message state that contradicts the keys, or that came by copying the
/// master's, is a trick: a forged key message makes a private session look plain,
/// a forged commitment makes a session look private that has no keys.
fn restore_state(context: Context<'_>, before: State) {
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
