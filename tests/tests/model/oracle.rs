//! What must hold, judged by bytes alone: those on the wire to the server, those that the user's
//! clients got, and what people could decrypt. It knows nothing of the module and the daemon but
//! what they say to the user.

mod end;
mod losses;
mod shown;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use otrd_tests::{Line, Reading, names};

use crate::people::{Heard, undeliverable};
use tokens::{Own, Theirs, Token, is_channel, is_channel_to_znc, tokens_in};

/// A line of the module of that name, which writes it at each connection.
const PERFORM: &str = "perform ";

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
    /// What `*otr` said last of somebody since then: that it is private, or that the user finished it.
    private_at_last: BTreeMap<String, bool>,
    /// Names that required rules fit, folded; `*` is everybody.
    required: BTreeMap<String, bool>,
    requiring: Vec<(String, bool)>,
    /// Names that no rule is for but this one, folded.
    ignored: BTreeSet<String>,
    /// Names that their holders have left, at a moment of rest.
    left: BTreeSet<String>,
    leaving: BTreeSet<String>,
    /// The first letters of channels, as the server says now.
    chantypes: Vec<char>,
    /// User names of those who spoke to the user: the last one, and all since they are closed.
    idents: BTreeMap<String, BTreeSet<String>>,
    tokens: BTreeMap<String, Token>,
    /// Encrypted texts that went out and that nobody could read, by the nick they went to.
    unread: BTreeMap<String, usize>,
    /// Lines of which ZNC says itself that it lost them, by their target.
    lost_by_znc: BTreeMap<String, usize>,
    complaints: usize,
    /// Nicks under which people read what was typed, since the last moment of rest: whatever the
    /// user was told.
    read_by: BTreeSet<String>,
    /// Whether anybody was ever private in this play.
    pub ever_closed: bool,
    /// Nobody guards anything: the module is not loaded.
    pub unloaded: bool,
    /// The step that is played.
    pub step: String,
    pub faults: Vec<Fault>,
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which rule is broken, and by which step: whoever shrinks a sequence must not end up with
    /// another fault.
    pub kind: (&'static str, String),
    pub told: String,
}

/// All of them, a line each.
pub fn told(faults: &[Fault]) -> String {
    faults.iter().map(|fault| fault.told.as_str()).collect::<Vec<_>>().join("\n  ")
}

impl Oracle {
    /// Of a play in which these letters are the same.
    pub fn new(casemapping: &str) -> Self {
        Self { casemapping: casemapping.to_owned(), ..Self::default() }
    }

    // What happens.

    /// The user's side writes a line for the network.
    pub fn writes(&mut self, token: &str, line: &str, connected: bool, me: &str) {
        let reading = Reading::all(line.as_bytes()).into_iter().next();
        let mut own = Own { line: line.to_owned(), step: self.step.clone(), ..Own::default() };
        if let Some(reading) = reading {
            own.text = reading.text().to_vec();
            own.targets = reading.targets;
            own.command = reading.command;
        }
        let plain = line.starts_with("PRIVMSG ") || line.starts_with("privmsg ");
        // An answer of the client itself: nobody typed it.
        let answers = matches!(own.command.as_str(), "NOTICE" | "CNOTICE");
        let automatic = answers && (line.contains(":\x01") || own.text.first() == Some(&1));
        // What is for nobody else, or for a channel, is ZNC's alone: it drops that where its connection is
        // ending.
        let own_nick = self.fold(me);
        let nobodys =
            own.targets.iter().all(|one| is_channel_to_znc(one) || self.fold(one) == own_nick);
        own.excused = self.unloaded || automatic || nobodys || (!connected && !plain);
        own.gone = own.targets.iter().any(|target| self.left.contains(&self.fold(target)));
        // What perform keeps is judged by who is closed when it goes out.
        if !self.unloaded && !line.starts_with(PERFORM) {
            own.closed = self.all_closed();
            own.closed_as_all = self.closed_as_all();
        }
        self.tokens.insert(token.to_owned(), Token::Own(own));
    }

    /// Whom a rule for everybody closes.
    fn closed_as_all(&self) -> BTreeSet<String> {
        let known = ["bob", "carol", "mallory", "robert"].map(str::to_owned);
        let known = known
            .into_iter()
            .filter(|name| self.required.get(name) != Some(&false) && !self.ignored.contains(name));
        known.filter(|_| self.required.get("*") == Some(&true)).collect()
    }

