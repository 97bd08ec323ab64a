//! What the module does: effects, and the guard.

use super::user::{Line, PERHAPS_SAID, PERHAPS_SHOWN, Shown, User, holds, same_widely, words};
use proto::irc::Text;
use proto::shim::guard::MAX_CLOSED;
use proto::shim::{Call, Effect, Security, Standing, State};
use worker::text::casemap::Casemap;

impl User {
    pub(super) fn perform(&mut self, effects: Vec<Effect>, held: Option<(u64, Call, bool)>) {
        let (id, held, done) = match held {
            Some((id, call, done)) => (id, Some(call), done),
            None => (0, None, false),
        };
        let incoming = matches!(held, Some(Call::In(_)));
        for effect in effects {
            check(&effect);
            match effect {
                Effect::Pass if done => {}
                Effect::Deliver { .. } if done && incoming => {}
                Effect::Pass => self.pass(held.as_ref().expect("something held")),
                Effect::Hold => {
                    let held = held.clone().expect("something held");
                    self.module.kept.insert(id, held);
                }
                Effect::Send { to, kind, text } => self.out.push_back(Line {
                    to: to.display().into_owned(),
                    kind,
                    text: text.into_bytes(),
                }),
                Effect::Deliver { from, kind, text, security, unexpected, repeat, .. } => {
                    let security = security.expect("said with each text");
                    let mark = match security {
                        Security::Clear if unexpected => "[NOT ENCRYPTED] ",
                        Security::Changed => "[UNVERIFIED NEW KEY] ",
                        _ => "",
                    };
                    let perhaps = if repeat { PERHAPS_SHOWN } else { "" };
                    let text = format!("{perhaps}{mark}{}", words(&text));
                    self.protected.push((text.clone(), security));
                    self.screen.push(Shown::Peer {
                        from: from.nick().display().into_owned(),
                        kind,
                        text,
                    });
                }
                Effect::Echo { to, text, of, .. } => {
                    of.and_then(|of| self.module.kept.remove(&of));
                    self.screen
                        .push(Shown::Echo { to: to.display().into_owned(), text: words(&text) });
                }
                Effect::Print { text, style, repeat, about } => {
                    assert!(about.code.is_some(), "{} has no code", words(&text));
                    let perhaps = if repeat { PERHAPS_SHOWN } else { "" };
                    self.screen.push(Shown::Otr(style, format!("{perhaps}{}", words(&text))));
                }
                Effect::Table { rows, .. } => {
                    let row = |row: Vec<Text>| Shown::Row(row.iter().map(words).collect());
                    self.screen.extend(rows.into_iter().map(row));
                }
                Effect::Protect { peer, on, pending, by_user } => {
                    let word = matches!(held, None | Some(Call::Command(_) | Call::Typed(_)));
                    self.protect(&peer.display(), on, pending, by_user && word);
                }
                Effect::Open => {
                    self.guard.clear();
                    self.pending.clear();
                    self.exempt.clear();
                    self.everybody = false;
                }
                Effect::Rules { .. } => {}
                Effect::State(one) => self.stands(one),
                Effect::Refuse { to, why, text, of, repeat, about } => {
                    assert!(about.code.is_some(), "{why} has no code");
                    let why = if repeat { why + PERHAPS_SAID } else { why };
                    of.and_then(|of| self.module.kept.remove(&of));
                    self.screen.push(Shown::Refused {
                        to: to.display().into_owned(),
                        why,
                        text: words(&text),
                    });
                }
            }
        }
    }

    fn pass(&mut self, held: &Call) {
        match held {
            Call::Out(out) => {
                let to = out.to.display().into_owned();
                if self.guarded(&to) {
                    // What was decided before the link broke: the guard is of today.
                    // By other rules for comparing nicks it may be somebody else who is: the module
                    // takes the safe side.
                    let same = |one: &String| self.same(one, &to);
                    let known = self.guard.iter().chain(&self.pending).any(same);
                    assert!(self.replays || !known, "a line was to pass to {to}, who is guarded");
                    let why = "this conversation is private".into();
                    return self.screen.push(Shown::Refused { to, why, text: words(&out.text) });
                }
                self.screen.push(Shown::Passed { to: to.clone(), text: words(&out.text) });
                self.out.push_back(Line { to, kind: out.kind, text: out.text.as_bytes().to_vec() });
            }
            Call::In(message) => self.screen.push(Shown::Peer {
                from: message.from.nick().display().into_owned(),
                kind: message.kind,
                text: words(&message.text),
            }),
            _ => panic!("only messages can pass"),
        }
    }

    fn stands(&mut self, one: Standing) {
        self.states.insert(one.peer.clone(), one);
    }

    /// Whether the module was told how everybody stands: of the others that they are clear.
    pub fn knows_how_all_stand(&self) {
        if !self.up || self.waits_for_answers() {
            return;
        }
        let now = self.engine.standings();
        for one in &now {
            assert_eq!(self.states.get(&one.peer), Some(one), "told otherwise than it is");
        }
        for (nick, one) in &self.states {
            let open = one.state == State::Clear && one.waiting == 0;
            assert!(open || now.iter().any(|now| now.peer == *nick), "{nick:?} is not {one:?}");
        }
    }

    pub fn casemap(&self) -> Casemap {
        self.network.casemapping.as_deref().map(Casemap::parse).unwrap_or_default()
    }

    pub fn same(&self, a: &str, b: &str) -> bool {
        self.casemap().fold(a.as_bytes()) == self.casemap().fold(b.as_bytes())
    }

    fn protect(&mut self, peer: &str, on: bool, pending: bool, by_user: bool) {
        let others = |all: &mut Vec<String>| all.retain(|one| !same_widely(one, peer));
        match (on, pending) {
            (true, true) => self.pending.push(peer.into()),
            (true, false) => self.close(peer),
            (false, _) => others(&mut self.pending),
        }
        if !on && by_user {
            others(&mut self.guard);
            if self.everybody {
                self.exempt.push(peer.into());
            }
        }
    }

    /// As the module: its room is as large as the worker's.
    pub fn close(&mut self, nick: &str) {
        if holds(&self.guard, nick) {
            return;
        }
        self.exempt.retain(|one| !same_widely(one, nick));
        match self.guard.len() < MAX_CLOSED {
            true => self.guard.push(nick.into()),
            false => self.everybody = true,
        }
    }

    /// Until the user's word.
    pub fn closed(&self, who: &str) -> bool {
        holds(&self.guard, who) || self.everybody && !holds(&self.exempt, who)
    }

    pub fn guarded(&self, who: &str) -> bool {
        self.closed(who) || holds(&self.pending, who)
    }
}

/// What no effect may carry, whoever made the words.
fn check(effect: &Effect) {
    let clean = |text: &[u8]| !text.iter().any(|b| matches!(b, 0 | b'\r' | b'\n'));
    match effect {
        Effect::Send { text, .. } => {
            assert!(clean(text.as_bytes()), "a line that would be two");
            assert!(!text.as_bytes().is_empty(), "an empty line");
        }
        Effect::Deliver { text, .. } => {
            assert!(clean(text.as_bytes()) && !text.as_bytes().contains(&1), "a line that is more");
        }
        Effect::Print { text, .. } => {
            let control = |b: &u8| *b < b' ' || *b == 0x7f;
            assert!(!text.as_bytes().iter().any(control), "{:?}", words(text));
        }
        _ => {}
    }
}
