//! `proto/PROTOCOL.md` and `proto/EXAMPLES.md`: every conversation on the pages is held with a real
//! otrd and its workers. With `UPDATE=1` the answers are written anew.
//!
//! A conversation is a block of `json`. What its lines mean is said at the top of EXAMPLES.md; the
//! directions are [`Stage::direction`]. An otrd that has said nothing yet serves each of them.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use nix::unistd::getuid;
use otrd_tests::{Otrd, OtrdBuilder, Rpc, World, eventually, key_file};
use serde_json::{Value, json};

use crate::otr_peer::{Peer, fingerprint_of};

/// The pages' fingerprints.
const ALICES: &str = "1FB3E3D44F7C1F6C8C3B2C0C5C4E1A9C9D3E8F71";
const BOBS: &str = "94A1353B60A58E7382CE8999CBBD7B925E9EBB87";

/// Members with another value at each run, or in each release: the page's is one of the same type.
const DIFFERS: [&str; 13] = [
    "daemon",
    "libotr",
    "libgcrypt",
    "pid",
    "uptime",
    "memory",
    "since",
    "first_used",
    "last_used",
    "directory",
    "sandbox",
    "qr",
    "made",
];

#[test]
fn every_example_of_the_protocols_page_is_true() {
    plays("PROTOCOL.md", include_str!("../../../proto/PROTOCOL.md"));
}

#[test]
fn every_conversation_on_the_page_of_examples_is_true() {
    plays("EXAMPLES.md", include_str!("../../../proto/EXAMPLES.md"));
}

