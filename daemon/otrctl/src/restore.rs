//! `restore-account`: files that were set aside become an account's again.

use crate::accounts::accounts_and_former;
use crate::args::{Args, RestoreAccount};
use crate::client::Client;
use crate::failure::Failure;
use crate::outcome::{self, RestoredAccount};
use crate::{prompt, render};
use proto::admin::import_export::{Forgotten, Restore};
use proto::admin::{Former, Selector};

pub fn run(args: &Args, wish: &RestoreAccount, client: &mut Client) -> Result<String, Failure> {
    let Former { account, directory } = chosen(args, wish, client)?;
    let name = format!("{}/{} of uid {}", account.user, account.network, account.uid);
    if !wish.yes {
        if !prompt::somebody_is_there() {
            let text = "restore-account: give --yes where nobody can be asked";
            return Err(Failure::Usage(text.into()));
        }
        if !prompt::yes(&format!("Give {name} the files in {directory}, and set its own aside?"))? {
            return Err(Failure::Refused("nothing was changed".into()));
        }
        client.again()?;
    }
    let (uid, user, network) = (Some(account.uid), account.user.clone(), account.network.clone());
    let restore = Restore { account: Selector { uid, user, network }, directory };
    let Forgotten { aside } = client.ask("restore-account", &restore)?;
    let restored = RestoredAccount { account, directory: restore.directory, aside };
    render::render(args.json, &restored, outcome::restored)
}

/// What was set aside and is meant: the only one that fits what was said of it.
fn chosen(args: &Args, wish: &RestoreAccount, client: &mut Client) -> Result<Former, Failure> {
    let named = args.account()?;
    let mut fitting = accounts_and_former(client)?.former;
    fitting.retain(|former| {
        let account = &former.account;
        named
            .as_ref()
            .is_none_or(|(user, network)| account.user == *user && account.network == *network)
            && args.uid.is_none_or(|uid| account.uid == uid)
            && wish.directory.as_ref().is_none_or(|directory| former.directory == *directory)
    });
    match <[Former; 1]>::try_from(fitting) {
        Ok([only]) => Ok(only),
        Err(none) if none.is_empty() => {
            Err(Failure::NoAccount("nothing like that was set aside: see otrctl accounts".into()))
        }
        Err(_) => Err(Failure::Usage(
            "several were set aside: give -a USER/NETWORK, --uid and the directory, as otrctl \
             accounts lists them"
                .into(),
        )),
    }
}
