//! What a user can say to `*otr`: one table, from which help and usage come. A line becomes a
//! [`Command`], as the parameters of a typed method do, and [`run`] knows neither.

mod authenticate;
mod fingerprints;
mod info;
mod lists;
mod sessions;

use crate::engine::Engine;
use proto::command::{Command, Finish, Genkey, MaybePeer, Nothing, Peer};
use proto::irc::Nick;
use proto::shim::Style;

/// One command, as it is typed.
pub struct Typed {
    /// Its name, lower case.
    pub name: &'static str,
    /// Its arguments, as usage shows them.
    pub arguments: &'static str,
    /// One line for the list.
    pub summary: &'static str,
    /// More, for `help <command>`.
    pub details: &'static str,
    parse: fn(&Engine, Arguments<'_>) -> Result<Line, Wrong>,
}

impl Typed {
    /// Its name with its arguments.
    fn synopsis(&self) -> String {
        format!("{} {}", self.name, self.arguments).trim_end().to_owned()
    }
}

/// What a line says.
enum Line {
    /// What an interface can say by a typed method, too.
    Command(Command),
    /// Only of use to who types: `help`, or `help` of one word.
    Help(Option<Vec<u8>>),
    /// `listen`
    Listen,
    /// `mark`
    Mark,
    /// `status`
    Status,
    /// `version`
    Version,
    /// A fingerprint, but none that is known or could be.
    NoFingerprint,
}

/// The arguments do not fit: the usage is shown.
struct Wrong;

/// All of them, in the order of the table.
pub const COMMANDS: &[Typed] = &[
    Typed {
        name: "help",
        arguments: "[command]",
        summary: "Show this list, or what a command does",
        details: "",
        parse: |_, arguments| info::parse_help(arguments),
    },
    Typed {
        name: "info",
        arguments: "[nick]",
        summary: "Show known fingerprints and private conversations",
        details: "With a nick also its policy, the protocol's version, instance tags and since when.",
        parse: |_, arguments| info::parse_info(arguments),
    },
    Typed {
        name: "start",
        arguments: "<nick>",
        summary: "Ask for a private conversation, as ?OTR? in the query does",
        details: "What you type to the nick waits until it is private, and comes back after 60 seconds.",
        parse: |_, arguments| arguments.peer(Command::Start),
    },
    Typed {
        name: "refresh",
        arguments: "<nick>",
        summary: "Make new session keys",
        details: "Of use when one side cannot read the other any more.",
        parse: |_, arguments| arguments.peer(Command::Refresh),
    },
    Typed {
        name: "finish",
        arguments: "<nick> | --all",
        summary: "End a private conversation; the peer is told",
        details: "What you type afterwards goes out in clear, unless the policy is required. Needed also when the peer ended first.",
        parse: |_, arguments| sessions::parse_finish(arguments),
    },
    Typed {
        name: "trust",
        arguments: "<nick|fingerprint>",
        summary: "Mark a fingerprint as trusted",
        details: "Compare it with your peer over another channel first. With a nick: the key in use.",
        parse: |engine, arguments| fingerprints::parse(engine, arguments, Command::Trust),
    },
    Typed {
        name: "distrust",
        arguments: "<nick|fingerprint>",
        summary: "Mark a fingerprint as not trusted",
        details: "",
        parse: |engine, arguments| fingerprints::parse(engine, arguments, Command::Distrust),
    },
    Typed {
        name: "forget",
        arguments: "<fingerprint>",
        summary: "Forget a fingerprint that is not in use",
        details: "Fingerprints may be cut short to 8 or more digits where only one fits.",
        parse: |_, arguments| fingerprints::parse_forget(arguments),
    },
    Typed {
        name: "fingerprint",
        arguments: "",
        summary: "Show your own fingerprint on this network",
        details: "",
        parse: |_, arguments| {
            arguments.end().map(|()| Line::Command(Command::Fingerprint(Nothing {})))
        },
    },
    Typed {
        name: "auth",
        arguments: "<nick> <secret>",
        summary: "Authenticate with a secret that both of you know, or answer a request",
        details: "Neither side learns the other's secret. Capitals and dots count.",
        parse: |_, arguments| authenticate::parse_auth(arguments),
    },
    Typed {
        name: "authq",
        arguments: "<nick> [question] <secret>",
        summary: "Authenticate by a question, in square brackets",
        details: "The question is sent, the secret is not. Needs a client that speaks OTRv3.",
        parse: |_, arguments| authenticate::parse_authq(arguments),
    },
    Typed {
        name: "authabort",
        arguments: "<nick>",
        summary: "End an authentication",
        details: "",
        parse: |_, arguments| arguments.peer(Command::SmpAbort),
    },
    Typed {
        name: "genkey",
        arguments: "[--overwrite]",
        summary: "Make your private key, or a new one in place of it",
        details: "A key is made by itself when one is first needed. --overwrite ends private \
                  conversations, which stay closed until you say finish or start, keeps the old key beside, and shows your peers a changed key.",
        parse: |_, arguments| sessions::parse_genkey(arguments),
    },
    Typed {
        name: "ignore",
        arguments: "[--remove] [pattern]",
        summary: "Switch OTR off for nicks, or list for which",
        details: "Wildcards * and ? can be used.",
        parse: |_, arguments| lists::parse(arguments).map(Command::Ignore).map(Line::Command),
    },
    Typed {
        name: "enable",
        arguments: "[--remove] [pattern]",
        summary: "Exceptions to ignore and to the nicks of services",
        details: "Of an ignored and an enabled pattern that both fit the more specific one decides.",
        parse: |_, arguments| lists::parse(arguments).map(Command::Enable).map(Line::Command),
    },
    Typed {
        name: "policy",
        arguments: "[pattern [never|manual|opportunistic|required|default]]",
        summary: "Show or set how far OTR is used",
        details: "The most specific pattern decides. The pattern known stands for nicks with a \
                  trusted fingerprint. never: no OTR. manual: only when one side asks. \
                  opportunistic: also by unseen whitespace. required: nothing goes out in clear.",
        parse: |_, arguments| lists::parse_policy(arguments),
    },
    Typed {
        name: "listen",
        arguments: "[off]",
        summary: "Have this client told how conversations stand, for its scripts",
        details: "It gets OTR lines and tagged messages until it says listen off or leaves.",
        parse: |_, _| Ok(Line::Listen),
    },
    Typed {
        name: "mark",
        arguments: "[on|off|text]",
        summary: "Put a mark in front of what came encrypted",
        details: "It is taken off the front of all other text, so that nobody can type it. on: [OTR]. \
                  It holds for all clients.",
        parse: |_, _| Ok(Line::Mark),
    },
    Typed {
        name: "status",
        arguments: "",
        summary: "Show daemon, key, conversations and what waits",
        details: "",
        parse: |_, arguments| arguments.end().map(|()| Line::Status),
    },
    Typed {
        name: "version",
        arguments: "",
        summary: "Show the versions of daemon, module, ZNC and libotr",
        details: "",
        parse: |_, arguments| arguments.end().map(|()| Line::Version),
    },
];

/// Runs one line typed to `*otr`.
pub fn run_line(engine: &mut Engine, line: &[u8]) {
    let mut arguments = Arguments(line);
    let Some(word) = arguments.word() else { return run_line(engine, b"help") };
    let Some(command) = find(word) else {
        return engine.say(Style::Bad, "No such command. Say help for the list of commands.");
    };
    match (command.parse)(engine, arguments) {
        Ok(Line::Command(command)) => run(engine, &command),
        Ok(Line::Help(word)) => info::help(engine, word.as_deref()),
        Ok(Line::Listen) => info::listen(engine),
        Ok(Line::Mark) => info::mark(engine),
        Ok(Line::Status) => info::status(engine),
        Ok(Line::Version) => info::version(engine),
        Ok(Line::NoFingerprint) => fingerprints::say_unknown(engine),
        Err(Wrong) => engine.say(Style::Bad, usage(command)),
    }
}

/// Runs a command, however it was said.
pub fn run(engine: &mut Engine, command: &Command) {
    match command {
        Command::Start(Peer { peer }) => engine.start(peer),
        Command::Refresh(Peer { peer }) => engine.refresh(peer),
        Command::Finish(Finish::Peer { peer }) => sessions::finish(engine, peer),
        Command::Finish(Finish::All { .. }) => sessions::finish_all(engine),
        Command::Trust(of) => fingerprints::trust(engine, of),
        Command::Distrust(of) => fingerprints::distrust(engine, of),
        Command::Forget(forget) => fingerprints::forget(engine, forget),
        Command::Smp(smp) => authenticate::begin(engine, smp),
        Command::SmpAbort(Peer { peer }) => engine.smp_abort(peer),
        Command::Genkey(Genkey { overwrite }) => engine.genkey(*overwrite),
        Command::Policy(policy) => lists::policy(engine, policy),
        Command::Ignore(patterns) => lists::ignore(engine, patterns),
        Command::Enable(patterns) => lists::enable(engine, patterns),
        Command::Info(MaybePeer { peer }) => info::info(engine, peer.as_ref()),
        Command::Fingerprint(Nothing {}) => fingerprints::own(engine),
    }
}

fn find(word: &[u8]) -> Option<&'static Typed> {
    COMMANDS.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(word))
}

