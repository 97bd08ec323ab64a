//! `renew`: another worker in the place of one that may be of an older release.

use crate::accounts::{all_status, select};
use crate::args::Args;
use crate::args::Renew as Wish;
use crate::client::Client;
use crate::failure::Failure;
use crate::render::{self, clean};
use proto::account::Account;
use proto::admin::{Renew, Renewed, Selector};
use serde::Serialize;

/// What became of the accounts.
#[derive(Serialize)]
pub struct AllRenewed {
    /// One entry per account, sorted by account.
    pub accounts: Vec<OfAccount>,
}

/// An account whose worker was ended.
#[derive(Serialize)]
pub struct OfAccount {
    /// The account: uid, ZNC user and network.
    #[serde(flatten)]
    pub account: Account,
    /// The release of the worker that ended.
    pub was: Option<String>,
}

/// `otrctl renew`: has the worker of one account, or of all, end and start anew.
pub fn run(args: &Args, wish: &Wish, client: &mut Client) -> Result<String, Failure> {
    let meant: Vec<Account> = match wish.all {
        true => all_status(client)?.accounts.into_iter().map(|status| status.account).collect(),
        false => {
            let Selector { uid, user, network } = select(client, args.account()?, args.uid)?;
            let uid = uid.unwrap_or_else(|| nix::unistd::geteuid().as_raw());
            vec![Account { uid, user, network }]
        }
    };
    let mut accounts = Vec::new();
    for account in meant {
        let Account { uid, user, network } = account.clone();
        let renew = Renew { account: Selector { uid: Some(uid), user, network } };
        let Renewed { was } = client.ask("renew", &renew)?;
        accounts.push(OfAccount { account, was });
    }
    render::render(args.json, &AllRenewed { accounts }, shown)
}

/// What became of workers.
fn shown(renewed: &AllRenewed) -> String {
    let mut out = String::new();
    for OfAccount { account: Account { uid, user, network }, was } in &renewed.accounts {
        let says = match was {
            Some(version) => format!("its worker, release {version}, has ended"),
            None => "no worker ran".into(),
        };
        out.push_str(&format!("{user}/{network} of uid {uid}: {}\n", clean(&says)));
    }
    out
}
