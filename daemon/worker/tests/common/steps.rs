//! Everything that can happen, one step after the other.

use super::person::Person;
use super::user::User;
use super::user_actions::{Own, own};
use super::world::{Dir, Sent, Us, World};
use proptest::prelude::*;
use proptest::strategy::Union;
use proto::shim::MessageKind;

/// Nicks that people use. Some are the same under one CASEMAPPING and not under another.
pub const NICKS: [&str; 9] = ["bob", "Bob", "b[", "B{", "carol", "mallory", "x", "dave", "alice"];
/// Where in them are those.
pub const BOB: usize = 0;
pub const DAVE: usize = 7;
pub const ALICE: usize = 8;
const MAPPINGS: [&str; 3] = ["rfc1459", "ascii", "rfc1459-strict"];
pub const KINDS: [MessageKind; 5] = [
    MessageKind::Text,
    MessageKind::Action,
    MessageKind::Notice,
    MessageKind::Ctcp,
    MessageKind::CtcpReply,
];
/// Longest lines of the network, and how long pieces peers' clients cut.
const LINES: [(u32, usize); 3] = [(512, 400), (300, 180), (220, 110)];

/// Somebody with bare libotr. The impostor and the shade are the enemy: under the nick of alice's
/// friend, and under hers with dave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Bob,
    Carol,
    Mallory,
    Impostor,
    Shade,
}

impl Who {
    pub fn is_enemy(self) -> bool {
        matches!(self, Self::Mallory | Self::Impostor | Self::Shade)
    }
}

/// A step. Numbers are taken modulo of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Something at the end of one of those who have otrd.
    Alice(Own),
    Dave(Own),
    /// They ask each other at once.
    Both,
    /// One of them writes to the other, whatever the nick is now.
    Words(Us, usize),
    /// One of them asks the other to authenticate, who answers, rightly or not.
    Authenticate(Us, bool),
    /// One of them takes another nick.
    Goes(Us, usize),
    /// A peer says something, encrypted if its client believes to be private.
    Say(Who),
    /// A peer does something (`/me`), or notices in clear.
    Action(Who),
    Notice(Who),
    Start(Who),
    Finish(Who),
    /// A peer's client forgets its sessions; with another key or the same.
    Restart(Who, usize),
    Ask(Who, bool),
    Answer(Who, bool),
    Rename(Who, usize),
    /// Clear text of the enemy's under any nick.
    Clear(Us, usize, usize),
    /// A line of the enemy's that looks like OTR, under any nick.
    Forge(Us, usize, usize),
    /// An OTR line that was on the wire arrives again, under the nick it came from or any.
    Replay(Us, usize, Option<usize>),
    /// The same with a byte changed.
    Alter(Us, usize, usize, u8),
    /// What a friend was sent arrives at the friend again.
    ReplayToBob(usize),
    /// Whether the impostor answers, and whether the friend hears what is meant for them.
    Impostor(bool, bool),
    /// The same of the shade and alice.
    Shade(bool, bool),
    /// Lines to alice or from her are kept back, or no longer.
    Hold(Dir, bool),
    /// One of those kept back arrives, in any order.
    Release(Dir, usize),
    Drop(Dir, usize),
    /// One that is kept back arrives, and will again.
    Twice(Dir, usize),
    Casemapping(usize),
    /// Lines are shorter from now on, or longer: messages come in more pieces.
    Lines(usize),
    Wait(u64),
}

const FORGED: [&[u8]; 12] = [
    b"?OTR?",
    b"?OTRv23? please",
    b"?OTRv2?",
    b"?OTR Error: m0 is an error",
    b"?OTR:AAMDAAAAAAAA.",
    b"?OTR:AAIDAAAAAAEAAAABAAAAwA==.",
    b"?OTR|00000100|00000000,00001,00002,abc,",
    b"?OTR|00000200|00000000,00002,00002,abc,",
    b"?OTR,1,2,?OTR:AAI,",
    b"?OTR:AAMC",
    b"m0 says \t  \t\t\t\t \t \t \t    \t\t  \t   \t\t  \t\t",
    b"?OTRv?",
];

