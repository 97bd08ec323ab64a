//! What must always hold, checked after each step against all that was on the wire and all that
//! each user saw. It believes the users' eyes, not their engines.

use super::initial_states::Start;
use super::steps::{ALICE, DAVE, NICKS, Op, Who};
use super::user::User;
use super::user_actions::Own;
use super::user_invariants::{UserInvariants, is_required};
use super::world::{Dir, Us, Way, World};

/// Who speaks to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    Bob,
    Carol,
    Us(Us),
}

/// A line that a friend said to one of us.
pub struct Said {
    pub token: String,
    step: usize,
    pub speaker: Speaker,
    /// In which order they went out; unknown as long as a line did not.
    pub number: Option<usize>,
}

/// What is the enemy's.
pub struct Enemy {
    words: Vec<String>,
    /// The fingerprint of all their clients.
    pub key: String,
}

impl Enemy {
    /// The word of theirs that a text has.
    pub fn word(&self, text: &str) -> Option<&str> {
        self.words.iter().find(|word| text.contains(word.as_str())).map(String::as_str)
    }
}

/// The word of a step, as `w0012w`.
pub fn token_of(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
        word.len() == 6
            && word.starts_with('w')
            && word.ends_with('w')
            && word[1..5].bytes().all(|b| b.is_ascii_digit())
    })
}

/// One of us: what was promised, and what friends said.
struct Side {
    invariants: UserInvariants,
    said: Vec<Said>,
}

pub struct Oracle {
    pub w: World,
    steps: usize,
    sides: Vec<Side>,
    enemy: Enemy,
    wire_seen: usize,
    /// Lines from alice were reordered, dropped or came twice.
    meddled: bool,
    read_by_enemy: usize,
}

impl Oracle {
    pub fn new(start: Start) -> Self {
        let mut w = start.world();
        let key = w.mallory.otr.own_fingerprint().expect("a key").to_hex();
        let mut sides = Vec::new();
        for us in Us::BOTH {
            let Some(user) = w.user(us) else { continue };
            let invariants = UserInvariants::new(us, user, start.closed(us));
            sides.push(Side { invariants, said: Vec::new() });
        }
        Self {
            wire_seen: w.wire.len(),
            w,
            steps: 0,
            sides,
            enemy: Enemy { words: Vec::new(), key },
            meddled: false,
            read_by_enemy: 0,
        }
    }

    fn each(&mut self, mut what: impl FnMut(&mut Side, &mut User, &Enemy)) {
        for side in &mut self.sides {
            let user = self.w.user(side.invariants.us).expect("whoever has a side");
            what(side, user, &self.enemy);
        }
    }

    pub fn step(&mut self, op: Op) {
        for plain in self.w.plain(op) {
            if let Op::Authenticate(initiator, false) = op
                && plain.of(initiator.other()).is_some()
            {
                self.each(|side, _, _| {
                    side.invariants.wrong_answer = side.invariants.us == initiator
                });
            }
            self.plain_step(plain);
        }
        self.each(|side, _, _| side.invariants.wrong_answer = false);
    }

    fn plain_step(&mut self, op: Op) {
        self.steps += 1;
        let token = self.token();
        self.each(|_, user, _| drop(user.news()));
        self.before(op, &token);
        let mut up = Vec::new();
        self.each(|_, user, _| up.push(user.up));
        self.w.play(op, &token);
        let mut up = up.into_iter();
        self.each(|side, user, _| {
            let own = op.of(side.invariants.us);
            side.invariants.after(own, user, up.next().expect("as many"));
        });
        self.look();
        self.each(|side, user, _| {
            if op.of(side.invariants.us) == Some(Own::Reload(true)) {
                side.invariants.killed();
            }
            side.invariants.check(user, &side.said);
        });
        self.friends_read_in_order();
    }

    /// The word of this step.
    fn token(&self) -> String {
        format!("w{:04}w", self.steps)
    }

