//! What the ZNC module says, and the effects it performs. `PROTOCOL.md` has the tables.

pub use crate::call::{Call, serve};
pub use crate::identity::{BadIdentity, Identity};
pub use crate::standing::{Limits, Security, Smp, Standing, State, Trust, Want};

use crate::account::Name;
use crate::guard::{ClosedNicks, Rule};
use crate::text::{Mask, Nick, Text};
use serde::{Deserialize, Serialize};

/// First line of a connection: whose conversations these are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol version that the module speaks, see [`crate::VERSION`].
    pub version: u32,
    /// The ZNC user.
    pub user: Name,
    /// The network that the module is loaded on.
    pub network: Name,
    /// The module's own version, for people.
    #[serde(default)]
    pub shim: String,
    /// ZNC's version, for people.
    #[serde(default)]
    pub znc: String,
    /// Which loading of the module this is. With it nothing is lost where a connection breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// How many lines of the worker this instance has taken, on all of its connections.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen: u64,
    /// What was typed and not yet sent when the connection broke was given back to the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_back: bool,
    /// Which network this is, whatever it and its user are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Whom the module holds closed. One that says it understands `open` and `rules`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<ClosedNicks>,
    /// What the module asks for besides. Words that are not known are passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub want: Vec<Want>,
}

impl Hello {
    /// Whether the module asks for it.
    pub fn wants(&self, want: Want) -> bool {
        self.want.contains(&want)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A loading of the module: 1 to [`Instance::MAX`] visible ASCII characters, made at random.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Instance(String);

/// Not an instance.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an instance: send 1 to 64 visible ASCII characters")]
pub struct BadInstance;

impl Instance {
    /// Longest instance in bytes.
    pub const MAX: usize = 64;

    /// Checks an instance's name.
    pub fn new(name: impl Into<String>) -> Result<Self, BadInstance> {
        let name = name.into();
        let fits = (1..=Self::MAX).contains(&name.len());
        match fits && name.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(name)),
            false => Err(BadInstance),
        }
    }
}

impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Instance::new(String::deserialize(input)?).map_err(serde::de::Error::custom)
    }
}

/// The reply to `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that both sides now speak.
    pub version: u32,
    /// The daemon's own version, for people.
    pub daemon: String,
    /// Peers to which nothing may go in clear until the user says otherwise, besides those whom
    /// the module holds closed itself.
    pub protect: Vec<Nick>,
    /// Peers to which nothing may go in clear for now. Replaces what the module believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Nick>,
    /// Nothing may go in clear to anybody until the user says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everybody: bool,
    /// What a policy says of the lines that other modules write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The last request of this instance that was decided. All that was said since `seen` follows,
    /// replies among it; what was asked later is to be asked again. Absent: nothing goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u64>,
    /// What a module may `want`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<Want>,
    /// Bounds of this connection. Absent in older daemons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// The module's surroundings; sent after `hello` and again, whole, whenever one changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Whether ZNC is on IRC.
    pub connected: bool,
    /// Our own nick!user@host as the server shows it to others, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// ISUPPORT LINELEN: bytes of an IRC line, CR LF included.
    #[serde(default = "default_linelen")]
    pub linelen: u32,
    /// ISUPPORT CASEMAPPING, once the server has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub casemapping: Option<String>,
    /// ISUPPORT CHANTYPES.
    #[serde(default = "default_chantypes")]
    pub chantypes: String,
    /// ISUPPORT STATUSMSG.
    #[serde(default)]
    pub statusmsg: String,
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
            chantypes: default_chantypes(),
            statusmsg: String::new(),
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

fn default_chantypes() -> String {
    "#&+!".into()
}

fn default_status_prefix() -> String {
    "*".into()
}

/// How a text travels on IRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// PRIVMSG.
    Text,
    /// PRIVMSG with CTCP ACTION: `/me`. The text comes without its wrapping.
    Action,
    /// NOTICE.
    Notice,
    /// PRIVMSG with any other CTCP, its wrapping taken off.
    Ctcp,
    /// NOTICE with a CTCP answer, its wrapping taken off.
    CtcpReply,
}

