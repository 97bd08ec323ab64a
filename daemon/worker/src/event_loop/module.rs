//! The connection to the ZNC module, and what it says.

use super::Worker;
use crate::chunking;
use crate::connection::{Connection, ConnectionState};
use crate::engine::Event;
use crate::limits;
use crate::replay::{self, Replay, left_to_us};
use proto::irc::{Nick, Text};
use proto::jsonrpc::{self, Code, Error, Id, Message, Response};
use proto::overview::StatePage;
use proto::shim::{
    self, Bye, ByeReason, Call, Effect, Effects, Hello, HelloReply, IncomingMessage, Limits, Reply,
    Want,
};
use std::os::fd::OwnedFd;

/// Reads of what a module said before it closed: more than a socket holds.
const LAST_READS: usize = 64;

/// What is said to an instance whose ids do not rise.
const BAD_ID: &str = "not done: the ids of an instance are whole numbers, each above those before";

/// What a module is told of them.
const LIMITS: Limits = Limits {
    line: proto::MAX_LINE as u64,
    text: limits::SHOWN_TEXT as u64,
    batch: jsonrpc::MAX_BATCH as u64,
    outbox: limits::UNSEEN as u64,
};

impl Worker {
    pub(super) fn adopt(&mut self, id: Option<Id>, hello: Hello, rest: &Text, socket: OwnedFd) {
        if let Some(old) = &mut self.connection {
            old.bye(ByeReason::TakenOver);
            self.connection_closed();
        }
        self.idle_said = false;
        let mut connection = Connection::new(socket, rest.as_bytes());
        let goes_on = match (&self.replay, &hello.instance) {
            (Some(replay), Some(instance)) => replay.goes_on(instance, hello.ack),
            _ => false,
        };
        let effects = if goes_on { self.go_on(hello) } else { self.begin(hello) };
        let again = self.replay.as_mut().filter(|_| goes_on).map(Replay::again);
        let mut more = Vec::new();
        if let Some(id) = id {
            let mut listed = |pending| {
                let nicks = self.engine.protected(pending);
                let mut used = 0;
                let fits = |nick: &Nick| {
                    used += nick.as_bytes().len() + 3;
                    used <= limits::GREETED
                };
                let (now, later): (Vec<Nick>, Vec<Nick>) = nicks.into_iter().partition(fits);
                more.extend(later.into_iter().map(|peer| Effect::Protect {
                    peer,
                    on: true,
                    pending,
                    by_user: false,
                }));
                now
            };
            let welcome = HelloReply {
                version: proto::VERSION,
                daemon: env!("CARGO_PKG_VERSION").into(),
                protect: listed(false),
                pending: listed(true),
                everybody: self.engine.everybody_closed(),
                rules: self.engine.rules(),
                last_processed: again.as_ref().map(|(answered, _)| *answered),
                has: Want::ALL.to_vec(),
                limits: Some(LIMITS),
            };
            jsonrpc::write_line(connection.out(), &Response { id, outcome: Ok(welcome) });
        }
        for line in again.into_iter().flat_map(|(_, lines)| lines) {
            connection.out().extend_from_slice(line);
        }
        self.connection = Some(connection);
        more.extend(effects);
        self.unasked(more);
        self.serve_lines();
    }

