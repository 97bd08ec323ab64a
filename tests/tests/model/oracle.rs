//! What must hold, judged by bytes alone: those on the wire to the server, those that the user's
//! clients got, and what people could decrypt. It knows nothing of the module and the daemon but
//! what they say to the user.

use std::collections::{BTreeMap, BTreeSet};

use otrd_tests::{Line, Reading, names};

use crate::people::{Heard, undeliverable};

/// Before clear text of a person with whom one is private.
const MARKS: [&str; 2] = ["[NOT ENCRYPTED]", "[not checked by otrd]"];
/// So many complaints of OTR may leave in one sequence.
const COMPLAINTS: usize = 24;

/// What is known of one play so far.
#[derive(Default)]
pub struct Oracle {
    /// Which letters are the same: `ascii`, `rfc1459`, `rfc7613`.
    casemapping: String,
    /// Names to which nothing may go in clear, folded.
    closed: BTreeSet<String>,
    /// Those that follow a NICK, at the next moment of rest.
    closing: BTreeSet<String>,
    /// Opened by the user since the last moment of rest.
    opened: BTreeSet<String>,
    opened_all: bool,
    /// Names that required rules fit, folded; `*` is everybody.
    required: BTreeMap<String, bool>,
    requiring: Vec<(String, bool)>,
    /// Names that their holders have left, at a moment of rest.
    left: BTreeSet<String>,
    leaving: BTreeSet<String>,
    /// User names of those who spoke to the user.
    idents: BTreeMap<String, String>,
    tokens: BTreeMap<String, Token>,
    /// Encrypted texts that went out and that nobody could read.
    unread: usize,
    /// Lines of which ZNC says itself that it lost them.
    lost_by_znc: usize,
    complaints: usize,
    /// Nobody guards anything: the module is not loaded.
    pub unloaded: bool,
    pub faults: Vec<String>,
}

enum Token {
    Own(Own),
    Theirs(Theirs),
}

/// What the user's side wrote.
#[derive(Default)]
struct Own {
    line: String,
    targets: Vec<String>,
    text: Vec<u8>,
    command: String,
    /// Closed names when it was written.
    closed: BTreeSet<String>,
    sent: usize,
    read: usize,
    returned: usize,
    /// It may be lost: ZNC was killed, or the line goes past every module.
    excused: bool,
    /// It may come back twice.
    told_again: bool,
    /// Its holder had left the nick before it went out.
    left: bool,
    /// At the latest rest it was neither out nor back.
    waits: bool,
}

/// What somebody on the network wrote.
struct Theirs {
    /// A closed person, or who looks like one, in clear.
    marked: bool,
    names: Vec<String>,
    /// As a module of ZNC.
    as_module: bool,
    shown: usize,
    /// Since the last rest.
    fresh: bool,
}

impl Oracle {
    /// Of a play in which these letters are the same.
    pub fn new(casemapping: &str) -> Self {
        Self { casemapping: casemapping.to_owned(), ..Self::default() }
    }

    // What happens.

    /// The user's side writes a line for the network.
    pub fn writes(&mut self, token: &str, line: &str, connected: bool) {
        let reading = Reading::all(line.as_bytes()).into_iter().next();
        let mut own = Own { line: line.to_owned(), ..Own::default() };
        if let Some(reading) = reading {
            own.text = reading.text().to_vec();
            own.targets = reading.targets;
            own.command = reading.command;
        }
        let plain = line.starts_with("PRIVMSG ") || line.starts_with("privmsg ");
        // An answer of the client itself: nobody typed it.
        let automatic = own.command == "NOTICE" && own.text.first() == Some(&1);
        own.excused = self.unloaded || automatic || (!connected && !plain);
        own.closed = if self.unloaded { BTreeSet::new() } else { self.all_closed() };
        self.tokens.insert(token.to_owned(), Token::Own(own));
    }

