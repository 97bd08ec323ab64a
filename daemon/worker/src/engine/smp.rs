//! Beginning, answering and ending an authentication.

use super::messages::{Message, Phrase};
use super::{Engine, SmpState};
use crate::text::sanitize::quote;
use otr::{Initiator, Peer, Smp, SmpError, SmpOutcome, Trust};
use proto::irc::Nick;

impl Engine {
    /// Answers the peer's request if there is one and no question is put; begins otherwise.
    pub(super) fn smp(
        &mut self,
        nick: &Nick,
        question: Option<&[u8]>,
        secret: &[u8],
    ) -> Result<(), SmpError> {
        let now = self.now.mono;
        let peer = self.conversations.peer(nick.as_bytes()).ok_or(SmpError::NotPrivate)?;
        let conversation = self.conversations.get_mut(&peer).ok_or(SmpError::NotPrivate)?;
        let instance = conversation.private().ok_or(SmpError::NotPrivate)?.instance;
        let handle = conversation.handle();
        let answers = matches!(conversation.smp(), SmpState::Asked { .. }) && question.is_none();
        if !self.output.module().is_online() {
            self.output.online_or_say(nick);
            return Ok(());
        }
        let answered = match answers {
            true => self.otr.smp_respond(handle, instance, secret),
            false => Err(SmpError::NotAsked),
        };
        let answers = !matches!(answered, Err(SmpError::NotAsked));
        let events = match answers {
            true => answered?,
            false => self.otr.smp_start(handle, instance, question, secret)?,
        };
        if let Some(conversation) = self.conversations.get_mut(&peer) {
            conversation.smp_runs(now);
        }
        match answers {
            true => self.output.report_of(nick, Message::AuthAnswered {}),
            false => self.output.report_of(nick, Message::AuthInitiated {}),
        }
        self.events(&peer, events);
        Ok(())
    }

    /// `authabort`
    pub(super) fn smp_abort(&mut self, nick: &Nick) {
        let running = self.conversations.peer(nick.as_bytes()).and_then(|peer| {
            let conversation = self.conversations.get_mut(&peer)?;
            let instance = conversation.private()?.instance;
            conversation.smp_ends().then_some((conversation.handle(), peer, instance))
        });
        let Some((handle, peer, instance)) = running else {
            return self.output.report_of(nick, Message::AuthNothing {});
        };
        let events = self.otr.smp_abort(handle, instance);
        self.events(&peer, events);
        self.output.report_of(nick, Message::AuthAborted {});
    }

    pub(super) fn smp_event(&mut self, peer: &Peer, instance: u32, event: Smp) {
        let now = self.now.mono;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        if matches!(event, Smp::Asked { .. } | Smp::Cheated | Smp::Error) {
            conversation.allowances_mut().authenticated(now);
            self.allowances.authentications.take(now);
        }
        // An authentication says something of the session in use only.
        if conversation.private().is_none_or(|p| p.instance != instance) {
            return;
        }
        let nick = conversation.nick().clone();
        let name = quote(nick.as_bytes());
        match event {
            Smp::Asked { question } => {
                let question = question.as_deref().map(quote).filter(|q| !q.is_empty());
                conversation.smp_asked(question.clone());
                match question {
                    Some(question) => {
                        self.output.report_of(&nick, Message::AuthQuestion { question })
                    }
                    None => self.output.report_of(&nick, Message::AuthAsked {}),
                }
                self.output.report_of(&nick, Message::AuthHowToAnswer { name });
            }
            Smp::Progress(_) => {
                conversation.smp_runs(now);
                self.output.report_of(&nick, Message::AuthReplied {});
            }
            Smp::Verified(proof) => {
                conversation.smp_ends();
                self.verified(peer, &nick, proof);
            }
            Smp::Failed(proof) => {
                conversation.smp_ends();
                let who = match proof.initiator {
                    Initiator::We => Phrase::SecretsDiffer {},
                    Initiator::Peer => Phrase::OwnAnswerWrong {},
                };
                self.output.report_of(&nick, Message::AuthFailed { who: who.into() });
            }
            Smp::SmpIgnored => self.report_seldom(peer, Message::AuthTooMany {}),
            Smp::Aborted => {
                if conversation.smp_ends() {
                    self.output.report_of(&nick, Message::AuthAbortedByPeer {});
                }
            }
            Smp::Cheated | Smp::Error => {
                conversation.smp_ends();
                self.output.report_of(&nick, Message::AuthBroken {});
            }
        }
    }

    fn verified(&mut self, peer: &Peer, nick: &Nick, proof: SmpOutcome) {
        let name = quote(nick.as_bytes());
        if !proof.proves_peer() {
            return self.output.report_of(nick, Message::AuthTheyVerified { name });
        }
        self.output.report_of(nick, Message::AuthSucceeded {});
        let Some(fingerprint) =
            self.conversations.get(peer).and_then(|c| c.private()).map(|p| p.fingerprint)
        else {
            return;
        };
        self.trust_set(peer, fingerprint, Trust::SharedSecret);
    }
}
