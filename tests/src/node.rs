//! A peer with npm's `otr` in node: an implementation that shares nothing with libotr.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use crate::process::Launch;
use crate::{Inbox, Process, World, leak_check, pieces};

/// A person whose client speaks OTR by npm's `otr`. What happens to it is a line each: see
/// `tests/node/peer.js`.
pub struct NodePeer {
    nick: String,
    orders: TcpStream,
    inbox: Inbox<String>,
    key: String,
    fingerprint: String,
    process: Process,
}

impl NodePeer {
    /// Starts it, connected to the server on `port`. `versions` is `2`, `3` or `23`.
    #[track_caller]
    pub fn start(world: &World, nick: &str, port: u16, versions: &str) -> Self {
        Self::launch(world, nick, port, &[versions])
    }

    /// The same person on another client: another instance with the same key.
    #[track_caller]
    pub fn start_with_key_of(other: &Self, world: &World, nick: &str, port: u16) -> Self {
        Self::launch(world, nick, port, &["23", &other.key])
    }

    #[track_caller]
    fn launch(world: &World, nick: &str, port: u16, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/peer.js");
        let installed = script.with_file_name("node_modules/otr").exists();
        assert!(installed, "no node_modules beside {}: run tests/setup first", script.display());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let own = listener.local_addr().expect("its number").port();
        let process = Launch::new(&format!("node-{nick}"), "node")
            .args([script])
            .args([port.to_string(), own.to_string(), nick.to_owned()])
            .args(arguments)
            .start(world);
        let (orders, _) = listener.accept().expect("the peer connects");
        let inbox = Inbox::default();
        {
            let (inbox, stream) = (inbox.clone(), orders.try_clone().expect("dup"));
            let mut log = world.log(&format!("node-{nick}"));
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = writeln!(log, "{line}");
                    inbox.push(line);
                }
                inbox.close();
            });
        }
        let (key, fingerprint) = (String::new(), String::new());
        let mut peer = Self { nick: nick.to_owned(), orders, inbox, key, fingerprint, process };
        peer.key = peer.told("key ");
        peer.fingerprint = peer.told("ready ");
        peer
    }

    /// Its nick.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    /// Its fingerprint: five groups of eight digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    // What it does.

    /// Says something to somebody, encrypted where the conversation is private.
    pub fn types_to(&self, nick: &str, text: &str) {
        leak_check::typed(text);
        self.order(&json!({"do": "say", "to": nick, "text": text}));
    }

    /// Asks somebody for a private conversation.
    pub fn starts_otr_with(&self, nick: &str) {
        self.order(&json!({"do": "start", "to": nick}));
    }

    /// Ends a private conversation.
    pub fn finishes_otr_with(&self, nick: &str) {
        self.order(&json!({"do": "end", "to": nick}));
    }

    /// Answers an authentication, or asks for one.
    pub fn auths(&self, nick: &str, secret: &str) {
        self.order(&json!({"do": "smp", "to": nick, "secret": secret}));
    }

    /// Asks for an authentication with a question.
    pub fn auths_with_question(&self, nick: &str, question: &str, secret: &str) {
        self.order(&json!({"do": "smp", "to": nick, "secret": secret, "question": question}));
    }

    /// Breaks an authentication off.
    pub fn aborts_auth(&self, nick: &str) {
        self.order(&json!({"do": "abort", "to": nick}));
    }

    /// Claims that its public key has these numbers: p, q, g and y, each as hexadecimal digits.
    pub fn claims_public_key(&self, towards: &str, numbers: [&str; 4]) {
        self.order(&json!({"do": "claim", "to": towards, "numbers": numbers}));
    }

    /// Sends a line to the server as it is.
    pub fn sends(&self, line: &str) {
        self.order(&json!({"do": "raw", "line": line}));
    }

    /// Encrypts a text and tells the whole OTR line, without sending it.
    #[track_caller]
    pub fn encrypts_for(&self, nick: &str, text: &str) -> String {
        self.order(&json!({"do": "encrypt", "to": nick, "text": text}));
        self.told("encrypted ")
    }

    /// Leaves IRC, with these words, and keeps its conversations.
    #[track_caller]
    pub fn quits(&self, words: &str) {
        self.sends(&format!("QUIT :{words}"));
        self.told("closed");
    }

    /// Comes back to IRC.
    #[track_caller]
    pub fn comes_back(&self) {
        self.order(&json!({"do": "reconnect"}));
        self.told("ready");
    }

    /// Is gone at once, without a word.
    pub fn vanishes(mut self) {
        self.process.kill();
    }

    fn order(&self, order: &Value) {
        // A peer that is gone shows in what is expected next.
        let _ = writeln!(&self.orders, "{order}");
    }

    // What it waits for.

    /// Waits for a line that begins so, and tells the rest.
    #[track_caller]
    pub fn told(&self, start: &str) -> String {
        let line = self.inbox.expect(&self.who(), start, |line| line.starts_with(start));
        line.strip_prefix(start).unwrap_or_default().to_owned()
    }

    /// Waits for exactly this encrypted text from somebody.
    #[track_caller]
    pub fn reads(&self, from: &str, text: &str) {
        let line = format!("private {from} {text}");
        self.inbox.expect(&self.who(), &line, |seen| *seen == line);
    }

    /// Waits for exactly this clear text from somebody, but for blanks at its end.
    #[track_caller]
    pub fn reads_clear(&self, from: &str, text: &str) {
        let line = format!("clear {from} {text}");
        self.inbox.expect(&self.who(), &line, |seen| seen.trim_end() == line);
    }

    /// Waits until an encrypted text of somebody has come, in as many messages as it took.
    #[track_caller]
    pub fn reads_in_pieces(&self, from: &str, text: &str) {
        let start = format!("private {from} ");
        pieces::read(text, |left| {
            let piece_of = |seen: &String| seen.strip_prefix(&start).map(str::to_owned);
            let fits =
                |seen: &String| piece_of(seen).is_some_and(|piece| pieces::fits(&piece, left));
            piece_of(&self.inbox.expect(&self.who(), left, fits)).unwrap_or_default()
        });
    }

    /// Waits until its conversation with somebody is private, with this version: `v2` or `v3`.
    /// Tells the fingerprint that it saw.
    #[track_caller]
    pub fn is_private(&self, with: &str, version: &str) -> String {
        self.told(&format!("secured {with} {version} "))
    }

    /// Fails if any line so far had this text. Wait for something later first.
    #[track_caller]
    pub fn never_saw(&self, text: &str) {
        if let Some(line) = self.inbox.all().iter().find(|line| line.contains(text)) {
            panic!("{} saw {text:?}: {line}", self.who());
        }
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.inbox.all()
    }

    fn who(&self) -> String {
        format!("{}'s node", self.nick)
    }
}
