//! Key generations: one an account at most, as many at once as there are processors, the others
//! in a queue. The front moves a pipe; it never reads a key.

use crate::front::Front;
use crate::kind;
use crate::spawn;
use proto::account::Account;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};

/// What a generation says.
pub enum KeyEvent {
    /// It runs, and its key will come out of this pipe.
    Pipe(OwnedFd),
    /// It ended well.
    Done,
    /// It did not start, or ended badly.
    Failed(String),
}

/// One generation, waiting or running. Dropping it kills it.
pub struct Keygen {
    events: mpsc::Receiver<KeyEvent>,
    task: JoinHandle<()>,
}

impl Keygen {
    /// Queues one.
    pub fn start(front: Rc<Front>, account: Account) -> Self {
        let (tell, events) = mpsc::channel(2);
        let task = spawn_local(async move {
            let ended = match run(&front, &account, &tell).await {
                Ok(()) => KeyEvent::Done,
                Err(why) => KeyEvent::Failed(why),
            };
            // Who gave up listening does not want to know.
            let _ = tell.send(ended).await;
        });
        Self { events, task }
    }

    /// What it says next. Safe to be dropped.
    pub async fn next(&mut self) -> KeyEvent {
        let gone = || KeyEvent::Failed("key generation was lost: try again".into());
        self.events.recv().await.unwrap_or_else(gone)
    }
}

impl Drop for Keygen {
    fn drop(&mut self) {
        // The process goes with its task: it was spawned to be killed on drop.
        self.task.abort();
    }
}

async fn run(
    front: &Front,
    account: &Account,
    tell: &mpsc::Sender<KeyEvent>,
) -> Result<(), String> {
    let _turn = front.keygens.acquire().await.map_err(|error| error.to_string())?;
    let (mut child, key) = spawn::keygen(front, account.user.as_str())
        .map_err(|error| format!("key generation cannot be started: {error}"))?;
    tracing::info!(message_id = kind::KEY_BEGUN, %account, uid = account.uid, pid = child.id(), "generating a key");
    let _ = tell.send(KeyEvent::Pipe(key)).await;
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("key generation failed: {}", spawn::ending(status))),
        Err(error) => Err(format!("key generation was lost: {error}")),
    }
}
