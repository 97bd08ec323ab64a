//! What must always hold, checked after each step against all that was on the wire and all that
//! the user saw. It believes the user's eyes, not the engine: a nick is closed from the moment the
//! user was told that it is private until the user was told that it is finished.

use super::beginnings::Start;
use super::play::{KINDS, NICKS, Op, Who};
use super::user::{Shown, UNCHECKED};
use super::world::{World, contains};
use proto::shim::Kind;
use worker::unseen::PERHAPS_SHOWN;

const MARKS: [&str; 3] = ["[NOT ENCRYPTED] ", "[UNVERIFIED NEW KEY] ", UNCHECKED];
/// In the reason for which a line comes back that may have come back before.
const PERHAPS: [&str; 2] = ["was it not given back before?", "perhaps said before"];

/// A line that the user typed.
struct Typed {
    token: String,
    to: String,
    /// Nothing may show it in clear.
    secret: bool,
    sent: usize,
    back: usize,
    /// Came back from a module that did not know whether it did before.
    again: usize,
    /// ZNC was killed with it.
    dead: bool,
}

impl Typed {
    /// Neither sent nor back.
    fn is_open(&self) -> bool {
        self.sent + self.back + self.again == 0
    }
}

impl Shown {
    /// A peer's line with this word.
    fn has(&self, token: &str) -> bool {
        matches!(self, Shown::Peer { text, .. } if text.contains(token))
    }

    fn is_perhaps(&self) -> bool {
        matches!(self, Shown::Peer { text, .. } if text.starts_with(PERHAPS_SHOWN))
    }
}

/// The word of a step, as `w0012w`.
fn token_of(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
        word.len() == 6
            && word.starts_with('w')
            && word.ends_with('w')
            && word[1..5].bytes().all(|b| b.is_ascii_digit())
    })
}

pub struct Oracle {
    pub w: World,
    steps: usize,
    closed: Vec<String>,
    typed: Vec<Typed>,
    /// Friends' lines, and whether they were on the wire in clear.
    said: Vec<(String, Who, bool)>,
    wire_seen: usize,
    /// The enemy's own words.
    enemy: Vec<String>,
    read_by_enemy: usize,
    disk_full: bool,
    reordered: bool,
    /// ZNC was killed or loaded the module anew: what it showed may be shown again, marked.
    reloaded: bool,
    /// The answer to a command is under way.
    command_lost: bool,
    /// The last line shown of bob and of carol.
    last: [usize; 2],
    log: Vec<Shown>,
}

impl Oracle {
    pub fn new(start: Start) -> Self {
        let mut w = start.world();
        // What was before is seen, and known to be.
        w.alice.module_ticks();
        let closed = start.closed().iter().map(|nick| (*nick).to_owned()).collect();
        Self {
            wire_seen: w.wire.len(),
            w,
            steps: 0,
            closed,
            typed: Vec::new(),
            said: Vec::new(),
            enemy: Vec::new(),
            read_by_enemy: 0,
            disk_full: false,
            reordered: false,
            reloaded: false,
            command_lost: false,
            last: [0; 2],
            log: Vec::new(),
        }
    }

    fn is_closed(&self, nick: &str) -> bool {
        self.closed.iter().any(|one| self.w.alice.same(one, nick))
    }

    pub fn step(&mut self, op: Op) {
        self.steps += 1;
        let token = format!("w{:04}w", self.steps);
        self.w.alice.news();
        self.before(op, &token);
        let up = self.w.alice.up;
        self.w.play(op, &token);
        let lost = up && !self.w.alice.up;
        self.command_lost |= lost && matches!(op, Op::Command(..));
        if self.command_lost && matches!(op, Op::Worker) {
            // The user ended it, and the answer died with the worker: no promise any more.
            self.closed.clear();
        }
        if op == Op::Worker && self.disk_full {
            // The user was told that a restart would forget what is private.
            self.closed.clear();
        }
        self.reloaded |= matches!(op, Op::Reload(_));
        self.look(op);
        if op == Op::Reload(true) {
            self.typed.iter_mut().filter(|t| t.is_open()).for_each(|t| t.dead = true);
            for (token, _, clear) in &mut self.said {
                // It lay in ZNC, and the same had happened without the module.
                *clear &= self.log.iter().any(|s| s.has(token));
            }
        }
        self.command_lost &= !self.w.alice.up;
        self.check();
    }

