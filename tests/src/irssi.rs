//! irssi with its OTR plugin, in a tmux of its own.
//!
//! What is worth knowing of irssi 1.4 and its bundled plugin:
//! - The plugin's account is the name of the *chatnet*, not of the nick or server: the key is made
//!   by `/otr genkey CHATNET`. Without a key the first handshake stalls while one is made, so it
//!   is made at the start (a tenth of a second).
//! - `/otr init`, `finish`, `auth`, `authq`, `authabort`, `trust`, `distrust` and `forget` speak of
//!   the query in the current window. `init` sends `?OTRv23?`. The policy is fixed: it answers
//!   requests and whitespace tags, and adds no tags itself. There are no `otr_…` settings.
//! - `auth` answers where the peer has asked, and asks otherwise. `authq` takes its question in
//!   double quotes.
//! - After the peer's end irssi still shows what is typed, but sends an *empty* message instead.
//! - irssi's own flood protection counts lines: `cmd_queue_speed` must be `1msec` (`0msec` turns
//!   into something slow), or a handshake takes ten seconds.
//! - A log opened for level `ALL` has the lines of every window, as they are shown.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::{Inbox, Tmux, World, leak_check, pieces};

/// A person who uses irssi.
pub struct Irssi {
    nick: String,
    tmux: Tmux,
    inbox: Inbox<String>,
    window: Mutex<String>,
    watching: Arc<AtomicBool>,
    dir: PathBuf,
}

/// The name of the only network.
const CHATNET: &str = "tests";

impl Irssi {
    /// Starts irssi, connected to the server on `port`, with an OTR key.
    #[track_caller]
    pub fn start(world: &World, nick: &str, port: u16) -> Self {
        let irssi = Self::start_with(world, nick, port, |_| {});
        irssi.types(&format!("/otr genkey {CHATNET}"));
        irssi.sees("OTR key generation for tests completed");
        irssi
    }

    /// The same with the key that is put into its directory `otr`, or with none.
    #[track_caller]
    pub fn start_with(world: &World, nick: &str, port: u16, prepare: impl FnOnce(&Path)) -> Self {
        let dir = world.directory(&format!("irssi-{nick}"), None);
        let log = world.path().join("logs").join(format!("irssi-{nick}.log"));
        world.file(&dir.join("config"), config(nick, port, &log), None);
        world.file(&dir.join("startup"), "load otr\n", None);
        let otr = world.directory(&format!("irssi-{nick}/otr"), None);
        prepare(&otr);
        let irssi = format!("exec irssi --home '{}'", dir.display());
        let tmux = Tmux::start(world, nick, &dir, &irssi);
        let (inbox, watching) = (Inbox::default(), Arc::new(AtomicBool::new(true)));
        {
            let (inbox, watching) = (inbox.clone(), Arc::clone(&watching));
            thread::spawn(move || follow(&log, &inbox, &watching));
        }
        let window = Mutex::default();
        let nick = nick.to_owned();
        let irssi = Self { nick, tmux, inbox, window, watching, dir };
        // Set by irssi itself once it is on IRC, with or without a message of the day.
        irssi.sees("Mode change [+i]");
        irssi
    }

    /// Its nick.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    // What it does.

    /// Types a line into the current window.
    pub fn types(&self, line: &str) {
        self.tmux.types(line);
    }

    /// Says something to somebody.
    pub fn types_to(&self, nick: &str, text: &str) {
        leak_check::typed(text);
        self.turns_to(nick);
        self.types(text);
    }

    /// `/me`.
    pub fn acts_to(&self, nick: &str, text: &str) {
        self.turns_to(nick);
        leak_check::typed(text);
        self.types(&format!("/me {text}"));
    }

    /// Asks somebody for a private conversation.
    pub fn starts_otr_with(&self, nick: &str) {
        self.turns_to(nick);
        self.types("/otr init");
    }

    /// Ends a private conversation.
    pub fn finishes_otr_with(&self, nick: &str) {
        self.turns_to(nick);
        self.types("/otr finish");
    }

    /// Answers an authentication, or asks for one.
    pub fn auths(&self, nick: &str, secret: &str) {
        self.turns_to(nick);
        leak_check::typed(secret);
        self.types(&format!("/otr auth {secret}"));
    }

    /// Asks for an authentication with a question.
    pub fn auths_with_question(&self, nick: &str, question: &str, secret: &str) {
        self.turns_to(nick);
        leak_check::typed(question);
        leak_check::typed(secret);
        self.types(&format!("/otr authq \"{question}\" {secret}"));
    }

    /// Trusts somebody's current key.
    pub fn trusts(&self, nick: &str) {
        self.turns_to(nick);
        self.types("/otr trust");
    }

    /// Takes another nick, and waits until it is so.
    #[track_caller]
    pub fn takes_nick(&mut self, nick: &str) {
        self.types(&format!("/nick {nick}"));
        self.sees(&format!("now known as {nick}"));
        self.nick = nick.to_owned();
    }

    fn turns_to(&self, nick: &str) {
        let mut window = self.window.lock().expect("window");
        if *window != nick {
            self.types(&format!("/query {nick}"));
            nick.clone_into(&mut window);
        }
    }

    // What it waits for.

    /// Waits for a line that fits, and takes it.
    #[track_caller]
    pub fn expect(&self, what: &str, fits: impl FnMut(&String) -> bool) -> String {
        self.inbox.expect(&format!("irssi of {}", self.nick), what, fits)
    }

