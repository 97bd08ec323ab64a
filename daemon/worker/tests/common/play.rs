//! Everything that can happen, one step after the other.

use super::person::Person;
use super::world::World;
use proptest::prelude::*;
use proto::shim::Kind;

/// Nicks that people use. Some are the same under one CASEMAPPING and not under another.
pub const NICKS: [&str; 7] = ["bob", "Bob", "b[", "B{", "carol", "mallory", "x"];
const MAPPINGS: [&str; 3] = ["rfc1459", "ascii", "rfc1459-strict"];
pub const KINDS: [Kind; 5] = [Kind::Text, Kind::Action, Kind::Notice, Kind::Ctcp, Kind::CtcpReply];
/// Longest lines of the network, and how long pieces peers' clients cut.
const LINES: [(u32, usize); 3] = [(512, 400), (300, 180), (220, 110)];

/// Somebody at the other end. The impostor is the enemy under the nick of bob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Bob,
    Carol,
    Mallory,
    Impostor,
}

/// A step. Numbers are taken modulo of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The user types a line for a nick.
    Type(usize, usize),
    /// A command about a nick.
    Command(usize, usize),
    /// A peer says something, encrypted if its client believes to be private.
    Say(Who),
    /// A peer does something (`/me`), or notices in clear.
    Act(Who),
    Notice(Who),
    Start(Who),
    Finish(Who),
    /// A peer's client forgets its sessions; with another key or the same.
    Restart(Who, usize),
    Ask(Who, bool),
    Answer(Who, bool),
    Rename(Who, usize),
    Quit(usize),
    Join(usize),
    /// Clear text of the enemy's under any nick.
    Clear(usize, usize),
    /// A line of the enemy's that looks like OTR, under any nick.
    Forge(usize, usize),
    /// An OTR line that was on the wire arrives again, under the nick it came from or any.
    Replay(usize, Option<usize>),
    /// The same with a byte changed.
    Alter(usize, usize, u8),
    /// What a friend was sent arrives at the friend again.
    ReplayToBob(usize),
    /// Whether the impostor answers, and whether bob hears what is meant for him.
    Impostor(bool, bool),
    /// Lines to the user are kept back, or no longer.
    Hold(bool),
    /// One of those kept back arrives, in any order.
    Release(usize),
    Drop(usize),
    /// Its first byte arrives only.
    Twice(usize),
    Casemapping(usize),
    /// Lines are shorter from now on, or longer: messages come in more pieces.
    Lines(usize),
    Irc(bool),
    Module(bool),
    /// The reply to the next request is lost, and the connection.
    LoseReply,
    /// The next request is lost before it is read, and the connection.
    LoseRequest,
    /// The module is loaded anew; or killed before, with all that it holds.
    Reload(bool),
    /// The worker dies and starts from its files.
    Worker,
    Wait(u64),
    Wall(u64),
    Key(bool),
    Disk(bool),
}

/// Commands about a nick, `%` in its place.
const COMMANDS: [&str; 25] = [
    "start %",
    "start %",
    "start %",
    "finish %",
    "finish %",
    "trust %",
    "trust %",
    "distrust %",
    "refresh %",
    "auth % right",
    "authq % [what?] right",
    "authabort %",
    "policy % required",
    "policy % default",
    "policy % never",
    "policy % manual",
    "ignore %",
    "ignore --remove %",
    "info %",
    "finish --all",
    "genkey --overwrite",
    "status",
    "enable %",
    "enable --remove %",
    "policy * manual",
];

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

