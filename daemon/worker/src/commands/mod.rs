//! What a user can say to `*otr`: one table, from which help and usage come.

mod authenticate;
mod fingerprints;
mod lists;
mod overview;
mod sessions;

use crate::engine::Engine;
use proto::irc::Nick;
use proto::shim::Style;

/// One command.
pub struct Command {
    /// Its name, lower case.
    pub name: &'static str,
    /// Its arguments, as usage shows them.
    pub arguments: &'static str,
    /// One line for the list.
    pub summary: &'static str,
    /// More, for `help <command>`.
    pub details: &'static str,
    run: fn(&mut Engine, Arguments<'_>) -> Outcome,
}

impl Command {
    /// Its name with its arguments.
    fn synopsis(&self) -> String {
        format!("{} {}", self.name, self.arguments).trim_end().to_owned()
    }
}

/// What came of it; [`Wrong`] prints the usage.
type Outcome = Result<(), Wrong>;

/// The arguments do not fit.
struct Wrong;

/// All of them, in the order of the table.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "help",
        arguments: "[command]",
        summary: "Show this list, or what a command does",
        details: "",
        run: overview::help,
    },
    Command {
        name: "info",
        arguments: "[nick]",
        summary: "Show known fingerprints and private conversations",
        details: "With a nick also its policy, the protocol's version, instance tags and since when.",
        run: overview::info,
    },
    Command {
        name: "start",
        arguments: "<nick>",
        summary: "Ask for a private conversation, as ?OTR? in the query does",
        details: "What you type to the nick waits until it is private, and comes back after 60 seconds.",
        run: sessions::start,
    },
    Command {
        name: "refresh",
        arguments: "<nick>",
        summary: "Make new session keys",
        details: "Of use when one side cannot read the other any more.",
        run: sessions::refresh,
    },
    Command {
        name: "finish",
        arguments: "<nick> | --all",
        summary: "End a private conversation; the peer is told",
        details: "What you type afterwards goes out in clear, unless the policy is required. Needed also when the peer ended first.",
        run: sessions::finish,
    },
    Command {
        name: "trust",
        arguments: "<nick|fingerprint>",
        summary: "Mark a fingerprint as trusted",
        details: "Compare it with your peer over another channel first. With a nick: the key in use.",
        run: fingerprints::trust,
    },
    Command {
        name: "distrust",
        arguments: "<nick|fingerprint>",
        summary: "Mark a fingerprint as not trusted",
        details: "",
        run: fingerprints::distrust,
    },
    Command {
        name: "forget",
        arguments: "<fingerprint>",
        summary: "Forget a fingerprint that is not in use",
        details: "Fingerprints may be cut short to 8 or more digits where only one fits.",
        run: fingerprints::forget,
    },
    Command {
        name: "fingerprint",
        arguments: "",
        summary: "Show your own fingerprint on this network",
        details: "",
        run: fingerprints::own,
    },
    Command {
        name: "auth",
        arguments: "<nick> <secret>",
        summary: "Authenticate with a secret that both of you know, or answer a request",
        details: "Neither side learns the other's secret. Capitals and dots count.",
        run: authenticate::auth,
    },
    Command {
        name: "authq",
        arguments: "<nick> [question] <secret>",
        summary: "Authenticate by a question, in square brackets",
        details: "The question is sent, the secret is not. Needs a client that speaks OTRv3.",
        run: authenticate::authq,
    },
    Command {
        name: "authabort",
        arguments: "<nick>",
        summary: "End an authentication",
        details: "",
        run: authenticate::abort,
    },
    Command {
        name: "genkey",
        arguments: "[--overwrite]",
        summary: "Make your private key, or a new one in place of it",
        details: "A key is made by itself when one is first needed. --overwrite ends private \
                  conversations, which stay closed until you say finish or start, keeps the old key beside, and shows your peers a changed key.",
        run: sessions::genkey,
    },
    Command {
        name: "ignore",
        arguments: "[--remove] [pattern]",
        summary: "Switch OTR off for nicks, or list for which",
        details: "Wildcards * and ? can be used.",
        run: lists::ignore,
    },
    Command {
        name: "enable",
        arguments: "[--remove] [pattern]",
        summary: "Exceptions to ignore and to the nicks of services",
        details: "Of an ignored and an enabled pattern that both fit the more specific one decides.",
        run: lists::enable,
    },
    Command {
        name: "policy",
        arguments: "[pattern [never|manual|opportunistic|required|default]]",
        summary: "Show or set how far OTR is used",
        details: "The most specific pattern decides. The pattern known stands for nicks with a \
                  trusted fingerprint. never: no OTR. manual: only when one side asks. \
                  opportunistic: also by unseen whitespace. required: nothing goes out in clear.",
        run: lists::policy,
    },
    Command {
        name: "listen",
        arguments: "[off]",
        summary: "Have this client told how conversations stand, for its scripts",
        details: "It gets OTR lines and tagged messages until it says listen off or leaves.",
        run: overview::listen,
    },
    Command {
        name: "mark",
        arguments: "[on|off|sign]",
        summary: "Put a sign in front of what came encrypted",
        details: "It is taken off the front of all other text, so that nobody can type it. on: [OTR]. \
                  It holds for all clients.",
        run: overview::mark,
    },
    Command {
        name: "status",
        arguments: "",
        summary: "Show daemon, key, conversations and what waits",
        details: "",
        run: overview::status,
    },
    Command {
        name: "version",
        arguments: "",
        summary: "Show the versions of daemon, module and ZNC",
        details: "",
        run: overview::version,
    },
];

/// Runs one line typed to `*otr`.
pub fn run(engine: &mut Engine, line: &[u8]) {
    let mut arguments = Arguments(line);
    let Some(word) = arguments.word() else { return run(engine, b"help") };
    let Some(command) = find(word) else {
        return engine.say(Style::Bad, "No such command. Say help for the list of commands.");
    };
    if (command.run)(engine, arguments).is_err() {
        engine.say(Style::Bad, usage(command));
    }
}

fn find(word: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(word))
}

fn usage(command: &Command) -> String {
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

    /// Nothing more.
    fn end(self) -> Outcome {
        if self.rest().is_empty() { Ok(()) } else { Err(Wrong) }
    }
}
