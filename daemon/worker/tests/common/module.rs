//! The link between the user's module and the worker, each side by the rules of `PROTOCOL.md`:
//! what breaks, what is said again, what is given back.

use super::user::{Shown, UNCHECKED, User, holds, words};
use super::world::contains;
use proto::account::Name;
use proto::jsonrpc::{Answer, Id, Response};
use proto::shim::guard::{ClosedNicks, fold};
use proto::shim::{Call, Effect, Effects, Hello, Instance, Reply, Want};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use worker::engine::{Event, hash};
use worker::outbox::late::left_to_us;
use worker::outbox::{Decided, Outbox};

/// After so long without a link, what is in doubt is given back.
const DOUBT: Duration = Duration::from_secs(5);

/// A request on its way.
pub struct Held {
    id: u64,
    call: Call,
    done: bool,
}

/// The module's memory.
#[derive(Default)]
pub struct Module {
    /// Which loading of it.
    loaded: u64,
    last_id: u64,
    queue: VecDeque<Held>,
    /// What it keeps for a worker.
    waiting: VecDeque<Call>,
    /// Texts that wait with the worker.
    pub kept: BTreeMap<u64, Call>,
    seen: u64,
    returned: bool,
    lost: Duration,
    /// What it said to a worker that did not answer; it connected anew then.
    greetings: Vec<Hello>,
}

/// The worker's.
#[derive(Default)]
pub struct Told {
    outbox: Outbox,
}

/// A line of the worker's as the module reads it.
#[derive(Deserialize)]
struct Line {
    id: Option<Id>,
    result: Option<Effects>,
    params: Option<Effects>,
}

impl User {
    // ---- the module's side

    /// The module connects, and says what it said before or kept.
    pub fn connect(&mut self) {
        if self.up {
            return;
        }
        for hello in std::mem::take(&mut self.module.greetings) {
            self.adopt_and_lose(hello);
        }
        let (answered, lines) = self.adopt(self.hello());
        let was_guarded = self.held_back();
        let names = |nicks: Vec<proto::irc::Nick>| -> Vec<String> {
            nicks.iter().map(|nick| nick.display().into_owned()).collect()
        };
        self.pending = names(self.engine.protected(true));
        for nick in names(self.engine.protected(false)) {
            self.close(&nick);
        }
        self.everybody |= self.engine.everybody_closed();
        let again = self.sort(answered, &was_guarded);
        self.module.returned = false;
        self.replays = true;
        for line in lines {
            self.take(&line);
        }
        self.replays = false;
        let news = std::mem::take(&mut self.news_of_worker);
        self.unasked(news);
        self.tell_network();
        for call in again {
            self.ask(call);
        }
    }

    fn hello(&self) -> Hello {
        let name = |name: &str| Name::new(name).expect("a name");
        let instance = Instance::new(format!("module{}", self.module.loaded)).expect("a name");
        Hello {
            version: proto::VERSION,
            user: name(self.name),
            network: name("net"),
            shim: "0".into(),
            znc: "0".into(),
            instance: Some(instance),
            ack: self.module.seen,
            returned: self.module.returned,
            identity: None,
            by_name: false,
            closed: Some(self.held_closed()),
            want: vec![Want::State],
        }
    }

    fn held_back(&self) -> Vec<String> {
        [self.guard.clone(), self.pending.clone()].concat()
    }

    fn held_closed(&self) -> ClosedNicks {
        let salt = format!("salt of {}", self.name);
        let hashes = self.guard.iter().map(|nick| hash(&salt, &fold(nick.as_bytes()))).collect();
        ClosedNicks { salt, hashes, everybody: self.everybody, required: false }
    }

    /// The module connects to a worker that is slow, and gives up before it is answered.
    pub fn greets(&mut self) {
        if !self.up {
            self.module.greetings.push(self.hello());
        }
    }

    /// What of the queue is answered next stays in it; the rest is asked again or comes back.
    fn sort(&mut self, answered: Option<u64>, was_guarded: &[String]) -> Vec<Call> {
        let mut again = Vec::new();
        for held in std::mem::take(&mut self.module.queue) {
            if answered.is_some_and(|answered| held.id <= answered) {
                self.module.queue.push_back(held);
                continue;
            }
            let later = self.is_for_later(&held.call, was_guarded);
            match held.call {
                _ if held.done => {}
                Call::Network(_) => {}
                call @ Call::In(_) => again.push(call),
                call if answered.is_some() || later => again.push(call),
                call @ Call::Out(_) => self.fail(call),
                _ => {}
            }
        }
        if answered.is_none() {
            self.module.seen = 0;
            self.states.clear();
            self.give_back_kept();
        }
        again.extend(std::mem::take(&mut self.module.waiting));
        again
    }