fn plays(name: &str, page: &str) {
    let mut wrong = Vec::new();
    let mut anew: Vec<String> = Vec::new();
    let mut number = 1;
    for (index, part) in page.split("```").enumerate() {
        let block = (index % 2 == 1).then(|| part.strip_prefix("json\n")).flatten();
        let Some(block) = block else {
            number += part.matches('\n').count();
            anew.push(part.to_owned());
            continue;
        };
        let said: Vec<&str> = block.lines().collect();
        let mut held = Stage::new().holds(&said);
        for (at, line) in held.iter_mut().enumerate() {
            match said.get(at) {
                Some(page) if fits(page, line) => (*page).clone_into(line),
                page => wrong.push(format!(
                    "{name}:{}: page: {}\n  true: {line}",
                    number + at + 1,
                    page.unwrap_or(&"nothing"),
                )),
            }
        }
        for (at, line) in said.iter().enumerate().skip(held.len()) {
            wrong.push(format!("{name}:{}: page: {line}\n  true: nothing", number + at + 1));
        }
        number += part.matches('\n').count();
        anew.push(format!("json\n{}\n", held.join("\n")));
    }
    if std::env::var_os("UPDATE").is_some() {
        let path = format!("{}/../proto/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, anew.join("```")).expect("the page");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// alice's module, bob's client, and otrd between them.
struct Stage {
    /// The module's connection.
    module: Rpc,
    /// Others of its connections that are still open.
    others: Vec<Rpc>,
    /// The admin's, where the block is said there.
    admin: Option<Rpc>,
    bob: Peer,
    /// A stand-in of the pages and what it stands for.
    cast: Vec<(String, String)>,
    ended: bool,
    otrd: Otrd,
    _world: World,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let otrd = OtrdBuilder::new().managed().start(&world);
        let key = key_file("alice");
        let account = otrd.account(getuid().as_raw(), "alice", "libera");
        world.file(&account.join("otr.key"), &key, None);
        let bob = Peer::new();
        let uid = getuid();
        let release = env!("CARGO_PKG_VERSION");
        let mut cast = vec![
            (r#""uid":1000"#.to_owned(), format!(r#""uid":{uid}"#)),
            (r#""version":"0.1.0""#.to_owned(), format!(r#""version":"{release}""#)),
        ];
        for (page, real) in [(ALICES, fingerprint_of("alice", &key)), (BOBS, bob.fingerprint())] {
            cast.push((groups(page), groups(&real)));
            cast.push((page.to_owned(), real));
        }
        let module = otrd.shim();
        let others = Vec::new();
        Self { module, others, admin: None, bob, cast, ended: false, otrd, _world: world }
    }

    /// Says what a block says to the daemon; tells the block as it has to be.
    fn holds(&mut self, block: &[&str]) -> Vec<String> {
        let mut held = Vec::new();
        let mut unanswered: Vec<Value> = Vec::new();
        let mut lines = block.iter().peekable();
        while let Some(line) = lines.next() {
            if let Some(said) = line.strip_prefix("--> ") {
                let said = self.said(said);
                // For who looks for what went wrong.
                eprintln!("--> {said}");
                let value: Value = serde_json::from_str(&said).unwrap_or_default();
                unanswered.extend(value.get("id").cloned());
                self.link().bytes(format!("{said}\n").as_bytes());
                held.push((*line).to_owned());
            } else if line.starts_with("<--") {
                let mut expected: usize = 1;
                while lines.next_if(|line| line.starts_with("<--")).is_some() {
                    expected += 1;
                }
                while expected > 0 || !unanswered.is_empty() {
                    let Some(got) = self.hears() else {
                        held.push("(the connection ends)".into());
                        return held;
                    };
                    let value: Value = serde_json::from_str(&got).expect("JSON");
                    answered(&mut unanswered, &value);
                    held.push(format!("<-- {got}"));
                    expected = expected.saturating_sub(1);
                }
            } else {
                if line.starts_with("(the reply is lost") {
                    self.loses_replies(&mut unanswered);
                }
                self.direction(line);
                unanswered.clear();
                held.push((*line).to_owned());
            }
        }
        held.extend(self.surplus().into_iter().map(|line| format!("<-- {line}")));
        held
    }

    /// The daemon answers, and nobody reads it.
    fn loses_replies(&mut self, unanswered: &mut Vec<Value>) {
        while !unanswered.is_empty() {
            let line = self.module.answer().expect("an answer");
            answered(unanswered, &line);
        }
    }

    /// What the daemon has said besides: all that comes before it answers once more.
    fn surplus(&mut self) -> Vec<String> {
        const LAST: u32 = 4_000_000_000;
        if self.ended {
            return Vec::new();
        }
        self.link().line(&json!({"jsonrpc": "2.0", "id": LAST, "method": "no-such-method"}));
        let mut surplus = Vec::new();
        while let Some(line) = self.hears() {
            if line.contains(&LAST.to_string()) {
                break;
            }
            surplus.push(line);
        }
        surplus
    }

    /// What happens elsewhere, in the words of the pages.
    fn direction(&mut self, direction: &str) {
        let words = direction.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let words = words.unwrap_or_else(|| panic!("neither a line nor a direction: {direction}"));
        match words.strip_prefix("bob says ") {
            Some(text) => self.bob.says(&text.replace("\\n", "\n")),
            None => words.split("; ").for_each(|words| self.does(words)),
        }
    }

    fn does(&mut self, words: &str) {
        match words {
            "hello was said" => self.says_hello(),
            "hello and network were said" => self.is_on_irc(),
            "the conversation with bob is private" => {
                self.is_on_irc();
                self.becomes_private();
            }
            "the conversation becomes private" => self.becomes_private(),
            "bob asks to authenticate: who is it?" => self.bob.asks("who is it?", "me"),
            "bob ends the private conversation" => self.bob.finishes(),
            "a new connection" | "the connection breaks" => self.connects_anew(),
            "another connection" | "a third connection" => {
                let before = std::mem::replace(&mut self.module, self.otrd.shim());
                self.others.push(before);
                self.ended = false;
            }
            "the first connection" | "the other connection" => {
                let before = std::mem::replace(&mut self.module, self.others.remove(0));
                self.others.push(before);
            }
            "on admin.sock" => self.admin = Some(self.otrd.admin()),
            "the connection ends" => {
                assert_eq!(self.link().answered_line(), None, "otrd goes on");
                self.ended = true;
            }
            // See `loses_replies`.
            "the reply is lost" => {}
            "the worker is killed" => {
                let worker = self.otrd.worker();
                self.otrd.signal_worker(worker, Signal::SIGKILL);
                self.module.is_closed();
                eventually("another worker runs", || !self.otrd.workers().contains(&worker));
                self.module = self.otrd.shim();
            }
            "otrd ends" => {
                self.otrd.stop();
            }
            _ => panic!("no such direction: {words}"),
        }
    }

    /// Where the block is said.
    fn link(&mut self) -> &mut Rpc {
        self.admin.as_mut().unwrap_or(&mut self.module)
    }

    fn says_hello(&mut self) {
        if self.ended {
            self.module = self.otrd.shim();
            self.ended = false;
        }
        self.module.call("hello", json!({"version": 1, "user": "alice", "network": "libera"}));
    }

    fn is_on_irc(&mut self) {
        self.says_hello();
        self.module.call("network", json!({"connected": true, "mask": "alice!a@host"}));
    }

    fn becomes_private(&mut self) {
        let mut reply = self.module.call("start", json!({"peer": "bob"}));
        loop {
            self.performs(&reply);
            let Some(line) = self.bob.next() else { break };
            let line = String::from_utf8(line).expect("OTR is ASCII");
            let message = json!({"from": "bob!b@host", "kind": "text", "text": line});
            reply = self.module.call("in", message);
        }
        assert!(self.bob.is_private(), "the key exchange has not ended");
    }

    /// Connects anew when the daemon has seen the end of the connection before.
    fn connects_anew(&mut self) {
        self.ended = false;
        self.module = self.otrd.shim();
        let mut admin = self.otrd.admin();
        eventually("the daemon has seen the end", || {
            let status = admin.call("status", json!({}));
            let accounts = status["accounts"].as_array().expect("accounts").clone();
            accounts.iter().all(|account| account["worker"]["connected"] == false)
        });
    }

    /// Brings bob what is sent to him.
    fn performs(&mut self, body: &Value) {
        for effect in body["effects"].as_array().into_iter().flatten() {
            if effect["do"] == "send" && effect["to"] == "bob" {
                let text = effect["text"].as_str().expect("OTR is ASCII");
                self.bob.hears(text.as_bytes());
            }
        }
    }

    /// A line of the page as it is said: with real fingerprints, and with bob's line where the page
    /// has the beginning of one.
    fn said(&mut self, line: &str) -> String {
        let mut line = line.to_owned();
        for (page, real) in &self.cast {
            line = line.replace(page, real);
        }
        let Some((before, rest)) = line.split_once("…\"") else { return line };
        let start = before.rfind('"').expect("a string") + 1;
        let bobs = String::from_utf8(self.bob.next().expect("bob says nothing")).expect("ASCII");
        assert!(bobs.starts_with(&before[start..]), "bob says {bobs}, not {}", &before[start..]);
        format!("{}{bobs}\"{rest}", &before[..start])
    }

    /// The daemon's next line as the page shows it.
    fn hears(&mut self) -> Option<String> {
        let mut line = self.link().answered_line()?;
        eprintln!("<-- {line}");
        let value: Value = serde_json::from_str(&line).expect("JSON");
        for body in ["result", "params"].iter().filter_map(|member| value.get(member)) {
            self.performs(body);
        }
        for (page, real) in &self.cast {
            line = line.replace(real, page);
        }
        Some(shortened(&line))
    }
}

/// Takes out the request that a line is the reply to.
fn answered(unanswered: &mut Vec<Value>, line: &Value) {
    match line.get("id") {
        // To what could not be read, or not as a request.
        Some(Value::Null) => unanswered.clear(),
        id => unanswered.retain(|open| Some(open) != id),
    }
}

/// Each line of OTR that is another one each time becomes its beginning, which says what it is.
fn shortened(line: &str) -> String {
    let mut short = String::new();
    for (index, part) in line.split('"').enumerate() {
        let kept = match part {
            _ if part.starts_with("?OTR:") => 9,
            _ if part.starts_with("?OTR|") => 5,
            _ => part.len(),
        };
        short.push_str(if index == 0 { "" } else { "\"" });
        short.push_str(&part[..kept]);
        short.push_str(if kept < part.len() { "…" } else { "" });
    }
    short
}

/// The same line, but for [`DIFFERS`].
fn fits(page: &str, line: &str) -> bool {
    let value = |line: &str| serde_json::from_str(line.strip_prefix("<-- ")?).ok();
    match (value(page), value(line)) {
        (Some(page), Some(line)) => same(&page, &line),
        _ => page == line,
    }
}

fn same(page: &Value, line: &Value) -> bool {
    match (page, line) {
        (Value::Object(page), Value::Object(line)) => {
            let (page, line): (BTreeMap<_, _>, BTreeMap<_, _>) =
                (page.iter().collect(), line.iter().collect());
            let is_pid = page.get(&"what".to_owned()).is_some_and(|what| *what == "worker");
            let differs = |name: &str| DIFFERS.contains(&name) || is_pid && name == "now";
            page.keys().eq(line.keys())
                && page.iter().all(|(name, value)| match differs(name) {
                    true => std::mem::discriminant(*value) == std::mem::discriminant(line[name]),
                    false => same(value, line[name]),
                })
        }
        (Value::Array(page), Value::Array(line)) => {
            page.len() == line.len() && page.iter().zip(line).all(|(page, line)| same(page, line))
        }
        _ => page == line,
    }
}

/// A fingerprint in groups of eight digits, as people read it.
fn groups(digits: &str) -> String {
    let groups: Vec<&str> = (0..5).map(|group| &digits[8 * group..8 * group + 8]).collect();
    groups.join(" ")
}
