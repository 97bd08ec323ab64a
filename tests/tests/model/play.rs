//! One sequence of steps, each a line of text, played on the stage:
//!
//! ```text
//! casemapping rfc7613          what 005 says from the next connection on
//! otr start bob                the user says something to *otr
//! c1 PRIVMSG bob :{t}          a client of the user sends a line
//! module send_raw server …     the user says something to another module
//! bob says {t}                 somebody on the network: says, clear, acts, starts, finishes,
//!                              nick NEW, quits, joins, restarts, replays COUNT
//! server :bob NICK #trap       the server says any line; {me} is the user's nick
//! hangup, jump, cycle, flood COUNT, freeze, thaw, kill worker, restart otrd, crash otrd,
//! restart znc, crash znc, reload, unload, load, move, remove conversations, remove account,
//! forget-account, rest
//! cut registry PERCENT, lose registry    ZNC is killed, and finds so much of it
//! closed bob                   nothing may go to bob in clear now: the play is worth nothing otherwise
//! ```
//!
//! `{t}` is a token that no other line has.

mod arrivals;
mod patience;
mod people_steps;
mod programs;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use otrd_tests::{Client, Otrctl, key_file, key_file_of};

use crate::oracle::{Fault, Oracle};
use crate::people::Person;
use crate::stage::Stage;
use patience::until;

/// What came of a play.
pub enum Outcome {
    /// Whether anybody was ever private in it.
    Good(bool),
    /// No user of its kind is left: it needs another stage.
    NoUser,
    /// What was wrong; the stage may be of no more use.
    Bad(Vec<Fault>),
}

/// Steps after which the user may not be told what came of an earlier one.
const LOSE_ANSWERS: [&str; 10] = [
    "kill",
    "restart",
    "crash",
    "remove",
    "forget-account",
    "cut",
    "lose",
    "reload",
    "unload",
    "move",
];

struct Play<'a> {
    stage: &'a mut Stage,
    login: String,
    network: String,
    clients: Vec<Client>,
    heard: Vec<usize>,
    typed: bool,
    people: Vec<Person>,
    wire: usize,
    connection: Option<usize>,
    me: String,
    frozen: Option<i32>,
    barriers: usize,
    tokens: usize,
    oracle: Oracle,
}

/// Plays it with a user of the stage.
pub fn play(stage: &mut Stage, steps: &[String]) -> Outcome {
    let slow = steps.first().is_some_and(|step| step == "slow");
    let Some(login) = stage.user(slow) else { return Outcome::NoUser };
    let told = AssertUnwindSafe(|| {
        let mut play = Play::begin(stage, login, steps);
        for step in steps {
            play.step(step);
            play.skips_known();
            if !play.oracle.faults.is_empty() {
                break;
            }
        }
        play.ends();
        play.skips_known();
        (std::mem::take(&mut play.oracle.faults), play.oracle.ever_closed)
    });
    match catch_unwind(told) {
        Ok((faults, closed)) if faults.is_empty() => Outcome::Good(closed),
        Ok((faults, _)) => Outcome::Bad(faults),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let told = format!("it stopped: {}", text.unwrap_or_default());
            Outcome::Bad(vec![Fault { kind: ("it stopped", String::new()), told }])
        }
    }
}

impl<'a> Play<'a> {
    fn begin(stage: &'a mut Stage, login: String, steps: &[String]) -> Self {
        let wanted = steps.iter().find_map(|step| step.strip_prefix("casemapping "));
        let mapping = wanted.unwrap_or("rfc1459").to_owned();
        let (bob, mallory) = (key_file("bob"), key_file_of("mallory", "mallory"));
        let people = vec![
            Person::new("bob", Some(bob)),
            Person::new("mallory", Some(mallory)),
            Person::new("carol", None),
        ];
        let wire = stage.server.received().len();
        let mut play = Self {
            network: String::from("net"),
            clients: Vec::new(),
            heard: vec![0, 0],
            typed: false,
            people,
            wire,
            connection: None,
            me: login.clone(),
            frozen: None,
            barriers: 0,
            tokens: 0,
            oracle: Oracle::new(&mapping),
            login,
            stage,
        };
        play.attach();
        if wanted.is_some() {
            play.says(
                &format!(":irc.test.net 005 {} CASEMAPPING={mapping} :are supported", play.me),
                None,
                false,
            );
        }
        play.has_otr();
        play.rest();
        play
    }

