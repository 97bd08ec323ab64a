//! A small IRC client: ZNC's user, a peer without OTR, or an attacker.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Inbox, Line, World, eventually, leak_check, pieces};

/// A connection that speaks IRC and remembers every line it saw.
pub struct Client {
    who: String,
    nick: String,
    stream: TcpStream,
    inbox: Inbox<Line>,
    log: File,
    pings: AtomicUsize,
}

impl Client {
    /// A client of the server on `port` itself.
    #[track_caller]
    pub fn of_server(world: &World, port: u16, nick: &str) -> Self {
        let client = Self::connect(world, port, nick, &format!("client-{nick}"));
        client.send(&format!("NICK {nick}"));
        client.send(&format!("USER {nick} 0 * :{nick}"));
        client.sees_numeric("001");
        client.settled();
        client
    }

    /// A client of ZNC; `login` is `user/network` or `user`, and the password is the user's name.
    #[track_caller]
    pub fn of_znc(world: &World, port: u16, login: &str, caps: &[&str]) -> Self {
        static SERIAL: AtomicUsize = AtomicUsize::new(1);
        let user = login.split('/').next().unwrap_or(login);
        let who = format!("attached-{}-{}", user, SERIAL.fetch_add(1, Ordering::Relaxed));
        let client = Self::connect(world, port, user, &who);
        if !caps.is_empty() {
            client.send(&format!("CAP REQ :{}", caps.join(" ")));
        }
        client.send(&format!("PASS {login}:{user}"));
        client.send(&format!("NICK {user}"));
        client.send(&format!("USER {user} 0 * :{user}"));
        if !caps.is_empty() {
            client.expect("the capabilities", |line| {
                line.command == "CAP" && line.params.iter().any(|param| param == b"ACK")
            });
            client.send("CAP END");
        }
        client.sees_numeric("001");
        client
    }

