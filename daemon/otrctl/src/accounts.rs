//! Which accounts there are, and which one is meant.

use crate::client::Client;
use crate::failure::Failure;
use proto::account::{Account, Name};
use proto::admin::{AccountStatus, Accounts, Page, Selector, Status};

/// The daemon and every account that may be seen, whatever pages that takes.
pub fn all_status(client: &mut Client) -> Result<Status, Failure> {
    let mut all: Status = client.ask("status", &Page::default())?;
    while all.more {
        let after = all.accounts.last().map(|last: &AccountStatus| last.account.clone());
        let mut page: Status = client.ask("status", &Page { after })?;
        all.more = page.more && !page.accounts.is_empty();
        all.accounts.append(&mut page.accounts);
    }
    Ok(all)
}

/// Every account that may be named, whatever pages that takes.
pub fn all_accounts(client: &mut Client) -> Result<Vec<Account>, Failure> {
    Ok(accounts_and_former(client)?.accounts)
}

/// The same, and what was set aside.
pub fn accounts_and_former(client: &mut Client) -> Result<Accounts, Failure> {
    let mut all = Accounts::default();
    loop {
        let page = Page { after: all.accounts.last().cloned() };
        let mut page: Accounts = client.ask("accounts", &page)?;
        let more = page.more && !page.accounts.is_empty();
        all.accounts.append(&mut page.accounts);
        if !more {
            all.former = page.former;
            return Ok(all);
        }
    }
}

/// The account that is meant: the only one that fits what was said of it.
pub fn select(
    client: &mut Client,
    named: Option<(Name, Name)>,
    uid: Option<u32>,
) -> Result<Selector, Failure> {
    if let (Some((user, network)), Some(uid)) = (&named, uid) {
        return Ok(Selector { uid: Some(uid), user: user.clone(), network: network.clone() });
    }
    let mut fitting = all_accounts(client)?;
    fitting.retain(|account| {
        let is_named =
            |(user, network): &(_, _)| account.user == *user && account.network == *network;
        uid.is_none_or(|uid| account.uid == uid) && named.as_ref().is_none_or(is_named)
    });
    match <[Account; 1]>::try_from(fitting) {
        Ok([Account { uid, user, network }]) => Ok(Selector { uid: Some(uid), user, network }),
        Err(none) if none.is_empty() && named.is_some() => {
            let text = "no such account: see otrctl accounts";
            Err(Failure::NoAccount(text.into()))
        }
        Err(none) if none.is_empty() => {
            let text = "no account yet: load the module otr on a network in ZNC first";
            Err(Failure::NoAccount(text.into()))
        }
        Err(many) => {
            let mut text = String::from("several accounts: say which one");
            for Account { uid, user, network } in many {
                text.push_str(&format!("\n  --uid {uid} -a {user}/{network}"));
            }
            Err(Failure::Usage(text))
        }
    }
}