pub fn op() -> impl Strategy<Value = Op> {
    let who = prop_oneof![
        4 => Just(Who::Bob),
        1 => Just(Who::Carol),
        2 => Just(Who::Mallory),
        3 => Just(Who::Impostor),
    ]
    .boxed();
    let nick = prop_oneof![4 => Just(0usize), 3 => 0..NICKS.len()].boxed();
    let line = 0..64usize;
    prop_oneof![
        14 => (nick.clone(), 0..7usize).prop_map(|(n, k)| Op::Type(n, k.saturating_sub(2))),
        14 => (0..COMMANDS.len(), nick.clone()).prop_map(|(c, n)| Op::Command(c, n)),
        8 => who.clone().prop_map(Op::Say),
        2 => who.clone().prop_map(Op::Act),
        2 => who.clone().prop_map(Op::Notice),
        6 => who.clone().prop_map(Op::Start),
        3 => who.clone().prop_map(Op::Finish),
        2 => (who.clone(), 0..2usize).prop_map(|(w, k)| Op::Restart(w, k)),
        1 => (who.clone(), any::<bool>()).prop_map(|(w, q)| Op::Ask(w, q)),
        1 => (who.clone(), any::<bool>()).prop_map(|(w, r)| Op::Answer(w, r)),
        7 => (who, nick.clone()).prop_map(|(w, n)| Op::Rename(w, n)),
        1 => nick.clone().prop_map(Op::Quit),
        1 => nick.clone().prop_map(Op::Join),
        5 => (nick.clone(), 0..KINDS.len()).prop_map(|(n, k)| Op::Clear(n, k)),
        4 => (0..FORGED.len(), nick.clone()).prop_map(|(f, n)| Op::Forge(f, n)),
        4 => (line.clone(), proptest::option::of(nick)).prop_map(|(l, n)| Op::Replay(l, n)),
        3 => (line.clone(), line.clone(), any::<u8>()).prop_map(|(l, at, b)| Op::Alter(l, at, b)),
        1 => line.clone().prop_map(Op::ReplayToBob),
        5 => any::<(bool, bool)>().prop_map(|(a, h)| Op::Impostor(a, h)),
        3 => any::<bool>().prop_map(Op::Hold),
        4 => line.clone().prop_map(Op::Release),
        1 => line.clone().prop_map(Op::Drop),
        1 => line.prop_map(Op::Twice),
        3 => (0..MAPPINGS.len()).prop_map(Op::Casemapping),
        2 => (0..LINES.len()).prop_map(Op::Lines),
        2 => any::<bool>().prop_map(Op::Irc),
        4 => any::<bool>().prop_map(Op::Module),
        4 => Just(Op::LoseReply),
        2 => Just(Op::LoseRequest),
        3 => any::<bool>().prop_map(Op::Reload),
        4 => Just(Op::Worker),
        3 => prop_oneof![Just(1u64), Just(31), Just(61), Just(200)].prop_map(Op::Wait),
        1 => prop_oneof![Just(0u64), Just(4_000_000_000)].prop_map(Op::Wall),
        2 => any::<bool>().prop_map(Op::Key),
        1 => any::<bool>().prop_map(Op::Disk),
    ]
}

impl World {
    pub fn one(&mut self, who: Who) -> &mut Person {
        match who {
            Who::Bob => &mut self.bob,
            Who::Carol => &mut self.carol,
            Who::Mallory => &mut self.mallory,
            Who::Impostor => &mut self.impostor,
        }
    }

    /// A server lets nobody take a nick that somebody has.
    fn free(&self, nick: &str) -> bool {
        let there = [&self.bob, &self.carol, &self.mallory];
        !there.iter().any(|one| self.alice.same(&one.nick, nick))
    }

    fn otr_line(&self, which: usize, to_alice: bool) -> Option<(String, Vec<u8>)> {
        let lines: Vec<_> = self
            .wire
            .iter()
            .filter(|sent| sent.text.starts_with(b"?OTR") && (sent.to == "alice") == to_alice)
            .collect();
        let sent = lines.get(which.checked_rem(lines.len())?)?;
        Some((sent.from.clone(), sent.text.clone()))
    }

