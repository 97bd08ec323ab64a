//! A peer with libotr, as a plain IRC client is one.

use std::time::Duration;

use otr::fragment::{Outcome, Reassembler, cut};
use otr::message::{OtrLine, classify};
use otr::{Event, Otr, Peer, State};

use otrd_tests::handle;

use crate::conn::{Conn, text, word};

/// The name in the key file that all of a run use: making one takes time.
pub const ACCOUNT: &str = "bench";

/// Somebody with a nick, a key and sessions.
pub struct Person {
    pub nick: String,
    otr: Otr,
    reassembler: Reassembler,
}

impl Person {
    pub fn new(nick: &str, key: &[u8]) -> Self {
        let mut otr = Otr::new(ACCOUNT).expect("libotr");
        otr.load_key(key).expect("a key that was just made");
        Self { nick: nick.to_owned(), otr, reassembler: Reassembler::new() }
    }

    /// Takes one line in; what is to be sent and what was said come out.
    pub fn hears(&mut self, from: &str, line: &[u8]) -> (Vec<String>, Option<Vec<u8>>) {
        let whole = match classify(line) {
            OtrLine::Fragment(piece) => {
                let ours = Some(self.otr.instag());
                match self.reassembler.push(Duration::ZERO, &peer(from), &piece, ours) {
                    Outcome::Complete(whole) => whole,
                    Outcome::Pending | Outcome::Dropped => return (Vec::new(), None),
                }
            }
            _ => line.to_vec(),
        };
        let received = self.otr.receive(handle(from), &classify(&whole), &whole);
        (lines(received.events), received.text)
    }

    pub fn is_private_with(&self, nick: &str) -> bool {
        self.otr.sessions(handle(nick)).iter().any(|one| one.state == State::Encrypted)
    }

    /// An encrypted line, which has to fit into one of IRC's.
    pub fn encrypts(&mut self, to: &str, text: &str) -> String {
        let to = handle(to);
        let session = self.otr.sessions(to).into_iter().find(|one| one.state == State::Encrypted);
        let instance = session.expect("a private session").instance;
        let (line, _) = self.otr.send(to, instance, text.as_bytes()).expect("encrypted");
        assert!(line.len() < 450, "{} bytes do not fit into a line", line.len());
        String::from_utf8(line).expect("base64")
    }

    /// Answers what comes over a connection in which this is the other end (`ZNC` → us), until
    /// the conversation is private.
    pub fn goes_private_behind(&mut self, up: &mut Conn, with: &str) {
        while !self.is_private_with(with) {
            let line = up.until("a message", |line| word(line, 0) == b"PRIVMSG");
            let (answers, _) = self.hears(with, text(&line));
            for answer in answers {
                up.send(&format!(":{0}!{0}@127.0.0.1 PRIVMSG {with} :{answer}", self.nick));
            }
        }
    }

    /// Answers one line of an IRC server, as a client of it.
    pub fn answers(&mut self, server: &mut Conn, line: &[u8]) {
        if word(line, 1) != b"PRIVMSG" {
            return;
        }
        let source = String::from_utf8_lossy(word(line, 0)).into_owned();
        let from = source.trim_start_matches(':').split('!').next().unwrap_or_default().to_owned();
        let (answers, _) = self.hears(&from, text(line));
        for answer in answers {
            server.send(&format!("PRIVMSG {from} :{answer}"));
        }
    }
}

fn lines(events: Vec<Event>) -> Vec<String> {
    let mut out = Vec::new();
    for event in events {
        if let Event::Inject { line, .. } = event {
            let pieces = cut(&line, 400).expect("room for a piece");
            out.extend(pieces.into_iter().map(|piece| String::from_utf8(piece).expect("base64")));
        }
    }
    out
}

fn peer(nick: &str) -> Peer {
    Peer::new(nick.as_bytes()).expect("a nick")
}

/// The key of a run, for any account's name: what signs is the same.
pub fn key_for(key: &[u8], account: &str) -> Vec<u8> {
    otrd_tests::replaced(key, ACCOUNT, account)
}
