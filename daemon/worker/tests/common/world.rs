//! The network between the people, and the log of everything on it.

use super::person::Person;
use super::user::{Line, Shown, User};
use proto::shim::Kind;
use std::collections::VecDeque;

/// A line that went over the wire.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The nick it came from; the user's own is `alice`.
    pub from: String,
    pub to: String,
    pub kind: Kind,
    pub text: Vec<u8>,
}

pub struct World {
    pub alice: User,
    pub bob: Person,
    pub carol: Person,
    /// The enemy under a nick of his own.
    pub mallory: Person,
    /// The enemy's client for lines that are meant for bob.
    pub impostor: Person,
    /// Whether the impostor answers what is meant for bob.
    pub impostor_answers: bool,
    /// Whether what is meant for bob gets there at all.
    pub bob_hears: bool,
    pub wire: Vec<Sent>,
    /// Lines from peers on their way to alice are kept back here while `holds`.
    pub held: VecDeque<(String, Vec<u8>)>,
    pub holds: bool,
}

impl World {
    pub fn new() -> Self {
        Self::with(User::new())
    }

    pub fn with(alice: User) -> Self {
        let mut impostor = Person::new("mallory");
        impostor.nick = "bob".into();
        Self {
            alice,
            bob: Person::new("bob"),
            carol: Person::new("carol"),
            mallory: Person::new("mallory"),
            impostor,
            impostor_answers: false,
            bob_hears: true,
            wire: Vec::new(),
            held: VecDeque::new(),
            holds: false,
        }
    }

    pub fn people(&mut self) -> [&mut Person; 4] {
        [&mut self.bob, &mut self.carol, &mut self.mallory, &mut self.impostor]
    }

    /// Carries lines until nobody has anything to send.
    pub fn settle(&mut self) {
        for _ in 0..2000 {
            if let Some(line) = self.alice.out.pop_front() {
                self.carry_out(line);
                continue;
            }
            let next = self
                .people()
                .into_iter()
                .find_map(|one| one.out.pop_front().map(|line| (one.nick.clone(), line)));
            let Some((from, line)) = next else { return };
            self.carry_in(&from, line);
        }
        panic!("they never fall silent");
    }

    fn carry_out(&mut self, line: Line) {
        let Line { to, kind, text } = line;
        self.wire.push(Sent { from: "alice".into(), to: to.clone(), kind, text: text.clone() });
        if kind != Kind::Text || !self.alice.network.connected {
            return;
        }
        let (answers, hears) = (self.impostor_answers, self.bob_hears);
        let map = self.alice.casemap();
        for (i, one) in self.people().into_iter().enumerate() {
            let there = match i {
                0 => hears,
                3 => answers,
                _ => true,
            };
            if there && map.fold(one.nick.as_bytes()) == map.fold(to.as_bytes()) {
                one.hear(&text);
            }
        }
    }

    fn carry_in(&mut self, from: &str, line: Vec<u8>) {
        if self.holds {
            return self.held.push_back((from.into(), line));
        }
        self.inject(from, &line);
    }

    /// A line arrives at alice, from whom ever the network says.
    pub fn inject(&mut self, from: &str, line: &[u8]) {
        self.arrives(from, Kind::Text, line);
    }

    /// A notice in clear.
    pub fn notice(&mut self, from: &str, line: &[u8]) {
        self.arrives(from, Kind::Notice, line);
    }

    fn arrives(&mut self, from: &str, kind: Kind, line: &[u8]) {
        if !self.alice.network.connected {
            return;
        }
        let sent = Sent { from: from.into(), to: "alice".into(), kind, text: line.to_vec() };
        self.wire.push(sent);
        self.alice.hears(from, kind, line);
    }

    /// A line of somebody else than bob under bob's nick.
    pub fn forge(&mut self, line: &[u8]) {
        self.inject("bob", line);
        self.settle();
    }

    /// Alice and bob become private.
    pub fn private(&mut self) {
        self.alice.command("start bob");
        self.settle();
        assert!(self.bob.is_private() && self.alice.state("bob") == "encrypted");
        self.alice.news();
    }

    /// As [`World::private`], and alice trusts bob's key.
    pub fn trusted(&mut self) {
        self.private();
        self.alice.command("trust bob");
        self.alice.news();
    }

    /// Somebody changes nick, and alice sees it.
    pub fn rename(&mut self, who: impl Fn(&mut Self) -> &mut Person, new: &str) {
        let old = std::mem::replace(&mut who(self).nick, new.into());
        self.alice.sees_nick(&old, new);
        self.settle();
    }

    // ---- what tests look at

    /// Whether these words ever were on the wire for all to read.
    pub fn leaked(&self, words: &str) -> bool {
        let mut of_alice = self.wire.iter().filter(|sent| sent.from == "alice");
        of_alice.any(|sent| contains(&sent.text, words))
    }
}

pub fn contains(text: &[u8], words: &str) -> bool {
    text.windows(words.len()).any(|window| window == words.as_bytes())
}

/// Lines of `*otr` with these words.
pub fn told(news: &[Shown], words: &str) -> bool {
    news.iter().any(|one| matches!(one, Shown::Otr(_, text) if text.contains(words)))
}

/// How often the user's text came back.
pub fn returned(news: &[Shown], words: &str) -> usize {
    let back = |one: &&Shown| matches!(one, Shown::Refused { text, .. } if text == words);
    news.iter().filter(back).count()
}

/// Peers' texts as shown.
pub fn heard(news: &[Shown]) -> Vec<&str> {
    let mut texts = Vec::new();
    for one in news {
        if let Shown::Peer { text, .. } = one {
            texts.push(text.as_str());
        }
    }
    texts
}