    fn all_closed(&self) -> BTreeSet<String> {
        let mut closed = self.closed.clone();
        let required = self.required.iter().filter(|(_, on)| **on).map(|(name, _)| name);
        closed.extend(required.filter(|name| !self.ignored.contains(*name)).cloned());
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
            ["ignore", nick] => {
                let name = self.fold(nick);
                self.ignored.insert(name);
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

    /// The server says a line to ZNC, whose user is `me`.
    pub fn server_says(
        &mut self,
        raw: &str,
        me: &str,
        token: Option<&str>,
        private: bool,
        frozen: bool,
    ) {
        // A client may read a source where ZNC reads none.
        let good = format!(":{}", raw.trim_start_matches([' ', '\t', ':']));
        let line = Line::parse(good.as_bytes());
        let source = line.source.split(['!', '@']).next().unwrap_or_default().to_owned();
        let to_znc = raw == good && (!line.source.contains('@') || line.source.contains('!'));
        if let Some((_, ident)) = line.source.split_once('!') {
            let ident = ident.split('@').next().unwrap_or_default().to_owned();
            let name = self.fold(&source);
            let closed = self.closed.contains(&name) || self.closing.contains(&name);
            let idents = self.idents.entry(name).or_default();
            if !closed {
                idents.clear();
            }
            idents.insert(ident);
        }
        if line.command == "005"
            && let Some((_, types)) = raw.split_once("CHANTYPES=")
        {
            let types = types.split(' ').next().unwrap_or_default();
            self.chantypes = types.chars().collect();
        }
        if line.command == "NICK" && to_znc {
            let (old, new) = (self.fold(&source), self.fold(&line.target()));
            self.is_now(&old, &new);
            // What the server calls a channel, the user's own nick or what is no nick nobody follows; see
            // CHANTYPES.
            let nick = |name: &str| {
                !name.contains(['!', '@', '%', '$', '#', '&', ',', ' ', ':'])
                    && !name.starts_with(&*self.chantypes)
                    && name != self.fold(me)
            };
            let follows = nick(&old) && nick(&new) && old != new;
            if follows {
                self.leaving.insert(old.clone());
            }
            self.left.remove(&new);
            self.leaving.remove(&new);
            if frozen && follows {
                self.left.insert(old.clone());
                let folded = |target: &String| self.fold(target) == old;
                let left: Vec<String> = self
                    .tokens
                    .iter()
                    .filter(|(_, token)| {
                        matches!(token,
                    Token::Own(own) if own.outcomes() == 0 && own.targets.iter().any(folded))
                    })
                    .map(|(token, _)| token.clone())
                    .collect();
                for token in left {
                    if let Some(Token::Own(own)) = self.tokens.get_mut(&token) {
                        own.left.insert(old.clone());
                    }
                }
            }
        }
        let Some(token) = token else { return };
        let ctcp = line.bytes().first() == Some(&1) && !line.bytes().starts_with(b"\x01ACTION ");
        let words = matches!(line.command.as_str(), "PRIVMSG" | "NOTICE") && !ctcp;
        let channel = ["#", "@#"].iter().any(|start| line.target().starts_with(start));
        let names: Vec<String> = names(&source).iter().map(|name| self.fold(name)).collect();
        let closed = self.closed.contains(&self.fold(&source));
        let mut others = self.closed.clone();
        others.remove(&self.fold(&source));
        let theirs = Theirs {
            step: self.step.clone(),
            marked: words && !channel && closed && !private && !self.unloaded,
            names,
            others,
            as_module: source.starts_with('*') && !self.unloaded,
            shown: 0,
            told_again: false,
            fresh: true,
        };
        self.tokens.insert(token.to_owned(), Token::Theirs(theirs));
    }

    /// Who is closed under the first name is so under the second one and under each piece of it, for
    /// ZNC takes commas for more than one.
    fn is_now(&mut self, old: &str, new: &str) {
        if !self.closed.contains(old) && !self.closing.contains(old) {
            return;
        }
        let pieces = new.split([',', ' ']).map(|piece| piece.trim_start_matches(':').to_owned());
        self.closing.extend(pieces.filter(|piece| !piece.is_empty()));
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
                let (line, step) = (own.line.clone(), own.step.clone());
                if simple && reading.targets.iter().any(|one| !own.targets.contains(one)) {
                    self.fault("another target", &step, &format!("than in {line:?}: {shown}"));
                } else if simple && !same {
                    self.fault("other words", &step, &format!("than in {line:?}: {shown}"));
                }
            }
        }
    }

