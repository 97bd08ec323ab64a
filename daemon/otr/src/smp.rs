//! The socialist millionaires' protocol: do both know the same secret?

use std::ffi::CString;

use otr_sys::NextExpectedSMP;

use crate::Otr;
use crate::callbacks::{OPS, Sink};
use crate::context::{Context, NOTHING};
use crate::error::SmpError;
use crate::event::{Event, Received};
use crate::handle::Handle;
use crate::message::{MessageType, OtrLine};

/// Longest question, in bytes. The wire would allow 64 kB with the proof.
pub const MAX_QUESTION: usize = 1000;
/// Longest secret, in bytes.
pub const MAX_SECRET: usize = 1000;

impl Otr {
    /// Asks a peer to prove that it knows `secret`, with or without a question.
    /// A run that is under way is broken off first.
    ///
    /// # Errors
    /// [`SmpError`] unless that session is private, we have our key, and the
    /// words are sound.
    pub fn smp_start(
        &mut self,
        peer: Handle,
        instance: u32,
        question: Option<&[u8]>,
        secret: &[u8],
    ) -> Result<Vec<Event>, SmpError> {
        let context = self.smp_context(peer, instance, secret)?;
        let question = match question {
            Some(words) if words.len() > MAX_QUESTION => {
                return Err(SmpError::TooLong(MAX_QUESTION));
            }
            Some(words) => Some(CString::new(words).map_err(|_| SmpError::Nul)?),
            None => None,
        };
        let mut events = Vec::new();
        if self.smp_running(peer, context) {
            events.extend(self.smp_abort(peer, instance));
        }
        let context = self.smp_context(peer, instance, secret)?;
        events.extend(self.smp_call(context, |us, opdata| {
            // SAFETY: the context is valid and private with keys, the strings are
            // valid, and the sink outlives the call.
            unsafe {
                match &question {
                    Some(question) => otr_sys::otrl_message_initiate_smp_q(
                        us,
                        &raw const OPS,
                        opdata,
                        context.as_ptr(),
                        question.as_ptr(),
                        secret.as_ptr(),
                        secret.len(),
                    ),
                    None => otr_sys::otrl_message_initiate_smp(
                        us,
                        &raw const OPS,
                        opdata,
                        context.as_ptr(),
                        secret.as_ptr(),
                        secret.len(),
                    ),
                }
            }
        }));
        let live = self.live.entry((peer, instance)).or_default();
        live.asked = false;
        live.our_question = question.is_some();
        Ok(events)
    }

    /// Answers a peer that has asked.
    ///
    /// # Errors
    /// [`SmpError`] unless the peer has asked in that session, we have our key,
    /// and the secret is sound. Without a question from the peer libotr would
    /// read through a null pointer.
    pub fn smp_respond(
        &mut self,
        peer: Handle,
        instance: u32,
        secret: &[u8],
    ) -> Result<Vec<Event>, SmpError> {
        let context = self.smp_context(peer, instance, secret)?;
        let asked = self.live.get(&(peer, instance)).is_some_and(|live| live.asked);
        if !asked || !context.holds_first_message_of_smp() {
            return Err(SmpError::NotAsked);
        }
        let events = self.smp_call(context, |us, opdata| {
            // SAFETY: the context is valid, private with keys, and holds what the
            // first message brought; the sink outlives the call.
            unsafe {
                otr_sys::otrl_message_respond_smp(
                    us,
                    &raw const OPS,
                    opdata,
                    context.as_ptr(),
                    secret.as_ptr(),
                    secret.len(),
                );
            }
        });
        if let Some(live) = self.live.get_mut(&(peer, instance)) {
            live.asked = false;
        }
        Ok(events)
    }

    /// Breaks a run off and tells the peer. Without a private session nothing
    /// happens.
    pub fn smp_abort(&mut self, peer: Handle, instance: u32) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(context) = self.context(peer, instance).filter(|one| one.is_private()) {
            events = self.smp_call(context, |us, opdata| {
                // SAFETY: the context is valid and private with keys, and the sink
                // outlives the call.
                unsafe {
                    otr_sys::otrl_message_abort_smp(us, &raw const OPS, opdata, context.as_ptr());
                }
            });
        }
        self.smp_reset(peer, instance);
        events
    }

    /// As [`Otr::receive`], but an authentication that the peer begins is not looked at, which
    /// takes milliseconds: [`Event::Smp`] says [`crate::Smp::SmpIgnored`], and the peer is told
    /// nothing. One that is under way goes on.
    pub fn receive_ignoring_smp(
        &mut self,
        peer: Handle,
        what: &OtrLine<'_>,
        line: &[u8],
    ) -> Received {
        let OtrLine::Message { kind: MessageType::Data, sender, .. } = *what else {
            return self.receive(peer, what, line);
        };
        self.expect_smp(peer, sender, otr_sys::OTRL_SMP_EXPECT1, NOTHING);
        let received = self.receive(peer, what, line);
        self.expect_smp(peer, sender, NOTHING, otr_sys::OTRL_SMP_EXPECT1);
        received
    }

    /// Has libotr expect another step than the one that it expects.
    fn expect_smp(&self, peer: Handle, instance: u32, from: NextExpectedSMP, to: NextExpectedSMP) {
        if let Some(context) = self.context(peer, instance)
            && context.expected_smp() == Some(from)
        {
            context.expect_smp(to);
        }
    }

    /// Wipes what is left of a run. libotr keeps the secret until the session
    /// ends, and at the next question leaks 464 bytes that it made for the last
    /// one. In a new session it would carry on with a run that is bound to the old.
    pub(crate) fn smp_reset(&mut self, peer: Handle, instance: u32) {
        if let Some(live) = self.live.get_mut(&(peer, instance)) {
            live.asked = false;
        }
        if let Some(context) = self.context(peer, instance) {
            context.wipe_smp();
        }
    }

    /// Whether a run is under way.
    pub(crate) fn smp_running(&self, peer: Handle, context: Context<'_>) -> bool {
        let key = (peer, context.instance());
        let asked = self.live.get(&key).is_some_and(|live| live.asked);
        asked || context.expected_smp().is_some_and(|step| step != otr_sys::OTRL_SMP_EXPECT1)
    }

    /// What both ways to begin need.
    fn smp_context(
        &self,
        peer: Handle,
        instance: u32,
        secret: &[u8],
    ) -> Result<Context<'_>, SmpError> {
        if secret.is_empty() {
            return Err(SmpError::EmptySecret);
        }
        if secret.len() > MAX_SECRET {
            return Err(SmpError::TooLong(MAX_SECRET));
        }
        let context = self.context(peer, instance).filter(|one| one.is_private());
        let context = context.ok_or(SmpError::NotPrivate)?;
        // libotr would hash whatever is on its stack.
        if self.has_key() { Ok(context) } else { Err(SmpError::NoKey) }
    }

    /// Calls libotr with a sink, and cleans up after it.
    fn smp_call(
        &self,
        context: Context<'_>,
        call: impl FnOnce(otr_sys::OtrlUserState, *mut std::ffi::c_void),
    ) -> Vec<Event> {
        let mut sink = Sink::new();
        call(self.us.as_ptr(), sink.as_opdata());
        context.drop_last_message();
        sink.events
    }
}
