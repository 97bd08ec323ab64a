//! What the module performs.

use super::guard::Rule;
use super::message::MessageKind;
use super::standing::{Security, Standing};
use crate::irc::{Nick, Source, Text};
use crate::overview::AccountState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a line of `*otr` looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// No colour: an ordinary line.
    #[default]
    Plain,
    /// Something is safe now.
    Good,
    /// Something to look at.
    Warn,
    /// Something went wrong or is unsafe.
    Bad,
}

impl Style {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// What a sentence says, for programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The peer that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Nick>,
    /// What happened: one of the list in PROTOCOL.md. Absent where a command is answered in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The values in the sentence, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
}

/// What the module does, in the order given. It decides nothing; one that it does not know makes
/// it drop the held message and say so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Effect {
    /// The held message goes on as if the module were not there.
    Pass,
    /// The held outgoing message waits with the daemon: the module keeps its text until an `echo`
    /// or a `refuse` names it. Only for a module that said which instance it is.
    Hold,
    /// A line to IRC.
    Send {
        /// Nick the line is for.
        to: Nick,
        /// How; [`MessageKind::Action`] and CTCP are wrapped by the module.
        kind: MessageKind,
        /// What; never holds CR, LF or NUL.
        text: Text,
    },
    /// Text to the user's clients, and to the query's buffer as ZNC would have kept it.
    Deliver {
        /// The person who sent it, as the server says.
        from: Source,
        /// The kind of message that clients see; the module wraps actions and CTCP.
        kind: MessageKind,
        /// The text that clients show; any bytes.
        text: Text,
        /// What protected the text on its way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        security: Option<Security>,
        /// It came in clear although the conversation is private.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unexpected: bool,
        /// It came before this module was there to show it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
        /// An earlier module may have shown it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        repeat: bool,
    },
    /// The user's own text to the other clients and the buffer, as ZNC shows it to those that
    /// understand echo-message or self-message.
    Echo {
        /// To whom it went.
        to: Nick,
        /// The kind with which it was typed.
        kind: MessageKind,
        /// The text as typed, not encrypted.
        text: Text,
        /// The client that typed it, which sees it already.
        #[serde(default)]
        client: u64,
        /// The id of the request that brought it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<u64>,
        /// What protected the text on its way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        security: Option<Security>,
    },
    /// A line from `*otr`.
    Print {
        /// The line to show, without the name of `*otr`.
        text: Text,
        /// How a client shows it.
        #[serde(default, skip_serializing_if = "Style::is_plain")]
        style: Style,
        /// An earlier module may have shown it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        repeat: bool,
        /// The same for programs.
        #[serde(flatten)]
        about: About,
    },
    /// A table from `*otr`.
    Table {
        /// Names of the columns.
        columns: Vec<String>,
        /// The cells, as many a row as there are heads.
        rows: Vec<Vec<Text>>,
    },
    /// Turns the guard of one peer on or off: while on, the module itself stops every line to
    /// that peer that no `send` ordered, a held one that should `pass` included.
    Protect {
        /// The peer whose guard it is.
        peer: Nick,
        /// On or off: while on, no line goes out that no `send` ordered.
        on: bool,
        /// Of one that is on: it ends by any that is off. Others end by the user's word only.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pending: bool,
        /// Of one that is off: the user said so.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_user: bool,
    },
    /// The user finished all conversations: nobody is closed any more. Only for a module that said
    /// whom it holds closed.
    Open,
    /// The rules for lines of other modules, all of them. Only for such a module, too.
    Rules {
        /// The first that fits decides.
        rules: Vec<Rule>,
    },
    /// How the conversation with a peer stands, in place of what was said before. Only for a module
    /// that wants [`Want::State`](super::Want::State).
    State(Standing),
    /// The user's text was not sent; it comes back through `*otr`.
    Refuse {
        /// To whom it was to go.
        to: Nick,
        /// Why, and what to do.
        why: String,
        /// What was not sent.
        text: Text,
        /// The id of the request that brought it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<u64>,
        /// An earlier module may have given it back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        repeat: bool,
        /// The same as `why`, for programs.
        #[serde(flatten)]
        about: About,
    },
}

/// What a request gets: effects, or what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// Of every method but `hello` and `state`.
    Effects(Effects),
    /// The answer to `state`: one page of the account.
    State(Box<AccountState>),
}

/// The result of every method but `hello` and `state`, and the parameters of the daemon's own notification
/// `effects`. An empty list means: the held message is gone, nothing is to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// In the order in which they are to be performed.
    pub effects: Vec<Effect>,
}