fn usage(command: &Typed) -> String {
    format!("Usage: {}", command.synopsis())
}

/// What stands behind the command's name. Bytes, for a nick or a secret need not be UTF-8.
#[derive(Clone, Copy)]
struct Arguments<'a>(&'a [u8]);

impl<'a> Arguments<'a> {
    /// The next word.
    fn word(&mut self) -> Option<&'a [u8]> {
        let rest = self.0.trim_ascii_start();
        let end = rest.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// All that is left, without blanks at its ends.
    fn rest(self) -> &'a [u8] {
        self.0.trim_ascii()
    }

    /// The next word as a nick.
    fn nick(&mut self) -> Result<Nick, Wrong> {
        Nick::new(self.word().ok_or(Wrong)?).map_err(|_| Wrong)
    }

    /// The next word as text.
    fn text(&mut self) -> Result<&'a str, Wrong> {
        std::str::from_utf8(self.word().ok_or(Wrong)?).map_err(|_| Wrong)
    }

    /// A nick and nothing behind it.
    fn only_nick(mut self) -> Result<Nick, Wrong> {
        let nick = self.nick()?;
        self.end()?;
        Ok(nick)
    }

    /// A command about one peer.
    fn peer(self, command: fn(Peer) -> Command) -> Result<Line, Wrong> {
        Ok(Line::Command(command(Peer { peer: self.only_nick()? })))
    }

    /// Nothing more.
    fn end(self) -> Result<(), Wrong> {
        if self.rest().is_empty() { Ok(()) } else { Err(Wrong) }
    }
}
