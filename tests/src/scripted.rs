//! An IRC server that says what a test wants it to say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use crate::reading::{Reading, names};
use crate::{Inbox, Line, World};

/// The server's own name.
const NAME: &str = "irc.test.net";

/// A small IRC server without any rules. It registers everybody, answers PING, JOIN, WHO and CAP,
/// and carries what people say to whoever its most liberal reading means, unless the test answers
/// a line itself. Beyond that it says whatever the test has it say, to whomever.
///
/// A connection is named by its *login*: the user name of its USER command. That is the nick of a
/// [`Client`](crate::Client) or a [`Friend`](crate::Friend), and the user's name of a ZNC, whatever
/// becomes of their nicks; a new connection with the same login takes the name over.
pub struct ScriptedServer {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    script: Mutex<Option<Box<Script>>>,
    lines: Inbox<Received>,
    log: Mutex<File>,
}

/// The answers to a line in place of the usual ones, if any: lines for the one who sent it.
type Script = dyn FnMut(&str, &Line) -> Option<Vec<String>> + Send;

/// A line that somebody sent to the server.
#[derive(Clone, Debug)]
pub struct Received {
    /// Who.
    pub login: String,
    /// On which of all connections, counted from 0.
    pub connection: usize,
    /// What, without its end.
    pub line: Vec<u8>,
}

#[derive(Default)]
struct State {
    isupport: String,
    caps: String,
    isolates: bool,
    people: BTreeMap<usize, Person>,
    next: usize,
}

struct Person {
    stream: TcpStream,
    nick: String,
    login: String,
    host: String,
    registered: bool,
    channels: BTreeSet<String>,
}

impl Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.login, String::from_utf8_lossy(&self.line))
    }
}

