//! What was promised to one user, kept by that user's eyes: a nick is closed from the moment the
//! user was told that it is private until the user was told that it is finished.

use super::invariants::{Enemy, Said, Speaker, token_of};
use super::steps::{KINDS, NICKS};
use super::user::PERHAPS_SHOWN;
use super::user::{Shown, UNCHECKED, User};
use super::user_actions::Own;
use super::world::{Sent, Us, contains};
use proto::shim::MessageKind;
use std::collections::HashMap;
use worker::text::casemap::Casemap;

const MARKS: [&str; 3] = ["[NOT ENCRYPTED] ", "[UNVERIFIED NEW KEY] ", UNCHECKED];
/// In the reason for which a line comes back that may have come back before.
const PERHAPS: [&str; 2] = ["this may already have been returned to you", "(may be a repeat)"];

/// A line that the user typed.
pub struct Typed {
    pub token: String,
    pub to: String,
    /// Nothing may show it in clear.
    secret: bool,
    pub sent: usize,
    /// The how manieth that went out.
    pub order: Option<usize>,
    pub back: usize,
    /// Came back from a module that did not know whether it did before.
    again: usize,
    /// On the wire for all to read.
    clear: usize,
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

pub struct UserInvariants {
    pub us: Us,
    closed: Vec<String>,
    pub typed: Vec<Typed>,
    /// How many of them went out.
    sent: usize,
    came_seen: usize,
    /// Friends' words that came in clear.
    came_clear: Vec<String>,
    disk_full: bool,
    pub reordered: bool,
    /// ZNC was killed or loaded the module anew: what it showed may be shown again, marked.
    reloaded: bool,
    /// The answer to a command is under way.
    command_lost: bool,
    /// What the user asked for is being answered wrongly.
    pub wrong_answer: bool,
    /// The last line shown of each.
    last: HashMap<Speaker, usize>,
    log: Vec<Shown>,
}

impl UserInvariants {
    pub fn new(us: Us, user: &User, closed: &[&str]) -> Self {
        Self {
            us,
            closed: closed.iter().map(|nick| (*nick).to_owned()).collect(),
            typed: Vec::new(),
            sent: 0,
            came_seen: user.came.len(),
            came_clear: Vec::new(),
            disk_full: false,
            reordered: false,
            reloaded: false,
            command_lost: false,
            wrong_answer: false,
            last: HashMap::new(),
            log: Vec::new(),
        }
    }

    fn is_closed(&self, user: &User, nick: &str) -> bool {
        self.closed.iter().any(|one| user.same(one, nick))
    }

    /// Before the user does something.
    pub fn before(&mut self, own: Own, user: &mut User, token: &str) {
        match own {
            Own::Type(to, kind) => {
                let to = NICKS[to].to_owned();
                let mut secret = self.is_closed(user, &to);
                if user.up && !user.loses() {
                    // What info says is a promise too.
                    let state = user.state(&to);
                    secret |= !matches!(state.as_str(), "" | "plaintext");
                    secret |= is_required(user, &to);
                }
                self.typed.push(Typed {
                    token: token.into(),
                    to,
                    secret,
                    sent: 0,
                    order: None,
                    back: 0,
                    again: 0,
                    clear: 0,
                    // What a client answers by itself may be held back without a word to return.
                    dead: KINDS[kind] == MessageKind::CtcpReply,
                });
            }
            Own::Disk(full) => self.disk_full |= full,
            _ => {}
        }
    }

    /// After a step: what the user did in it, and whether the module was connected before.
    pub fn after(&mut self, own: Option<Own>, user: &User, was_up: bool) {
        user.knows_how_all_stand();
        let lost = was_up && !user.up;
        self.command_lost |= lost && matches!(own, Some(Own::Command(..)));
        if own == Some(Own::Worker) && (self.command_lost || self.disk_full) {
            // The user ended it, and the answer died with the worker; or the user was told that a
            // restart would forget what is private: no promise any more.
            self.closed.clear();
        }
        self.reloaded |= matches!(own, Some(Own::Reload(_)));
        // What the module keeps for a worker comes after what it shows unchecked.
        let came = user.came.len() - self.came_seen;
        self.reordered |= (!was_up && came > 0) || (lost && came > 1);
    }

