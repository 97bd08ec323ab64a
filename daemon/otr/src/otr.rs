//! [`Otr`]: one account, its key, its peers, its sessions.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::ptr;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::callbacks::{OPS, Sink, bytes};
use crate::context::{Context, PROTOCOL};
use crate::error::explain;
use crate::error::{KeyError, NewError, SendError};
use crate::event::{Event, Initiator, Received, Smp, State};
use crate::fingerprint::Fingerprint;
use crate::handle::Handle;
use crate::key;
use crate::message::{self, Header, OtrLine};
use crate::peer::Peer;
use crate::snapshot::ContextSnapshot;
use crate::user_state::UserState;

/// Longest line that is given to libotr, in bytes: a whole reassembled message.
pub const MAX_LINE: usize = crate::fragment::MAX_MESSAGE;
/// Longest text that is encrypted at once, in bytes.
pub const MAX_TEXT: usize = 16 * 1024;
/// After so long without a line of ours a text is answered by a heartbeat, so that keys change
/// though only one of the two writes. As libotr has it.
const HEARTBEAT_AFTER: Duration = Duration::from_secs(60);

/// libotr for one account. The protocol is always `irc`. It stays in the thread
/// that made it.
pub struct Otr {
    pub(crate) us: UserState,
    pub(crate) account: Peer,
    /// What libotr does not know about a session, by peer and instance tag.
    pub(crate) live: HashMap<(Handle, u32), SessionRecord>,
    /// Counts up with each genuine message.
    clock: u64,
    /// What [`Otr::set_now`] said.
    now: Duration,
    /// When each context was last used, by peer and instance tag. libotr notes that, too, by the
    /// wall clock.
    pub(crate) traffic: HashMap<(Handle, u32), Traffic>,
    poll_every: Option<Duration>,
    /// Our instance tag has been made and the caller has not been told.
    pub(crate) tag_is_new: bool,
}

/// Our own record of a session.
#[derive(Clone, Copy, Default)]
pub(crate) struct SessionRecord {
    pub(crate) since: u64,
    pub(crate) last_heard: u64,
    /// The peer waits for our secret.
    pub(crate) asked: bool,
    /// We have put a question of our own.
    pub(crate) our_question: bool,
}

/// When a context was last used.
#[derive(Clone, Copy, Default)]
pub(crate) struct Traffic {
    /// libotr took a line.
    received: Option<Duration>,
    /// A line went out.
    sent: Option<Duration>,
}

impl Otr {
    /// No key, no peers. Calls [`crate::init`], if nobody has.
    ///
    /// # Errors
    /// [`NewError`] if libotr's files could not hold the account's name, or if
    /// libotr is not to be had.
    pub fn new(account: &str) -> Result<Otr, NewError> {
        let account = Peer::new(account.as_bytes())?;
        let us = UserState::new()?;
        Ok(Otr {
            us,
            account,
            live: HashMap::new(),
            clock: 0,
            now: Duration::ZERO,
            traffic: HashMap::new(),
            poll_every: None,
            tag_is_new: false,
        })
    }

    /// The time of all that follows, by a clock that never goes back.
    pub fn set_now(&mut self, now: Duration) {
        self.now = now;
    }

    /// Takes our key out of the content of an `otr.key` file.
    ///
    /// # Errors
    /// [`KeyError`] if the file holds no sound key of this account. The key that
    /// was loaded before then stays.
    pub fn load_key(&mut self, file: &[u8]) -> Result<(), KeyError> {
        key::load(&mut self.us, &self.account, file)
    }