/// What the user typed for a person (channels never come here).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Out {
    /// The person, as typed.
    pub to: Nick,
    /// How.
    pub kind: Kind,
    /// What.
    pub text: Text,
    /// Which of the attached clients typed it; 0 where none did. See [`Effect::Echo`].
    #[serde(default)]
    pub client: u64,
    /// The module holds this nick closed, whatever the daemon knows of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// The id of the request, by which an instance that keeps its text knows it again. Not a
    /// parameter: whoever parses fills it in.
    #[serde(skip)]
    pub line: Option<u64>,
}

/// What a person sent to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct In {
    /// Who, as the server says.
    pub from: Mask,
    /// How.
    pub kind: Kind,
    /// What.
    pub text: Text,
}

/// A line typed to `*otr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// All of it, the command's name first.
    pub text: Text,
}

/// A person's NICK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NickChange {
    /// Before.
    pub old: Nick,
    /// After.
    pub new: Nick,
}

/// A person left or came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub nick: Nick,
}

/// The end of a connection, said by whoever ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why, for programs. Absent in older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<ByeReason>,
    /// Of the daemon: whether the module may connect again by itself. Absent: it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconnect: Option<bool>,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
    /// Of a module that will not come back: as in [`Hello`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// The same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_back: bool,
}

/// Why a connection ends: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The daemon or its worker ends. The next one takes what this one did not answer.
    Ends,
    /// Another connection of the same account took its place.
    TakenOver,
    /// The module is unloaded.
    Unloaded,
    /// A word of a later version: what `reconnect` says holds.
    #[serde(other)]
    Unknown,
}

impl Bye {
    /// What a daemon says to a module.
    pub fn to_module(why: ByeReason) -> Self {
        let (reconnect, reason) = match why {
            ByeReason::TakenOver => (false, "another connection took this account over"),
            ByeReason::Ends | ByeReason::Unloaded | ByeReason::Unknown => (true, "otrd ends"),
        };
        let reason = reason.into();
        Self { why: Some(why), reconnect: Some(reconnect), reason, seen: None, given_back: false }
    }
}

/// How far a module has come: what it has seen need not be kept for it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// As in [`Hello::seen`].
    pub seen: u64,
}

/// How a line of `*otr` looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// As usual.
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
        /// To whom.
        to: Nick,
        /// How; [`Kind::Action`] and CTCP are wrapped by the module.
        kind: Kind,
        /// What; never holds CR, LF or NUL.
        text: Text,
    },
    /// Text to the user's clients, and to the query's buffer as ZNC would have kept it.
    Deliver {
        /// From whom.
        from: Mask,
        /// How.
        kind: Kind,
        /// What.
        text: Text,
        /// What protected it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        security: Option<Security>,
        /// It came before this module was there to show it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
    },
    /// The user's own text to the other clients and the buffer, as ZNC shows it to those that
    /// understand echo-message or self-message.
    Echo {
        /// To whom it went.
        to: Nick,
        /// How.
        kind: Kind,
        /// What.
        text: Text,
        /// The client that typed it, which sees it already.
        #[serde(default)]
        client: u64,
        /// The id of the request that brought it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<u64>,
        /// What protected it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        security: Option<Security>,
    },
    /// A line from `*otr`.
    Print {
        /// The line.
        text: Text,
        /// Its look.
        #[serde(default, skip_serializing_if = "Style::is_plain")]
        style: Style,
    },
    /// A table from `*otr`.
    Table {
        /// The heads.
        columns: Vec<String>,
        /// The cells, as many a row as there are heads.
        rows: Vec<Vec<Text>>,
    },
    /// Turns the guard of one peer on or off: while on, the module itself stops every line to
    /// that peer that no `send` ordered, a held one that should `pass` included.
    Protect {
        /// Which peer.
        peer: Nick,
        /// Whether.
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
    /// that wants [`Want::State`].
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
    },
}

/// The result of every method but `hello`, and the parameters of the daemon's own notification
/// `effects`. An empty list means: the held message is gone, nothing is to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// In the order in which they are to be performed.
    pub effects: Vec<Effect>,
}