    #[track_caller]
    fn connect(world: &World, port: u16, nick: &str, who: &str) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        let client = Self {
            who: who.to_owned(),
            nick: nick.to_owned(),
            stream,
            inbox: Inbox::default(),
            log: world.log(who),
            pings: AtomicUsize::new(1),
        };
        let stream = client.stream.try_clone().expect("dup");
        let (inbox, log) = (client.inbox.clone(), client.log.try_clone().expect("dup"));
        thread::spawn(move || read_lines(stream, &inbox, log));
        client
    }

    /// Its own nick.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    // What it does.

    /// Sends one line as it is.
    pub fn send(&self, line: &str) {
        self.send_bytes(line.as_bytes());
    }

    /// Sends one line of bytes, in one write.
    pub fn send_bytes(&self, line: &[u8]) {
        log_line(&self.log, &format!(">> {}", String::from_utf8_lossy(line)));
        let mut whole = line.to_vec();
        whole.extend_from_slice(b"\r\n");
        // A connection that is gone shows in what is expected next.
        let _ = (&self.stream).write_all(&whole);
    }

    /// Says something to somebody.
    pub fn types_to(&self, nick: &str, text: &str) {
        match nick.starts_with('*') {
            true => leak_check::commanded(text),
            false => leak_check::typed(text),
        }
        self.send(&format!("PRIVMSG {nick} :{text}"));
    }

    /// `/me`.
    pub fn acts_to(&self, nick: &str, text: &str) {
        self.types_to(nick, &format!("\x01ACTION {text}\x01"));
    }

    /// `/notice`.
    pub fn notices(&self, nick: &str, text: &str) {
        leak_check::typed(text);
        self.send(&format!("NOTICE {nick} :{text}"));
    }

    /// A command for `*otr`.
    pub fn otr(&self, command: &str) {
        self.types_to("*otr", command);
    }

    /// Enters a channel, and waits until it is there.
    #[track_caller]
    pub fn joins(&self, channel: &str) {
        self.send(&format!("JOIN {channel}"));
        self.expect(&format!("the names in {channel}"), |line| {
            line.command == "366"
                && line.params.get(1).is_some_and(|name| name == channel.as_bytes())
        });
    }

    /// Takes another nick, and waits until it is so.
    #[track_caller]
    pub fn takes_nick(&mut self, nick: &str) {
        self.send(&format!("NICK {nick}"));
        let old = self.nick.clone();
        self.expect("its new nick", |line| line.is("NICK", &old) && line.text() == nick);
        self.nick = nick.to_owned();
    }

    /// Leaves at once.
    pub fn hangs_up(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    // What it waits for.

    /// Waits for a line that fits, and takes it.
    #[track_caller]
    pub fn expect(&self, what: &str, fits: impl FnMut(&Line) -> bool) -> Line {
        self.inbox.expect(&self.who, what, fits)
    }

    /// The same, but the end of `limit` is an answer.
    pub fn within(&self, limit: Duration, fits: impl FnMut(&Line) -> bool) -> Option<Line> {
        self.inbox.within(limit, fits)
    }

    /// Waits for exactly this text from somebody.
    #[track_caller]
    pub fn reads(&self, from: &str, text: &str) -> Line {
        let what = format!("<{from}> {text}");
        self.expect(&what, |line| line.is("PRIVMSG", from) && line.bytes() == text.as_bytes())
    }

    /// Waits for exactly these bytes from somebody.
    #[track_caller]
    pub fn reads_bytes(&self, from: &str, text: &[u8]) -> Line {
        let what = format!("<{from}> {}", text.escape_ascii());
        self.expect(&what, |line| line.is("PRIVMSG", from) && line.bytes() == text)
    }

    /// Waits for a text from somebody that contains this.
    #[track_caller]
    pub fn reads_about(&self, from: &str, text: &str) -> Line {
        let what = format!("<{from}> …{text}…");
        self.expect(&what, |line| line.is("PRIVMSG", from) && line.text().contains(text))
    }

    /// Waits until a text of somebody has come, in as many messages as it took.
    #[track_caller]
    pub fn reads_in_pieces(&self, from: &str, text: &str) {
        pieces::read(text, |left| {
            let fits = |line: &Line| line.is("PRIVMSG", from) && pieces::fits(&line.text(), left);
            self.expect(left, fits).text()
        });
    }

    /// Waits for a `/me` of somebody.
    #[track_caller]
    pub fn reads_action(&self, from: &str, text: &str) -> Line {
        let what = format!("* {from} {text}");
        self.expect(&what, |line| {
            line.is("PRIVMSG", from) && line.action().as_deref() == Some(text)
        })
    }

    /// Waits for a notice of somebody.
    #[track_caller]
    pub fn reads_notice(&self, from: &str, text: &str) -> Line {
        let what = format!("-{from}- {text}");
        self.expect(&what, |line| line.is("NOTICE", from) && line.text() == text)
    }

    /// Waits for the user's own words to somebody, typed on another client or echoed.
    #[track_caller]
    pub fn sees_own(&self, to: &str, text: &str) -> Line {
        let what = format!("{} -> {to}: {text}", self.nick);
        self.expect(&what, |line| {
            line.is("PRIVMSG", &self.nick) && line.target() == to && line.text() == text
        })
    }

    /// Waits for a line of `*otr` that contains this.
    #[track_caller]
    pub fn otr_says(&self, text: &str) -> String {
        self.expect(&format!("<*otr> …{text}…"), |line| {
            line.is("PRIVMSG", "*otr") && line.plain_text().contains(text)
        })
        .plain_text()
    }

    /// Waits for a line of `*otr` that is exactly this, whatever its colour.
    #[track_caller]
    pub fn otr_says_exactly(&self, text: &str) {
        self.expect(&format!("<*otr> {text}"), |line| {
            line.is("PRIVMSG", "*otr") && line.plain_text() == text
        });
    }

    /// Asks `*otr` for `info` and waits for the whole answer: all lines up to the own fingerprint.
    #[track_caller]
    pub fn info(&self) -> Vec<String> {
        self.asks_otr("info", |line| line.starts_with("Your fingerprint"))
    }

    /// Waits until `info` shows this state of a peer.
    #[track_caller]
    pub fn becomes(&self, peer: &str, state: &str) {
        eventually(&format!("info shows {peer} as {state}"), || {
            self.info().iter().any(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                cells.get(1) == Some(&peer) && cells.get(2) == Some(&state)
            })
        });
    }

    /// Waits until `*otr` has its daemon: until `help` is answered with a list that names `info`.
    #[track_caller]
    pub fn has_otr(&self) {
        let lists = |line: &Line| {
            line.is("PRIVMSG", "*otr") && line.plain_text().starts_with("info [nick]")
        };
        // A list that was asked for before tells nothing of now.
        while self.within(Duration::ZERO, lists).is_some() {}
        eventually("*otr answers", || {
            self.otr("help");
            self.settled();
            self.within(Duration::from_millis(200), lists).is_some()
        });
    }

    /// Gives `*otr` a command and collects its lines up to one that is the last.
    #[track_caller]
    pub fn asks_otr(&self, command: &str, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        self.settled();
        self.inbox.forget();
        self.otr(command);
        let mut lines = Vec::new();
        loop {
            let line = self.expect(command, |line| line.is("PRIVMSG", "*otr")).plain_text();
            let last = is_last(&line);
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Waits for a numeric.
    #[track_caller]
    pub fn sees_numeric(&self, numeric: &str) -> Line {
        self.expect(&format!("numeric {numeric}"), |line| line.command == numeric)
    }

    /// Waits until the other side has closed the connection.
    #[track_caller]
    pub fn is_disconnected(&self) {
        self.inbox.expect_closed(&self.who);
    }

    /// Waits until everything that was sent here before has arrived: a PING and its PONG.
    #[track_caller]
    pub fn settled(&self) {
        self.ping();
    }

    /// How long the other side takes to answer a PING.
    #[track_caller]
    pub fn ping(&self) -> Duration {
        let token = format!("tests-{}", self.pings.fetch_add(1, Ordering::Relaxed));
        let start = Instant::now();
        self.send(&format!("PING :{token}"));
        self.expect("its PONG", |line| line.command == "PONG" && line.text() == token);
        start.elapsed()
    }

    /// The slowest of `count` PINGs.
    #[track_caller]
    pub fn slowest_ping(&self, count: usize) -> Duration {
        (0..count).map(|_| self.ping()).max().unwrap_or_default()
    }

    // What it has seen.

    /// Every line so far.
    pub fn lines(&self) -> Vec<Line> {
        self.inbox.all()
    }

    /// What came after the first `seen` lines.
    pub fn lines_since(&self, seen: usize) -> Vec<Line> {
        self.inbox.since(seen)
    }

    /// How often this has come back as not sent.
    pub fn returned(&self, text: &str) -> usize {
        let lines = self.lines();
        let back = lines.iter().filter(|line| {
            let said = line.plain_text();
            line.is("PRIVMSG", "*otr") && said.contains("Not sent (") && said.ends_with(text)
        });
        back.count()
    }

    /// Everything that somebody said so far, in order.
    pub fn texts_from(&self, from: &str) -> Vec<String> {
        let lines = self.inbox.all();
        lines.iter().filter(|line| line.is("PRIVMSG", from)).map(Line::text).collect()
    }

    /// Fails if any line so far had this text. Wait for something later first.
    #[track_caller]
    pub fn never_saw(&self, text: &str) {
        let lines = self.inbox.all();
        if let Some(line) = lines.iter().find(|line| line.to_string().contains(text)) {
            panic!("{} saw {text:?}: {line}", self.who);
        }
    }

    /// Lets everything so far count as read.
    pub fn forgets(&self) {
        self.inbox.forget();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.hangs_up();
    }
}

/// In one write: both directions share the file.
fn log_line(mut log: &File, line: &str) {
    let _ = log.write_all(format!("{line}\n").as_bytes());
}

fn read_lines(stream: TcpStream, inbox: &Inbox<Line>, log: File) {
    let mut writer = stream.try_clone().expect("dup");
    let mut reader = BufReader::new(stream);
    let mut raw = Vec::new();
    let mut unfinished = None;
    while matches!(reader.read_until(b'\n', &mut raw), Ok(1..)) {
        while raw.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            raw.pop();
        }
        let line = Line::parse(&raw);
        log_line(&log, &format!("<< {line}"));
        if line.command == "PING" {
            let _ = writer.write_all(format!("PONG :{}\r\n", line.text()).as_bytes());
        }
        // A sentence of `*otr` may take several lines. Here it is one.
        let line = match unfinished.take() {
            Some(begun) => match joined(&begun, &line) {
                Some(whole) => whole,
                None => {
                    inbox.push(begun);
                    line
                }
            },
            None => line,
        };
        match line.is("PRIVMSG", "*otr") && line.plain_text().ends_with(' ') {
            true => unfinished = Some(line),
            false => inbox.push(line),
        }
        raw.clear();
    }
    log_line(&log, "-- closed");
    unfinished.into_iter().for_each(|line| inbox.push(line));
    inbox.close();
}

/// A line and the one that goes on with it, if it does.
fn joined(begun: &Line, next: &Line) -> Option<Line> {
    let rest = next.plain_text();
    let rest = rest.strip_prefix("… ").filter(|_| next.is("PRIVMSG", "*otr"))?;
    let mut whole = begun.clone();
    let text = begun.plain_text() + rest;
    let head = begun.raw.len() - begun.bytes().len();
    whole.raw.truncate(head);
    whole.raw.extend_from_slice(text.as_bytes());
    *whole.params.last_mut()? = text.into_bytes();
    Some(whole)
}