    fn before(&mut self, op: Op, token: &str) {
        let step = self.steps;
        let number = Some(step);
        self.each(|side, user, _| {
            let us = side.invariants.us;
            if let Some(own) = op.of(us) {
                side.invariants.before(own, user, token);
            }
            let speaker = match op {
                Op::Say(who) | Op::Action(who) | Op::Notice(who) if us == Us::Alice => match who {
                    Who::Bob => Some((Speaker::Bob, number)),
                    Who::Carol => Some((Speaker::Carol, number)),
                    _ => None,
                },
                _ => match op.of(us.other()) {
                    Some(Own::Type(..)) => Some((Speaker::Us(us.other()), None)),
                    _ => None,
                },
            };
            if let Some((speaker, number)) = speaker {
                side.said.push(Said { token: token.into(), step, speaker, number });
            }
            side.invariants.reordered |= match op {
                Op::Release(dir, _) | Op::Drop(dir, _) | Op::Twice(dir, _) => dir == into(us),
                Op::Replay(at, ..) | Op::Alter(at, ..) => at == us,
                _ => false,
            };
        });
        match op {
            Op::Say(who) | Op::Action(who) | Op::Notice(who) | Op::Ask(who, _)
                if who.is_enemy() =>
            {
                self.enemy.words.push(token.into());
            }
            Op::Release(Dir::Out, _) | Op::Drop(Dir::Out, _) | Op::Twice(Dir::Out, _) => {
                self.meddled = true;
            }
            Op::Clear(..) | Op::Forge(..) => self.enemy.words.push(token.into()),
            _ => {}
        }
    }

    /// Goes through what is new on the wire and on the screens.
    fn look(&mut self) {
        let wire = self.w.wire.split_off(self.wire_seen);
        self.wire_seen += wire.len();
        self.each(|side, _, _| side.invariants.look_at_wire(&wire));
        self.w.wire.extend(wire);
        // What went out first: the other may have been shown it already.
        for at in 0..self.sides.len() {
            let other = self.sides.len() - 1 - at;
            let mut said = std::mem::take(&mut self.sides[other].said);
            let side = &mut self.sides[at].invariants;
            let user = self.w.user(side.us).expect("whoever has a side");
            side.look_at_own(user, if at == other { &mut [] } else { &mut said });
            self.sides[other].said = said;
        }
        let holds = [self.w.inward.holds, self.w.outward.holds];
        self.each(|side, user, enemy| {
            let in_order = match into(side.invariants.us) {
                Dir::In => !holds[0],
                Dir::Out => !holds[1],
            };
            side.invariants.look_at_others(user, &side.said, enemy, in_order);
        });
        self.enemy_reads();
    }

    fn enemy_reads(&mut self) {
        let w = &self.w;
        let enemies = [&w.mallory, &w.impostor, &w.shade];
        let read: Vec<String> = enemies.iter().flat_map(|one| &one.read).cloned().collect();
        if read.len() <= self.read_by_enemy {
            return;
        }
        self.read_by_enemy = read.len();
        // Only what was typed in this step: the user may have changed their mind since.
        let token = self.token();
        if read.iter().any(|words| words.contains(&token)) {
            self.each(|side, user, enemy| {
                let mine = side.invariants.typed.iter().find(|typed| typed.token == token);
                if let Some(typed) = mine {
                    let to = side.invariants.went_to(typed);
                    let may = side.invariants.accepts(enemy, user, &to);
                    assert!(may, "{token} for {to} was read by the enemy");
                }
            });
        }
    }

    /// What was sent once is there once, and in order if nobody on the way meddled.
    fn friends_read_in_order(&self) {
        let alice = &self.sides[0].invariants.typed;
        let order = |text: &String| {
            let token = token_of(text)?;
            alice.iter().find(|typed| typed.token == token)?.order
        };
        for one in [&self.w.bob, &self.w.carol] {
            let mut read: Vec<usize> = one.read.iter().filter_map(order).collect();
            if self.meddled {
                read.sort_unstable();
            }
            assert!(read.is_sorted_by(|a, b| a < b), "{} read {:?}", one.account, one.read);
        }
    }

