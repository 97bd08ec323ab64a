//! Encryption of the files on disk: turned on and off, and shown account by account.

use crate::accounts::all_accounts;
use crate::args::Args;
use crate::args::{Secrets as Wish, Turn};
use crate::client::Client;
use crate::failure::Failure;
use crate::render::{self, clean};
use proto::account::Account;
use proto::admin::{AccountEncrypted, EncryptAccount, Encryption, EncryptionState, Selector};
use proto::worker::AtRest;
use serde::Serialize;

/// What became of all accounts.
#[derive(Serialize)]
pub struct Kept {
    /// What otrd was given, and how files are to lie.
    #[serde(flatten)]
    pub kept: EncryptionState,
    /// One entry per account, sorted by account.
    pub accounts: Vec<OfAccount>,
}

/// An account, and whether its files are encrypted.
#[derive(Serialize)]
pub struct OfAccount {
    /// The account: uid, ZNC user and network.
    #[serde(flatten)]
    pub account: Account,
    /// Whether its files are encrypted; `None` where not all of them match the setting.
    pub at_rest: Option<AtRest>,
    /// Why its files could not be converted, or opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// `otrctl secrets`: an account that has no worker is started for it.
pub fn run(args: &Args, wish: &Wish, client: &mut Client) -> Result<String, Failure> {
    let at_rest = wish.turn.map(|turn| match turn {
        Turn::On => AtRest::Encrypted,
        Turn::Off => AtRest::Plain,
    });
    let kept: EncryptionState = client.ask("encryption", &Encryption { at_rest })?;
    let mut accounts = Vec::new();
    for account in all_accounts(client)? {
        let Account { uid, user, network } = account.clone();
        let account_of = Selector { uid: Some(uid), user, network };
        let (at_rest, why) =
            match client.ask("encrypt-account", &EncryptAccount { account: account_of }) {
                Ok(AccountEncrypted { at_rest }) => (Some(at_rest), None),
                Err(Failure::Refused(why) | Failure::Busy(why)) => (None, Some(why)),
                Err(failure) => return Err(failure),
            };
        accounts.push(OfAccount { account, at_rest, why });
    }
    let all_well = accounts.iter().all(|of| of.at_rest.is_some());
    let text = render::render(args.json, &Kept { kept, accounts }, shown)?;
    if all_well { Ok(text) } else { Err(Failure::ChecksFailed(text)) }
}

/// Whether files are encrypted on disk.
fn shown(secrets: &Kept) -> String {
    let EncryptionState { master, old, at_rest } = &secrets.kept;
    let mut out = match (master, old, at_rest) {
        (false, ..) => "otrd has no master secret: files are not encrypted on disk\n",
        (true, _, AtRest::Plain) => {
            "otrd has a master secret; turned off: files are not encrypted on disk\n"
        }
        (true, false, AtRest::Encrypted) => "files are encrypted with the master secret\n",
        (true, true, AtRest::Encrypted) => {
            "files are encrypted with the new master secret, and opened with the old one too\n"
        }
    }
    .to_owned();
    for OfAccount { account: Account { uid, user, network }, at_rest, why } in &secrets.accounts {
        let says = match (at_rest, why) {
            (Some(AtRest::Encrypted), _) => "encrypted",
            (Some(AtRest::Plain), _) => "plain",
            (None, why) => why.as_deref().unwrap_or("no answer"),
        };
        out.push_str(&format!("{user}/{network} of uid {uid}: {}\n", clean(says)));
    }
    out
}