    fn attach(&mut self) {
        let login = self.login.clone();
        until("ZNC is on IRC", || self.stage.server.has(&login));
        self.connection = self.stage.server.connection_of(&login);
        let caps: [&[&str]; 2] = [&[], &["echo-message"]];
        self.clients = caps
            .iter()
            .map(|caps| self.stage.znc.attach_with(&login, &self.network, caps))
            .collect();
        self.heard = vec![0, 0];
        self.me = self.stage.server.nick_of(&login).unwrap_or(login);
    }

    // The steps.

    fn step(&mut self, step: &str) {
        let (word, rest) = step.split_once(' ').unwrap_or((step, ""));
        step.clone_into(&mut self.oracle.step);
        if LOSE_ANSWERS.contains(&word) {
            self.oracle.answers_may_be_lost();
        }
        match word {
            "slow" | "casemapping" => {}
            "closed" => self.oracle.demands_closed(rest),
            "rest" => self.rest(),
            "otr" => {
                self.oracle.commands(rest);
                self.client(0, &format!("PRIVMSG *otr :{rest}"));
            }
            "c0" | "c1" => {
                let (line, token) = self.token(rest);
                self.wrote(token, &line);
                self.client(usize::from(word == "c1"), &line);
            }
            "flood" => {
                for _ in 0..rest.parse().unwrap_or(10) {
                    let (line, token) = self.token("PRIVMSG bob :{t}");
                    self.wrote(token, &line);
                    self.client(0, &line);
                }
            }
            "module" => {
                let (text, token) = self.token(rest);
                let (module, text) = text.split_once(' ').unwrap_or((&text, ""));
                let written = match module {
                    "perform" => text.strip_prefix("add ").map(|line| format!("perform {line}")),
                    _ => text
                        .split_once(&format!("{} ", self.network))
                        .map(|(_, line)| line.to_owned()),
                };
                if let Some(written) = written {
                    self.wrote(token, &written);
                }
                self.client(0, &format!("PRIVMSG *{module} :{text}"));
            }
            "server" => {
                let (line, token) = self.token(rest);
                if self.frozen.is_some() {
                    self.reads_what_was_typed();
                }
                self.says(&line, token.as_deref(), false);
                self.takes_own_nick(&line);
            }
            "nicks" => {
                for number in 0..rest.parse().unwrap_or(100) {
                    self.says(&format!(":n{number}!x@y NICK m{number}"), None, false);
                }
            }
            "hangup" => {
                self.stage.server.hangs_up_on(&self.login);
                self.connects_again();
            }
            "jump" => {
                self.reads_who_becomes_closed();
                self.client(0, "PRIVMSG *status :jump");
                self.connects_again();
            }
            "cycle" => {
                self.reads_who_becomes_closed();
                self.client(0, "PRIVMSG *status :disconnect");
                let login = self.login.clone();
                until("ZNC is off", || !self.stage.server.has(&login));
                self.client(0, "PRIVMSG *status :connect");
                self.connects_again();
            }
            "freeze" => self.freeze(),
            "thaw" => self.thaw(),
            "kill" => {
                self.thaw();
                if let Some(worker) = self.stage.worker_of(&self.login) {
                    let _ = kill(Pid::from_raw(worker), Signal::SIGKILL);
                }
                self.is_loaded();
            }
            "restart" if rest == "otrd" => self.daemon(|stage| {
                stage.otrd.stop();
            }),
            "crash" if rest == "otrd" => self.daemon(|stage| stage.otrd.crash()),
            "remove" => {
                let (login, what) = (self.login.clone(), rest.to_owned());
                self.daemon(move |stage| {
                    stage.otrd.stop();
                    let account = stage.otrd.account(stage.znc.uid(), &login, "net");
                    let _ = match what.as_str() {
                        "account" => fs::remove_dir_all(account),
                        _ => fs::remove_file(account.join("conversations.json")),
                    };
                });
            }
            "forget-account" => {
                self.thaw();
                let uid = self.stage.znc.uid().to_string();
                let account = format!("{}/{}", self.login, self.network);
                let forget = ["--uid", &uid, "--account", &account, "forget-account", "--yes"];
                Otrctl::new(&self.stage.otrd).args(forget).does();
                self.has_otr_again();
            }
            "restart" | "crash" | "cut" | "lose" => {
                self.thaw();
                self.pump();
                self.oracle.forgives();
                self.clients.clear();
                match word {
                    "restart" => self.stage.znc.restart(),
                    _ => {
                        self.stage.znc.crash();
                        match word {
                            "cut" => self.cut_registry(rest),
                            "lose" => fs::remove_file(self.registry()).unwrap_or_default(),
                            _ => {}
                        }
                        self.stage.znc.starts_again();
                    }
                }
                let (login, before) = (self.login.clone(), self.connection);
                until("ZNC is on IRC again", || self.stage.server.connection_of(&login) > before);
                self.attach();
                self.is_loaded();
            }
            "reload" => {
                self.thaw();
                if !self.oracle.unloaded {
                    self.client(0, "PRIVMSG *status :reloadmod otr");
                }
                self.is_loaded();
            }
            "unload" => self.unload(),
            "load" => {
                self.thaw();
                self.is_loaded();
            }
            "move" => {
                self.thaw();
                // ZNC crashes where it deletes a network in the turn in which its server said a line.
                self.barrier();
                let (user, old) = (self.login.clone(), self.network.clone());
                let new = if old == "net" { "other" } else { "net" };
                self.client(0, &format!("PRIVMSG *status :MoveNetwork {user} {old} {user} {new}"));
                // The client that asked for it stays: what came back to it before counts.
                self.clients[0].settled();
                self.pump();
                self.oracle.connection_ends();
                if self.oracle.unloaded {
                    self.oracle.begins_anew();
                }
                self.network = new.to_owned();
                let before = self.connection;
                until("the moved network is on IRC", || {
                    self.stage.server.connection_of(&user) > before
                });
                self.attach();
                self.is_loaded();
            }
            name => self.person(name, rest),
        }
    }

