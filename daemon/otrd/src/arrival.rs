//! Which account a module means by its hello: its identity decides before its names do.

use crate::context::Context;
use crate::former_accounts::Former;
use crate::identity_file::Record;
use crate::message_id;
use crate::requests::{AccountRequest, Occupied, Vacate, Vacated};
use crate::state_dir::{self, StateDir};
use crate::supervisor;
use proto::account::Account;
use proto::jsonrpc::{Code, Error};
use proto::shim::Identity;
use proto::worker::Arrival;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

/// Who is connected still may be leaving: ZNC loads the module of a moved network before it
/// unloads the one it was.
const GRACE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What has to be done next before a module can have its account.
enum Step {
    /// The account is the module's already: hand its connection over.
    Serve,
    /// The directory is nobody's, or not there.
    Adopt,
    /// Its own directory was set aside for another network of that name.
    TakeBack(Former),
    /// The network had another name before.
    Move { from: Account, in_the_way: bool },
    /// Another network of that name was here before.
    SetAside,
}

fn next_step(
    state: &StateDir,
    account: &Account,
    identity: &Identity,
    by_name: bool,
) -> Result<Step, state_dir::Error> {
    let here = state.record(account)?;
    if here.as_ref().is_some_and(|record| record.identity.as_ref() == Some(identity)) {
        return Ok(Step::Serve);
    }
    if let Some(from) = state.known_elsewhere(account, identity)? {
        return Ok(Step::Move { from, in_the_way: here.is_some() });
    }
    Ok(match here {
        Some(Record { identity: Some(_), .. }) if !by_name => Step::SetAside,
        Some(_) => Step::Adopt,
        None => state.replaced(account, identity)?.map_or(Step::Adopt, Step::TakeBack),
    })
}

/// Sees to it that the account is this network's own, and says what the user has to know. Between
/// a look at the directories and what is done to them nobody else runs, but for the supervisors of the
/// accounts that are concerned, which look again themselves. `by_name`: the network has lost the
/// identity by which the account is known, and has a new one.
///
/// # Errors
/// [`Code::IdentityInUse`] where a network of this identity is connected under another name.
pub async fn settle(
    context: &Rc<Context>,
    account: &Account,
    identity: &Identity,
    by_name: bool,
) -> Result<Option<Arrival>, Error> {
    let (mut arrival, mut replaced) = (None, false);
    let late = Instant::now() + GRACE;
    loop {
        let step = next_step(&context.state, account, identity, by_name)?;
        let occupied = match step {
            Step::Serve => {
                // At each hello until the worker has written it down.
                let anew = context.state.begins_anew(account)?.then_some(Arrival::MadeAnew);
                return Ok(anew.or(arrival));
            }
            Step::Adopt => {
                context.state.adopt(account, identity)?;
                continue;
            }
            Step::TakeBack(former) => {
                context.state.take_back(&former)?;
                arrival = Some(Arrival::TakenBack);
                continue;
            }
            Step::Move { from, in_the_way } => match vacate(context, &from, Vacate::Look).await {
                Ok(_) if in_the_way => match vacate(context, account, Vacate::SetAside).await {
                    Ok(aside) => {
                        replaced |= aside.is_some();
                        continue;
                    }
                    Err(occupied) => (occupied, Code::Refused),
                },
                Ok(_) => match vacate(context, &from, Vacate::Move(account.clone())).await {
                    Ok(_) => {
                        tracing::info!(message_id = message_id::MOVED, %account, uid = account.uid, %from, "{account}: moved");
                        arrival = Some(Arrival::Moved { from, replaced });
                        continue;
                    }
                    Err(occupied) => (occupied, Code::IdentityInUse),
                },
                Err(occupied) => (occupied, Code::IdentityInUse),
            },
            Step::SetAside => match vacate(context, account, Vacate::SetAside).await {
                Ok(_) => continue,
                Err(occupied) => (occupied, Code::Refused),
            },
        };
        match occupied {
            (Occupied::Failed(error), _) => return Err(error.into()),
            _ if Instant::now() < late => sleep(LOOK_AGAIN).await,
            (Occupied::Connected, Code::IdentityInUse) => return Err(Code::IdentityInUse.into()),
            (Occupied::Connected, _) => return Err(Error::new(Code::Refused, NAMESAKE)),
            (Occupied::Busy, _) => return Err(Code::Busy.into()),
        }
    }
}

const NAMESAKE: &str = "another network of this name is connected: two ZNCs of one Unix user cannot \
                        both have it; rename one of the two";

async fn vacate(context: &Rc<Context>, account: &Account, how: Vacate) -> Vacated {
    let (reply, answer) = oneshot::channel();
    supervisor::ask(context, account, AccountRequest::Vacate { how, reply })
        .map_err(|_| Occupied::Busy)?;
    answer.await.unwrap_or(Err(Occupied::Busy))
}