    fn before(&mut self, op: Op, token: &str) {
        match op {
            Op::Type(to, kind) => {
                let to = NICKS[to].to_owned();
                let mut secret = self.is_closed(&to);
                if self.w.alice.up && !self.w.alice.loses() {
                    // What info says is a promise too.
                    let state = self.w.alice.state(&to);
                    secret |= !matches!(state.as_str(), "" | "plaintext");
                    secret |= self.required(&to);
                }
                self.typed.push(Typed {
                    token: token.into(),
                    to,
                    secret,
                    sent: 0,
                    back: 0,
                    again: 0,
                    // What a client answers by itself may be held back without a word to return.
                    dead: KINDS[kind] == Kind::CtcpReply,
                });
            }
            Op::Say(who @ (Who::Bob | Who::Carol))
            | Op::Act(who @ (Who::Bob | Who::Carol))
            | Op::Notice(who @ (Who::Bob | Who::Carol)) => {
                self.said.push((token.into(), who, false));
                // What the module keeps for a worker comes after what it shows unchecked.
                self.reordered |= !self.w.alice.up;
            }
            Op::Say(_)
            | Op::Act(_)
            | Op::Notice(_)
            | Op::Clear(..)
            | Op::Forge(..)
            | Op::Ask(Who::Mallory | Who::Impostor, _) => {
                self.enemy.push(token.into());
            }
            Op::Disk(full) => self.disk_full |= full,
            Op::Release(_) | Op::Drop(_) | Op::Twice(_) | Op::Replay(..) | Op::Alter(..) => {
                self.reordered = true;
            }
            _ => {}
        }
    }

    fn required(&mut self, nick: &str) -> bool {
        let before = self.w.alice.news();
        self.w.alice.command(&format!("policy {nick}"));
        let shown = std::mem::replace(&mut self.w.alice.screen, before);
        shown.iter().any(|s| matches!(s, Shown::Otr(_, t) if t.contains("Policy: required")))
    }

    /// Goes through what is new on the wire and on the screen.
    fn look(&mut self, op: Op) {
        let wire: Vec<_> = self.w.wire[self.wire_seen..].to_vec();
        self.wire_seen = self.w.wire.len();
        for sent in &wire {
            if sent.from == "alice" {
                for typed in &mut self.typed {
                    if contains(&sent.text, &typed.token) {
                        assert!(!typed.secret, "{} was typed privately: {sent:?}", typed.token);
                    }
                }
            } else {
                for (token, _, clear) in &mut self.said {
                    *clear |= contains(&sent.text, token);
                }
            }
        }
        for shown in self.w.alice.news() {
            self.see(&shown, op);
            self.log.push(shown);
        }
        self.enemy_reads();
    }

    fn see(&mut self, shown: &Shown, op: Op) {
        match shown {
            Shown::Echo { text, .. } | Shown::Passed { text, .. } => {
                if let Some(typed) = self.typed.iter_mut().find(|t| t.token == *text) {
                    typed.sent += 1;
                }
            }
            Shown::Refused { text, why, .. } => {
                let perhaps = self.reloaded && PERHAPS.iter().any(|words| why.contains(words));
                if let Some(typed) = self.typed.iter_mut().find(|t| t.token == *text) {
                    match perhaps {
                        true => typed.again += 1,
                        false => typed.back += 1,
                    }
                }
            }
            Shown::Otr(_, text) => self.told(text),
            Shown::Row(cells) => {
                assert!(!cells.iter().any(|c| self.enemy.iter().any(|m| c.contains(m.as_str()))));
            }
            Shown::Peer { from, text, .. } => self.heard(from, text, op),
        }
    }

    /// What `*otr` says opens and closes nicks.
    fn told(&mut self, text: &str) {
        // What may have been shown before comes in order, and to its end: the last word counts.
        let text = text.strip_prefix(PERHAPS_SHOWN).unwrap_or(text);
        if let Some(token) = self.enemy.iter().find(|m| text.contains(m.as_str())) {
            let words = text.find("in their words: ").expect("a quotation");
            assert!(words < text.find(token.as_str()).expect("the word"), "not quoted: {text}");
        }
        let Some((nick, rest)) = text.strip_prefix('[').and_then(|t| {
            // Nicks have brackets too.
            let end = t.find("] ")?;
            Some((t[..end].to_owned(), t[end + 2..].to_owned()))
        }) else {
            return;
        };
        let closes = ["The conversation is private now", "THE KEY HAS CHANGED"];
        if closes.iter().any(|c| rest.starts_with(c))
            || rest.contains("the private conversation goes on there")
        {
            self.closed.push(nick);
        } else if rest.starts_with("The private conversation is finished.") {
            self.closed = std::mem::take(&mut self.closed)
                .into_iter()
                .filter(|one| !self.w.alice.same(one, &nick))
                .collect();
        }
    }

    fn heard(&mut self, from: &str, text: &str, op: Op) {
        let (text, perhaps) = match text.strip_prefix(PERHAPS_SHOWN) {
            Some(text) => (text, true),
            None => (text, false),
        };
        assert!(!perhaps || self.reloaded, "perhaps shown by whom?");
        let marked = perhaps || MARKS.iter().any(|mark| text.starts_with(mark));
        let closed = self.is_closed(from);
        if let Some(token) = self.enemy.iter().find(|m| text.contains(m.as_str())) {
            let own = !marked && closed && !self.accepts_enemy(from);
            assert!(!own, "{token} was shown as {from}'s own in {op:?}");
        }
        let said = self.said.iter().find(|(token, ..)| text.contains(token.as_str()));
        let Some((token, who, clear)) = said else { return };
        if *clear && closed {
            assert!(marked, "{token} came in clear and is not marked: {text}");
        }
        let number: usize = token[1..5].parse().expect("a number");
        if !self.reordered && !self.w.holds && !perhaps {
            let last = &mut self.last[usize::from(*who == Who::Carol)];
            assert!(*last <= number, "{token} came too late");
            *last = number;
        }
    }

