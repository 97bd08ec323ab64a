//! The network between the people, and the log of everything on it.

use super::person::Person;
use super::user::{Line, Shown, User};
use proto::shim::MessageKind;
use std::collections::VecDeque;

/// One of those who have otrd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Us {
    Alice,
    Dave,
}

impl Us {
    pub const BOTH: [Self; 2] = [Self::Alice, Self::Dave];

    pub fn other(self) -> Self {
        match self {
            Self::Alice => Self::Dave,
            Self::Dave => Self::Alice,
        }
    }
}

/// A line that went over the wire.
#[derive(Clone, Debug)]
pub struct Sent {
    pub from: String,
    pub to: String,
    pub kind: MessageKind,
    pub text: Vec<u8>,
    /// Whose it is, where one of us sent it.
    pub by: Option<Us>,
    /// For which of us it is.
    pub at: Option<Us>,
}

/// From alice, or to her.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dir {
    In,
    Out,
}

/// Lines on their way.
#[derive(Default)]
pub struct Way {
    /// They are kept back.
    pub holds: bool,
    pub held: VecDeque<Sent>,
}

pub struct World {
    pub alice: User,
    /// A friend of hers who has otrd, too.
    pub dave: Option<User>,
    pub bob: Person,
    pub carol: Person,
    /// The enemy under a nick of their own.
    pub mallory: Person,
    /// The enemy's client for lines of alice's that are meant for a friend.
    pub impostor: Person,
    /// The enemy's client for lines of dave's that are meant for alice.
    pub shade: Person,
    /// Whether the impostor answers what is meant for the friend.
    pub impostor_answers: bool,
    pub shade_answers: bool,
    /// Whether what is meant for them gets there at all.
    pub bob_hears: bool,
    pub dave_hears: bool,
    pub alice_hears: bool,
    /// All that our users sent, and all that reached them from others.
    pub wire: Vec<Sent>,
    pub inward: Way,
    pub outward: Way,
}

impl World {
    pub fn new() -> Self {
        Self::with(User::new())
    }

    pub fn with(alice: User) -> Self {
        let mut impostor = Person::new("mallory");
        impostor.nick = "bob".into();
        let mut shade = Person::talking("mallory", Us::Dave);
        shade.nick = "alice".into();
        Self {
            alice,
            dave: None,
            bob: Person::new("bob"),
            carol: Person::new("carol"),
            mallory: Person::new("mallory"),
            impostor,
            shade,
            impostor_answers: false,
            shade_answers: false,
            bob_hears: true,
            dave_hears: true,
            alice_hears: true,
            wire: Vec::new(),
            inward: Way::default(),
            outward: Way::default(),
        }
    }

    /// Alice and dave, and an enemy who stands for either with the other.
    pub fn with_dave() -> Self {
        let mut w = Self::new();
        w.dave = Some(User::called("dave"));
        w.impostor.nick = "dave".into();
        w
    }

    pub fn people(&mut self) -> [&mut Person; 5] {
        [&mut self.bob, &mut self.carol, &mut self.mallory, &mut self.impostor, &mut self.shade]
    }

    pub fn user(&mut self, us: Us) -> Option<&mut User> {
        match us {
            Us::Alice => Some(&mut self.alice),
            Us::Dave => self.dave.as_mut(),
        }
    }

    pub fn way(&mut self, dir: Dir) -> &mut Way {
        match dir {
            Dir::In => &mut self.inward,
            Dir::Out => &mut self.outward,
        }
    }

    // ---- lines on their way

    /// Carries lines until nobody has anything to send.
    pub fn settle(&mut self) {
        for _ in 0..2000 {
            let Some(sent) = self.next() else { return };
            let dir = match (sent.by, sent.at) {
                (Some(Us::Alice), _) => Some(Dir::Out),
                (_, Some(Us::Alice)) => Some(Dir::In),
                _ => None,
            };
            match dir.map(|dir| self.way(dir)) {
                Some(way) if way.holds => way.held.push_back(sent),
                _ => self.arrive(sent),
            }
        }
        panic!("they never fall silent");
    }

    /// The next line that somebody sends.
    fn next(&mut self) -> Option<Sent> {
        for us in Us::BOTH {
            while let Some(line) = self.user(us).and_then(|user| user.out.pop_front()) {
                let (sent, there) = self.leaves(us, line);
                if there {
                    return Some(sent);
                }
            }
        }
        let (us, from, text) = self.people().into_iter().find_map(|one| {
            let line = one.out.pop_front()?;
            Some((one.talks_to, one.nick.clone(), line))
        })?;
        let to = self.user(us).map(|user| user.nick.clone()).unwrap_or_default();
        Some(Sent { from, to, kind: MessageKind::Text, text, by: None, at: Some(us) })
    }