    /// What went out on the wire.
    pub fn look_at_wire(&mut self, wire: &[Sent]) {
        for sent in wire.iter().filter(|sent| sent.by == Some(self.us)) {
            for typed in &mut self.typed {
                if contains(&sent.text, &typed.token) {
                    assert!(!typed.secret, "{} was typed privately: {sent:?}", typed.token);
                    typed.clear += 1;
                }
            }
        }
    }

    /// What went out and what came back, and which of them went first.
    pub fn look_at_own(&mut self, user: &User, said: &mut [Said]) {
        let mut last: HashMap<&str, usize> = HashMap::new();
        for shown in &user.screen {
            match shown {
                Shown::Echo { to, text } | Shown::Passed { to, text } => {
                    let Some(at) = self.typed.iter().position(|t| t.token == *text) else {
                        continue;
                    };
                    let before = last.insert(to, at);
                    assert!(before.is_none_or(|before| before <= at), "{text} went out too late");
                    let typed = &mut self.typed[at];
                    self.sent += 1;
                    typed.sent += 1;
                    typed.order = Some(self.sent);
                    let mine = said.iter_mut().filter(|said| said.token == *text);
                    mine.for_each(|said| said.number = typed.order);
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
                _ => {}
            }
        }
    }

    /// What friends said in clear and what the user was shown.
    pub fn look_at_others(
        &mut self,
        user: &mut User,
        said: &[Said],
        enemy: &Enemy,
        in_order: bool,
    ) {
        for line in &user.came[self.came_seen..] {
            let mine = said.iter().filter(|said| contains(line, &said.token));
            self.came_clear.extend(mine.map(|said| said.token.clone()));
        }
        self.came_seen = user.came.len();
        for shown in user.news() {
            match &shown {
                Shown::Otr(_, text) => self.told(user, text, enemy),
                Shown::Row(cells) => assert!(!cells.iter().any(|cell| enemy.word(cell).is_some())),
                Shown::Peer { from, text, .. } => {
                    self.heard(user, from, text, said, enemy, in_order);
                }
                _ => {}
            }
            self.log.push(shown);
        }
    }

    /// What `*otr` says opens and closes nicks.
    fn told(&mut self, user: &User, text: &str, enemy: &Enemy) {
        // What may have been shown before comes in order, and to its end: the last word counts.
        let again = text.strip_prefix(PERHAPS_SHOWN);
        let text = again.unwrap_or(text);
        if let Some(token) = enemy.word(text) {
            let words = text.find("in their words: ").expect("a quotation");
            assert!(words < text.find(token).expect("the word"), "not quoted: {text}");
        }
        let Some((nick, rest)) = text.strip_prefix('[').and_then(|t| {
            // Nicks have brackets too.
            let end = t.find("] ")?;
            Some((t[..end].to_owned(), t[end + 2..].to_owned()))
        }) else {
            return;
        };
        let verified = rest.starts_with("Successfully authenticated");
        assert!(!(verified && self.wrong_answer), "a wrong answer was taken");
        let closes = ["The conversation is private now", "THE KEY HAS CHANGED"];
        if closes.iter().any(|c| rest.starts_with(c))
            || rest.contains("the private conversation goes on there")
        {
            self.closed.push(nick);
        } else if rest.starts_with("The private conversation is finished.") {
            // An answer that was lost, or comes again, is of the CASEMAPPING of its time, which may
            // have taken more nicks for one.
            let fold = |nick: &str| Casemap::Rfc1459.fold(nick.as_bytes());
            let is_late = self.command_lost || again.is_some();
            let late = |one: &str| is_late && fold(one) == fold(&nick);
            self.closed.retain(|one| !user.same(one, &nick) && !late(one));
        }
    }

    fn heard(
        &mut self,
        user: &User,
        from: &str,
        text: &str,
        said: &[Said],
        enemy: &Enemy,
        in_order: bool,
    ) {
        let (text, perhaps) = match text.strip_prefix(PERHAPS_SHOWN) {
            Some(text) => (text, true),
            None => (text, false),
        };
        assert!(!perhaps || self.reloaded, "perhaps shown by whom?");
        let marked = perhaps || MARKS.iter().any(|mark| text.starts_with(mark));
        let closed = self.is_closed(user, from);
        if let Some(token) = enemy.word(text) {
            let own = !marked && closed && !self.accepts(enemy, user, from);
            assert!(!own, "{token} was shown as {from}'s own to {:?}", self.us);
        }
        let Some(said) = said.iter().find(|said| text.contains(&said.token)) else { return };
        let token = &said.token;
        if closed && self.came_clear.contains(token) {
            assert!(marked, "{token} came in clear and is not marked: {text}");
        }
        if let Some(number) = said.number.filter(|_| in_order && !self.reordered && !perhaps) {
            let last = self.last.entry(said.speaker).or_default();
            assert!(*last <= number, "{token} came too late");
            *last = number;
        }
    }

    /// Whether the user gave the enemy a right to this nick: by trust, or because no other key
    /// was known of the nick before.
    pub fn accepts(&self, enemy: &Enemy, user: &User, nick: &str) -> bool {
        if self.disk_full {
            return true;
        }
        let known = user.known(nick);
        let trusted = known.iter().any(|(key, trust)| *key == enemy.key && !trust.is_empty());
        let first = known.first().is_none_or(|(key, _)| *key == enemy.key);
        let others = known.iter().any(|(key, trust)| *key != enemy.key && !trust.is_empty());
        trusted || (first && !others)
    }

    /// To whom a line went that the user typed.
    pub fn went_to(&self, typed: &Typed) -> String {
        let echoed = self.log.iter().rev().find_map(|one| match one {
            Shown::Echo { to, text } if *text == typed.token => Some(to.clone()),
            _ => None,
        });
        echoed.unwrap_or_else(|| typed.to.clone())
    }

    /// ZNC was killed with all that lay in it.
    pub fn killed(&mut self) {
        self.typed.iter_mut().filter(|t| t.is_open()).for_each(|t| t.dead = true);
        // The same had happened without the module.
        let log = &self.log;
        self.came_clear.retain(|token| log.iter().any(|shown| shown.has(token)));
    }

    pub fn check(&mut self, user: &mut User, said: &[Said]) {
        self.command_lost &= !user.up;
        for typed in &self.typed {
            let Typed { token, to, sent, back, again, clear, .. } = typed;
            let fate = format!("{token} for {to}: sent {sent}, back {back}, perhaps {again}");
            assert!(sent + back <= 1 && (*sent == 0 || *again == 0), "{fate}");
            assert!(*clear <= *sent, "{fate}, {clear} times in clear");
        }
        for typed in self.typed.iter_mut().filter(|t| t.is_open() && user.keeps(&t.token)) {
            // It waits for a private conversation: it must never go out in clear.
            typed.secret = true;
        }
        let pending = self.typed.iter().filter(|t| t.is_open() && !t.dead).count();
        let waiting = user.engine.status().waiting as usize;
        // Without a module what came back is still on its way.
        if user.up {
            assert_eq!(pending, waiting, "lines are neither sent nor back nor waiting");
            assert_eq!(pending, user.module.kept.len(), "the module keeps something else");
            for text in std::mem::take(&mut user.decided) {
                let token = token_of(&text);
                let shown = token.is_none_or(|token| self.log.iter().any(|s| s.has(token)));
                assert!(shown, "{text} was never shown");
            }
            for nick in &self.closed {
                assert!(user.guarded(nick), "{nick} is private and not guarded");
            }
        }
        for Said { token, .. } in said {
            let mine = self.log.iter().filter(|s| s.has(token));
            let (again, shown): (Vec<&Shown>, Vec<_>) = mine.partition(|s| s.is_perhaps());
            let shown = shown.len();
            assert!(shown <= 1, "{token} was shown {shown} times");
            if self.came_clear.contains(token) && !user.holds(token) {
                assert!(shown + again.len() > 0, "{token} came in clear and was not shown");
            }
        }
    }

    /// At the end no line waits.
    pub fn nothing_waits(&self) {
        let forgotten = self.typed.iter().find(|t| t.is_open() && !t.dead);
        assert!(forgotten.is_none(), "a line waits for ever");
    }

    /// A peer's line with this word, as it was shown.
    pub fn shown(&self, token: &str) -> Option<&str> {
        self.log.iter().find_map(|one| match one {
            Shown::Peer { text, .. } if text.contains(token) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Whether nothing goes to a nick in clear.
pub fn is_required(user: &mut User, nick: &str) -> bool {
    let before = user.news();
    user.command(&format!("policy {nick}"));
    let shown = std::mem::replace(&mut user.screen, before);
    shown.iter().any(|s| matches!(s, Shown::Otr(_, t) if t.contains("Policy: required")))
}
