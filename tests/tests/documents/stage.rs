//! Where the conversations on the protocol's pages are held: an otrd, alice's module, an admin, and
//! bob. The directions are [`Stage::does`].

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, Write};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::Signal;
use nix::unistd::getuid;
use otrd_tests::{Otrd, OtrdBuilder, Rpc, World, eventually, key_file};
use proto::bundle;
use serde_json::{Value, json};

use crate::otr_peer::{Peer, fingerprint_of};

/// The pages' fingerprints.
const ALICES: &str = "1FB3E3D44F7C1F6C8C3B2C0C5C4E1A9C9D3E8F71";
const BOBS: &str = "94A1353B60A58E7382CE8999CBBD7B925E9EBB87";
const BOBS_OTHER: &str = "5D3A8E9C41B7F02266D19A3385C0E4F71B2C9D60";

/// A Unix user beside the one who runs the tests, and the group of the sockets.
const STRANGER: u32 = 60_003;
const GROUP: u32 = 60_001;

/// alice's module, bob's client, and otrd between them.
pub struct Stage {
    /// The module's connection.
    module: Rpc,
    /// Others of its connections that are still open.
    others: Vec<Rpc>,
    /// The admin's, where the block is said there.
    admin: Option<Rpc>,
    bob: Peer,
    /// A stand-in of the pages and what it stands for.
    cast: Vec<(String, String)>,
    /// Bytes of the next line with its LF, where blanks make it longer.
    padded: Option<usize>,
    /// What comes beside the next line.
    beside: Option<File>,
    /// What came beside the line before.
    files: Option<File>,
    /// Lines that were read before the block had them.
    read: VecDeque<String>,
    ended: bool,
    otrd: Otrd,
    _world: World,
}

impl Stage {
    pub fn new() -> Self {
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
            (r#""uid":1001"#.to_owned(), format!(r#""uid":{STRANGER}"#)),
            (r#""version":"0.1.0""#.to_owned(), format!(r#""version":"{release}""#)),
            (r#""was":"0.1.0""#.to_owned(), format!(r#""was":"{release}""#)),
        ];
        let fingerprints = [
            (ALICES, fingerprint_of("alice", &key)),
            (BOBS, bob.fingerprint()),
            (BOBS_OTHER, Peer::with_another_key().fingerprint()),
        ];
        for (page, real) in fingerprints {
            cast.push((groups(page), groups(&real)));
            cast.push((page.to_owned(), real.clone()));
            cast.push((page[..8].to_owned(), real[..8].to_owned()));
        }
        let module = otrd.shim();
        Self {
            module,
            others: Vec::new(),
            admin: None,
            bob,
            cast,
            padded: None,
            beside: None,
            files: None,
            read: VecDeque::new(),
            ended: false,
            otrd,
            _world: world,
        }
    }

    /// Says what a block says to the daemon; tells the block as it has to be.
    pub fn holds(&mut self, block: &[&str]) -> Vec<String> {
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
                self.says(&said);
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

    /// A line to the daemon, with what directions have put behind or beside it.
    fn says(&mut self, line: &str) {
        if let Some(file) = self.beside.take() {
            let value = serde_json::from_str(line).expect("JSON");
            self.link().line_with(&value, &file);
            self.files = Some(file);
            return;
        }
        let blanks = self.padded.take().map_or(0, |length| length - line.len() - 1);
        self.link().bytes(format!("{line}{}\n", " ".repeat(blanks)).as_bytes());
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
        let Some(text) = words.strip_prefix("bob says ") else {
            return words.split("; ").for_each(|words| self.does(words));
        };
        // With the escapes of JSON.
        let text: String = serde_json::from_str(&format!("\"{text}\"")).expect("a text");
        self.bob.says(&text);
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
            "bob answers: me" => self.bob.answers("me"),
            "bob has another key" => self.bob = Peer::with_another_key(),
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
            "on admin.sock as another Unix user" => {
                let socket = self.otrd.admin_socket();
                self.admin = Some(self.otrd.connection_of(STRANGER, GROUP, &socket));
            }
            "blanks make the next line 65536 bytes long" => self.padded = Some(65536),
            "blanks make the next line 65537 bytes long" => self.padded = Some(65537),
            "an empty memory file comes beside the next line" => {
                self.beside = Some(memory_file(&[]));
            }
            "a memory file comes beside the next line, with alice's key and bob's fingerprint" => {
                self.beside = Some(memory_file(&self.files_of_libotr()));
            }
            "in the memory file are key, fp and instag" => {
                let names = names_in(self.files.take().expect("a memory file"));
                assert_eq!(names, ["key", "fp", "instag"]);
            }
            "the same hello comes without a pause, over new connections, until one is refused" => {
                self.says_hello_without_pause();
            }
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

    /// The line that refuses it is the next to be heard.
    fn says_hello_without_pause(&mut self) {
        let hello = json!({"version": 1, "user": "alice", "network": "libera"});
        let refusal = (0..1000).find_map(|_| {
            self.module = self.otrd.shim();
            let request = json!({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": hello});
            self.module.line(&request);
            self.module.answered_line().filter(|line| line.contains("\"error\""))
        });
        self.read.push_back(refusal.expect("a refusal"));
    }

    /// What `import` takes: alice's own key, and bob's fingerprint as compared.
    fn files_of_libotr(&self) -> Vec<u8> {
        let (key, bobs) = (key_file("alice"), self.bob.fingerprint().to_lowercase());
        let known = format!("bob\talice\tirc\t{bobs}\tmanual\n");
        let files = [(bundle::File::Key, &key[..]), (bundle::File::Fingerprints, known.as_bytes())];
        let mut content = Vec::new();
        bundle::write(&files, &mut content);
        content
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
        let mut line = match self.read.pop_front() {
            Some(line) => line,
            None => self.link().answered_line()?,
        };
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

/// A memory file as it comes beside a request.
fn memory_file(content: &[u8]) -> File {
    let file = memfd_create(c"files", MFdFlags::MFD_CLOEXEC).expect("a memory file");
    let mut file = File::from(file);
    file.write_all(content).expect("memory");
    file
}

/// The files that a memory file holds.
fn names_in(mut file: File) -> Vec<&'static str> {
    let mut content = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut content)).expect("a memory file");
    let files = bundle::read(&content).expect("files of an account");
    files.into_iter().map(|(file, _)| file.name()).collect()
}

/// A fingerprint in groups of eight digits, as people read it.
fn groups(digits: &str) -> String {
    let groups: Vec<&str> = (0..5).map(|group| &digits[8 * group..8 * group + 8]).collect();
    groups.join(" ")
}