/// With bob, or with dave for alice's friend.
pub fn op(dave: bool) -> impl Strategy<Value = Op> {
    let friend = if dave { DAVE } else { BOB };
    let everybody =
        vec![(53, own(friend).prop_map(Op::Alice).boxed()), (76, others(friend, dave).boxed())];
    let daves = vec![
        (53, own(ALICE).prop_map(Op::Dave).boxed()),
        (4, Just(Op::Both).boxed()),
        (12, (us(true), 0..7usize).prop_map(|(u, k)| Op::Words(u, k.saturating_sub(2))).boxed()),
        (4, (us(true), any::<bool>()).prop_map(|(u, r)| Op::Authenticate(u, r)).boxed()),
        (6, (us(true), 0..NICKS.len()).prop_map(|(u, n)| Op::Goes(u, n)).boxed()),
        (4, any::<(bool, bool)>().prop_map(|(a, h)| Op::Shade(a, h)).boxed()),
    ];
    Union::new_weighted(everybody.into_iter().chain(daves.into_iter().filter(|_| dave)).collect())
}

/// Which of our users something happens to.
fn us(dave: bool) -> BoxedStrategy<Us> {
    match dave {
        true => prop_oneof![Just(Us::Alice), Just(Us::Dave)].boxed(),
        false => Just(Us::Alice).boxed(),
    }
}

/// What friends, the enemy and the network do.
fn others(friend: usize, dave: bool) -> impl Strategy<Value = Op> {
    let who = prop_oneof![
        if dave { 1 } else { 4 } => Just(Who::Bob),
        1 => Just(Who::Carol),
        2 => Just(Who::Mallory),
        3 => Just(Who::Impostor),
        if dave { 3 } else { 0 } => Just(Who::Shade),
    ]
    .boxed();
    let nick = prop_oneof![4 => Just(friend), 3 => 0..NICKS.len()].boxed();
    let dir = prop_oneof![2 => Just(Dir::In), 1 => Just(Dir::Out)].boxed();
    let (line, us) = (0..64usize, us(dave));
    prop_oneof![
        8 => who.clone().prop_map(Op::Say),
        2 => who.clone().prop_map(Op::Action),
        2 => who.clone().prop_map(Op::Notice),
        6 => who.clone().prop_map(Op::Start),
        3 => who.clone().prop_map(Op::Finish),
        2 => (who.clone(), 0..2usize).prop_map(|(w, k)| Op::Restart(w, k)),
        1 => (who.clone(), any::<bool>()).prop_map(|(w, q)| Op::Ask(w, q)),
        1 => (who.clone(), any::<bool>()).prop_map(|(w, r)| Op::Answer(w, r)),
        7 => (who, nick.clone()).prop_map(|(w, n)| Op::Rename(w, n)),
        5 => (us.clone(), nick.clone(), 0..KINDS.len()).prop_map(|(u, n, k)| Op::Clear(u, n, k)),
        4 => (us.clone(), 0..FORGED.len(), nick.clone()).prop_map(|(u, f, n)| Op::Forge(u, f, n)),
        4 => (us.clone(), line.clone(), proptest::option::of(nick))
            .prop_map(|(u, l, n)| Op::Replay(u, l, n)),
        3 => (us, line.clone(), line.clone(), any::<u8>())
            .prop_map(|(u, l, at, b)| Op::Alter(u, l, at, b)),
        1 => line.clone().prop_map(Op::ReplayToBob),
        5 => any::<(bool, bool)>().prop_map(|(a, h)| Op::Impostor(a, h)),
        4 => (dir.clone(), any::<bool>()).prop_map(|(d, h)| Op::Hold(d, h)),
        6 => (dir.clone(), line.clone()).prop_map(|(d, l)| Op::Release(d, l)),
        2 => (dir.clone(), line.clone()).prop_map(|(d, l)| Op::Drop(d, l)),
        2 => (dir, line).prop_map(|(d, l)| Op::Twice(d, l)),
        3 => (0..MAPPINGS.len()).prop_map(Op::Casemapping),
        2 => (0..LINES.len()).prop_map(Op::Lines),
        3 => prop_oneof![Just(1u64), Just(31), Just(61), Just(200)].prop_map(Op::Wait),
    ]
}

