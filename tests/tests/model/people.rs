//! The people on the network: libotr in the test itself, and nobody's rules.

use std::time::Instant;

use otr::fragment::{Outcome, Reassembler, cut};
use otr::message::{OtrLine, classify};
use otr::{Event, Otr, Peer, Received, State};
use otrd_tests::handle;

/// Somebody on the network.
pub struct Person {
    /// Who it is, whatever the nick.
    pub name: &'static str,
    pub nick: String,
    pub ident: String,
    pub online: bool,
    /// None: a client without OTR.
    otr: Option<Otr>,
    key: Vec<u8>,
    fragments: Reassembler,
    /// The last encrypted text, as it went out.
    last: Vec<Vec<u8>>,
    /// Lines to send, in order, each with its receiver.
    pub out: Vec<(String, Vec<u8>)>,
    born: Instant,
}

/// What a line was to the person who got it.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Secured,
    Ended,
    Private(String),
    /// Encrypted text that nobody can read.
    Unreadable,
    Nothing,
}

impl Person {
    pub fn new(name: &'static str, key: Option<Vec<u8>>) -> Self {
        let mut person = Self {
            name,
            nick: name.to_owned(),
            ident: format!("~id{name}"),
            online: true,
            otr: None,
            key: key.unwrap_or_default(),
            fragments: Reassembler::new(),
            last: Vec::new(),
            out: Vec::new(),
            born: Instant::now(),
        };
        person.begins_anew();
        person
    }

    /// Their client was restarted: its sessions are gone.
    pub fn begins_anew(&mut self) {
        if !self.key.is_empty() {
            let mut otr = Otr::new(self.name).expect("libotr");
            otr.load_key(&self.key).expect("a key that was just made");
            self.otr = Some(otr);
        }
        self.fragments = Reassembler::new();
    }

    pub fn mask(&self) -> String {
        format!("{}!{}@host.{}", self.nick, self.ident, self.name)
    }

    pub fn hears(&mut self, from: &str, line: &[u8]) -> Vec<Heard> {
        let Some(otr) = self.otr.as_mut() else { return vec![undeliverable(line)] };
        let Ok(peer) = Peer::new(from.as_bytes()) else { return Vec::new() };
        let whole = match classify(line) {
            OtrLine::Fragment(piece) => {
                match self.fragments.push(self.born.elapsed(), &peer, &piece, Some(otr.instag())) {
                    Outcome::Complete(whole) => whole,
                    Outcome::Pending | Outcome::Dropped => return Vec::new(),
                }
            }
            OtrLine::Text | OtrLine::Tagged { .. } => return Vec::new(),
            _ => line.to_vec(),
        };
        let Received { text, events, .. } = otr.receive(handle(from), &classify(&whole), &whole);
        let mut heard: Vec<Heard> = text
            .map(|text| Heard::Private(String::from_utf8_lossy(&text).into_owned()))
            .into_iter()
            .collect();
        heard.extend(self.takes(from, events));
        heard
    }

    fn takes(&mut self, with: &str, events: Vec<Event>) -> Vec<Heard> {
        let mut heard = Vec::new();
        for event in events {
            match event {
                Event::Inject { line, .. } => self.posts(with, &line),
                Event::Private { .. } | Event::Refreshed { .. } => heard.push(Heard::Secured),
                Event::Ended { .. } => heard.push(Heard::Ended),
                Event::Unreadable { .. }
                | Event::NotPrivate { ignorable: false, .. }
                | Event::Malformed
                | Event::OtherInstance => heard.push(Heard::Unreadable),
                _ => {}
            }
        }
        heard
    }

    /// Encrypted where that can be; tells whether it was.
    pub fn says(&mut self, to: &str, text: &str) -> bool {
        let Some(instance) = self.instance(to) else {
            self.out.push((to.to_owned(), text.as_bytes().to_vec()));
            return false;
        };
        let Some(otr) = self.otr.as_mut() else { return false };
        let Ok((line, events)) = otr.send(handle(to), instance, text.as_bytes()) else {
            return false;
        };
        self.takes(to, events);
        self.last = cut(&line, 350).expect("lines long enough");
        self.posts(to, &line);
        true
    }

    /// Plays the last encrypted text again.
    pub fn replays(&mut self, to: &str) {
        let again: Vec<_> = self.last.iter().map(|line| (to.to_owned(), line.clone())).collect();
        self.out.extend(again);
    }

    pub fn starts(&mut self, with: &str) {
        self.out.push((with.to_owned(), b"?OTRv23?".to_vec()));
    }

    pub fn finishes(&mut self, with: &str) {
        let Some(otr) = self.otr.as_mut() else { return };
        let events = otr.finish(handle(with));
        self.takes(with, events);
    }

    fn instance(&self, with: &str) -> Option<u32> {
        let sessions = self.otr.as_ref()?.sessions(handle(with));
        sessions.iter().find(|one| one.state == State::Encrypted).map(|one| one.instance)
    }

    fn posts(&mut self, to: &str, line: &[u8]) {
        let pieces = cut(line, 350).expect("lines long enough");
        self.out.extend(pieces.into_iter().map(|piece| (to.to_owned(), piece)));
    }
}

/// What an OTR line is to somebody without OTR, or to nobody: a text was in it, or none.
pub fn undeliverable(line: &[u8]) -> Heard {
    let data = line.starts_with(b"?OTR:AAMD") || line.starts_with(b"?OTR:AAID");
    let text = String::from_utf8_lossy(line).into_owned();
    let pieces = text.strip_prefix("?OTR|").or_else(|| text.strip_prefix("?OTR,"));
    let last = pieces.is_some_and(|rest| {
        let numbers: Vec<&str> = rest.split(',').filter(|one| one.len() == 5).collect();
        matches!(numbers[..], [at, of, ..] if at == of)
    });
    if data || last { Heard::Unreadable } else { Heard::Nothing }
}
