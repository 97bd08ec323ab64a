//! A peer with libotr in the test itself: many of them cost little.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use otr::fragment::{Outcome, Reassembler, cut};
use otr::message::{OtrLine, classify};
use otr::{Event, Otr, Peer, Smp, State};

use crate::{Inbox, Line, World, handle, key_file};

/// A person whose client is libotr and nothing else. What happens is a line each, and told to
/// whoever waits: `secured WHO`, `private WHO TEXT`, `clear WHO TEXT`, `asked WHO`,
/// `verified WHO`, `failed WHO`, `ended WHO`, `unreadable WHO`, `error WHO TEXT`.
pub struct Friend {
    nick: String,
    orders: Sender<Input>,
    inbox: Inbox<String>,
    stream: TcpStream,
}

enum Input {
    Line(Line),
    Say(String, String),
    Start(String),
    Finish(String),
    Ask(String, String),
    Answer(String, String),
}

/// The name of the account in its key file.
const ACCOUNT: &str = "friend";

impl Friend {
    /// Connects to the server on `port`, and waits until it is there.
    #[track_caller]
    pub fn start(world: &World, nick: &str, port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        let (orders, inputs) = channel();
        let inbox = Inbox::default();
        {
            let (stream, orders) = (stream.try_clone().expect("dup"), orders.clone());
            thread::spawn(move || read_lines(stream, &orders));
        }
        {
            let (stream, inbox) = (stream.try_clone().expect("dup"), inbox.clone());
            let mut log = world.log(&format!("friend-{nick}"));
            let tell = move |told: String| {
                let _ = writeln!(log, "{told}");
                inbox.push(told);
            };
            thread::spawn(move || Life::begin(stream, tell).live(&inputs));
        }
        let friend = Self { nick: nick.to_owned(), orders, inbox, stream };
        friend.puts(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n"));
        friend.told("welcome");
        friend
    }

    /// Its nick.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    /// Says something: encrypted where it is private, in clear otherwise.
    pub fn types_to(&self, nick: &str, text: &str) {
        self.order(Input::Say(nick.to_owned(), text.to_owned()));
    }

    /// Asks for a private conversation.
    pub fn starts_otr_with(&self, nick: &str) {
        self.order(Input::Start(nick.to_owned()));
    }

    /// Ends a private conversation.
    pub fn finishes_otr_with(&self, nick: &str) {
        self.order(Input::Finish(nick.to_owned()));
    }

    /// Asks whether they know the same secret.
    pub fn asks(&self, nick: &str, secret: &str) {
        self.order(Input::Ask(nick.to_owned(), secret.to_owned()));
    }

    /// Answers who has asked.
    pub fn answers(&self, nick: &str, secret: &str) {
        self.order(Input::Answer(nick.to_owned(), secret.to_owned()));
    }

    /// Sends a line to the server as it is.
    pub fn sends(&self, line: &str) {
        self.puts(&format!("{line}\r\n"));
    }

    /// Waits until this happened.
    #[track_caller]
    pub fn told(&self, what: &str) {
        self.inbox.expect(&self.nick, what, |told| told == what);
    }

    /// Waits for exactly this encrypted text.
    #[track_caller]
    pub fn reads(&self, from: &str, text: &str) {
        self.told(&format!("private {from} {text}"));
    }

    /// The same, but the end of `limit` is an answer.
    pub fn within(&self, limit: Duration, fits: impl FnMut(&String) -> bool) -> Option<String> {
        self.inbox.within(limit, fits)
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<String> {
        self.inbox.all()
    }

    /// How often this has happened so far.
    pub fn count(&self, what: &str) -> usize {
        self.inbox.all().iter().filter(|told| *told == what).count()
    }

    fn order(&self, order: Input) {
        // One that is gone shows in what is expected next.
        let _ = self.orders.send(order);
    }

    fn puts(&self, lines: &str) {
        let _ = (&self.stream).write_all(lines.as_bytes());
    }
}

impl Drop for Friend {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

fn read_lines(stream: TcpStream, orders: &Sender<Input>) {
    for raw in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(&raw);
        if orders.send(Input::Line(Line::parse(raw))).is_err() {
            return;
        }
    }
}

/// What happens in the thread that libotr stays in.
struct Life<F> {
    stream: TcpStream,
    tell: F,
    otr: Otr,
    fragments: Reassembler,
    private: BTreeSet<String>,
    born: Instant,
}

impl<F: FnMut(String)> Life<F> {
    fn begin(stream: TcpStream, tell: F) -> Self {
        let mut otr = Otr::new(ACCOUNT).expect("libotr");
        otr.load_key(&key_file(ACCOUNT)).expect("a key that was just made");
        let (fragments, private) = (Reassembler::new(), BTreeSet::new());
        Self { stream, tell, otr, fragments, private, born: Instant::now() }
    }

    fn live(mut self, inputs: &Receiver<Input>) {
        for input in inputs {
            match input {
                Input::Line(line) => self.line(&line),
                Input::Say(to, text) => self.say(&to, &text),
                Input::Start(to) => self.post(&to, b"?OTRv23?"),
                Input::Finish(to) => {
                    let events = self.otr.finish(handle(&to));
                    self.private.remove(&to);
                    self.take(&to, events);
                }
                Input::Ask(to, secret) => {
                    let Some(instance) = self.instance(&to) else { continue };
                    let secret = secret.as_bytes();
                    let asked = self.otr.smp_start(handle(&to), instance, None, secret);
                    self.take(&to, asked.expect("a private session"));
                }
                Input::Answer(to, secret) => {
                    let Some(instance) = self.instance(&to) else { continue };
                    let answer = self.otr.smp_respond(handle(&to), instance, secret.as_bytes());
                    self.take(&to, answer.expect("somebody who asked"));
                }
            }
        }
    }

    fn line(&mut self, line: &Line) {
        match line.command.as_str() {
            "PING" => self.put(format!("PONG :{}", line.text()).as_bytes()),
            "001" => (self.tell)("welcome".into()),
            "PRIVMSG" => self.hear(line.nick(), line.bytes()),
            _ => {}
        }
    }

    fn hear(&mut self, from: &str, line: &[u8]) {
        let whole = match classify(line) {
            OtrLine::Fragment(piece) => {
                let ours = Some(self.otr.instag());
                match self.fragments.push(self.born.elapsed(), &peer(from), &piece, ours) {
                    Outcome::Complete(whole) => whole,
                    Outcome::Pending | Outcome::Dropped => return,
                }
            }
            OtrLine::Text | OtrLine::Tagged { .. } => {
                let text = String::from_utf8_lossy(line).trim_end().to_owned();
                return (self.tell)(format!("clear {from} {text}"));
            }
            _ => line.to_vec(),
        };
        let received = self.otr.receive(handle(from), &classify(&whole), &whole);
        if let Some(text) = received.text {
            (self.tell)(format!("private {from} {}", String::from_utf8_lossy(&text)));
        }
        self.take(from, received.events);
    }

    fn take(&mut self, with: &str, events: Vec<Event>) {
        for event in events {
            let told = match event {
                Event::Inject { line, .. } => {
                    self.post(with, &line);
                    continue;
                }
                Event::Private { .. } | Event::Refreshed { .. } => {
                    self.private.insert(with.to_owned());
                    "secured"
                }
                Event::Ended { .. } => "ended",
                Event::Unreadable { .. } | Event::NotPrivate { ignorable: false, .. } => {
                    "unreadable"
                }
                Event::ErrorFromPeer { text, .. } => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    (self.tell)(format!("error {with} {text}"));
                    continue;
                }
                Event::Smp { event: Smp::Asked { .. }, .. } => "asked",
                Event::Smp { event: Smp::Verified(_), .. } => "verified",
                Event::Smp { event: Smp::Failed(_), .. } => "failed",
                _ => continue,
            };
            (self.tell)(format!("{told} {with}"));
        }
    }

    fn say(&mut self, to: &str, text: &str) {
        let Some(instance) = self.instance(to) else {
            // Never in clear what was private before, as no client would.
            assert!(!self.private.contains(to), "the session is gone");
            return self.put(format!("PRIVMSG {to} :{text}").as_bytes());
        };
        let (line, events) =
            self.otr.send(handle(to), instance, text.as_bytes()).expect("a private session");
        self.take(to, events);
        self.post(to, &line);
    }

    fn instance(&self, with: &str) -> Option<u32> {
        let sessions = self.otr.sessions(handle(with));
        sessions.iter().find(|one| one.state == State::Encrypted).map(|one| one.instance)
    }

    fn post(&mut self, to: &str, line: &[u8]) {
        for piece in cut(line, 400).expect("lines long enough") {
            self.put(&[b"PRIVMSG ", to.as_bytes(), b" :", &piece].concat());
        }
    }

    fn put(&mut self, line: &[u8]) {
        // A connection that is gone shows in what is expected next.
        let _ = self.stream.write_all(&[line, b"\r\n"].concat());
    }
}

fn peer(nick: &str) -> Peer {
    Peer::new(nick.as_bytes()).expect("a nick")
}