    fn all_closed(&self) -> BTreeSet<String> {
        let mut closed = self.closed.clone();
        if self.required.get("*") == Some(&true) {
            let known = ["bob", "carol", "mallory", "robert"].map(str::to_owned);
            closed.extend(known.into_iter().filter(|name| self.required.get(name) != Some(&false)));
        }
        closed.extend(self.required.iter().filter(|(_, on)| **on).map(|(name, _)| name.clone()));
        closed
    }

    /// The user says something to `*otr`.
    pub fn commands(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["finish", "--all"] => {
                self.opened_all = true;
                self.closed.clear();
                self.closing.clear();
                self.unsure(None);
            }
            ["finish", nick] => {
                let name = self.fold(nick);
                self.closed.remove(&name);
                self.closing.remove(&name);
                self.unsure(Some(&name));
                self.opened.insert(name);
            }
            ["policy", pattern, policy] => {
                let name = self.fold(pattern);
                if policy == "required" {
                    self.requiring.push((name, true));
                } else {
                    self.requiring.retain(|(other, _)| *other != name);
                    self.required.insert(name, false);
                }
            }
            _ => {}
        }
    }

    /// What is under way may come before or after this word of the user.
    fn unsure(&mut self, name: Option<&String>) {
        for token in self.tokens.values_mut() {
            if let Token::Theirs(theirs) = token
                && theirs.fresh
                && name.is_none_or(|name| theirs.names.contains(name))
            {
                theirs.marked = false;
            }
        }
    }

    /// The server says a line to ZNC.
    pub fn server_says(&mut self, raw: &str, token: Option<&str>, private: bool, frozen: bool) {
        let line = Line::parse(raw.as_bytes());
        let source = line.source.split(['!', '@']).next().unwrap_or_default().to_owned();
        if let Some((_, ident)) = line.source.split_once('!') {
            let ident = ident.split('@').next().unwrap_or_default().to_owned();
            self.idents.insert(self.fold(&source), ident);
        }
        if line.command == "NICK" {
            let (old, new) = (self.fold(&source), self.fold(&line.target()));
            if self.closed.contains(&old) || self.closing.contains(&old) {
                self.closing.insert(new.clone());
            }
            self.leaving.insert(old.clone());
            self.left.remove(&new);
            self.leaving.remove(&new);
            if frozen {
                self.left.insert(old.clone());
                let folded = |target: &String| self.fold(target) == old;
                let left: Vec<String> = self.tokens.iter().filter(|(_, token)| matches!(token,
                    Token::Own(own) if own.sent + own.read + own.returned == 0 && own.targets.iter().any(folded)))
                    .map(|(token, _)| token.clone()).collect();
                for token in left {
                    if let Some(Token::Own(own)) = self.tokens.get_mut(&token) {
                        own.left = true;
                    }
                }
            }
        }
        let Some(token) = token else { return };
        let ctcp = line.bytes().first() == Some(&1) && !line.bytes().starts_with(b"\x01ACTION ");
        let words = matches!(line.command.as_str(), "PRIVMSG" | "NOTICE") && !ctcp;
        let channel = line.target().starts_with('#');
        let names: Vec<String> = names(&source).iter().map(|name| self.fold(name)).collect();
        let closed = self.closed.contains(&self.fold(&source));
        let theirs = Theirs {
            marked: words && !channel && closed && !private && !self.unloaded,
            names,
            as_module: source.starts_with('*'),
            shown: 0,
            fresh: true,
        };
        self.tokens.insert(token.to_owned(), Token::Theirs(theirs));
    }

    /// ZNC wrote a line to the server.
    pub fn wire(&mut self, raw: &[u8]) {
        let shown = String::from_utf8_lossy(raw).into_owned();
        for reading in Reading::all(raw) {
            if reading.text().starts_with(b"?OTR Error") {
                self.complaints += 1;
            }
            let text = [reading.prefix.as_slice(), &reading.words].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            for token in tokens_in(&text) {
                for target in &reading.targets {
                    self.clear_word(&token, target, &shown);
                }
                let Some(Token::Own(own)) = self.tokens.get_mut(&token) else { continue };
                own.sent += reading.targets.len().max(1);
                let simple = own.command == reading.command;
                let bare = |bytes: &[u8]| {
                    let end = bytes
                        .iter()
                        .rposition(|b| !matches!(b, b' ' | b'\t'))
                        .map_or(0, |at| at + 1);
                    bytes.get(..end).unwrap_or_default().to_vec()
                };
                let odd = own.targets.iter().any(|one| one.contains(['@', '%', '!']));
                let same = if odd {
                    reading.text() == own.text
                } else {
                    bare(reading.text()) == bare(&own.text)
                };
                if simple && reading.targets.iter().any(|one| !own.targets.contains(one)) {
                    self.faults
                        .push(format!("another target than was typed in {:?}: {shown}", own.line));
                } else if simple && !same {
                    self.faults
                        .push(format!("other words than were typed in {:?}: {shown}", own.line));
                }
            }
        }
    }

    fn clear_word(&mut self, token: &str, target: &str, line: &str) {
        let now = self.all_closed();
        let reach = self.reached(target);
        let Some(Token::Own(own)) = self.tokens.get(token) else { return };
        let closed: Vec<&String> = reach.iter().filter(|name| own.closed.contains(*name)).collect();
        if !closed.is_empty() {
            self.faults.push(format!("a clear word for {closed:?}, who is closed: {line}"));
        } else if own.left && own.targets.iter().any(|one| one == target) {
            self.faults.push(format!("a clear word for a nick that its holder had left: {line}"));
        } else if own.line.starts_with("perform ") && reach.iter().any(|name| now.contains(name)) {
            self.faults.push(format!("a clear word of perform for somebody closed: {line}"));
        }
    }

    /// The folded names that a target may reach, by nick and by user name.
    fn reached(&self, target: &str) -> Vec<String> {
        let mut reached: Vec<String> = names(target).iter().map(|name| self.fold(name)).collect();
        let known = self.idents.iter().filter(|(_, ident)| reached.contains(&self.fold(ident)));
        let by_ident: Vec<String> = known.map(|(name, _)| name.clone()).collect();
        reached.extend(by_ident);
        reached
    }

    /// A line of OTR came to somebody, or to nobody under that name.
    pub fn heard(&mut self, heard: &[Heard], nobody: Option<&str>, line: &[u8]) {
        for heard in heard {
            match heard {
                Heard::Private(text) => self.read(text),
                Heard::Unreadable => self.unread += 1,
                Heard::Secured | Heard::Ended | Heard::Nothing => {}
            }
        }
        let Some(name) = nobody else { return };
        if undeliverable(line) == Heard::Unreadable {
            self.unread += 1;
            if self.left.contains(&self.fold(name)) && !name.contains(['@', '%', '!']) {
                self.faults
                    .push(format!("encrypted words for {name}, a nick that its holder had left"));
            }
        }
    }

    fn read(&mut self, text: &str) {
        for token in tokens_in(text) {
            if let Some(Token::Own(own)) = self.tokens.get_mut(&token) {
                own.read += 1;
            }
        }
    }

    /// A client of the user got a line. The first client counts.
    pub fn shown(&mut self, client: usize, line: &Line) {
        let text = line.plain_text();
        let source = line.nick().to_owned();
        let module = source.split('@').next().unwrap_or_default();
        if client == 0 && module == "*status" && text.contains("got lost") {
            self.lost_by_znc += 1;
        }
        if module == "*otr" {
            self.told(&text);
        }
        for token in tokens_in(&String::from_utf8_lossy(&line.raw)) {
            match self.tokens.get_mut(&token) {
                Some(Token::Own(own)) => {
                    let back = text.contains("Not sent") || text.contains("Stopped");
                    if client == 0 && module == "*otr" && back {
                        own.returned += 1;
                    }
                }
                Some(Token::Theirs(theirs)) => {
                    if theirs.as_module && source.starts_with('*') && text.starts_with(&token) {
                        self.faults.push(format!("somebody spoke as {source}: {line}"));
                    }
                    if module.starts_with('*') {
                        continue;
                    }
                    if theirs.marked && !MARKS.iter().any(|mark| text.contains(mark)) {
                        self.faults
                            .push(format!("clear words of somebody private, unmarked: {line}"));
                    }
                    if client == 0 {
                        theirs.shown += 1;
                        if theirs.shown > 1 {
                            self.faults.push(format!("shown twice: {line}"));
                        }
                    }
                }
                None => {}
            }
        }
    }

    /// `*otr` tells the user something.
    fn told(&mut self, text: &str) {
        let Some((name, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once("] "))
        else {
            return;
        };
        let name = self.fold(name);
        if rest.starts_with("The conversation is private now")
            && !self.opened_all
            && !self.opened.contains(&name)
        {
            self.closed.insert(name);
        }
    }

    /// Everything that was under way has arrived.
    pub fn rests(&mut self) {
        self.closed.append(&mut self.closing);
        self.opened.clear();
        self.opened_all = false;
        self.left.append(&mut self.leaving);
        self.required.extend(self.requiring.drain(..));
        for token in self.tokens.values_mut() {
            match token {
                Token::Own(own) => own.waits = own.sent + own.read + own.returned == 0,
                Token::Theirs(theirs) => theirs.fresh = false,
            }
        }
    }

    /// ZNC or all that it had in memory is gone: what had not left may be lost.
    pub fn forgives(&mut self) {
        for token in self.tokens.values_mut() {
            if let Token::Own(own) = token {
                own.excused |= own.sent + own.read + own.returned == 0;
                // The next ZNC is told what this one may not have shown.
                own.told_again = true;
            }
        }
    }

    /// The module goes: it names whom nobody guards from now on.
    pub fn closed_names(&self) -> Vec<String> {
        self.closed.iter().cloned().collect()
    }

    pub fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// The end: each line is out once, or back once.
    pub fn ends(&mut self) {
        let mut missing = Vec::new();
        for (token, what) in &self.tokens {
            let Token::Own(own) = what else { continue };
            let expected = own.targets.len();
            let returned = if own.told_again { own.returned.min(1) } else { own.returned };
            let (count, line) = (own.sent + own.read + returned, &own.line);
            if own.line.starts_with("perform ") || expected == 0 {
                continue;
            }
            let words = format!(
                "{line:?} ({token}): {} in clear, {} decrypted, {} back",
                own.sent, own.read, own.returned
            );
            if count > expected && expected == 1 {
                self.faults.push(format!("more than once: {words}"));
            } else if count == 0 && !own.excused && own.command != "TAGMSG" {
                missing.push(words);
            }
        }
        let excuse = self.unread + self.lost_by_znc;
        if missing.len() > excuse {
            self.faults.push(format!("lost, but for {excuse}: {missing:#?}"));
        }
        if self.complaints > COMPLAINTS {
            self.faults.push(format!("{} complaints of OTR went out", self.complaints));
        }
    }

    /// The same letter is the same letter.
    pub fn fold(&self, name: &str) -> String {
        let wide = self.casemapping == "rfc7613";
        let brackets = self.casemapping == "rfc1459";
        let narrow = |c: char| match c {
            '\u{ff01}'..='\u{ff5e}' if wide => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\u{212a}' if wide => 'k',
            '[' if brackets => '{',
            ']' if brackets => '}',
            '\\' if brackets => '|',
            '^' if brackets => '~',
            other => other,
        };
        let folded = name.chars().map(narrow);
        if wide {
            folded.flat_map(char::to_lowercase).collect()
        } else {
            folded.map(|c| c.to_ascii_lowercase()).collect()
        }
    }
}

/// Tokens look like `t17x`.
fn tokens_in(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| {
            let number = word.strip_prefix("tk").and_then(|rest| rest.strip_suffix('x'));
            number.is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            })
        })
        .map(str::to_owned)
        .collect();
    found.dedup();
    found
}