    /// Faults that whoever runs this knows of: OTRD_PLAYS_SKIP has words of them, between `;`.
    fn skips_known(&mut self) {
        let known = std::env::var("OTRD_PLAYS_SKIP").unwrap_or_default();
        let known: Vec<&str> = known.split(';').filter(|one| !one.is_empty()).collect();
        self.oracle.faults.retain(|fault| !known.iter().any(|one| fault.told.contains(one)));
    }

    /// The server tells the user of another nick of their own.
    fn takes_own_nick(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let own = format!(":{}!", self.me);
        match words[..] {
            [source, "NICK", nick, ..] if source.starts_with(&own) => {
                self.me = nick.trim_start_matches(':').to_owned();
                self.stage.server.knows_as(&self.login, &self.me);
            }
            [_, "001", nick, ..] => {
                self.me = nick.to_owned();
                self.stage.server.knows_as(&self.login, &self.me);
            }
            _ => {}
        }
    }

    // What everybody says.

    fn token(&mut self, text: &str) -> (String, Option<String>) {
        let text = text
            .replace("{me}", &self.me)
            .replace("{user}", &self.login)
            .replace("{net}", &self.network);
        if !text.contains("{t}") {
            return (text, None);
        }
        self.tokens += 1;
        let token = format!("tk{}x", self.tokens);
        (text.replace("{t}", &token), Some(token))
    }

    fn wrote(&mut self, token: Option<String>, line: &str) {
        if let Some(token) = token {
            let connected = self.stage.server.has(&self.login);
            self.oracle.writes(&token, line, connected, &self.me);
        }
    }

    fn client(&mut self, number: usize, line: &str) {
        self.typed |= number != 0;
        // Words for `*otr` are no secret here, and texts are tokens.
        self.clients[number].send(line);
    }

    fn says(&mut self, line: &str, token: Option<&str>, private: bool) {
        self.oracle.server_says(line, &self.me, token, private, self.frozen.is_some());
        self.stage.server.says(&self.login, line);
    }

    fn ends(&mut self) {
        self.thaw();
        if self.oracle.unloaded {
            self.step("load");
        }
        if self.oracle.faults.is_empty() {
            self.rest();
            self.step("otr finish --all");
            for name in ["bob", "carol", "mallory", "robert"] {
                self.step(&format!("otr finish {name}"));
            }
            self.rest();
            self.clients[1].settled();
            self.pump();
            self.oracle.ends();
        }
    }
}

impl Drop for Play<'_> {
    fn drop(&mut self) {
        self.goes_on();
    }
}
