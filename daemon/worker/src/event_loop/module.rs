//! The connection to the ZNC module, and what it says.

use super::Worker;
use crate::chunking;
use crate::connection::{self, Connection, ConnectionState};
use crate::engine::Event;
use crate::limits;
use crate::outbox::Decided;
use crate::outbox::late::{self, left_to_us};
use proto::irc::{Nick, Text};
use proto::jsonrpc::{self, Answer, Code, Error, Id, Message, Response};
use proto::overview::StatePage;
use proto::shim::{
    self, Bye, ByeReason, Call, Effect, Effects, Hello, HelloReply, IncomingMessage, Limits, Reply,
    Want,
};
use serde::Serialize;
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
    outbox: limits::OUTBOX as u64,
};

impl Worker {
    pub(super) fn adopt(&mut self, id: Option<Id>, hello: Hello, rest: &Text, socket: OwnedFd) {
        if self.connection.is_some() {
            self.bye(ByeReason::TakenOver);
            self.connection_closed();
        }
        self.idle_said = false;
        let mut connection = Connection::new(socket, rest.as_bytes());
        let goes_on = self.outbox.goes_on(hello.instance.as_ref(), hello.ack);
        let effects = if goes_on { self.go_on(hello) } else { self.begin(hello) };
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
                last_processed: goes_on.then(|| self.outbox.answered()),
                has: Want::ALL.to_vec(),
                limits: Some(LIMITS),
            };
            jsonrpc::write_line(connection.out(), &Response { id, outcome: Ok(welcome) });
        }
        self.connection = Some(connection);
        self.outbox.connected();
        more.extend(effects);
        self.unasked(more);
        self.serve_lines();
    }

    /// The same instance of the module goes on where it was.
    fn go_on(&mut self, hello: Hello) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.outbox.saw(hello.ack);
        if hello.returned {
            self.outbox.returned();
            effects = self.step(Event::Returned);
        }
        effects.extend(self.step(Event::Again(hello)));
        effects
    }

    /// Another instance, or one that does not say which it is.
    fn begin(&mut self, hello: Hello) -> Vec<Effect> {
        let before = self.outbox.begin(hello.instance.clone());
        let greeted = self.step(Event::Hello(hello));
        let (mut effects, greeted): (Vec<Effect>, Vec<Effect>) =
            greeted.into_iter().partition(|effect| matches!(effect, Effect::State(_)));
        effects.extend(before.into_iter().chain(greeted));
        effects
    }

    pub(super) fn read_connection(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let state = connection.fill();
        self.serve_lines();
        if state == ConnectionState::Dead {
            self.connection_lost();
        }
    }

    /// Answers every whole line that is there.
    fn serve_lines(&mut self) {
        loop {
            let Some(connection) = &mut self.connection else { return };
            match connection.next_line() {
                Ok(Some(line)) => {
                    let (mut rest, mut bye, mut last) = (Vec::new(), None, None);
                    let mut room = chunking::ROOM;
                    let answer = shim::answer(&line, |id, call| {
                        self.rises(id, &mut last)?;
                        if let Call::State(page) = call {
                            let reply = self.state(page, &mut room)?;
                            return Ok(Decided { reply, passes: None });
                        }
                        let (mut effects, passes) = self.decide(id, call, &mut bye);
                        if id.is_none() {
                            // It gets no reply, and no message is held for one.
                            effects.retain(|effect| *effect != Effect::Pass);
                            rest.append(&mut effects);
                        }
                        // Once something is left over, what comes later must not overtake it.
                        let mut none = 0;
                        let room = if rest.is_empty() { &mut room } else { &mut none };
                        let now = chunking::first(&mut effects, room);
                        rest.extend(effects);
                        Ok(Decided { reply: Reply::Effects(Effects { effects: now }), passes })
                    });
                    if let (None, Some(Answer::Single(answer))) = (last, &answer) {
                        // Refused before it was a call: that is an answer, too.
                        last = number(Some(&answer.id));
                    }
                    self.outbox.answer(last, answer);
                    self.unasked(rest);
                    if let Some(bye) = bye {
                        self.goodbye(&bye);
                        return self.connection_lost();
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    let outcome = Err(Code::TooLong.into());
                    self.say_last(&Response::<Effects> { id: Id::Null, outcome });
                    return self.connection_lost();
                }
            }
        }
    }

    /// An instance's requests are told apart by ids that rise. One that does not is not done: it
    /// would be taken for another one where the connection breaks.
    fn rises(&self, id: Option<&Id>, last: &mut Option<u64>) -> Result<(), Error> {
        let Some(id) = id.filter(|_| self.outbox.has_instance()) else { return Ok(()) };
        let id = number(Some(id));
        if id.is_none_or(|id| id <= last.unwrap_or(0).max(self.outbox.answered())) {
            return Err(Error::new(Code::InvalidRequest, BAD_ID));
        }
        *last = id;
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

    /// The effects of a call, and what stands for a message that they let pass.
    fn decide(
        &mut self,
        id: Option<&Id>,
        call: Call,
        bye: &mut Option<Bye>,
    ) -> (Vec<Effect>, Option<Effect>) {
        let has_instance = self.outbox.has_instance();
        let held = match &call {
            Call::Ack(how_far) => {
                self.outbox.saw(how_far.ack);
                None
            }
            Call::Bye(said) => {
                *bye = Some(said.clone());
                None
            }
            Call::Out(out) if has_instance => Some(late::typed(out)),
            Call::In(message) if has_instance => left_to_us(message),
            _ => None,
        };
        let effects = self.step(Event::of(call, number(id.filter(|_| has_instance))));
        let passes = effects.contains(&Effect::Pass);
        (effects, held.filter(|_| passes))
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
                Call::Ack(how_far) => self.outbox.saw(how_far.ack),
                Call::In(message) if bye.is_some() => self.see_to(message),
                // Nobody was there to whom the module could have given it back.
                Call::Out(out) if bye.as_ref().is_some_and(|bye| !bye.returned) => {
                    self.unasked(vec![late::typed(&out)]);
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
        let Some(seen) = bye.ack.filter(|_| self.outbox.has_instance()) else { return };
        self.outbox.goodbye(seen, bye.returned);
        if bye.returned {
            let effects = self.step(Event::Returned);
            self.unasked(effects);
        }
    }

    pub(super) fn connection_lost(&mut self) {
        // What it still takes.
        self.send();
        self.connection = None;
        self.outbox.disconnected();
        self.alone_since = self.clock.now().mono;
        let effects = self.step(Event::Gone);
        self.unasked(effects);
    }

    /// Effects that no request asked for: at once, or when a module is there again.
    pub(super) fn unasked(&mut self, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        self.outbox.effects(effects);
        if !self.outbox.fits() {
            // Should it come back all the same, it has to give back by itself what it holds.
            self.outbox.give_up();
            let effects = self.step(Event::Returned);
            self.outbox.effects(effects);
        }
    }

    /// Writes what the connection takes now.
    pub(super) fn send(&mut self) -> ConnectionState {
        let Some(connection) = &mut self.connection else { return ConnectionState::Alive };
        loop {
            self.outbox.write_to(connection.out(), connection::ENOUGH);
            let state = connection.flush();
            if state == ConnectionState::Dead || self.outbox.is_unread() {
                return ConnectionState::Dead;
            }
            if connection.wants_to_write() || !self.outbox.has_more() {
                return state;
            }
        }
    }

    pub(super) fn bye(&mut self, why: ByeReason) {
        self.say_last(&jsonrpc::Outgoing::notification("bye", Bye::to_module(why)));
    }

    /// The last line of a connection that we end, behind all that goes before it. Where the module
    /// has not read that, it does not read this either.
    fn say_last(&mut self, line: &impl Serialize) {
        self.send();
        if let Some(connection) = self.connection.as_mut().filter(|_| !self.outbox.has_more()) {
            jsonrpc::write_line(connection.out(), line);
            connection.flush();
        }
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
