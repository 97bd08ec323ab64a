//! What a module says of IRC and of the user.

use crate::irc::{Nick, Source, Text};
use serde::{Deserialize, Serialize};

/// The module's surroundings; sent after `hello` and again, whole, whenever one changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Whether ZNC is on IRC.
    pub connected: bool,
    /// Our own nick!user@host as the server shows it to others, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Source>,
    /// ISUPPORT LINELEN: bytes of an IRC line, CR LF included.
    #[serde(default = "default_linelen")]
    pub linelen: u32,
    /// ISUPPORT CASEMAPPING, once the server has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub casemapping: Option<String>,
    /// What ZNC's own nicks start with.
    #[serde(default = "default_status_prefix")]
    pub status_prefix: String,
    /// Loaded modules that write messages down, as `global/log`, `user/log`, `network/savebuff`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loggers: Vec<String>,
    /// Attached clients whose connection to ZNC is not encrypted.
    #[serde(default)]
    pub insecure_clients: u32,
    /// Whether the user administers this bouncer.
    #[serde(default)]
    pub admin: bool,
    /// Whether the keys of the module that ran inside of ZNC are still in its data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub old_data: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            connected: false,
            mask: None,
            linelen: default_linelen(),
            casemapping: None,
            status_prefix: default_status_prefix(),
            loggers: Vec::new(),
            insecure_clients: 0,
            admin: false,
            old_data: false,
        }
    }
}

fn default_linelen() -> u32 {
    512
}

fn default_status_prefix() -> String {
    "*".into()
}

/// How a text travels on IRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A PRIVMSG that is no CTCP.
    Text,
    /// PRIVMSG with CTCP ACTION: `/me`. The text comes without its wrapping.
    Action,
    /// A NOTICE that is no CTCP answer.
    Notice,
    /// PRIVMSG with any other CTCP, its wrapping taken off.
    Ctcp,
    /// NOTICE with a CTCP answer, its wrapping taken off.
    CtcpReply,
}

/// What the user typed for a person (channels never come here).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    /// The person, as typed.
    pub to: Nick,
    /// Text, action, notice or CTCP, as the client sent it.
    pub kind: MessageKind,
    /// The words, without CTCP wrapping.
    pub text: Text,
    /// Which of the attached clients typed it; 0 where none did. See [`Effect::Echo`](super::Effect::Echo).
    #[serde(default)]
    pub client: u64,
    /// The module holds this nick closed, whatever the daemon knows of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// What a person sent to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingMessage {
    /// Who, as the server says.
    pub from: Source,
    /// Text, action, notice or CTCP, as it came from IRC.
    pub kind: MessageKind,
    /// The words, without CTCP wrapping; any bytes.
    pub text: Text,
}

/// A line typed to `*otr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// All of it, the command's name first.
    pub text: Text,
}

/// A person changed nick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NickChange {
    /// The nick before.
    pub old: Nick,
    /// The nick from now on.
    pub new: Nick,
}

/// A person left or came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Nick of the person.
    pub nick: Nick,
}