    fn take(&mut self, line: &[u8]) {
        self.module.seen += 1;
        let Line { id, result, params } = serde_json::from_slice(line).expect("a line");
        let Some(Id::Number(id)) = id else {
            return self.perform(params.expect("effects").effects, None);
        };
        let held = self.module.queue.pop_front().expect("something asked");
        assert_eq!(Some(held.id), id.as_u64(), "answered out of order");
        self.perform(result.expect("a result").effects, Some((held.id, held.call, held.done)));
    }

    pub(super) fn ask(&mut self, call: Call) {
        if !self.up {
            let in_doubt = !self.module.returned && !self.module.queue.is_empty();
            if in_doubt && matches!(call, Call::In(_))
                || self.is_for_later(&call, &self.held_back())
            {
                return self.module.waiting.push_back(call);
            }
            return self.fail(call);
        }
        let mut call = call;
        if let Call::Out(out) = &mut call {
            // As of now: it may be asked again, and somebody was closed meanwhile.
            out.closed = self.closed(&out.to.display());
        }
        self.module.last_id += 1;
        let id = self.module.last_id;
        self.module.queue.push_back(Held { id, call: call.clone(), done: false });
        if std::mem::take(&mut self.lose_next_request) {
            return self.disconnect();
        }
        let line = self.decide(id, call);
        if std::mem::take(&mut self.lose_next_reply) {
            return self.disconnect();
        }
        self.take(&line);
    }

    pub fn waits_for_answers(&self) -> bool {
        !self.module.queue.is_empty()
    }

    /// What only a worker can make sense of.
    fn is_for_later(&self, call: &Call, guard: &[String]) -> bool {
        match call {
            Call::In(message) => message.text.as_bytes().starts_with(b"?OTR"),
            Call::Nick(change) => holds(guard, &change.old.display()),
            _ => false,
        }
    }

    /// What the module does with what it holds when no answer comes.
    fn fail(&mut self, call: Call) {
        match call {
            Call::Out(out) => self.screen.push(Shown::Refused {
                to: out.to.display().into_owned(),
                why: "otrd is not answering".into(),
                text: words(&out.text),
            }),
            Call::In(message) => self.screen.push(Shown::Peer {
                from: message.from.nick().display().into_owned(),
                kind: message.kind,
                text: format!("{UNCHECKED}{}", words(&message.text)),
            }),
            _ => {}
        }
    }

    /// The link has been gone for too long, or the module is unloaded.
    fn give_back(&mut self) {
        self.module.returned = true;
        let mut queue = std::mem::take(&mut self.module.queue);
        let held_back = self.held_back();
        for held in &mut queue {
            if !held.done && !self.is_for_later(&held.call, &held_back) {
                self.fail(held.call.clone());
                held.done = true;
            }
        }
        self.module.queue = queue;
        self.give_back_kept();
        for call in std::mem::take(&mut self.module.waiting) {
            match self.is_for_later(&call, &self.held_back()) {
                true => self.module.waiting.push_back(call),
                false => self.fail(call),
            }
        }
    }

    fn give_back_kept(&mut self) {
        for call in std::mem::take(&mut self.module.kept).into_values() {
            self.fail(call);
        }
    }

    /// What the module does each second, and the worker hears of it.
    pub fn module_ticks(&mut self) {
        if self.up {
            let seen = self.module.seen;
            self.told.outbox.saw(seen);
        } else if !self.module.returned && self.now.mono >= self.module.lost + DOUBT {
            self.give_back();
        }
    }

    /// The connection is lost.
    pub fn disconnect(&mut self) {
        if std::mem::take(&mut self.up) {
            self.module.lost = self.now.mono;
            self.told.outbox.disconnected();
            let effects = self.step(Event::Gone);
            self.unasked(effects);
        }
    }