impl ScriptedServer {
    /// Waits for connections on a port of its own.
    pub fn start(world: &World) -> Self {
        let port = world.port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("our own port");
        let state = State {
            isupport: String::from("CASEMAPPING=rfc1459 CHANTYPES=#& STATUSMSG=@+ PREFIX=(ov)@+"),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            script: Mutex::default(),
            lines: Inbox::default(),
            log: Mutex::new(world.log(&format!("scripted-{port}"))),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = stream.set_nodelay(true);
                let number = serving.arrives(&stream);
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.serve(stream, number));
            }
        });
        Self { port, shared }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What 005 says to those who connect from now on.
    pub fn supports(&self, tokens: &str) {
        tokens.clone_into(&mut self.shared.state().isupport);
    }

    /// The capabilities that it offers from now on; none at first.
    pub fn offers(&self, caps: &str) {
        caps.clone_into(&mut self.shared.state().caps);
    }

    /// From now on nobody sees anybody else, unless the test sees to it.
    pub fn isolates(&self) {
        self.shared.state().isolates = true;
    }

    /// Answers lines in place of the server: who sent it and what, to the lines that they get.
    /// `None` leaves it to the server.
    pub fn answers(&self, script: impl FnMut(&str, &Line) -> Option<Vec<String>> + Send + 'static) {
        *self.shared.script.lock().expect("script") = Some(Box::new(script));
    }

    // What it says and does.

    /// Says a line to somebody, as it is. False where nobody of this login is connected.
    pub fn says(&self, login: &str, line: &str) -> bool {
        self.says_bytes(login, line.as_bytes())
    }

    /// The same with bytes.
    pub fn says_bytes(&self, login: &str, line: &[u8]) -> bool {
        let state = self.shared.state();
        let Some(person) = state.of(login) else { return false };
        self.shared.put(person, line);
        true
    }

    /// Says several lines in one write.
    pub fn floods(&self, login: &str, lines: impl IntoIterator<Item = impl AsRef<[u8]>>) -> bool {
        let state = self.shared.state();
        let Some(person) = state.of(login) else { return false };
        let whole: Vec<Vec<u8>> = lines.into_iter().map(|line| line.as_ref().to_vec()).collect();
        self.shared.put(person, &whole.join(&b"\r\n"[..]));
        true
    }

    /// Ends a connection. What its other side had written by then is still received.
    pub fn hangs_up_on(&self, login: &str) {
        if let Some(person) = self.shared.state().of(login) {
            let _ = person.stream.shutdown(Shutdown::Write);
        }
    }

    /// Is anybody of this login connected and registered?
    pub fn has(&self, login: &str) -> bool {
        self.shared.state().of(login).is_some()
    }

    /// The number of their connection, which tells it from the ones before.
    pub fn connection_of(&self, login: &str) -> Option<usize> {
        let state = self.shared.state();
        let known = state.people.iter().rev();
        known.into_iter().find(|(_, one)| one.registered && one.login == login).map(|(at, _)| *at)
    }

    /// Whether a connection has ended, and all its lines are here.
    pub fn has_ended(&self, connection: usize) -> bool {
        !self.shared.state().people.contains_key(&connection)
    }

    /// The nick that the server gave or last heard.
    pub fn nick_of(&self, login: &str) -> Option<String> {
        self.shared.state().of(login).map(|person| person.nick.clone())
    }

    /// Has another nick in mind for them; they are told by what the test says.
    pub fn knows_as(&self, login: &str, nick: &str) {
        if let Some(person) = self.shared.state().of_mut(login) {
            nick.clone_into(&mut person.nick);
        }
    }

    // What it was sent.

    /// Waits for a line of theirs that fits, and takes it.
    #[track_caller]
    pub fn expect(&self, login: &str, what: &str, fits: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let fits = |got: &Received| got.login == login && fits(&got.line);
        self.shared.lines.expect("the scripted server", &format!("{login}: {what}"), fits).line
    }

    /// Waits for a line of theirs with this text.
    #[track_caller]
    pub fn hears(&self, login: &str, text: &str) -> String {
        let line = self.expect(login, text, |line| contains(line, text));
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Everything so far, of everybody.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lines.all()
    }

    /// What is new since `seen` lines had been received.
    pub fn received_since(&self, seen: usize) -> Vec<Received> {
        self.shared.lines.since(seen)
    }

    /// Every line of theirs so far.
    pub fn lines_of(&self, login: &str) -> Vec<String> {
        let all = self.received();
        let lines = all.iter().filter(|got| got.login == login);
        lines.map(|got| String::from_utf8_lossy(&got.line).into_owned()).collect()
    }

    /// Fails if they have sent this text. Wait for something later first.
    #[track_caller]
    pub fn never_heard(&self, login: &str, text: &str) {
        if let Some(line) = self.lines_of(login).iter().find(|line| line.contains(text)) {
            panic!("{login} sent {text:?}: {line}");
        }
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        for person in self.shared.state().people.values() {
            let _ = person.stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("server")
    }

    fn arrives(&self, stream: &TcpStream) -> usize {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let person = Person {
            stream: stream.try_clone().expect("dup"),
            nick: String::new(),
            login: String::new(),
            host: String::from("host.test.net"),
            registered: false,
            channels: BTreeSet::new(),
        };
        state.people.insert(number, person);
        number
    }

    fn serve(&self, stream: TcpStream, number: usize) {
        let mut reader = BufReader::new(stream);
        let mut raw = Vec::new();
        while matches!(reader.read_until(b'\n', &mut raw), Ok(1..)) {
            while raw.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
                raw.pop();
            }
            self.hears(number, &raw);
            raw.clear();
        }
        let gone = self.state().people.remove(&number);
        if let Some(person) = gone.filter(|person| person.registered) {
            let _ = person.stream.shutdown(Shutdown::Both);
            let state = self.state();
            let line = format!(":{} QUIT :gone", person.mask());
            self.tells(&state, &line, |_| !state.isolates);
        }
    }

    fn hears(&self, number: usize, raw: &[u8]) {
        let line = Line::parse(raw);
        let mut state = self.state();
        let Some(person) = state.people.get_mut(&number) else { return };
        if line.command.eq_ignore_ascii_case("USER") && !person.registered {
            person.login = line.target();
        }
        let login = person.login.clone();
        self.note(&format!("{login} -> {line}"));
        drop(state);
        // The script may ask the server about anything.
        let scripted = match self.script.lock().expect("script").as_mut() {
            Some(script) => script(&login, &line),
            None => None,
        };
        let mut state = self.state();
        match scripted {
            Some(answers) => {
                let Some(person) = state.people.get(&number) else { return };
                answers.iter().for_each(|answer| self.put(person, answer.as_bytes()));
            }
            None => self.usual(&mut state, number, &line),
        }
        // Whoever sees the line here sees what came of it, too.
        drop(state);
        self.lines.push(Received { login, connection: number, line: raw.to_vec() });
    }

    fn usual(&self, state: &mut State, number: usize, line: &Line) {
        let Some(person) = state.people.get_mut(&number) else { return };
        let nick = person.nick.clone();
        let answer = |text: String| vec![text];
        let mut everybody = None;
        let answers = match line.command.to_ascii_uppercase().as_str() {
            "CAP" => match line.target().as_str() {
                "LS" => answer(format!(":{NAME} CAP * LS :{}", state.caps)),
                "REQ" => answer(format!(":{NAME} CAP * ACK :{}", line.text())),
                _ => Vec::new(),
            },
            "NICK" if person.registered => {
                everybody = Some(format!(":{} NICK :{}", person.mask(), line.target()));
                person.nick = line.target();
                Vec::new()
            }
            "NICK" => {
                person.nick = line.target();
                Vec::new()
            }
            "PING" => answer(format!(":{NAME} PONG {NAME} :{}", line.text())),
            "JOIN" => {
                let channel = line.target();
                person.channels.insert(channel.clone());
                everybody = Some(format!(":{} JOIN {channel}", person.mask()));
                vec![
                    format!(":{NAME} 353 {nick} = {channel} :{nick}"),
                    format!(":{NAME} 366 {nick} {channel} :End of names"),
                ]
            }
            "WHO" => {
                let whom = line.target();
                let mut found: Vec<String> = state
                    .people
                    .values()
                    .filter(|one| one.nick == whom)
                    .map(|one| {
                        format!(
                            ":{NAME} 352 {nick} * {} {} {NAME} {} H :0 x",
                            one.login, one.host, one.nick
                        )
                    })
                    .collect();
                found.push(format!(":{NAME} 315 {nick} {whom} :End of WHO"));
                found
            }
            "QUIT" => {
                let _ = person.stream.shutdown(Shutdown::Both);
                Vec::new()
            }
            _ => {
                if !state.isolates {
                    self.carry(state, number, &line.raw);
                }
                Vec::new()
            }
        };
        let Some(person) = state.people.get_mut(&number) else { return };
        let registers = !person.registered && !person.nick.is_empty() && !person.login.is_empty();
        person.registered |= registers;
        if let Some(line) = everybody {
            self.tells(state, &line, |at| at == number || !state.isolates);
        }
        let Some(person) = state.people.get(&number) else { return };
        answers.iter().for_each(|answer| self.put(person, answer.as_bytes()));
        if registers {
            self.welcome(person, &state.isupport);
        }
    }

    fn welcome(&self, person: &Person, isupport: &str) {
        let (nick, mask) = (&person.nick, person.mask());
        for line in [
            format!(":{NAME} 001 {nick} :Welcome to the test network {mask}"),
            format!(":{NAME} 004 {nick} {NAME} scripted o o"),
            format!(":{NAME} 005 {nick} {isupport} :are supported by this server"),
            format!(":{NAME} 422 {nick} :no message of the day"),
        ] {
            self.put(person, line.as_bytes());
        }
    }

    /// Carries words to everybody whom any reading of the line means.
    fn carry(&self, state: &State, number: usize, raw: &[u8]) {
        let Some(from) = state.people.get(&number) else { return };
        for reading in Reading::all(raw) {
            for target in &reading.targets {
                let meant = names(target);
                for (at, person) in &state.people {
                    let here = person.channels.contains(target);
                    let is = |name: &String| {
                        name.eq_ignore_ascii_case(&person.nick) || *name == person.login
                    };
                    if *at == number || !person.registered || !(here || meant.iter().any(is)) {
                        continue;
                    }
                    let command = reading.command.trim_start_matches('C');
                    let whom = if here { target } else { &person.nick };
                    let head = format!(":{} {command} {whom} :", from.mask());
                    self.put(person, &[head.as_bytes(), words(&reading)].concat());
                }
            }
        }
    }

    fn tells(&self, state: &State, line: &str, whom: impl Fn(usize) -> bool) {
        let people = state.people.iter().filter(|(at, one)| one.registered && whom(**at));
        people.for_each(|(_, one)| self.put(one, line.as_bytes()));
    }

    fn put(&self, person: &Person, line: &[u8]) {
        self.note(&format!("{} <- {}", person.login, String::from_utf8_lossy(line)));
        let _ = (&person.stream).write_all(&[line, b"\r\n"].concat());
    }

    fn note(&self, text: &str) {
        let _ = writeln!(self.log.lock().expect("log"), "{text}");
    }
}

/// CPRIVMSG and CNOTICE name a channel before the words.
fn words(reading: &Reading) -> &[u8] {
    let text = reading.text();
    if !reading.command.starts_with('C') {
        return text;
    }
    let rest = text.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
    rest.strip_prefix(b":").unwrap_or(rest)
}

impl State {
    /// The newest of this login.
    fn of(&self, login: &str) -> Option<&Person> {
        self.people.values().rev().find(|one| one.registered && one.login == login)
    }

    fn of_mut(&mut self, login: &str) -> Option<&mut Person> {
        self.people.values_mut().rev().find(|one| one.registered && one.login == login)
    }
}

impl Person {
    fn mask(&self) -> String {
        format!("{}!{}@{}", self.nick, self.login, self.host)
    }
}

fn contains(line: &[u8], text: &str) -> bool {
    line.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}
