//! People who talk in memory.
// clippy knows test functions, not their helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(dead_code, reason = "each test program uses a part")]

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use otr::fragment::{Outcome, Reassembler, cut};
use otr::message::{OtrLine, classify};
use otr::{Event, Fingerprint, FingerprintStore, Handle, Otr, Peer, Session, Smp, State};

pub mod raw;

/// Throwaway key files. All their numbers are in hexadecimal digits, which tests change; libgcrypt writes one
/// that looks like Latin text as a string.
pub fn key_file(account: &str) -> &'static [u8] {
    match account {
        "alice" => include_bytes!("../../../../tests/keys/alice.key"),
        "bob" => include_bytes!("../../../../tests/keys/bob.key"),
        "mallory" => include_bytes!("../../../../tests/keys/mallory.key"),
        _ => panic!("{account} has no key"),
    }
}

pub fn peer(name: &str) -> Peer {
    Peer::new(name.as_bytes()).expect("a good name")
}

/// The number that a client has for somebody: any will do, as long as it is always the same.
pub fn handle(name: &str) -> Handle {
    handle_of(&peer(name))
}

fn handle_of(peer: &Peer) -> Handle {
    let mut hasher = DefaultHasher::new();
    peer.hash(&mut hasher);
    Handle::new(hasher.finish())
}

/// Somebody with a client, behind lines of at most `max` bytes.
pub struct Person {
    pub otr: Otr,
    /// The keys that were seen.
    pub known: FingerprintStore,
    /// Those of them that were new.
    pub new_keys: Vec<Fingerprint>,
    /// The nick that others see.
    pub nick: Peer,
    pub max: usize,
    /// Texts that could be read, with the sender's instance.
    pub texts: Vec<(u32, String)>,
    /// All that happened, without the lines to send.
    pub events: Vec<Event>,
    /// Lines on their way out.
    pub out: VecDeque<(Peer, Vec<u8>)>,
    reassembler: Reassembler,
}

impl Person {
    /// With a key and the account's name as nick.
    pub fn new(account: &str) -> Person {
        let mut otr = Otr::new(account).expect("libotr");
        otr.load_key(key_file(account)).expect("a key that was just made");
        Person {
            otr,
            known: FingerprintStore::new(account).expect("a good name"),
            new_keys: Vec::new(),
            nick: peer(account),
            max: 400,
            texts: Vec::new(),
            events: Vec::new(),
            out: VecDeque::new(),
            reassembler: Reassembler::new(),
        }
    }

    /// With another nick than its account's name.
    pub fn called(mut self, nick: &str) -> Person {
        self.nick = peer(nick);
        self
    }

    /// What a call about somebody led to.
    pub fn take(&mut self, with: &Peer, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Inject { line } => self.post(with, &line),
                event => {
                    if let Event::Private { fingerprint, .. }
                    | Event::Refreshed { fingerprint, .. } = event
                    {
                        let new = self.known.meet(with, fingerprint);
                        self.new_keys.extend(new.then_some(fingerprint));
                    }
                    self.events.push(event);
                }
            }
        }
    }

    pub fn post(&mut self, to: &Peer, line: &[u8]) {
        for piece in cut(line, self.max).expect("lines long enough") {
            assert!(piece.len() <= self.max);
            self.out.push_back((to.clone(), piece));
        }
    }

    pub fn hear(&mut self, from: &Peer, line: &[u8]) {
        let whole = match classify(line) {
            OtrLine::Fragment(piece) => {
                let ours = Some(self.otr.instag());
                match self.reassembler.push(Duration::ZERO, from, &piece, ours) {
                    Outcome::Complete(whole) => whole,
                    Outcome::Pending | Outcome::Dropped => return,
                }
            }
            _ => line.to_vec(),
        };
        let received = self.otr.receive(handle_of(from), &classify(&whole), &whole);
        if let Some(text) = received.text {
            self.texts.push((received.instance, String::from_utf8(text).expect("test text")));
        }
        self.take(from, received.events);
    }

    pub fn say(&mut self, to: &Peer, instance: u32, text: &str) {
        let (line, events) =
            self.otr.send(handle_of(to), instance, text.as_bytes()).expect("a private session");
        self.take(to, events);
        self.post(to, &line);
    }

    /// The newest private session with somebody.
    pub fn private_with(&self, with: &Peer) -> Session {
        let mut sessions = self.otr.sessions(handle_of(with)).into_iter();
        sessions.find(|one| one.state == State::Encrypted).expect("a private session")
    }

    pub fn is_private_with(&self, with: &Peer) -> bool {
        self.otr.sessions(handle_of(with)).iter().any(|one| one.state == State::Encrypted)
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.otr.own_fingerprint().expect("a key")
    }

    /// What has happened since the last look.
    pub fn news(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub fn smp_news(&mut self) -> Vec<Smp> {
        let smp = |event| match event {
            Event::Smp { event, .. } => Some(event),
            _ => None,
        };
        self.news().into_iter().filter_map(smp).collect()
    }

    pub fn heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.texts).into_iter().map(|(_, text)| text).collect()
    }
}

/// Carries lines between people until nobody has anything to send. A nick that
/// several have is several clients: each gets every line.
pub fn pump(people: &mut [&mut Person]) {
    for _ in 0..1000 {
        let next = people
            .iter_mut()
            .find_map(|one| one.out.pop_front().map(|(to, line)| (one.nick.clone(), to, line)));
        let Some((from, to, line)) = next else { return };
        for one in people.iter_mut().filter(|one| one.nick == to) {
            one.hear(&from, &line);
        }
    }
    panic!("they never fall silent");
}

/// Alice and Bob, who have just become private by this query of Alice's.
pub fn private_pair(query: &str) -> (Person, Person) {
    let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
    alice.post(&peer("bob"), query.as_bytes());
    pump(&mut [&mut alice, &mut bob]);
    assert!(alice.is_private_with(&peer("bob")) && bob.is_private_with(&peer("alice")));
    for person in [&mut alice, &mut bob] {
        person.news();
        person.new_keys.clear();
    }
    (alice, bob)
}