    /// Whatever happened, the users can have peace: lines have come to an end, and after
    /// `finish --all` everybody can be written to.
    pub fn end(&mut self) {
        self.each(|_, user, _| (user.lose_next_reply, user.lose_next_request) = (false, false));
        self.both(Own::Disk(false));
        self.both(Own::Module(true));
        self.both(Own::Irc(true));
        self.step(Op::Impostor(false, false));
        self.step(Op::Shade(false, false));
        self.both(Own::Key(false));
        self.step(Op::Wait(61));
        self.each(|side, _, _| side.invariants.nothing_waits());
        self.both(Own::FINISH_ALL);
        for at in 0..self.sides.len() {
            let us = self.sides[at].invariants.us;
            for (i, nick) in NICKS.iter().enumerate() {
                let user = self.w.user(us).expect("whoever has a side");
                // One nick by the rules of some server is held back with the other.
                let same = |other: &&&str| super::user::same_widely(other, nick);
                if user.up && !NICKS.iter().filter(same).any(|one| is_required(user, one)) {
                    self.step(us.does(Own::Type(i, 0)));
                    let last = self.sides[at].invariants.typed.last().expect("just typed");
                    assert_eq!((last.sent, last.back), (1, 0), "{nick} cannot be written to");
                }
            }
        }
    }

    /// And two who have otrd become private again, each reading the other.
    pub fn make_up(&mut self) {
        for dir in [Dir::In, Dir::Out] {
            *self.w.way(dir) = Way::default();
        }
        // Nothing of what was before comes any more.
        self.each(|side, _, _| side.invariants.reordered = false);
        self.step(Op::Impostor(false, true));
        self.step(Op::Shade(false, true));
        self.step(Op::Goes(Us::Alice, ALICE));
        self.step(Op::Goes(Us::Dave, DAVE));
        if !self.w.know_each_other() {
            return;
        }
        for us in Us::BOTH {
            let friend = self.w.nick_of(us.other());
            Own::allow(friend).into_iter().for_each(|own| self.step(us.does(own)));
        }
        // What they type while they ask waits, and arrives in order.
        self.step(Op::Hold(Dir::In, true));
        self.step(Op::Both);
        let before = self.steps;
        for us in [Us::Alice, Us::Dave, Us::Dave, Us::Alice] {
            self.step(Op::Words(us, 0));
        }
        self.w.let_go(Dir::In);
        self.both(Own::Key(true));
        // A forged exchange that nobody ends holds theirs up for as long as one may take.
        self.step(Op::Wait(31));
        for us in Us::BOTH {
            let friend = self.w.nick_of(us.other());
            self.step(us.does(Own::trust(friend)));
            let user = self.w.user(us).expect("both");
            assert_eq!(user.state(NICKS[friend]), "encrypted", "they cannot become private");
        }
        for us in Us::BOTH {
            self.step(Op::Words(us, 0));
            let shown = self.sides[us.other() as usize].invariants.shown(&self.token());
            assert_eq!(shown, Some(self.token().as_str()), "{us:?}'s words");
        }
        for at in 0..self.sides.len() {
            let waited = self.sides[at].said.iter().filter(|said| said.step > before);
            for said in waited {
                assert!(
                    self.sides[at].invariants.shown(&said.token).is_some(),
                    "{} is lost",
                    said.token
                );
            }
        }
    }

    fn both(&mut self, own: Own) {
        for at in 0..self.sides.len() {
            self.step(self.sides[at].invariants.us.does(own));
        }
    }
}

/// The way on which lines come to this user.
fn into(us: Us) -> Dir {
    match us {
        Us::Alice => Dir::In,
        Us::Dave => Dir::Out,
    }
}

/// A whole sequence from one of the beginnings.
pub fn run(start: Start, ops: &[Op]) {
    let mut oracle = Oracle::new(start);
    for op in ops {
        oracle.step(*op);
    }
    oracle.end();
    if oracle.w.dave.is_some() && ops.len().is_multiple_of(8) {
        oracle.make_up();
    }
}