    /// The same instance of the module goes on where it was.
    fn go_on(&mut self, hello: Hello) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(replay) = &mut self.replay {
            replay.saw(hello.ack);
            if hello.returned {
                replay.returned();
                effects = self.step(Event::Returned);
            }
        }
        effects.extend(self.step(Event::Again(hello)));
        effects
    }

    /// Another instance, or one that does not say which it is.
    fn begin(&mut self, hello: Hello) -> Vec<Effect> {
        let late = self.replay.take().into_iter().flat_map(Replay::late);
        let before: Vec<Effect> = self.backlog.drain(..).chain(late).collect();
        let instance = hello.instance.clone();
        let greeted = self.step(Event::Hello(hello));
        let (mut effects, greeted): (Vec<Effect>, Vec<Effect>) =
            greeted.into_iter().partition(|effect| matches!(effect, Effect::State(_)));
        effects.extend(before.into_iter().chain(greeted));
        self.replay = instance.map(Replay::new);
        effects
    }

    pub(super) fn read_connection(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let health = connection.fill();
        self.serve_lines();
        if health == ConnectionState::Dead {
            self.connection_lost();
        }
    }

    /// Answers every whole line that is there.
    fn serve_lines(&mut self) {
        loop {
            let Some(connection) = &mut self.connection else { return };
            match connection.next_line() {
                Ok(Some(line)) => {
                    let mut out = std::mem::take(connection.out());
                    let (start, mut rest, mut bye) = (out.len(), Vec::new(), None);
                    let mut asked = Asked::default();
                    let mut room = chunking::ROOM;
                    shim::serve(&line, &mut out, |id, call| {
                        self.rises(id, &mut asked)?;
                        if let Call::State(page) = call {
                            return self.state(page, &mut room);
                        }
                        let mut effects = self.answer(id, call, &mut asked, &mut bye);
                        // Once something is left over, what comes later must not overtake it.
                        let mut none = 0;
                        let room = if rest.is_empty() { &mut room } else { &mut none };
                        let now = chunking::first(&mut effects, room);
                        asked.passes |= now.iter().any(|effect| matches!(effect, Effect::Pass));
                        rest.extend(effects);
                        Ok(Reply::Effects(Effects { effects: now }))
                    });
                    if let Some(replay) = &mut self.replay {
                        let reply = out.get(start..).unwrap_or_default();
                        if asked.id.is_none() && !reply.is_empty() {
                            // Refused before it was a call: that is an answer, too.
                            asked.id = id_of(&line);
                        }
                        replay.reply(asked.id, reply, asked.held.filter(|_| asked.passes));
                    }
                    if let Some(connection) = &mut self.connection {
                        *connection.out() = out;
                    }
                    self.unasked(rest);
                    if let Some(bye) = bye {
                        self.goodbye(&bye);
                        return self.connection_lost();
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    let reply =
                        Response::<Effects> { id: Id::Null, outcome: Err(Code::TooLong.into()) };
                    jsonrpc::write_line(connection.out(), &reply);
                    return self.connection_lost();
                }
            }
        }
    }

    /// An instance's requests are told apart by ids that rise. One that does not is not done: it
    /// would be taken for another one where the connection breaks.
    fn rises(&self, id: Option<&Id>, asked: &mut Asked) -> Result<(), Error> {
        let (Some(replay), Some(id)) = (&self.replay, id) else { return Ok(()) };
        let id = number(Some(id));
        if id.is_none_or(|id| id <= asked.id.unwrap_or(0).max(replay.answered())) {
            return Err(Error::new(Code::InvalidRequest, BAD_ID));
        }
        asked.id = id;
        Ok(())
    }

    /// The whole account as data: a page of it takes a line.
    fn state(&mut self, page: StatePage, room: &mut usize) -> Result<Reply, Error> {
        if *room < chunking::ROOM {
            return Err(Error::new(Code::Refused, "state comes alone: send it in no batch"));
        }
        *room = 0;
        Ok(Reply::State(Box::new(self.engine.overview(self.clock.now(), page))))
    }

    fn answer(
        &mut self,
        id: Option<&Id>,
        mut call: Call,
        asked: &mut Asked,
        bye: &mut Option<Bye>,
    ) -> Vec<Effect> {
        if let Some(replay) = &mut self.replay {
            match &mut call {
                Call::Ack(how_far) => replay.saw(how_far.ack),
                Call::Out(out) => {
                    out.line = number(id);
                    asked.held = Some(replay::typed(out));
                }
                Call::In(message) => asked.held = left_to_us(message),
                _ => {}
            }
        }
        if let Call::Bye(said) = &call {
            *bye = Some(said.clone());
        }
        self.step(call.into())
    }

    /// The module closed the connection, or lost it. It gives back what it wrote and has no answer
    /// to, or asks it again: none of that must be done as well. Only its last words count.
    pub(super) fn connection_closed(&mut self) {
        let mut lines = Vec::new();
        if let Some(connection) = &mut self.connection {
            let _read = (0..LAST_READS).all(|_| connection.fill() == ConnectionState::Alive);
            while let Ok(Some(line)) = connection.next_line() {
                lines.push(line);
            }
        }
        let calls: Vec<Call> = lines.iter().filter_map(|line| call(line)).collect();
        self.connection_lost();
        let byes = |call: &Call| match call {
            Call::Bye(bye) if bye.ack.is_some() => Some(bye.clone()),
            _ => None,
        };
        let bye = calls.iter().find_map(byes);
        for call in calls {
            match call {
                Call::Ack(how_far) => {
                    if let Some(replay) = &mut self.replay {
                        replay.saw(how_far.ack);
                    }
                }
                Call::In(message) if bye.is_some() => self.see_to(message),
                // Nobody was there to whom the module could have given it back.
                Call::Out(out) if bye.as_ref().is_some_and(|bye| !bye.returned) => {
                    self.unasked(vec![replay::typed(&out)]);
                }
                _ => {}
            }
        }
        if let Some(bye) = bye {
            self.goodbye(&bye);
        }
    }

    /// An OTR line that a module which said goodbye left to us.
    fn see_to(&mut self, message: IncomingMessage) {
        let Some(passes) = left_to_us(&message) else { return };
        let mut effects = self.step(Event::In(message));
        for effect in effects.iter_mut().filter(|effect| matches!(effect, Effect::Pass)) {
            *effect = passes.clone();
        }
        self.unasked(effects);
    }

    fn goodbye(&mut self, bye: &Bye) {
        let (Some(replay), Some(seen)) = (&mut self.replay, bye.ack) else { return };
        replay.goodbye(seen, bye.returned);
        if bye.returned {
            let effects = self.step(Event::Returned);
            self.unasked(effects);
        }
    }

    pub(super) fn connection_lost(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.flush();
        }
        self.gone();
    }

    fn gone(&mut self) {
        self.alone_since = self.clock.now().mono;
        let effects = self.step(Event::Gone);
        self.unasked(effects);
    }

    /// Effects that no request asked for: at once, or when a module is there again.
    pub(super) fn unasked(&mut self, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let Some(replay) = &mut self.replay else {
            return match &mut self.connection {
                Some(connection) => connection.notify(effects),
                None => self.keep(effects),
            };
        };
        for effects in chunking::split(effects) {
            let line = replay.effects(effects, self.connection.is_some());
            if let Some(connection) = &mut self.connection {
                connection.out().extend_from_slice(line);
            }
        }
        if self.connection.is_none() && !replay.fits() {
            // Should it come back all the same, it has to give back by itself what it holds.
            let late = self.replay.take().map(Replay::late).unwrap_or_default();
            self.keep(late);
            let effects = self.step(Event::Returned);
            self.keep(effects);
        }
    }

    /// For whichever module comes next.
    fn keep(&mut self, effects: Vec<Effect>) {
        // What concerns IRC itself is past; hello brings the guards and how all stand.
        let kept = effects.into_iter().filter(|effect| {
            !matches!(
                effect,
                Effect::Send { .. }
                    | Effect::Pass
                    | Effect::Protect { .. }
                    | Effect::State(_)
                    | Effect::Open
                    | Effect::Rules { .. }
            )
        });
        for mut effect in kept {
            if let Effect::Deliver { late, .. } = &mut effect {
                *late = true;
            }
            if self.backlog.len() >= limits::BACKLOG {
                // The oldest goes, but rather than what was typed, what was said about it.
                let words = |e: &Effect| matches!(e, Effect::Print { .. } | Effect::Table { .. });
                let oldest = self.backlog.iter().position(words).unwrap_or(0);
                self.backlog.remove(oldest);
            }
            self.backlog.push_back(effect);
        }
    }
}

/// What is kept of a request for its reply.
#[derive(Default)]
struct Asked {
    id: Option<u64>,
    /// What the module holds for it, as it is shown where that module does not come back: what the
    /// user typed, or an OTR line of a peer's.
    held: Option<Effect>,
    /// The reply lets it pass.
    passes: bool,
}

/// The id of a request that is in no batch.
fn id_of(line: &[u8]) -> Option<u64> {
    match jsonrpc::parse(line) {
        Ok(Message::Single(request)) => number(request.id.as_ref()),
        _ => None,
    }
}

/// What a line asks that is no batch.
fn call(line: &[u8]) -> Option<Call> {
    match jsonrpc::parse(line) {
        Ok(Message::Single(request)) => Call::parse(&request).ok(),
        _ => None,
    }
}

fn number(id: Option<&Id>) -> Option<u64> {
    match id {
        Some(Id::Number(number)) => number.as_u64(),
        _ => None,
    }
}
