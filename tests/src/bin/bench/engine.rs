//! The worker's part of a message without its system calls, for callgrind: request line in, reply
//! line out, in this process. The lines are made before anything is counted.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use proto::account::{Account, Name as Part};
use proto::irc::Source;
use proto::jsonrpc;
use proto::shim::{self, Effect, Effects, Hello, Network};
use serde_json::{Value, json};
use worker::engine::{Action, Engine, Event, Now};
use worker::store::{Store, StoredFile, StoredFiles};
use zeroize::Zeroizing;

use crate::person::{Person, key_for};
use crate::stage::texts;

/// Kinds of lines that [`run`] knows.
pub const KINDS: [&str; 4] = ["plain-out", "plain-in", "data-out", "data-in"];

/// Handles so many lines of a kind.
pub fn run(kind: &str, count: usize, key: &[u8]) {
    let mut account = InMemory::new(key);
    let mut bob = Person::new("bob", key);
    account.goes_private(&mut bob);
    let out = |to: &str, text: &str| json!({"to": to, "kind": "text", "text": text, "client": 1});
    let inward = |from: &str, text: &str| json!({"from": format!("{from}!{from}@127.0.0.1"), "kind": "text", "text": text});
    let lines: Vec<Vec<u8>> = texts(count)
        .iter()
        .map(|text| match kind {
            "plain-out" => account.request("out", out("carol", text)),
            "plain-in" => account.request("in", inward("carol", text)),
            "data-out" => account.request("out", out("bob", text)),
            "data-in" => account.request("in", inward("bob", &bob.encrypts("alice", text))),
            _ => panic!("no such kind of line: {kind}"),
        })
        .collect();
    let (few, many) = lines.split_at(lines.len() / 10);
    // The first make room for all.
    for line in few {
        account.answer(line);
    }
    let bytes = counted_lines(&mut account, many);
    assert!(bytes > 30 * many.len(), "only {bytes} bytes came back");
}

/// What callgrind counts, and nothing around it.
pub const COUNTED: &str = "*engine::counted_lines";

/// Without a closure: its name would begin with the same words.
#[inline(never)]
fn counted_lines(account: &mut InMemory, lines: &[Vec<u8>]) -> usize {
    let mut bytes = 0;
    for line in lines {
        bytes += account.answer(line).len();
    }
    bytes
}

struct InMemory {
    engine: Engine,
    files: Files,
    next: u64,
    out: Vec<u8>,
}

impl InMemory {
    fn new(key: &[u8]) -> Self {
        let mut files = Files::default();
        files.0.insert(StoredFile::Key, key_for(key, "alice"));
        let part = |name: &str| Part::new(name).expect("a name");
        let account = Account { uid: 1, user: part("alice"), network: part("net") };
        let stored = StoredFiles::read(&mut files);
        let engine =
            Engine::load(account, &part("alice"), stored, Now::default()).expect("an engine");
        let mut this = Self { engine, files, next: 1, out: Vec::new() };
        let hello = Hello {
            version: 1,
            user: part("alice"),
            network: part("net"),
            shim: String::new(),
            znc: String::new(),
            instance: None,
            ack: 0,
            returned: false,
            identity: None,
            by_name: false,
            closed: None,
            want: Vec::new(),
        };
        this.step(Event::Hello(hello));
        let mask = Some(Source::new("alice!alice@127.0.0.1").expect("a mask"));
        let network = Network { connected: true, mask, ..Network::default() };
        this.step(Event::Network(network));
        this
    }

    fn request(&mut self, method: &str, params: Value) -> Vec<u8> {
        let mut line = Vec::new();
        jsonrpc::write_line(&mut line, &jsonrpc::Outgoing::request(self.next, method, params));
        self.next += 1;
        line.pop();
        line
    }

    /// As the worker's loop does it.
    fn answer(&mut self, line: &[u8]) -> &[u8] {
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        let answer =
            shim::answer(line, |_, call| Ok(Effects { effects: self.step(Event::of(call, None)) }));
        if let Some(answer) = answer {
            jsonrpc::write_line(&mut out, &answer);
        }
        self.out = out;
        &self.out
    }

    fn step(&mut self, input: Event) -> Vec<Effect> {
        let now = Now { mono: Duration::from_secs(1), wall: 1_700_000_000 };
        let mut effects = Vec::new();
        for act in self.engine.step(now, input) {
            match act {
                Action::Effect(effect) => effects.push(effect),
                Action::Save(name, content) => {
                    self.files.0.insert(name, content.to_vec());
                }
                _ => {}
            }
        }
        effects
    }

    fn goes_private(&mut self, bob: &mut Person) {
        let mut lines = vec![("out", json!({"to": "bob", "kind": "text", "text": "?OTR?"}))];
        while let Some((method, params)) = lines.pop() {
            let line = self.request(method, params);
            let answer: Value = serde_json::from_slice(self.answer(&line)).expect("JSON");
            for line in crate::shimrpc::sends(&answer) {
                for answer in bob.hears("alice", line.as_bytes()).0 {
                    let from = "bob!bob@127.0.0.1";
                    lines.insert(0, ("in", json!({"from": from, "kind": "text", "text": answer})));
                }
            }
        }
        assert!(bob.is_private_with("alice"), "no private conversation came about");
    }
}

#[derive(Default)]
struct Files(BTreeMap<StoredFile, Vec<u8>>);

impl Store for Files {
    fn read(&mut self, name: StoredFile) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        Ok(self.0.get(&name).cloned().map(Zeroizing::new))
    }

    fn write(
        &mut self,
        files: &[(StoredFile, Zeroizing<Vec<u8>>)],
    ) -> Vec<(StoredFile, io::Error)> {
        self.0.extend(files.iter().map(|(name, content)| (*name, content.to_vec())));
        Vec::new()
    }

    fn keep_copy(&mut self, _: StoredFile, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn has_damaged(&self, _: StoredFile) -> bool {
        false
    }

    fn set_aside(&mut self, _: StoredFile, suffix: &str) -> io::Result<String> {
        Ok(suffix.to_owned())
    }
}