impl Us {
    pub fn does(self, own: Own) -> Op {
        match self {
            Self::Alice => Op::Alice(own),
            Self::Dave => Op::Dave(own),
        }
    }
}

impl Op {
    /// What this user does in it.
    pub fn of(self, us: Us) -> Option<Own> {
        match (self, us) {
            (Self::Alice(own), Us::Alice) | (Self::Dave(own), Us::Dave) => Some(own),
            _ => None,
        }
    }
}

impl World {
    pub fn one(&mut self, who: Who) -> &mut Person {
        match who {
            Who::Bob => &mut self.bob,
            Who::Carol => &mut self.carol,
            Who::Mallory => &mut self.mallory,
            Who::Impostor => &mut self.impostor,
            Who::Shade => &mut self.shade,
        }
    }

    /// A server lets nobody take a nick that somebody has.
    fn free(&self, nick: &str) -> bool {
        let people = [&self.bob, &self.carol, &self.mallory].map(|one| &one.nick);
        let ours = self.dave.iter().map(|dave| &dave.nick).chain([&self.alice.nick]);
        !people.into_iter().chain(ours).any(|one| self.alice.same(one, nick))
    }

    /// An OTR line that was on the wire, on its way to one of us or from alice.
    fn otr_line(&self, which: usize, to: Option<Us>) -> Option<(String, Vec<u8>)> {
        let meant = |sent: &&Sent| match to {
            Some(us) => sent.at == Some(us),
            None => sent.by == Some(Us::Alice),
        };
        let otr = self.wire.iter().filter(|sent| sent.text.starts_with(b"?OTR"));
        let lines: Vec<_> = otr.filter(meant).collect();
        let sent = lines.get(which.checked_rem(lines.len())?)?;
        Some((sent.from.clone(), sent.text.clone()))
    }

    /// One of those that are kept back.
    fn kept_back(&mut self, dir: Dir, which: usize) -> Option<usize> {
        which.checked_rem(self.way(dir).held.len())
    }

    /// The same in steps that name nicks.
    pub fn plain(&mut self, op: Op) -> Vec<Op> {
        match op {
            Op::Words(us, kind) => {
                let friend = self.nick_of(us.other());
                vec![us.does(Own::Type(friend, kind))]
            }
            Op::Authenticate(us, right) => {
                let (other, initiator) = (self.nick_of(us.other()), self.nick_of(us));
                vec![us.does(Own::auth(other, true)), us.other().does(Own::auth(initiator, right))]
            }
            op => vec![op],
        }
    }

    /// The number in [`NICKS`] of the nick that one of us has.
    pub fn nick_of(&mut self, us: Us) -> usize {
        let nick = self.user(us).map(|user| user.nick.clone()).unwrap_or_default();
        NICKS.iter().position(|one| *one == nick).expect("a nick that people use")
    }