    /// Whether a key is loaded.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.own_fingerprint().is_some()
    }

    /// The fingerprint of our key.
    #[must_use]
    pub fn own_fingerprint(&self) -> Option<Fingerprint> {
        key::fingerprint(&self.us, self.account.as_c())
    }

    /// Drops our key. Sessions that are private stay so; SMP needs the key.
    pub fn forget_key(&mut self) {
        // SAFETY: the user state is open.
        unsafe { otr_sys::otrl_privkey_forget_all(self.us.as_mut_ptr()) };
    }

    /// The line that asks a peer for a private conversation. libotr's own is
    /// HTML, has two line ends and names the account.
    #[must_use]
    pub fn query(&self) -> Vec<u8> {
        b"?OTRv23? I ask for a private conversation (Off-the-Record). \
          Your program does not seem to understand that."
            .to_vec()
    }

    /// Handles one whole line of a peer's, with what [`message::classify`] says of it. Only a
    /// query, a message or an error does anything; all else comes back as
    /// [`Event::Unencrypted`].
    pub fn receive(&mut self, peer: Handle, what: &OtrLine<'_>, line: &[u8]) -> Received {
        debug_assert_eq!(*what, message::classify(line), "of another line");
        let mut received = self.receive_any(peer, what, line);
        if std::mem::take(&mut self.tag_is_new) {
            received.events.push(Event::InstagsChanged);
        }
        received
    }

    fn receive_any(&mut self, peer: Handle, what: &OtrLine<'_>, line: &[u8]) -> Received {
        let alone = |event| Received { events: vec![event], ..Received::default() };
        match *what {
            OtrLine::Text | OtrLine::Tagged { .. } | OtrLine::Fragment(_) => {
                alone(Event::Unencrypted { text: line.to_vec() })
            }
            // Never into libotr: there it makes the last message be sent again.
            OtrLine::Error { text } => alone(Event::ErrorFromPeer { text: text.to_vec() }),
            OtrLine::Query { v2: false, v3: false } => Received::default(),
            OtrLine::Query { .. } => self.receive_otr(peer, line),
            OtrLine::Message { version, kind, sender, receiver } => {
                let ours = self.instag();
                let header = Header { version, kind, sender, receiver };
                match self.admit(peer, line, header, ours) {
                    Ok(()) => {
                        if kind != message::MessageType::Data
                            && let Some(context) = self.context(peer, sender)
                        {
                            context.close_stale_handles(kind);
                        }
                        self.receive_otr(peer, line)
                    }
                    Err(event) => Received {
                        instance: sender,
                        events: event.into_iter().collect(),
                        text: None,
                    },
                }
            }
        }
    }

    /// Encrypts `text` for one instance of a peer and returns one whole OTR
    /// line, to be cut and sent. `instance` is 0 for version 2.
    ///
    /// This does not go through `otrl_message_sending`: that one sends clear
    /// text in clear, and puts a query in place of a text with `?OTR?` in it.
    ///
    /// # Errors
    /// [`SendError`] unless that session is private with keys. The text has then
    /// not been sent in any form.
    pub fn send(
        &mut self,
        peer: Handle,
        instance: u32,
        text: &[u8],
    ) -> Result<(Vec<u8>, Vec<Event>), SendError> {
        if text.is_empty() {
            return Err(SendError::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(SendError::TooLong(MAX_TEXT));
        }
        // With the final NUL, and wiped afterwards.
        let text = Zeroizing::new([text, b"\0"].concat());
        let text = CStr::from_bytes_with_nul(&text).map_err(|_| SendError::Nul)?;
        let context = self.context(peer, instance).ok_or(SendError::NotPrivate)?;
        match context.state() {
            State::Finished => return Err(SendError::Finished),
            State::Encrypted if context.has_keys() => {}
            _ => return Err(SendError::NotPrivate),
        }
        let line = encrypt(context, text)?;
        self.traffic.entry((peer, instance)).or_default().sent = Some(self.now);
        Ok((line, Vec::new()))
    }

    /// Ends every session with a peer, and tells the peer.
    pub fn finish(&mut self, peer: Handle) -> Vec<Event> {
        let mut sink = Sink::new();
        let username = peer.username();
        // SAFETY: the user state is open, all names are C strings, and the sink
        // outlives the call.
        unsafe {
            otr_sys::otrl_message_disconnect_all_instances(
                self.us.as_mut_ptr(),
                &raw const OPS,
                sink.as_opdata(),
                self.account.as_c().as_ptr(),
                PROTOCOL.as_ptr(),
                username.as_ptr(),
            );
        }
        self.us.forget_unused_prints(self.account.as_c(), peer);
        self.live.retain(|(whose, _), _| *whose != peer);
        sink.events
    }

    /// How often [`Otr::poll`] wants to be called; `None` if not at all for now.
    #[must_use]
    pub fn poll_every(&self) -> Option<Duration> {
        self.poll_every
    }

    /// Lets libotr wipe the keys of exchanges that nobody answered
    /// (`otrl_message_poll`).
    pub fn poll(&mut self) {
        let mut sink = Sink::new();
        let us = self.us.as_mut_ptr();
        // SAFETY: the user state is open, and the sink outlives the call.
        unsafe { otr_sys::otrl_message_poll(us, &raw const OPS, sink.as_opdata()) };
        self.note_timer(&sink);
    }

    /// The context of a peer's instance; the master for 0.
    pub(crate) fn context(&self, peer: Handle, instance: u32) -> Option<Context<'_>> {
        self.us.find(self.account.as_c(), peer, instance)
    }

    /// Gives a line to libotr and puts right what it did.
    fn receive_otr(&mut self, peer: Handle, line: &[u8]) -> Received {
        let Some(message) = CString::new(line).ok().filter(|_| line.len() <= MAX_LINE) else {
            let events = vec![Event::Malformed];
            return Received { events, ..Received::default() };
        };
        self.instag();
        if self.context(peer, 0).is_none() {
            self.make_room_for_stranger();
        }
        let before = ContextSnapshot::of(self.run(peer));
        for context in self.run(peer) {
            context.set_heartbeat_due(self.needs_heartbeat(peer, context.instance()));
        }
        let mut sink = Sink::new();
        let username = peer.username();
        let mut text = ptr::null_mut();
        let mut tlvs = ptr::null_mut();
        let mut context = ptr::null_mut();
        // SAFETY: the user state is open, all strings are C strings, the three
        // results can be written to, and the sink outlives the call.
        let internal = unsafe {
            otr_sys::otrl_message_receiving(
                self.us.as_mut_ptr(),
                &raw const OPS,
                sink.as_opdata(),
                self.account.as_c().as_ptr(),
                PROTOCOL.as_ptr(),
                username.as_ptr(),
                message.as_ptr(),
                &raw mut text,
                &raw mut tlvs,
                &raw mut context,
                None,
                ptr::null_mut(),
            )
        };
        // SAFETY: libotr made the chain for us, or left null.
        unsafe { otr_sys::otrl_tlv_free(tlvs) };
        let text = take_text(text).filter(|_| internal == 0);
        // SAFETY: null or in the list, from which nothing has been taken since.
        let context = unsafe { Context::from_ptr(context) };
        let instance = context.map_or(0, Context::instance);
        if let Some(has_sent) = context.map(Context::has_sent) {
            let traffic = self.traffic.entry((peer, instance)).or_default();
            traffic.received = Some(self.now);
            if has_sent {
                traffic.sent = Some(self.now);
            }
        }
        let ended = before.restore(self.run(peer));
        self.us.forget_unused_prints(self.account.as_c(), peer);
        let mut events = self.settle(peer, sink);
        if text.is_some() {
            self.heard(peer, instance);
        }
        for instance in ended {
            if let Some(live) = self.live.get_mut(&(peer, instance)) {
                live.asked = false;
            }
            events.push(Event::Ended { instance });
        }
        Received { text, instance, events }
    }

    /// Keeps our own records in step with what libotr reported.
    pub(crate) fn settle(&mut self, peer: Handle, sink: Sink) -> Vec<Event> {
        self.note_timer(&sink);
        let mut events = sink.events;
        // libotr says that a session is private before it sends the line that
        // makes it so for the peer: what the caller sends upon the news comes after.
        events.sort_by_key(|event| !matches!(event, Event::Inject { .. }));
        for event in &mut events {
            self.note(peer, event);
        }
        for instance in sink.abort_smp {
            events.extend(self.smp_abort(peer, instance));
        }
        events
    }

    fn note(&mut self, peer: Handle, event: &mut Event) {
        match event {
            Event::Private { instance, .. } => {
                let instance = *instance;
                self.clock += 1;
                let since = self.clock;
                let live = SessionRecord { since, last_heard: since, ..SessionRecord::default() };
                self.live.insert((peer, instance), live);
                self.smp_reset(peer, instance);
            }
            Event::Refreshed { instance, .. } => {
                let instance = *instance;
                self.heard(peer, instance);
                self.smp_reset(peer, instance);
            }
            Event::Smp { instance, event: Smp::SmpIgnored, .. } => {
                let instance = *instance;
                self.heard(peer, instance);
            }
            Event::Smp { instance, event, .. } => {
                let instance = *instance;
                self.heard(peer, instance);
                let live = self.live.entry((peer, instance)).or_default();
                live.asked = matches!(event, Smp::Asked { .. });
                if let Smp::Verified(proof) | Smp::Failed(proof) = event
                    && proof.initiator == Initiator::We
                {
                    proof.question = live.our_question;
                }
                if !matches!(event, Smp::Asked { .. } | Smp::Progress(_)) {
                    self.smp_reset(peer, instance);
                }
            }
            _ => {}
        }
    }

    /// Something genuine came from this instance.
    fn heard(&mut self, peer: Handle, instance: u32) {
        self.clock += 1;
        self.live.entry((peer, instance)).or_default().last_heard = self.clock;
    }

    /// When libotr last took a line of this instance's.
    pub(crate) fn last_received(&self, peer: Handle, instance: u32) -> Option<Duration> {
        self.traffic.get(&(peer, instance))?.received
    }

    fn needs_heartbeat(&self, peer: Handle, instance: u32) -> bool {
        let sent = self.traffic.get(&(peer, instance)).and_then(|traffic| traffic.sent);
        sent.is_none_or(|sent| self.now.saturating_sub(sent) > HEARTBEAT_AFTER)
    }

    fn note_timer(&mut self, sink: &Sink) {
        if let Some(seconds) = sink.timer {
            self.poll_every = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
        }
    }
}

