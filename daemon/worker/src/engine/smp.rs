//! Beginning, answering and ending an authentication.

use super::{Engine, SmpState};
use crate::store::Name;
use otr::{ForgetError, Known, SmpError};
use proto::shim::Style;
use proto::text::Nick;

impl Engine {
    /// Answers the peer's request if there is one and no question is put; begins otherwise.
    pub(crate) fn smp(
        &mut self,
        nick: &Nick,
        question: Option<&[u8]>,
        secret: &[u8],
    ) -> Result<(), SmpError> {
        let now = self.now.mono;
        let peer = self.peer(nick.as_bytes()).ok_or(SmpError::NotPrivate)?;
        let conversation = self.conversations.get_mut(&peer).ok_or(SmpError::NotPrivate)?;
        let instance = conversation.private().ok_or(SmpError::NotPrivate)?.instance;
        let answers = conversation.smp == SmpState::Asked && question.is_none();
        if !self.network.connected {
            self.online_or_say(nick);
            return Ok(());
        }
        let answered = match answers {
            true => self.otr.smp_respond(&peer, instance, secret),
            false => Err(SmpError::NotAsked),
        };
        let answers = !matches!(answered, Err(SmpError::NotAsked));
        let events = match answers {
            true => answered?,
            false => self.otr.smp_start(&peer, instance, question, secret)?,
        };
        if let Some(conversation) = self.conversations.get_mut(&peer) {
            conversation.smp = SmpState::Running { since: now, told: false };
        }
        match answers {
            true => self.say_of(nick, Style::Plain, "Answered the authentication request."),
            false => self.say_of(nick, Style::Plain, "Initiated authentication."),
        }
        self.events(events);
        Ok(())
    }

    /// `authabort`
    pub(crate) fn smp_abort(&mut self, nick: &Nick) {
        let running = self.peer(nick.as_bytes()).and_then(|peer| {
            let conversation = self.conversations.get_mut(&peer)?;
            let instance = conversation.private()?.instance;
            let was = std::mem::take(&mut conversation.smp);
            (was != SmpState::Idle).then_some((peer, instance))
        });
        let Some((peer, instance)) = running else {
            return self.say_of(nick, Style::Plain, "There is no authentication to abort.");
        };
        let events = self.otr.smp_abort(&peer, instance);
        self.events(events);
        self.say_of(nick, Style::Warn, "Authentication aborted.");
    }

    /// `forget`
    pub(crate) fn forget(&mut self, known: &Known) -> Result<(), ForgetError> {
        self.otr.forget_fingerprint(&known.peer, known.fingerprint)?;
        self.unsaved.insert(Name::Fingerprints);
        Ok(())
    }
}