    fn clear_word(&mut self, token: &str, target: &str, line: &str) {
        let now = self.all_closed();
        let reach = self.reached(target);
        let Some(Token::Own(own)) = self.tokens.get(token) else { return };
        // For everybody: but `+name` is a channel there, and `~&name` one with a sign of rank, as long as
        // nobody is meant by name.
        let channel = is_channel(target);
        let closed = reach.iter().any(|name| {
            own.closed.contains(name) || (!channel && own.closed_as_all.contains(name))
        });
        let left = own.left.contains(&self.fold(target));
        // Nothing keeps it from going out while our module is not loaded.
        let later = own.line.starts_with(PERFORM)
            && !self.unloaded
            && reach.iter().any(|name| now.contains(name));
        let step = own.step.clone();
        if closed || later {
            self.fault("a clear word for somebody closed", &step, line);
        } else if left {
            self.fault("a clear word for a nick that its holder had left", &step, line);
        }
    }

    /// The folded names that a target may reach, by nick and by user name.
    fn reached(&self, target: &str) -> Vec<String> {
        let mut reached: Vec<String> = names(target).iter().map(|name| self.fold(name)).collect();
        let reaches = |idents: &BTreeSet<String>| {
            idents.iter().any(|ident| reached.contains(&self.fold(ident)))
        };
        let known = self.idents.iter().filter(|(_, idents)| reaches(idents));
        let by_ident: Vec<String> = known.map(|(name, _)| name.clone()).collect();
        reached.extend(by_ident);
        reached
    }

    /// A line of OTR came to somebody under this nick.
    pub fn heard(&mut self, nick: &str, heard: &[Heard]) {
        for heard in heard {
            match heard {
                Heard::Private(text) => self.read(nick, text),
                Heard::Unreadable => self.cannot_be_read(nick),
                Heard::Secured | Heard::Ended | Heard::Nothing => {}
            }
        }
    }

    /// One came to nobody of this nick.
    pub fn undelivered(&mut self, nick: &str, line: &[u8]) {
        if undeliverable(line) == Heard::Unreadable {
            self.cannot_be_read(nick);
        }
    }

    fn cannot_be_read(&mut self, nick: &str) {
        let name = self.fold(nick);
        *self.unread.entry(name).or_default() += 1;
    }

    fn read(&mut self, nick: &str, text: &str) {
        let name = self.fold(nick);
        for token in tokens_in(text) {
            if let Some(Token::Own(own)) = self.tokens.get_mut(&token) {
                own.read += 1;
                self.read_by.insert(name.clone());
            }
        }
    }

    /// Everything that was under way has arrived, but for what a stopped worker has not done yet.
    pub fn rests(&mut self, frozen: bool) {
        self.closed.append(&mut self.closing);
        self.left.append(&mut self.leaving);
        for token in self.tokens.values_mut() {
            if let Token::Own(own) = token {
                own.waits = own.outcomes() == 0;
            }
        }
        if frozen {
            return;
        }
        for name in std::mem::take(&mut self.read_by) {
            let told = self.closed.contains(&name) || self.opened.contains(&name);
            if !told && !self.opened_all {
                self.fault(
                    "read in private by somebody of whom the user was told nothing",
                    "",
                    &name,
                );
            }
        }
        let at_last = std::mem::take(&mut self.private_at_last);
        self.closed
            .extend(at_last.into_iter().filter_map(|(name, private)| private.then_some(name)));
        self.opened.clear();
        self.opened_all = false;
        self.required.extend(self.requiring.drain(..));
        for token in self.tokens.values_mut() {
            if let Token::Theirs(theirs) = token {
                theirs.fresh = false;
            }
        }
    }

    /// To whom nothing may go in clear, but for what rules require.
    pub fn closed_names(&self) -> Vec<String> {
        self.closed.iter().cloned().collect()
    }

    /// Somebody became closed since the last rest; ZNC may not have read why.
    pub fn somebody_is_closing(&self) -> bool {
        !self.closing.is_empty()
    }

    /// Demands that somebody is closed: who knows nobody who is would let everything pass.
    pub fn demands_closed(&mut self, nick: &str) {
        if !self.closed.contains(&self.fold(nick)) {
            self.fault("nobody closed, where somebody should be", "", nick);
        }
    }

    pub fn fault(&mut self, kind: &'static str, step: &str, what: &str) {
        self.faults.push(Fault { kind: (kind, step.to_owned()), told: format!("{kind}: {what}") });
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
