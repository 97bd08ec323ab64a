//! What was written in a play, each line known by a token of its own.

use std::collections::BTreeSet;

/// A line, by who wrote it.
pub enum Token {
    Own(Own),
    Theirs(Theirs),
}

/// What the user's side wrote.
#[derive(Default)]
pub struct Own {
    pub line: String,
    /// The step that wrote it.
    pub step: String,
    pub targets: Vec<String>,
    pub text: Vec<u8>,
    pub command: String,
    /// Closed names when it was written.
    pub closed: BTreeSet<String>,
    /// And those that are closed with everybody.
    pub closed_as_all: BTreeSet<String>,
    pub sent: usize,
    pub read: usize,
    /// How often it came back, to each client: at once only to the one that wrote it.
    pub back: [usize; 2],
    /// The user's other client was shown it as sent.
    pub echoed: bool,
    /// It may be lost: ZNC was killed, or the line goes past every module.
    pub excused: bool,
    /// It may come back twice.
    pub told_again: bool,
    /// Targets of its that their holders had left before it went out.
    pub left: BTreeSet<String>,
    /// Its holder had left the nick before it was typed.
    pub gone: bool,
    /// At the latest rest it was neither out nor back.
    pub waits: bool,
}

impl Own {
    /// How often it came back, to whoever got it most often.
    pub fn returned(&self) -> usize {
        self.back.into_iter().max().unwrap_or_default()
    }

    /// What has come of it so far.
    pub fn outcomes(&self) -> usize {
        self.sent + self.read + self.returned()
    }
}

/// What somebody on the network wrote.
pub struct Theirs {
    /// The step that wrote it.
    pub step: String,
    /// A closed person, or who looks like one, in clear.
    pub marked: bool,
    pub names: Vec<String>,
    /// Everybody else who was closed then, folded: under whose nick it must not be shown.
    pub others: BTreeSet<String>,
    /// As a module of ZNC.
    pub as_module: bool,
    pub shown: usize,
    /// It may be shown twice, if it says so.
    pub told_again: bool,
    /// Since the last rest.
    pub fresh: bool,
}

/// The tokens in a text. They look like `tk17x`.
pub fn tokens_in(text: &str) -> Vec<String> {
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

/// A channel with signs of rank or without, as ZNC reads it: `@#room`, and `~&name`, whatever follows.
pub fn is_channel_to_znc(target: &str) -> bool {
    target.trim_start_matches(['~', '@', '%', '+']).starts_with(['#', '&'])
}

/// A channel, which is no person by any reading: of several signs in a row, all may be of rank.
pub fn is_channel(target: &str) -> bool {
    let rest = target.trim_start_matches(['~', '@', '%']);
    let among =
        |at: usize, signs: &[char]| rest.chars().nth(at).is_some_and(|it| signs.contains(&it));
    among(0, &['#', '&', '+', '!']) && !among(1, &['~', '@', '%', '+', '&', '!'])
}