/// Makes a data message out of a text (`otrl_proto_create_data`).
fn encrypt(context: Context<'_>, text: &CStr) -> Result<Vec<u8>, SendError> {
    let mut line = ptr::null_mut();
    // SAFETY: the context is valid and private with keys, the text is a C string,
    // `line` can be written to.
    let error = unsafe {
        otr_sys::otrl_proto_create_data(
            &raw mut line,
            context.as_ptr(),
            text.as_ptr(),
            ptr::null(),
            0,
            ptr::null_mut(),
        )
    };
    context.drop_last_message();
    let line = take_text(line).unwrap_or_default();
    if error != 0 {
        return Err(SendError::Libotr(explain(error)));
    }
    if !line.starts_with(b"?OTR:AAMD") && !line.starts_with(b"?OTR:AAID") {
        return Err(SendError::Libotr("it made no data message".to_owned()));
    }
    context.note_sent();
    Ok(line)
}

/// Copies a string of libotr's, then wipes and frees it.
fn take_text(text: *mut std::ffi::c_char) -> Option<Vec<u8>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: a C string that libotr made for us.
    let copy = unsafe { bytes(text) };
    // SAFETY: as long as said, and freed once.
    unsafe {
        libc::explicit_bzero(text.cast(), copy.len());
        otr_sys::otrl_message_free(text);
    }
    Some(copy)
}