    /// Does one step. `token` is a word that nobody has used before.
    pub fn play(&mut self, op: Op, token: &str) {
        match op {
            Op::Type(to, kind) => self.alice.types(NICKS[to], KINDS[kind], token),
            Op::Command(which, about) => {
                self.alice.command(&COMMANDS[which].replace('%', NICKS[about]));
            }
            Op::Say(who) => self.one(who).say(token.as_bytes()),
            Op::Act(who) => self.one(who).say(format!("/me {token}").as_bytes()),
            Op::Notice(who) => {
                let nick = self.one(who).nick.clone();
                self.notice(&nick, token.as_bytes());
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
            Op::Rename(who, new) => {
                let new = NICKS[new];
                let was = self.one(who).nick.clone();
                if who != Who::Impostor && (self.free(new) || self.alice.same(&was, new)) {
                    let old = std::mem::replace(&mut self.one(who).nick, new.into());
                    if self.alice.network.connected {
                        self.alice.sees_nick(&old, new);
                    }
                }
            }
            Op::Quit(who) => self.alice.sees_quit(NICKS[who]),
            Op::Join(who) => self.alice.sees_join(NICKS[who]),
            Op::Clear(from, kind) => {
                if self.alice.network.connected {
                    self.alice.hears(NICKS[from], KINDS[kind], token.as_bytes());
                }
            }
            Op::Forge(which, from) => {
                let line = String::from_utf8_lossy(FORGED[which]).replace("m0", token);
                self.inject(NICKS[from], line.as_bytes());
            }
            Op::Replay(which, from) => {
                if let Some((was, line)) = self.otr_line(which, true) {
                    let from = from.map_or(was, |from| NICKS[from].into());
                    self.inject(&from, &line);
                }
            }
            Op::Alter(which, at, byte) => {
                if let Some((from, mut line)) = self.otr_line(which, true) {
                    let at = 5 + at * 7 % line.len().saturating_sub(5).max(1);
                    if let Some(place) = line.get_mut(at) {
                        *place = match byte {
                            0 | b'\r' | b'\n' => b'x',
                            byte => byte,
                        };
                    }
                    self.inject(&from, &line);
                }
            }
            Op::ReplayToBob(which) => {
                if let Some((_, line)) = self.otr_line(which, false) {
                    self.bob.hear(&line);
                }
            }
            Op::Impostor(answers, hears) => {
                (self.impostor_answers, self.bob_hears) = (answers, hears);
            }
            Op::Hold(holds) => self.holds = holds,
            Op::Release(which) => {
                if let Some(at) = which.checked_rem(self.held.len())
                    && let Some((from, line)) = self.held.remove(at)
                {
                    self.inject(&from, &line);
                }
            }
            Op::Drop(which) => {
                if let Some(at) = which.checked_rem(self.held.len()) {
                    self.held.remove(at);
                }
            }
            Op::Twice(which) => {
                let at = which.checked_rem(self.held.len());
                if let Some((from, line)) = at.and_then(|at| self.held.get(at)).cloned()
                    && line.starts_with(b"?OTR")
                {
                    self.inject(&from, &line);
                }
            }
            Op::Casemapping(which) => self.alice.casemapping(MAPPINGS[which]),
            Op::Lines(which) => {
                let (line, piece) = LINES[which];
                self.people().into_iter().for_each(|one| one.piece = piece);
                self.alice.lines(line);
            }
            Op::Irc(connected) => self.alice.irc(connected),
            Op::Module(true) => self.alice.connect(),
            Op::Module(false) => self.alice.disconnect(),
            Op::LoseReply => self.alice.lose_next_reply = self.alice.up,
            Op::LoseRequest => self.alice.lose_next_request = self.alice.up,
            Op::Reload(killed) => self.alice.reload(killed),
            Op::Worker => self.alice.restart_worker(),
            Op::Wait(seconds) => self.alice.waits(seconds),
            Op::Wall(wall) => self.alice.now.wall = wall,
            Op::Key(true) => self.alice.key_is_made(1),
            Op::Key(false) => self.alice.key_fails(),
            Op::Disk(full) => self.alice.files.refuse(full),
        }
        self.settle();
    }
}
