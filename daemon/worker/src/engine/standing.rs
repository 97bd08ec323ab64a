//! How each conversation stands, as the module is told: looked at once, at the end of a step.

use super::conversation::{Conversation, Phase, SmpState};
use super::output::Output;
use super::peers::Peers;
use otr::Peer;
use proto::irc::{Nick, Text};
use proto::shim::{Effect, Smp, Standing, State, Trust, Want};

impl Peers<'_> {
    /// How everybody stands of whom anything is to be said.
    pub(super) fn standings(self) -> Vec<Standing> {
        let guarded = self.conversations().iter().filter(|(_, c)| c.is_guarded());
        let mut all: Vec<Standing> = guarded.map(|(peer, c)| self.standing(peer, c)).collect();
        all.sort_by(|a, b| a.peer.cmp(&b.peer));
        all
    }

    /// Tells the module where one of these peers stands otherwise than it was told. Nothing is said
    /// of those who are clear and need not be anything else.
    pub(super) fn tell_changes(self, touched: &[Peer], output: &mut Output) {
        if !output.module().wants(Want::State) {
            return;
        }
        let (mut over, mut now) = (Vec::new(), Vec::new());
        for peer in touched {
            let guarded = self.conversations().get(peer).filter(|c| c.is_guarded());
            let standing = guarded.map(|conversation| self.standing(peer, conversation));
            if standing.as_ref() == output.module().standing(peer) {
                continue;
            }
            let was = output.module_mut().learns(peer, standing.as_ref());
            let spelled = |standing: &Standing| standing.peer.clone();
            if let Some(was) = &was
                && standing.as_ref().map(spelled).as_ref() != Some(&was.peer)
            {
                over.push(self.clear_standing(peer, was.peer.clone()));
            }
            now.extend(standing);
        }
        // A nick that is another peer's now: what is said last of it holds.
        for one in over.into_iter().chain(now) {
            output.effect(Effect::State(one));
        }
    }

    pub(super) fn standing(self, peer: &Peer, conversation: &Conversation) -> Standing {
        let private = conversation.private();
        let state = match conversation.phase() {
            Phase::Private(_) => State::Private,
            _ if conversation.is_asking() => State::Asking,
            Phase::Clear => State::Clear,
            Phase::Finished => State::Finished,
            Phase::Blocked { .. } | Phase::Moved { .. } => State::Interrupted,
        };
        let trust = match private {
            Some(private) if private.held => Trust::Changed,
            Some(private) => {
                match self.known().trust(peer, private.fingerprint).unwrap_or_default() {
                    otr::Trust::None => Trust::None,
                    otr::Trust::Manual | otr::Trust::Other(_) => Trust::Manual,
                    otr::Trust::SharedSecret => Trust::Secret,
                }
            }
            None => Trust::None,
        };
        let (smp, question) = match conversation.smp() {
            SmpState::Idle => (Smp::None, None),
            SmpState::Running { .. } => (Smp::Answering, None),
            SmpState::Asked { question } => (Smp::Asked, question.clone()),
        };
        Standing {
            state,
            trust,
            fingerprint: private.map(|private| private.fingerprint.to_hex().to_ascii_uppercase()),
            waiting: conversation.waiting().len() as u64,
            smp,
            question: question.map(Text::from),
            ..self.clear_standing(peer, conversation.nick().clone())
        }
    }

    pub(super) fn clear_standing(self, peer: &Peer, nick: Nick) -> Standing {
        Standing {
            peer: nick,
            state: State::Clear,
            trust: Trust::None,
            fingerprint: None,
            policy: self.policy(peer).word().into(),
            waiting: 0,
            smp: Smp::None,
            question: None,
        }
    }
}
