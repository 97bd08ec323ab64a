//! Somebody with an ordinary OTR client.

use super::key_file;
use super::world::Us;
use otr::fragment::{Outcome, Reassembler, cut};
use otr::message::{OtrLine, classify};
use otr::{Event, Handle, Otr, Peer, Session, Smp, State};
use std::collections::VecDeque;
use std::time::Duration;

/// The only one whom this client talks to.
const THEM: Handle = Handle::new(0);

pub struct Person {
    pub account: &'static str,
    pub nick: String,
    pub otr: Otr,
    /// What could be decrypted.
    pub read: Vec<String>,
    /// What came in clear, OTR lines left out.
    pub clear: Vec<String>,
    pub events: Vec<Event>,
    /// Lines on their way to the user.
    pub out: VecDeque<Vec<u8>>,
    /// The user at the other end, and the name that this client has for that one.
    pub talks_to: Us,
    pub with: Peer,
    /// The longest line that it sends.
    pub piece: usize,
    reassembler: Reassembler,
}

impl Person {
    pub fn new(account: &'static str) -> Self {
        Self::with_key(account, 0)
    }

    pub fn with_key(account: &'static str, which: usize) -> Self {
        Self::making(account, which, Us::Alice)
    }

    pub fn talking(account: &'static str, to: Us) -> Self {
        Self::making(account, 0, to)
    }

    fn making(account: &'static str, which: usize, talks_to: Us) -> Self {
        let mut otr = Otr::new(account).expect("libotr");
        otr.load_key(key_file(account, which)).expect("a key that was just made");
        Self {
            account,
            nick: account.into(),
            otr,
            read: Vec::new(),
            clear: Vec::new(),
            events: Vec::new(),
            out: VecDeque::new(),
            talks_to,
            with: Peer::new(if talks_to == Us::Alice { b"alice" } else { b"dave" })
                .expect("a name"),
            piece: 400,
            reassembler: Reassembler::new(),
        }
    }

    /// The client starts anew: its sessions are lost, its key and its tag are not.
    pub fn restart(&mut self, which: usize) {
        let tags = self.otr.instags_file();
        let mut anew = Self::with_key(self.account, which);
        anew.otr.load_instags(&tags).expect("tags");
        self.otr = anew.otr;
        self.reassembler = Reassembler::new();
    }

    /// Puts on the wire, cut to lines that fit.
    pub fn post(&mut self, line: &[u8]) {
        self.out.extend(cut(line, self.piece).expect("lines long enough"));
    }

    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Inject { line } => self.post(&line),
                event => self.events.push(event),
            }
        }
    }

    pub fn hear(&mut self, line: &[u8]) {
        let whole = match classify(line) {
            OtrLine::Fragment(piece) => {
                let ours = Some(self.otr.instag());
                match self.reassembler.push(Duration::ZERO, &self.with, &piece, ours) {
                    Outcome::Complete(whole) => whole,
                    Outcome::Pending | Outcome::Dropped => return,
                }
            }
            OtrLine::Text | OtrLine::Tagged { .. } => {
                return self.clear.push(String::from_utf8_lossy(line).into_owned());
            }
            _ => line.to_vec(),
        };
        let received = self.otr.receive(THEM, &classify(&whole), &whole);
        if let Some(text) = received.text {
            self.read.push(String::from_utf8_lossy(&text).into_owned());
        }
        self.take(received.events);
    }

    pub fn session(&self) -> Option<Session> {
        self.otr.sessions(THEM).into_iter().find(|one| one.state == State::Encrypted)
    }

    pub fn is_private(&self) -> bool {
        self.session().is_some()
    }

    /// Encrypted if this client believes to be private, otherwise in clear.
    pub fn say(&mut self, text: &[u8]) {
        let Some(session) = self.session() else { return self.out.push_back(text.to_vec()) };
        let (line, events) =
            self.otr.send(THEM, session.instance, text).expect("a private session");
        self.take(events);
        self.post(&line);
    }

    /// A line that only the session of now can open.
    pub fn sealed(&mut self, text: &[u8]) -> Vec<u8> {
        let session = self.session().expect("a private session");
        self.otr.send(THEM, session.instance, text).expect("a private session").0
    }

    pub fn start(&mut self) {
        self.out.push_back(b"?OTRv23?".to_vec());
    }

    pub fn finish(&mut self) {
        let events = self.otr.finish(THEM);
        self.take(events);
    }

    pub fn ask(&mut self, question: Option<&[u8]>, secret: &[u8]) {
        let Some(session) = self.session() else { return };
        let asked = self.otr.smp_start(THEM, session.instance, question, secret);
        self.take(asked.unwrap_or_default());
    }

    pub fn answer(&mut self, secret: &[u8]) {
        let Some(session) = self.session() else { return };
        let answered = self.otr.smp_respond(THEM, session.instance, secret);
        self.take(answered.unwrap_or_default());
    }

    pub fn smp(&mut self) -> Vec<Smp> {
        let events = std::mem::take(&mut self.events).into_iter();
        events
            .filter_map(|event| match event {
                Event::Smp { event, .. } => Some(event),
                _ => None,
            })
            .collect()
    }
}