    /// Whether the user gave the enemy a right to this nick: by trust, or because no other key
    /// was known of the nick before.
    fn accepts_enemy(&self, nick: &str) -> bool {
        if self.disk_full {
            return true;
        }
        let enemy = self.w.mallory.otr.own_fingerprint().expect("a key").to_hex();
        let known = self.w.alice.known(nick);
        let trusted = known.iter().any(|(key, trust)| *key == enemy && !trust.is_empty());
        let first = known.first().is_none_or(|(key, _)| *key == enemy);
        let others = known.iter().any(|(key, trust)| *key != enemy && !trust.is_empty());
        trusted || (first && !others)
    }

    fn enemy_reads(&mut self) {
        let read: Vec<String> =
            self.w.mallory.read.iter().chain(&self.w.impostor.read).cloned().collect();
        if read.len() > self.read_by_enemy {
            for words in &read {
                let Some(typed) = self.typed.iter().find(|t| words.contains(&t.token)) else {
                    continue;
                };
                let echoed = self.log.iter().rev().find_map(|one| match one {
                    Shown::Echo { to, text } if *text == typed.token => Some(to.clone()),
                    _ => None,
                });
                // Only what was read in this step: the user may have changed her mind since.
                if typed.token == format!("w{:04}w", self.steps) {
                    let to = echoed.unwrap_or_else(|| typed.to.clone());
                    assert!(self.accepts_enemy(&to), "{} for {to} was read", typed.token);
                }
            }
            self.read_by_enemy = read.len();
        }
    }

    fn check(&mut self) {
        for typed in &self.typed {
            let Typed { token, to, sent, back, again, .. } = typed;
            let fate = format!("{token} for {to}: sent {sent}, back {back}, perhaps {again}");
            assert!(sent + back <= 1 && (*sent == 0 || *again == 0), "{fate}");
        }
        let alice = &self.w.alice;
        for typed in self.typed.iter_mut().filter(|t| t.is_open() && alice.keeps(&t.token)) {
            // It waits for a private conversation: it must never go out in clear.
            typed.secret = true;
        }
        let pending = self.typed.iter().filter(|t| t.is_open() && !t.dead).count();
        let waiting = self.w.alice.engine.status().waiting as usize;
        // Without a module what came back is still on its way.
        if self.w.alice.up {
            assert_eq!(pending, waiting, "lines are neither sent nor back nor waiting");
            assert_eq!(pending, self.w.alice.module.kept.len(), "the module keeps something else");
            for text in std::mem::take(&mut self.w.alice.decided) {
                let token = token_of(&text);
                let shown = token.is_none_or(|token| self.log.iter().any(|s| s.has(token)));
                assert!(shown, "{text} was never shown");
            }
            for nick in &self.closed {
                assert!(self.w.alice.guarded(nick), "{nick} is private and not guarded");
            }
        }
        for (token, _, clear) in &self.said {
            let mine = self.log.iter().filter(|s| s.has(token));
            let (again, shown): (Vec<&Shown>, Vec<_>) = mine.partition(|s| s.is_perhaps());
            let shown = shown.len();
            let held = self.w.held.iter().any(|(_, line)| contains(line, token));
            assert!(shown <= 1, "{token} was shown {shown} times");
            if *clear && !held && !self.w.alice.holds(token) {
                assert!(shown + again.len() > 0, "{token} came in clear and was not shown");
            }
        }
    }

    /// Whatever happened, the user can have peace: lines have come to an end, and after
    /// `finish --all` everybody can be written to.
    pub fn end(&mut self) {
        self.w.alice.lose_next_reply = false;
        self.w.alice.lose_next_request = false;
        for op in [
            Op::Disk(false),
            Op::Module(true),
            Op::Irc(true),
            Op::Impostor(false, false),
            Op::Key(false),
            Op::Wait(61),
        ] {
            self.step(op);
        }
        let forgotten = self.typed.iter().find(|t| t.is_open() && !t.dead);
        assert!(forgotten.is_none(), "a line waits for ever");
        self.step(Op::Command(19, 0));
        for (i, nick) in NICKS.iter().enumerate() {
            if self.w.alice.up && !self.required(nick) {
                self.step(Op::Type(i, 0));
                let last = self.typed.last().expect("just typed");
                assert_eq!((last.sent, last.back), (1, 0), "{nick} cannot be written to");
            }
        }
    }
}

/// A whole sequence from one of the beginnings.
pub fn run(start: Start, ops: &[Op]) {
    let mut oracle = Oracle::new(start);
    for op in ops {
        oracle.step(*op);
    }
    oracle.end();
}