    /// Waits for exactly this text from somebody.
    #[track_caller]
    pub fn reads(&self, from: &str, text: &str) {
        let line = format!("<{from}> {text}");
        self.expect(&line, |seen| *seen == line);
    }

    /// Waits for a `/me` of somebody.
    #[track_caller]
    pub fn reads_action(&self, from: &str, text: &str) {
        let line = format!(" * {from} {text}");
        self.expect(&line, |seen| *seen == line);
    }

    /// Waits until a text of somebody has come, in as many messages as it took.
    #[track_caller]
    pub fn reads_in_pieces(&self, from: &str, text: &str) {
        let start = format!("<{from}> ");
        pieces::read(text, |left| {
            let piece_of = |seen: &String| seen.strip_prefix(&start).map(str::to_owned);
            let fits =
                |seen: &String| piece_of(seen).is_some_and(|piece| pieces::fits(&piece, left));
            piece_of(&self.expect(left, fits)).unwrap_or_default()
        });
    }

    /// Waits for a line that contains this.
    #[track_caller]
    pub fn sees(&self, text: &str) -> String {
        self.expect(text, |seen| seen.contains(text))
    }

    /// Waits until its conversation is private.
    #[track_caller]
    pub fn is_private(&self) {
        self.sees("Session secured");
    }

    /// Waits until an authentication with somebody has succeeded.
    #[track_caller]
    pub fn auth_succeeds(&self, nick: &str) {
        self.sees(&format!("Authentication with {nick} successful"));
    }

    /// Waits until an authentication with somebody has failed.
    #[track_caller]
    pub fn auth_fails(&self, nick: &str) {
        self.sees(&format!("Authentication with {nick} failed"));
    }

    /// Its own fingerprint: five groups of eight digits.
    #[track_caller]
    pub fn fingerprint(&self) -> String {
        self.types("/otr info");
        let line = self.expect("its fingerprint", |seen| {
            seen.contains("ingerprint") && seen.contains(CHATNET)
        });
        let digits: Vec<&str> = line.split_whitespace().filter(|word| is_group(word)).collect();
        assert_eq!(digits.len(), 5, "{line}");
        digits.join(" ")
    }

    // What it has seen.

    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.inbox.all()
    }

    /// What somebody has said to it in private so far.
    pub fn texts_from(&self, nick: &str) -> Vec<String> {
        let lines = self.inbox.all();
        let said = |line: &String| line.strip_prefix(&format!("<{nick}> ")).map(str::to_owned);
        lines.iter().filter_map(said).collect()
    }

    /// Fails if any line so far had this text. Wait for something later first.
    #[track_caller]
    pub fn never_saw(&self, text: &str) {
        if let Some(line) = self.inbox.all().iter().find(|line| line.contains(text)) {
            panic!("irssi of {} saw {text:?}: {line}", self.nick);
        }
    }

    /// Lets everything so far count as read.
    pub fn forgets(&self) {
        self.inbox.forget();
    }

    /// Its screen as it is now.
    pub fn screen(&self) -> String {
        self.tmux.screen()
    }

    /// Its directory, with `otr/otr.key` and `otr/otr.fp`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A shell command that shows its screen.
    pub fn attach_command(&self) -> String {
        self.tmux.attach_command()
    }
}

impl Drop for Irssi {
    fn drop(&mut self) {
        self.watching.store(false, Ordering::Relaxed);
    }
}

fn is_group(word: &str) -> bool {
    word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn config(nick: &str, port: u16, log: &Path) -> String {
    format!(
        r#"servers = ( {{ address = "127.0.0.1"; chatnet = "{CHATNET}"; port = "{port}"; autoconnect = "yes"; }} );
chatnets = {{ {CHATNET} = {{ type = "IRC"; nick = "{nick}"; }}; }};
logs = {{ "{log}" = {{ auto_open = "yes"; level = "ALL"; }}; }};
settings = {{
  core = {{ real_name = "{nick}"; user_name = "{nick}"; nick = "{nick}"; log_create_mode = "644"; }};
  "irc/core" = {{ cmds_max_at_once = "10000"; cmd_queue_speed = "1msec"; }};
  "fe-common/core" = {{ autocreate_own_query = "yes"; }};
  "fe-text" = {{ paste_verify_line_count = "0"; paste_join_multiline = "no"; }};
}};
"#,
        log = log.display()
    )
}

/// Reads a growing file, line by line.
fn follow(path: &Path, inbox: &Inbox<String>, watching: &AtomicBool) {
    let mut position = 0;
    let mut pending = Vec::new();
    while watching.load(Ordering::Relaxed) {
        let before = position;
        if let Ok(mut file) = File::open(path) {
            let start = pending.len();
            let _ = file.seek(SeekFrom::Start(position));
            let _ = file.read_to_end(&mut pending);
            position += (pending.len() - start) as u64;
        }
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            inbox.push(
                without_time(String::from_utf8_lossy(&line).trim_end_matches('\n')).to_owned(),
            );
        }
        if position == before {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Lines start with `HH:MM ` (an empty `log_timestamp` empties the whole line).
fn without_time(line: &str) -> &str {
    match line.split_at_checked(6) {
        Some((time, rest)) if time.ends_with(' ') && time.as_bytes().get(2) == Some(&b':') => rest,
        _ => line,
    }
}