    /// One of us sends a line: there it is for all to see, and goes on if IRC is there.
    fn leaves(&mut self, us: Us, line: Line) -> (Sent, bool) {
        let Line { to, kind, text } = line;
        let user = self.user(us).expect("who sends");
        let (from, there) = (user.nick.clone(), user.network.connected);
        let map = self.alice.casemap();
        let same = |user: &&mut User| map.fold(user.nick.as_bytes()) == map.fold(to.as_bytes());
        let at = self.user(us.other()).filter(same).map(|_| us.other());
        let sent = Sent { from, to, kind, text, by: Some(us), at };
        self.wire.push(sent.clone());
        (sent, there)
    }

    /// A line gets to whoever has the nick now.
    pub fn arrive(&mut self, sent: Sent) {
        let Some(us) = sent.by else {
            let at = sent.at.expect("a line to one of us");
            return self.comes(at, &sent.from, sent.kind, &sent.text);
        };
        let map = self.alice.casemap();
        let to = map.fold(sent.to.as_bytes());
        let hears = match us {
            Us::Alice => self.dave_hears,
            Us::Dave => self.alice_hears,
        };
        if let Some(user) = self.user(us.other())
            && hears
            && user.network.connected
            && map.fold(user.nick.as_bytes()) == to
        {
            user.hears(&sent.from, sent.kind, &sent.text);
        }
        let there =
            [self.bob_hears, true, true, self.impostor_answers, self.shade_answers].into_iter();
        for (one, there) in self.people().into_iter().zip(there) {
            let meant = one.talks_to == us && map.fold(one.nick.as_bytes()) == to;
            if there && meant && sent.kind == MessageKind::Text {
                one.hear(&sent.text);
            }
        }
    }

    /// What is held back arrives, in order.
    pub fn let_go(&mut self, dir: Dir) {
        self.way(dir).holds = false;
        for sent in std::mem::take(&mut self.way(dir).held) {
            self.arrive(sent);
        }
    }

    /// A line arrives at alice, from whom ever the network says.
    pub fn inject(&mut self, from: &str, line: &[u8]) {
        self.comes(Us::Alice, from, MessageKind::Text, line);
    }

    /// A line that none of us sent arrives.
    pub fn comes(&mut self, us: Us, from: &str, kind: MessageKind, line: &[u8]) {
        let Some(user) = self.user(us).filter(|user| user.network.connected) else { return };
        let to = user.nick.clone();
        user.hears(from, kind, line);
        let text = line.to_vec();
        self.wire.push(Sent { from: from.into(), to, kind, text, by: None, at: Some(us) });
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

    /// As [`World::private`], with dave.
    pub fn private_with_dave(&mut self) {
        self.alice.command("start dave");
        self.settle();
        let dave = self.dave.as_mut().expect("dave");
        assert!(dave.state("alice") == "encrypted" && self.alice.state("dave") == "encrypted");
        dave.news();
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

    /// A nick becomes another one, and those of us who are there see it.
    pub fn all_see_nick(&mut self, old: &str, new: &str) {
        for us in Us::BOTH {
            let Some(user) = self.user(us).filter(|user| user.network.connected) else { continue };
            // Of their own they are told otherwise.
            if user.nick != new {
                user.sees_nick(old, new);
            }
        }
    }

    // ---- what tests look at

    /// Whether no two of the people have one nick, as the server takes it now.
    pub fn know_each_other(&self) -> bool {
        let people = [&self.bob, &self.carol, &self.mallory].map(|one| &one.nick);
        let ours = self.dave.iter().map(|dave| &dave.nick).chain([&self.alice.nick]);
        let map = self.alice.casemap();
        let mut all: Vec<Vec<u8>> =
            people.into_iter().chain(ours).map(|nick| map.fold(nick.as_bytes())).collect();
        let many = all.len();
        all.sort();
        all.dedup();
        all.len() == many
    }

    /// Whether these words ever were on the wire for all to read.
    pub fn leaked(&self, words: &str) -> bool {
        let mut of_alice = self.wire.iter().filter(|sent| sent.by == Some(Us::Alice));
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
