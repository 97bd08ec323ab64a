//! The private conversations of every account, read from what `info` shows.

use crate::accounts::all_status;
use crate::client::Client;
use crate::failure::Failure;
use crate::render::table;
use proto::account::{Account, Name};
use proto::admin::{AccountStatus, CommandLine, Output, Selector};
use proto::irc::Text;
use proto::jsonrpc::one_line;
use proto::shim::Effect;
use serde::Serialize;

/// The result of `sessions`.
#[derive(Serialize)]
pub struct Sessions {
    /// By account, in the order of `info`.
    pub sessions: Vec<Session>,
}

/// A conversation that is not in clear.
#[derive(Serialize)]
pub struct Session {
    /// The account that the conversation belongs to.
    pub account: Account,
    /// The peer's nick.
    pub peer: String,
    /// `encrypted`, `finished` or `blocked`.
    pub state: String,
    /// The key in use; empty where there is none.
    pub fingerprint: String,
    /// `not trusted`, `manual` or `shared secret`; empty without a key in use.
    pub trust: String,
}

/// Asks those accounts that have any.
pub fn all(
    client: &mut Client,
    named: Option<&(Name, Name)>,
    uid: Option<u32>,
) -> Result<Sessions, Failure> {
    let mut sessions = Vec::new();
    for AccountStatus { account, worker, .. } in all_status(client)?.accounts {
        let is_named =
            |(user, network): &(Name, Name)| account.user == *user && account.network == *network;
        let meant = named.is_none_or(is_named) && uid.is_none_or(|uid| uid == account.uid);
        // A conversation that the peer has ended counts as neither.
        if !meant || worker.is_none() {
            continue;
        }
        let Account { uid, user, network } = account.clone();
        let selector = Selector { uid: Some(uid), user, network };
        let command = CommandLine { account: selector, text: Text::from("info") };
        let output: Output = client.ask("command", &command)?;
        for effect in output.output {
            if let Effect::Table { rows, .. } = effect {
                sessions.extend(rows.iter().filter_map(|row| session(&account, row)));
            }
        }
    }
    Ok(Sessions { sessions })
}

/// A peer's first row, which has its state and, where one is in use, that key.
fn session(account: &Account, row: &[Text]) -> Option<Session> {
    let [peer, state, fingerprint, active, trust] = row else { return None };
    let state = one_line(state);
    if state.is_empty() || state == "plaintext" {
        return None;
    }
    let in_use = !one_line(active).trim().is_empty();
    let of_key = |cell| if in_use { one_line(cell) } else { String::new() };
    let (fingerprint, trust) = (of_key(fingerprint), of_key(trust));
    Some(Session { account: account.clone(), peer: one_line(peer), state, fingerprint, trust })
}

/// A line for each private conversation.
pub fn shown(sessions: &Sessions) -> String {
    if sessions.sessions.is_empty() {
        return "no private conversation\n".into();
    }
    let heads = ["account", "uid", "peer", "state", "fingerprint", "trust"].map(String::from);
    let row = |session: &Session| {
        let Account { uid, user, network } = &session.account;
        let mut row = vec![format!("{user}/{network}"), uid.to_string(), session.peer.clone()];
        row.extend([&session.state, &session.fingerprint, &session.trust].map(String::clone));
        row
    };
    table(&heads, sessions.sessions.iter().map(row).collect())
}
