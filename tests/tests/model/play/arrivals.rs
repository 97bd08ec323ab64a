//! What has arrived, and waiting until everything has.

use std::time::{Duration, Instant};

use otrd_tests::{Reading, names};

use super::Play;
use super::patience::{PATIENCE, until};
use crate::people::Heard;

impl Play<'_> {
    /// Looks at all that has arrived anywhere, and lets people answer. True if there was anything.
    pub(super) fn pump(&mut self) -> bool {
        let mut any = false;
        let received = self.stage.server.received_since(self.wire);
        self.wire += received.len();
        let login = self.login.clone();
        for got in received.into_iter().filter(|got| got.login == login) {
            let registers =
                ["BARRIER", "NICK", "USER", "CAP", "PASS", "PING", "PONG", "WHO", "MODE", "QUIT"];
            let line = String::from_utf8_lossy(&got.line).into_owned();
            if registers.contains(&line.split(' ').next().unwrap_or_default()) {
                continue;
            }
            any = true;
            self.oracle.wire(&got.line);
            for reading in Reading::all(&got.line) {
                for target in &reading.targets {
                    self.deliver(target, reading.text());
                }
            }
        }
        let shown: Vec<(usize, Vec<otrd_tests::Line>)> = (0..self.clients.len())
            .map(|number| (number, self.clients[number].lines_since(self.heard[number])))
            .collect();
        for (number, lines) in shown {
            self.heard[number] += lines.len();
            lines.iter().for_each(|line| self.oracle.shown(number, line));
        }
        self.people_send() || any
    }

    pub(super) fn deliver(&mut self, target: &str, text: &[u8]) {
        let meant: Vec<String> = names(target).iter().map(|name| self.oracle.fold(name)).collect();
        let from = self.me.clone();
        let mut heard_by_any = false;
        for at in 0..self.people.len() {
            let person = &self.people[at];
            let is =
                meant.contains(&self.oracle.fold(&person.nick)) || meant.contains(&person.ident);
            if person.online && is {
                let heard: Vec<Heard> = self.people[at].hears(&from, text);
                self.oracle.heard(target, &heard);
                heard_by_any = true;
            }
        }
        if !heard_by_any && text.starts_with(b"?OTR") {
            self.oracle.undelivered(target, text);
        }
    }

    /// Waits until everything that is under way has arrived, wherever it goes.
    pub(super) fn rest(&mut self) {
        for _ in 0..60 {
            if std::mem::take(&mut self.typed) {
                self.clients[1].settled();
            }
            self.barrier();
            if self.frozen.is_none() && !self.oracle.unloaded {
                self.otr_barrier();
                self.barrier();
            }
            if !self.pump() {
                return self.oracle.rests(self.frozen.is_some());
            }
        }
        panic!("no rest: lines go to and fro without end");
    }

    /// All that went before, between the client and the server, has arrived.
    pub(super) fn barrier(&mut self) {
        if !self.stage.server.has(&self.login) {
            return self.clients[0].settled();
        }
        self.barriers += 1;
        let token = format!("barrier{}", self.barriers);
        let end = Instant::now() + PATIENCE;
        self.clients[0].send(&format!("BARRIER :{token}"));
        while self.clients[0]
            .within(PATIENCE, |line| line.command == "900" && line.text() == token)
            .is_none()
        {
            assert!(Instant::now() < end, "ZNC does not answer");
        }
    }

    /// Before somebody changes nick, ZNC has to have read what was typed: of two connections it reads either one
    /// first, and then the line is meant for whoever came. What left is judged by who had which nick then.
    pub(super) fn reads_what_was_typed(&mut self) {
        self.barrier();
        self.pump();
    }

    /// The same of what the daemon has to decide.
    pub(super) fn otr_barrier(&mut self) {
        self.barriers += 1;
        let token = format!("[bar{}]", self.barriers);
        self.clients[0].send(&format!("PRIVMSG *otr :policy bar{}", self.barriers));
        let answer = |line: &otrd_tests::Line| {
            line.is("PRIVMSG", "*otr")
                && (line.text().contains(&token) || line.text().contains("otrd is not running"))
        };
        assert!(self.clients[0].within(PATIENCE, answer).is_some(), "*otr does not answer");
    }

    /// ZNC that ends a connection by itself reads nothing of it any more: not the NICK by which somebody becomes
    /// closed, either.
    pub(super) fn reads_who_becomes_closed(&mut self) {
        if self.oracle.somebody_is_closing() {
            self.barrier();
        }
    }

    /// Waits until the module has its daemon.
    pub(super) fn has_otr(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.barriers += 1;
            let token = format!("[bar{}]", self.barriers);
            self.clients[0].send(&format!("PRIVMSG *otr :policy bar{}", self.barriers));
            let answer = |line: &otrd_tests::Line| {
                line.is("PRIVMSG", "*otr") && line.text().contains(&token)
            };
            if self.clients[0].within(Duration::from_millis(100), answer).is_some() {
                return;
            }
            assert!(Instant::now() < end, "*otr has no daemon");
        }
    }

    /// Waits until ZNC is on IRC again, by a connection that is not the old one.
    pub(super) fn connects_again(&mut self) {
        self.pump();
        self.oracle.connection_ends();
        let (login, before) = (self.login.clone(), self.connection);
        until("ZNC is on IRC again", || self.stage.server.connection_of(&login) > before);
        if let Some(before) = before {
            until("the connection before has ended", || self.stage.server.has_ended(before));
        }
        self.connection = self.stage.server.connection_of(&login);
        self.me = self.stage.server.nick_of(&login).unwrap_or(login);
        // It is ready once a line goes through; what is said before is dropped.
        let end = Instant::now() + PATIENCE;
        let first = self.barriers + 1;
        loop {
            self.barriers += 1;
            self.clients[0].send(&format!("BARRIER :barrier{}", self.barriers));
            let back = |line: &otrd_tests::Line| {
                let text = line.text();
                let number = text.strip_prefix("barrier").and_then(|number| number.parse().ok());
                line.command == "900" && number.is_some_and(|number: usize| number >= first)
            };
            if self.clients[0].within(Duration::from_millis(500), back).is_some() {
                return;
            }
            assert!(Instant::now() < end, "ZNC is not on IRC");
        }
    }
}
