//! What a user can say to `*otr`: one table, from which help and usage come. A line becomes a
//! [`Command`], as the parameters of a typed method do, and nothing behind this knows which it was.

mod arguments;
mod line;
mod parse;

pub use line::{Line, Typed};

use arguments::Arguments;
use parse::{
    parse_auth, parse_authq, parse_finish, parse_forget, parse_genkey, parse_help, parse_info,
    parse_patterns, parse_peer, parse_policy, parse_trust,
};
use proto::command::{Command, Nothing};

/// All of them, in the order of the table.
pub const COMMANDS: &[Typed] = &[
    Typed {
        name: "help",
        arguments: "[command]",
        summary: "Show this list, or what a command does",
        details: "",
        parse: parse_help,
    },
    Typed {
        name: "info",
        arguments: "[nick]",
        summary: "Show known fingerprints and private conversations",
        details: "With a nick also its policy, the protocol's version, instance tags and since when.",
        parse: parse_info,
    },
    Typed {
        name: "start",
        arguments: "<nick>",
        summary: "Ask for a private conversation, as ?OTR? in the query does",
        details: "What you type to the nick waits until it is private, and comes back after 60 seconds.",
        parse: |arguments| parse_peer(arguments, Command::Start),
    },
    Typed {
        name: "refresh",
        arguments: "<nick>",
        summary: "Make new session keys",
        details: "Of use when one side cannot read the other any more.",
        parse: |arguments| parse_peer(arguments, Command::Refresh),
    },
    Typed {
        name: "finish",
        arguments: "<nick> | --all",
        summary: "End a private conversation; the peer is told",
        details: "What you type afterwards goes out in clear, unless the policy is required. Needed also when the peer ended first.",
        parse: parse_finish,
    },
    Typed {
        name: "trust",
        arguments: "<nick|fingerprint>",
        summary: "Mark a fingerprint as trusted",
        details: "Compare it with your peer over another channel first. With a nick: the key in use.",
        parse: |arguments| parse_trust(arguments, Command::Trust),
    },
    Typed {
        name: "distrust",
        arguments: "<nick|fingerprint>",
        summary: "Mark a fingerprint as not trusted",
        details: "",
        parse: |arguments| parse_trust(arguments, Command::Distrust),
    },
    Typed {
        name: "forget",
        arguments: "<fingerprint>",
        summary: "Forget a fingerprint that is not in use",
        details: "Fingerprints may be cut short to 8 or more digits where only one fits.",
        parse: parse_forget,
    },
    Typed {
        name: "fingerprint",
        arguments: "",
        summary: "Show your own fingerprint on this network",
        details: "",
        parse: |arguments| {
            arguments.end().map(|()| Line::Command(Command::Fingerprint(Nothing {})))
        },
    },
    Typed {
        name: "auth",
        arguments: "<nick> <secret>",
        summary: "Authenticate with a secret that both of you know, or answer a request",
        details: "Neither side learns the other's secret. Capitals and dots count.",
        parse: parse_auth,
    },
    Typed {
        name: "authq",
        arguments: "<nick> [question] <secret>",
        summary: "Authenticate by a question, in square brackets",
        details: "The question is sent, the secret is not. Needs a client that speaks OTRv3.",
        parse: parse_authq,
    },
    Typed {
        name: "authabort",
        arguments: "<nick>",
        summary: "End an authentication",
        details: "",
        parse: |arguments| parse_peer(arguments, Command::SmpAbort),
    },
    Typed {
        name: "genkey",
        arguments: "[--overwrite]",
        summary: "Make your private key, or a new one in place of it",
        details: "A key is made by itself when one is first needed. --overwrite ends private \
                  conversations, which stay closed until you say finish or start, keeps the old key beside, and shows your peers a changed key.",
        parse: parse_genkey,
    },
    Typed {
        name: "ignore",
        arguments: "[--remove] [pattern]",
        summary: "Switch OTR off for nicks, or list for which",
        details: "Wildcards * and ? can be used.",
        parse: |arguments| parse_patterns(arguments, Command::Ignore),
    },
    Typed {
        name: "enable",
        arguments: "[--remove] [pattern]",
        summary: "Exceptions to ignore and to the nicks of services",
        details: "Of an ignored and an enabled pattern that both fit the more specific one decides.",
        parse: |arguments| parse_patterns(arguments, Command::Enable),
    },
    Typed {
        name: "policy",
        arguments: "[pattern [never|manual|opportunistic|required|default]]",
        summary: "Show or set how far OTR is used",
        details: "The most specific pattern decides. The pattern known stands for nicks with a \
                  trusted fingerprint. never: no OTR. manual: only when one side asks. \
                  opportunistic: also by unseen whitespace. required: nothing goes out in clear.",
        parse: parse_policy,
    },
    Typed {
        name: "listen",
        arguments: "[off]",
        summary: "Have this client told how conversations stand, for its scripts",
        details: "It gets OTR lines and tagged messages until it says listen off or leaves.",
        parse: |_| Ok(Line::Listen),
    },
    Typed {
        name: "mark",
        arguments: "[on|off|text]",
        summary: "Put a mark in front of what came encrypted",
        details: "It is taken off the front of all other text, so that nobody can type it. on: [OTR]. \
                  It holds for all clients.",
        parse: |_| Ok(Line::Mark),
    },
    Typed {
        name: "status",
        arguments: "",
        summary: "Show daemon, key, conversations and what waits",
        details: "",
        parse: |arguments| arguments.end().map(|()| Line::Status),
    },
    Typed {
        name: "version",
        arguments: "",
        summary: "Show the versions of daemon, module, ZNC, libotr and libgcrypt",
        details: "",
        parse: |arguments| arguments.end().map(|()| Line::Version),
    },
];

/// Reads one line typed to `*otr`.
pub fn parse(line: &[u8]) -> Line {
    let mut arguments = Arguments::of(line);
    let Some(word) = arguments.word() else { return Line::Help(None) };
    let Some(command) = find(word) else { return Line::Unknown };
    (command.parse)(arguments).unwrap_or(Line::Usage(command))
}

/// The command of this name, in whatever case.
pub fn find(word: &[u8]) -> Option<&'static Typed> {
    COMMANDS.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(word))
}
