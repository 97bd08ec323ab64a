//! A person's client without a network: libotr, and the lines that it has to say.

use std::collections::VecDeque;
use std::time::Instant;

use otr::fragment::{Outcome, Reassembler};
use otr::message::{OtrLine, classify};
use otr::{Event, Otr, State};
use otrd_tests::{handle, key_file_of};

/// The other end of alice's conversations.
pub struct Peer {
    otr: Otr,
    fragments: Reassembler,
    born: Instant,
    unsaid: VecDeque<Vec<u8>>,
}

const NAME: &str = "bob";
const ALICE: &str = "alice";

impl Peer {
    /// With the same key each time, which is another one than [`otrd_tests::key_file`].
    pub fn new() -> Self {
        Self::with("carol")
    }

    /// With another key than [`Peer::new`], and without its conversations.
    pub fn with_another_key() -> Self {
        Self::with("mallory")
    }

    fn with(owner: &str) -> Self {
        let mut otr = Otr::new(NAME).expect("libotr");
        otr.load_key(&key_file_of(owner, NAME)).expect("a key");
        let (fragments, unsaid) = (Reassembler::new(), VecDeque::new());
        Self { otr, fragments, born: Instant::now(), unsaid }
    }

    pub fn fingerprint(&self) -> String {
        self.otr.own_fingerprint().expect("a key").to_hex().to_uppercase()
    }

    /// A line of alice's arrives.
    pub fn hears(&mut self, line: &[u8]) {
        let whole = match classify(line) {
            OtrLine::Fragment(piece) => {
                let alice = otr::Peer::new(ALICE.as_bytes()).expect("a nick");
                let ours = Some(self.otr.instag());
                match self.fragments.push(self.born.elapsed(), &alice, &piece, ours) {
                    Outcome::Complete(whole) => whole,
                    Outcome::Pending | Outcome::Dropped => return,
                }
            }
            OtrLine::Text | OtrLine::Tagged { .. } => return,
            _ => line.to_vec(),
        };
        let received = self.otr.receive(handle(ALICE), &classify(&whole), &whole);
        self.take(received.events);
    }

    /// Something is said to alice, in the private conversation.
    pub fn says(&mut self, text: &str) {
        let instance = self.instance().expect("a private conversation");
        let sent = self.otr.send(handle(ALICE), instance, text.as_bytes());
        let (line, events) = sent.expect("a private conversation");
        self.take(events);
        self.unsaid.push_back(line);
    }

    /// alice is asked whether she knows the secret.
    pub fn asks(&mut self, question: &str, secret: &str) {
        let instance = self.instance().expect("a private conversation");
        let (question, secret) = (Some(question.as_bytes()), secret.as_bytes());
        let asked = self.otr.smp_start(handle(ALICE), instance, question, secret);
        self.take(asked.expect("a private conversation"));
    }

    /// alice's question, or her request to authenticate, is answered.
    pub fn answers(&mut self, secret: &str) {
        let instance = self.instance().expect("a private conversation");
        let answered = self.otr.smp_respond(handle(ALICE), instance, secret.as_bytes());
        self.take(answered.expect("alice has asked"));
    }

    pub fn finishes(&mut self) {
        let events = self.otr.finish(handle(ALICE));
        self.take(events);
    }

    pub fn is_private(&self) -> bool {
        self.instance().is_some()
    }

    /// The next line for alice.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        self.unsaid.pop_front()
    }

    fn instance(&self) -> Option<u32> {
        let sessions = self.otr.sessions(handle(ALICE));
        sessions.iter().find(|one| one.state == State::Encrypted).map(|one| one.instance)
    }

    fn take(&mut self, events: Vec<Event>) {
        let lines = events.into_iter().filter_map(|event| match event {
            Event::Inject { line, .. } => Some(line),
            _ => None,
        });
        self.unsaid.extend(lines);
    }
}

/// The fingerprint of the key in a file of this account.
pub fn fingerprint_of(account: &str, key: &[u8]) -> String {
    let mut otr = Otr::new(account).expect("libotr");
    otr.load_key(key).expect("a key");
    otr.own_fingerprint().expect("a key").to_hex().to_uppercase()
}
