//! Putting right what a line did to the contexts of its sender.
//!
//! Anybody who can use a peer's nick can make libotr change a context, without
//! any key. What must not change is remembered before each call and put right
//! after it.

use crate::context::Context;
use crate::event::State;
use crate::message::Version;

/// How a peer's contexts were before a call.
#[derive(Default)]
pub(crate) struct ContextSnapshot(Vec<Before>);

struct Before {
    instance: u32,
    state: State,
    version: Version,
    session_id: Vec<u8>,
}

impl ContextSnapshot {
    /// Takes note of a peer's contexts.
    pub(crate) fn of<'a>(run: impl Iterator<Item = Context<'a>>) -> ContextSnapshot {
        let before = run.map(|one| Before {
            instance: one.instance(),
            state: one.state(),
            version: one.version(),
            session_id: one.session_id(),
        });
        ContextSnapshot(before.collect())
    }

    fn find(&self, instance: u32) -> Option<&Before> {
        self.0.iter().find(|before| before.instance == instance)
    }

    /// Puts the contexts of a peer right; returns the instances whose peer has ended the
    /// conversation.
    pub(crate) fn restore<'a>(&self, run: impl Iterator<Item = Context<'a>>) -> Vec<u32> {
        let mut ended = Vec::new();
        for context in run {
            context.drop_last_message();
            let was = self.find(context.instance());
            let before = was.map_or(State::Plaintext, |was| was.state);
            restore_state(context, before);
            if let Some(was) = was.filter(|was| was.session_id == context.session_id()) {
                restore_version(context, was);
            }
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

/// A query asks for another exchange, in the newest version that it names. libotr puts that version
/// into the context at once (`otrl_auth_start_v23`), and so at the head of messages under keys that
/// were made in another one, which the peer then cannot read. A version is that of its keys.
fn restore_version(context: Context<'_>, was: &Before) {
    if context.has_keys() && context.version() != was.version {
        context.set_version(was.version);
    }
}