    /// The module is unloaded; or ZNC is killed, with all that it holds. Another one is loaded.
    pub fn reload(&mut self, killed: bool) {
        if !killed {
            let (up, seen) = (self.up, self.module.seen);
            self.disconnect();
            self.give_back();
            if up {
                self.goodbye(seen);
            } else {
                let queue = std::mem::take(&mut self.module.queue);
                let left = queue.into_iter().filter(|held| !held.done).map(|held| held.call);
                let waiting = std::mem::take(&mut self.module.waiting);
                left.chain(waiting).for_each(|call| self.fail(call));
            }
        }
        self.disconnect();
        let loaded = self.module.loaded + 1;
        self.module = Module { loaded, ..Module::default() };
        self.connect();
    }

    /// Whether the next request or its reply is lost.
    pub fn loses(&self) -> bool {
        self.lose_next_reply || self.lose_next_request
    }

    /// Whether a peer's line with this word lies in the module and is not shown yet.
    pub fn holds(&self, token: &str) -> bool {
        let asked = self.module.queue.iter().filter(|held| !held.done).map(|held| &held.call);
        asked.chain(&self.module.waiting).any(
            |call| matches!(call, Call::In(message) if contains(message.text.as_bytes(), token)),
        )
    }

    /// Whether a typed line waits for a private conversation.
    pub fn keeps(&self, token: &str) -> bool {
        self.module
            .kept
            .values()
            .any(|call| matches!(call, Call::Out(out) if contains(out.text.as_bytes(), token)))
    }

    // ---- the worker's side

    /// The worker dies and comes back from its files.
    pub fn restart_worker(&mut self) {
        if std::mem::take(&mut self.up) {
            self.module.lost = self.now.mono;
        }
        self.keygen = false;
        self.told = Told::default();
        self.decided.clear();
        self.restart_engine();
        self.connect();
    }

    /// Greets the module: the last request that was decided, and all that was said since.
    fn adopt(&mut self, hello: Hello) -> (Option<u64>, Vec<Vec<u8>>) {
        let instance = hello.instance.clone().expect("an instance");
        if !self.told.outbox.goes_on(Some(&instance), hello.ack) {
            let mut effects = self.told.outbox.begin(Some(instance));
            effects.extend(self.step(Event::Hello(hello)));
            self.told.outbox.connected();
            self.news_of_worker = effects;
            self.up = true;
            return (None, Vec::new());
        }
        self.told.outbox.saw(hello.ack);
        let mut effects = Vec::new();
        if hello.returned {
            self.told.outbox.returned();
            effects = self.step(Event::Returned);
        }
        effects.extend(self.step(Event::Again(hello)));
        self.news_of_worker = effects;
        self.told.outbox.connected();
        self.up = true;
        (Some(self.told.outbox.answered()), self.written())
    }

    /// The lines that the worker writes now.
    fn written(&mut self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.told.outbox.write_to(&mut out, usize::MAX);
        out.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    /// A module that was gone before it could be answered.
    fn adopt_and_lose(&mut self, hello: Hello) {
        self.adopt(hello);
        let news = std::mem::take(&mut self.news_of_worker);
        if !news.is_empty() {
            self.told.outbox.effects(news);
        }
        self.written();
        self.up = false;
        self.told.outbox.disconnected();
        let effects = self.step(Event::Gone);
        self.unasked(effects);
    }

    fn decide(&mut self, id: u64, call: Call) -> Vec<u8> {
        let passes = match &call {
            Call::In(message) => left_to_us(message),
            _ => None,
        };
        let effects = self.step(Event::of(call, Some(id)));
        let passes = passes.filter(|_| effects.contains(&Effect::Pass));
        let decided = Decided { reply: Reply::Effects(Effects { effects }), passes };
        let response = Response { id: Id::from(id), outcome: Ok(decided) };
        self.told.outbox.answer(Some(id), Some(Answer::Single(response)));
        self.written().concat()
    }

    fn goodbye(&mut self, seen: u64) {
        self.told.outbox.goodbye(seen, true);
        let effects = self.step(Event::Returned);
        self.unasked(effects);
    }

    pub(super) fn unasked(&mut self, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        self.told.outbox.effects(effects);
        assert!(self.told.outbox.fits(), "so much cannot come together here");
        if self.up {
            for line in self.written() {
                self.take(&line);
            }
        }
    }
}
