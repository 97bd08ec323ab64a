//! Everything that can be asked on the admin socket.

use super::import_export::{Export, Forget, Import, Restore};
use super::status::Page;
use crate::account::Selector;
use crate::at_rest::AtRest;
use crate::command::Command;
use crate::irc::Text;
use crate::jsonrpc::{Code, Error, Request};
use crate::overview::StatePage;
use crate::shim::Effect;
use serde::{Deserialize, Serialize};

/// Most members of a batch on the admin socket.
pub const MAX_BATCH: usize = 16;

/// Everything that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `status`: the daemon and every account that the caller may see.
    Status(Page),
    /// `accounts`: names only, those with a state directory included.
    Accounts(Page),
    /// `command`: a line for one account's `*otr`.
    Command(CommandLine),
    /// A typed method of [`command::Command`](Command) on one account.
    Typed(Typed),
    /// `state`: one account, as data.
    State(StateOf),
    /// `import`: keys and fingerprints of another program; the files are in a descriptor beside.
    Import(Import),
    /// `export`: an account's files, written into a descriptor beside.
    Export(Export),
    /// `forget-account`: the end of an account.
    Forget(Forget),
    /// `renew`: another worker in the place of an account's.
    Renew(Renew),
    /// `replace`: another otrd goes on from here; the channel to it is in a descriptor beside.
    Replace(Replace),
    /// `restore-account`: files that were set aside become the account's again.
    Restore(Restore),
    /// `encryption`: whether files are to be encrypted on disk.
    Encryption(Encryption),
    /// `encrypt-account`: encrypts or decrypts an account's files so, and says what they are.
    EncryptAccount(EncryptAccount),
    /// `watch`: from now on this connection is told what changes.
    Watch(Watch),
}

/// `renew`: end the worker of an account, so that the next one is of the installed release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    /// The account whose worker is to end.
    pub account: Selector,
}

/// Result of `renew`: the worker has ended, and the module's next connection starts another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// The release of the worker that ended; missing where none ran, or where it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// `replace` has no parameters yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replace {}

/// Result of `replace`: what is handed over follows in the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacing {
    /// The otrd that is replaced.
    pub pid: u32,
    /// Version of the otrd that is replaced.
    pub version: String,
}

/// `encryption`: ask or set whether files are to be encrypted on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// How they are to lie from now on; only asked where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rest: Option<AtRest>,
}

/// Result of `encryption`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionState {
    /// Whether otrd was given a master secret.
    pub master: bool,
    /// Whether it was given the one before, too.
    pub old: bool,
    /// Whether files are to be encrypted on disk.
    pub at_rest: AtRest,
}

/// `encrypt-account`: encrypt or decrypt an account's files as the setting says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptAccount {
    /// The account whose files are to be converted.
    pub account: Selector,
}

/// Result of `encrypt-account`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEncrypted {
    /// Whether the account's files are encrypted on disk, copies too.
    pub at_rest: AtRest,
}

/// `watch` has no parameters yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {}

/// The result of `watch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// The number of events that follow at once and tell how all accounts stand.
    pub snapshot: u64,
}

/// Which account a typed method is for; the rest of its parameters are those of the method.
#[derive(Deserialize)]
struct Of {
    account: Selector,
}

/// A typed method on one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// The account on which the method is called.
    pub account: Selector,
    /// What is to be done.
    pub command: Command,
}

/// `state`: an account as data, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOf {
    /// The account to describe.
    pub account: Selector,
    /// Which page of the account's entries.
    #[serde(flatten)]
    pub page: StatePage,
}

/// A line for one account's `*otr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// The account whose `*otr` is asked.
    pub account: Selector,
    /// The line for `*otr`, as a user would type it.
    pub text: Text,
}

impl Call {
    /// Parses a request once into what it asks.
    ///
    /// # Errors
    /// [`Code::MethodNotFound`] or [`Code::InvalidParams`].
    pub fn parse(request: &Request<'_>) -> Result<Self, Error> {
        Ok(match request.method.as_ref() {
            "status" => Self::Status(request.params()?),
            "accounts" => Self::Accounts(request.params()?),
            "command" => Self::Command(request.params()?),
            "state" => Self::State(request.params()?),
            "import" => Self::Import(request.params()?),
            "export" => Self::Export(request.params()?),
            "forget-account" => Self::Forget(request.params()?),
            "renew" => Self::Renew(request.params()?),
            "replace" => Self::Replace(request.params()?),
            "restore-account" => Self::Restore(request.params()?),
            "encryption" => Self::Encryption(request.params()?),
            "encrypt-account" => Self::EncryptAccount(request.params()?),
            "watch" => Self::Watch(request.params()?),
            _ => {
                let Some(command) = Command::parse(request) else {
                    return Err(Code::MethodNotFound.into());
                };
                let Of { account } = request.params()?;
                Self::Typed(Typed { account, command: command? })
            }
        })
    }
}

/// Result of `command`: what `*otr` said at once. What comes later goes to IRC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Only [`Effect::Print`] and [`Effect::Table`].
    pub output: Vec<Effect>,
}

/// The error for a selector that names nobody, or somebody else.
pub fn no_account() -> Error {
    Code::NoAccount.into()
}