    /// Does one plain step. `token` is a word that nobody has used before.
    pub fn play(&mut self, op: Op, token: &str) {
        match op {
            Op::Alice(own) => self.alice.does(own, token),
            Op::Dave(own) => {
                if let Some(dave) = &mut self.dave {
                    dave.does(own, token);
                }
            }
            Op::Both => {
                let hers = self.alice.nick.clone();
                if let Some(dave) = &mut self.dave {
                    dave.command(&format!("start {hers}"));
                    self.alice.command(&format!("start {}", dave.nick));
                }
            }
            Op::Words(..) | Op::Authenticate(..) => panic!("not a plain step"),
            Op::Goes(us, new) => self.takes(us, NICKS[new]),
            Op::Say(who) => self.one(who).say(token.as_bytes()),
            Op::Action(who) => self.one(who).say(format!("/me {token}").as_bytes()),
            Op::Notice(who) => {
                let (to, nick) = (self.one(who).talks_to, self.one(who).nick.clone());
                self.comes(to, &nick, MessageKind::Notice, token.as_bytes());
            }
            Op::Start(who) => self.one(who).start(),
            Op::Finish(who) => self.one(who).finish(),
            Op::Restart(who, key) => {
                let one = self.one(who);
                one.restart(if one.account == "bob" { key } else { 0 });
            }
            Op::Ask(who, question) => {
                let question = question.then(|| format!("{token}?"));
                self.one(who).ask(question.as_ref().map(String::as_bytes), b"right");
            }
            Op::Answer(who, right) => {
                self.one(who).answer(if right { b"right" } else { b"wrong" });
            }
            Op::Rename(who @ (Who::Bob | Who::Carol | Who::Mallory), new) => {
                let new = NICKS[new];
                let was = self.one(who).nick.clone();
                if self.free(new) || self.alice.same(&was, new) {
                    let old = std::mem::replace(&mut self.one(who).nick, new.into());
                    self.all_see_nick(&old, new);
                }
            }
            Op::Rename(Who::Impostor | Who::Shade, _) => {}
            Op::Clear(us, from, kind) => {
                self.comes(us, NICKS[from], KINDS[kind], token.as_bytes());
            }
            Op::Forge(us, which, from) => {
                let line = String::from_utf8_lossy(FORGED[which]).replace("m0", token);
                self.comes(us, NICKS[from], MessageKind::Text, line.as_bytes());
            }
            Op::Replay(us, which, from) => {
                if let Some((was, line)) = self.otr_line(which, Some(us)) {
                    let from = from.map_or(was, |from| NICKS[from].into());
                    self.comes(us, &from, MessageKind::Text, &line);
                }
            }
            Op::Alter(us, which, at, byte) => {
                if let Some((from, mut line)) = self.otr_line(which, Some(us)) {
                    let at = 5 + at * 7 % line.len().saturating_sub(5).max(1);
                    if let Some(place) = line.get_mut(at) {
                        *place = match byte {
                            0 | b'\r' | b'\n' => b'x',
                            byte => byte,
                        };
                    }
                    self.comes(us, &from, MessageKind::Text, &line);
                }
            }
            Op::ReplayToBob(which) => {
                if let Some((_, line)) = self.otr_line(which, None) {
                    self.bob.hear(&line);
                }
            }
            Op::Impostor(answers, hears) => {
                self.impostor_answers = answers;
                (self.bob_hears, self.dave_hears) = (hears, hears);
            }
            Op::Shade(answers, hears) => {
                (self.shade_answers, self.alice_hears) = (answers, hears);
            }
            Op::Hold(dir, holds) => self.way(dir).holds = holds,
            Op::Release(dir, which) => {
                let at = self.kept_back(dir, which);
                if let Some(sent) = at.and_then(|at| self.way(dir).held.remove(at)) {
                    self.arrive(sent);
                }
            }
            Op::Drop(dir, which) => {
                if let Some(at) = self.kept_back(dir, which) {
                    self.way(dir).held.remove(at);
                }
            }
            Op::Twice(dir, which) => {
                let at = self.kept_back(dir, which);
                let sent = at.and_then(|at| self.way(dir).held.get(at).cloned());
                if let Some(sent) = sent.filter(|sent| sent.text.starts_with(b"?OTR")) {
                    self.arrive(sent);
                }
            }
            Op::Casemapping(which) => self.each(|user| user.casemapping(MAPPINGS[which])),
            Op::Lines(which) => {
                let (line, piece) = LINES[which];
                self.people().into_iter().for_each(|one| one.piece = piece);
                self.each(|user| user.lines(line));
            }
            Op::Wait(seconds) => self.each(|user| user.waits(seconds)),
        }
        self.settle();
    }

    fn each(&mut self, what: impl Fn(&mut User)) {
        Us::BOTH.into_iter().for_each(|us| self.user(us).into_iter().for_each(&what));
    }

    /// One of us takes another nick.
    fn takes(&mut self, us: Us, new: &str) {
        let free = self.free(new);
        let Some(user) = self.user(us).filter(|user| user.network.connected) else { return };
        if free || user.same(&user.nick, new) {
            let old = user.nick.clone();
            user.goes_by(new);
            self.all_see_nick(&old, new);
        }
    }
}
