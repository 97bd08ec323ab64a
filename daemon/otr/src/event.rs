//! What comes out of a call: text, events, and how the sessions stand.

use crate::fingerprint::Fingerprint;
use crate::message::Version;

/// What one line from a peer led to.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Received {
    /// The decrypted text, without the TLVs that rode along. It is the peer's:
    /// it may hold CR, LF and any other byte but NUL.
    pub text: Option<Vec<u8>>,
    /// The instance tag of the sender; 0 in version 2 and when unknown.
    pub instance: u32,
    /// What else happened: first the lines to send, then the news, each in order.
    /// What is encrypted upon [`Event::Private`] must leave after those lines.
    pub events: Vec<Event>,
}

/// Something that happened inside libotr, or that the wrapper saw there, with the peer of the call
/// that returned it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// Send this line to the peer. It is whole: the caller cuts it
    /// ([`crate::fragment::cut`]).
    Inject {
        /// The line, without a line end.
        line: Vec<u8>,
    },
    /// A conversation became private, or its key or version changed
    /// (`gone_secure`).
    Private {
        /// The peer's instance tag; 0 in version 2.
        instance: u32,
        /// Fingerprint of the peer's long-term key.
        fingerprint: Fingerprint,
        /// OTR version of the session.
        version: Version,
    },
    /// A private conversation got new session keys with the same long-term key
    /// (`still_secure`).
    Refreshed {
        /// The peer's instance tag; 0 in version 2.
        instance: u32,
        /// Fingerprint of the peer's long-term key.
        fingerprint: Fingerprint,
    },
    /// The peer ended the private conversation: it is [`State::Finished`].
    Ended {
        /// The peer's instance tag; 0 in version 2.
        instance: u32,
    },
    /// The socialist millionaires' protocol moved.
    Smp {
        /// The peer's instance tag; 0 in version 2.
        instance: u32,
        /// How the authentication went on.
        event: Smp,
    },
    /// An encrypted message that the session's keys do not open
    /// (`RCVDMSG_UNREADABLE`).
    Unreadable {
        /// The peer's instance tag; 0 in version 2.
        instance: u32,
    },
    /// An encrypted message although there is no session with that instance
    /// (`RCVDMSG_NOT_IN_PRIVATE`, and what libotr drops without a word).
    NotPrivate {
        /// The peer's instance tag; 0 in version 2.
        instance: u32,
        /// The sender marked it as not worth a complaint (a heartbeat, an SMP
        /// step, the end of a session): no text was lost.
        ignorable: bool,
    },
    /// A message that is not well formed (`RCVDMSG_MALFORMED`).
    Malformed,
    /// A message for another of our own clients
    /// (`RCVDMSG_FOR_OTHER_INSTANCE`).
    OtherInstance,
    /// The line was no OTR line after all, and is the peer's clear text.
    Unencrypted {
        /// The line as it came.
        text: Vec<u8>,
    },
    /// The peer's OTR reported an error. The words are the peer's.
    ErrorFromPeer {
        /// The words after `?OTR Error:`.
        text: Vec<u8>,
    },
    /// No private conversation could be set up (`SETUP_ERROR`).
    SetupFailed {
        /// In our words and libgcrypt's, never the peer's.
        reason: String,
    },
    /// Our own message came back: somebody mirrors us (`MSG_REFLECTED`).
    Reflected,
    /// The peer uses more instance tags than [`crate::MAX_INSTANCES`] at once:
    /// the line was dropped.
    TooManyInstances,
    /// A key exchange stands still, for we have no key (`create_privkey`).
    /// With a key loaded, a new query starts over.
    KeyNeeded,
    /// [`crate::Otr::instags_file`] has changed: save it.
    InstagsChanged,
}

/// A step of the socialist millionaires' protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Smp {
    /// The peer wants us to prove that we know a secret.
    Asked {
        /// The peer's question, if there is one. The words are the peer's.
        question: Option<Vec<u8>>,
    },
    /// It goes on: so many percent.
    Progress(u8),
    /// The secrets are the same. [`SmpOutcome::proves_peer`] says whether that means
    /// anything for the peer's key. No trust has been set: that is the caller's.
    Verified(SmpOutcome),
    /// The secrets differ. Trust stays as it was.
    Failed(SmpOutcome),
    /// The peer gave up.
    Aborted,
    /// The peer broke the protocol; it was aborted.
    Cheated,
    /// A step that fits nothing came; the protocol was aborted.
    Error,
    /// A step came, and nobody listened: [`crate::Otr::receive_ignoring_smp`].
    SmpIgnored,
}

/// Who checked whom in a finished run of the protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SmpOutcome {
    /// Which side started the authentication.
    pub initiator: Initiator,
    /// The initiator put a question.
    pub question: bool,
}

impl SmpOutcome {
    /// Whether success proves the peer's key to us. It does when we asked, and
    /// when both simply typed the same secret. When the peer put a question,
    /// success proves us to the peer and nothing more: anybody can ask what
    /// anybody knows. libotr decides the same (`received_question`).
    #[must_use]
    pub fn proves_peer(&self) -> bool {
        self.initiator == Initiator::We || !self.question
    }
}

/// Who began a run of the socialist millionaires' protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Initiator {
    /// Our user did.
    We,
    /// The peer did.
    Peer,
}

/// How a session stands (`OtrlMessageState`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
    /// The conversation is not private: texts go out in clear.
    Plaintext,
    /// Texts are encrypted with session keys.
    Encrypted,
    /// The peer ended it: nothing can be sent until our user does too.
    Finished,
}

/// The message of the peer's that completes a key exchange (OTR spec, "State machine").
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Awaited {
    /// The opening of a commitment that we have answered.
    RevealedSignature,
    /// The answer to the opening of our commitment.
    Signature,
}

/// One session: a peer on one of its clients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The peer's instance tag; 0 in version 2.
    pub instance: u32,
    /// Our instance tag, by which the peer tells our clients apart.
    pub our_instance: u32,
    /// Encrypted or finished.
    pub state: State,
    /// OTR version of the session.
    pub version: Version,
    /// The peer's key; `None` once finished.
    pub fingerprint: Option<Fingerprint>,
    /// The secure session id (8 bytes); empty once finished.
    pub session_id: Vec<u8>,
    /// Order in which sessions became private: a larger number is newer.
    pub since: u64,
    /// Order in which genuine messages last came: a larger number is newer.
    pub last_heard: u64,
    /// The peer has asked for a secret and waits for
    /// [`crate::Otr::smp_respond`].
    pub smp_asked: bool,
    /// A run of the socialist millionaires' protocol is under way.
    pub smp_running: bool,
}
