//! The module's end of the protocol, for measurements of the daemon without ZNC.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use otrd_tests::PATIENCE;
use proto::jsonrpc::Outgoing;
use serde_json::{Value, json};

use crate::person::Person;

/// A connection that said hello.
pub struct Module {
    pub stream: UnixStream,
    pending: Vec<u8>,
    /// Read into; nothing is spent on emptying it.
    buffer: Box<[u8; 64 * 1024]>,
    pub nick: String,
    next: u64,
}

impl Module {
    /// Connects and waits for the welcome.
    pub fn hello(socket: &Path, user: &str) -> Self {
        let mut module = Self::on(UnixStream::connect(socket).expect("connect to otrd"), user);
        module.ask("hello", json!({"version": 1, "user": user, "network": "net"}));
        module.is_welcome();
        module
    }

    /// On a connection that has said nothing yet.
    pub fn on(stream: UnixStream, user: &str) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let (pending, buffer) = (Vec::new(), Box::new([0; 64 * 1024]));
        Self { stream, pending, buffer, nick: user.to_owned(), next: 1 }
    }

    /// Says hello as a network with an identity.
    pub fn says_hello(&mut self, identity: &str) {
        let user = self.nick.clone();
        let hello = json!({"version": 1, "user": user, "network": "net", "identity": identity});
        self.ask("hello", hello);
    }

    /// Waits for the welcome.
    pub fn is_welcome(&mut self) {
        let welcome = self.answer();
        assert!(welcome["result"]["protect"].is_array(), "{welcome}");
    }

    /// Tells of an IRC network that is there.
    pub fn connected(mut self) -> Self {
        self.is_connected();
        self.answer();
        self
    }

    /// The same, whose answer is read later.
    pub fn is_connected(&mut self) {
        let mask = format!("{0}!{0}@127.0.0.1", self.nick);
        self.ask("network", json!({"connected": true, "mask": mask, "casemapping": "ascii"}));
    }

    /// A request's line.
    pub fn request(&mut self, method: &str, params: Value) -> Vec<u8> {
        let mut line = Vec::new();
        proto::jsonrpc::write_line(&mut line, &Outgoing::request(self.next, method, params));
        self.next += 1;
        line
    }

    pub fn ask(&mut self, method: &str, params: Value) {
        let line = self.request(method, params);
        self.stream.write_all(&line).expect("send");
    }

    pub fn says(&mut self, to: &str, text: &str) {
        self.ask("out", json!({"to": to, "kind": "text", "text": text, "client": 1}));
    }

    pub fn hears(&mut self, from: &str, text: &str) {
        let mask = format!("{from}!{from}@127.0.0.1");
        self.ask("in", json!({"from": mask, "kind": "text", "text": text}));
    }

    /// The next line of the daemon.
    pub fn answer(&mut self) -> Value {
        loop {
            if let Some(line) = self.whole_line() {
                return serde_json::from_slice(&line).expect("JSON");
            }
            assert!(self.fill() > 0, "otrd closed the connection");
        }
    }

    /// A line that has been read already.
    pub fn whole_line(&mut self) -> Option<Vec<u8>> {
        let end = self.pending.iter().position(|byte| *byte == b'\n')?;
        Some(self.pending.drain(..=end).collect())
    }

    /// Reads what is there, and waits where there is nothing.
    pub fn fill(&mut self) -> usize {
        let buffer = self.buffer.as_mut_slice();
        let length = self.stream.read(buffer).expect("an answer before the time is over");
        self.pending.extend_from_slice(&buffer[..length]);
        length
    }

    /// Sends requests in bursts and waits until all are answered; gives the answers' bytes.
    pub fn burst(&mut self, requests: &[Vec<u8>]) -> usize {
        let mut bytes = 0;
        for part in requests.chunks(250) {
            self.stream.write_all(&part.concat()).expect("send");
            let mut answers = 0;
            while answers < part.len() {
                let before = self.pending.len();
                assert!(self.fill() > 0, "otrd closed the connection");
                let fresh = &self.pending[before..];
                answers += fresh.iter().filter(|byte| **byte == b'\n').count();
                bytes += fresh.len();
                self.pending.clear();
            }
        }
        bytes
    }

    /// Makes the conversation with this peer private.
    pub fn goes_private(&mut self, bob: &mut Person) {
        let bobs = bob.nick.clone();
        self.says(&bobs, "?OTR?");
        while !bob.is_private_with(&self.nick.clone()) {
            for line in sends(&self.answer()) {
                let nick = self.nick.clone();
                for answer in bob.hears(&nick, line.as_bytes()).0 {
                    self.hears(&bobs, &answer);
                }
            }
        }
        // What was asked last is answered last.
        let id = self.next;
        self.ask("command", json!({"text": "version"}));
        while self.answer()["id"] != id {}
    }
}

/// The lines to IRC in an answer or a notification.
pub fn sends(value: &Value) -> Vec<String> {
    let effects = match value["params"]["effects"].as_array() {
        Some(effects) => effects,
        None => value["result"]["effects"].as_array().expect("effects"),
    };
    let sends = effects.iter().filter(|effect| effect["do"] == "send");
    sends.map(|effect| effect["text"].as_str().expect("a text").to_owned()).collect()
}
