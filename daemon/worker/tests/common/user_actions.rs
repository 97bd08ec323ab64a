//! What can happen at a user's own end.

use super::steps::{KINDS, NICKS};
use super::user::User;
use proptest::prelude::*;

/// A step of one user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// The user types a line for a nick.
    Type(usize, usize),
    /// A command about a nick.
    Command(usize, usize),
    /// Somebody is seen to leave, or to join a channel.
    Quit(usize),
    Join(usize),
    Irc(bool),
    Module(bool),
    /// The module connects, and gets no answer in time.
    Greets,
    /// The reply to the next request is lost, and the connection.
    LoseReply,
    /// The next request is lost before it is read, and the connection.
    LoseRequest,
    /// The module is loaded anew; or killed before, with all that it holds.
    Reload(bool),
    /// The worker dies and starts from its files.
    Worker,
    Wall(u64),
    Key(bool),
    Disk(bool),
}

/// Commands about a nick, `%` in its place.
const COMMANDS: [&str; 26] = [
    "start %",
    "start %",
    "start %",
    "finish %",
    "finish %",
    "trust %",
    "trust %",
    "distrust %",
    "refresh %",
    "auth % right",
    "authq % [what?] right",
    "authabort %",
    "policy % required",
    "policy % default",
    "policy % never",
    "policy % manual",
    "ignore %",
    "ignore --remove %",
    "info %",
    "finish --all",
    "genkey --overwrite",
    "status",
    "enable %",
    "enable --remove %",
    "policy * manual",
    "auth % wrong",
];
/// Where in them are those.
const TRUST: usize = 5;
const AUTH: usize = 9;
const MANUAL: usize = 15;
const FINISH_ALL: usize = 19;
const ENABLE: usize = 22;
const AUTH_WRONG: usize = 25;

impl Own {
    pub const FINISH_ALL: Self = Self::Command(FINISH_ALL, 0);

    pub fn trust(nick: usize) -> Self {
        Self::Command(TRUST, nick)
    }

    /// OTR is allowed with this nick, whatever was said before.
    pub fn allow(nick: usize) -> [Self; 2] {
        [Self::Command(ENABLE, nick), Self::Command(MANUAL, nick)]
    }

    /// Asks this nick for a secret, or answers its question.
    pub fn auth(nick: usize, right: bool) -> Self {
        Self::Command(if right { AUTH } else { AUTH_WRONG }, nick)
    }
}

/// Mostly about the friend with this number in [`NICKS`].
pub fn own(friend: usize) -> impl Strategy<Value = Own> {
    let nick = prop_oneof![4 => Just(friend), 3 => 0..NICKS.len()].boxed();
    prop_oneof![
        14 => (nick.clone(), 0..7usize).prop_map(|(n, k)| Own::Type(n, k.saturating_sub(2))),
        14 => (0..COMMANDS.len(), nick.clone()).prop_map(|(c, n)| Own::Command(c, n)),
        1 => nick.clone().prop_map(Own::Quit),
        1 => nick.prop_map(Own::Join),
        2 => any::<bool>().prop_map(Own::Irc),
        4 => any::<bool>().prop_map(Own::Module),
        2 => Just(Own::Greets),
        4 => Just(Own::LoseReply),
        2 => Just(Own::LoseRequest),
        3 => any::<bool>().prop_map(Own::Reload),
        4 => Just(Own::Worker),
        1 => prop_oneof![Just(0u64), Just(4_000_000_000)].prop_map(Own::Wall),
        2 => any::<bool>().prop_map(Own::Key),
        1 => any::<bool>().prop_map(Own::Disk),
    ]
}

impl User {
    /// Does one step. `token` is a word that nobody has used before.
    pub fn does(&mut self, own: Own, token: &str) {
        match own {
            Own::Type(to, kind) => self.types(NICKS[to], KINDS[kind], token),
            Own::Command(which, about) => {
                self.command(&COMMANDS[which].replace('%', NICKS[about]));
            }
            Own::Quit(who) => self.sees_quit(NICKS[who]),
            Own::Join(who) => self.sees_join(NICKS[who]),
            Own::Irc(connected) => self.irc(connected),
            Own::Module(true) => self.connect(),
            Own::Module(false) => self.disconnect(),
            Own::Greets => self.greets(),
            Own::LoseReply => self.lose_next_reply = self.up,
            Own::LoseRequest => self.lose_next_request = self.up,
            Own::Reload(killed) => self.reload(killed),
            Own::Worker => self.restart_worker(),
            Own::Wall(wall) => self.now.wall = wall,
            Own::Key(true) => self.key_is_made(1),
            Own::Key(false) => self.key_fails(),
            Own::Disk(full) => self.files.refuse(full),
        }
    }
}
