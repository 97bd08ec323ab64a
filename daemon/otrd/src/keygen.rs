//! Key generations: one per account at most, as many at once as there are processors, the others
//! in a queue. The front moves a pipe; it never reads a key.

use crate::message_id;
use crate::process;
use crate::spawn;
use crate::turns::Turns;
use proto::account::{Account, Name};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

/// A key takes moments; where the system has no randomness yet, as long as that. One that hangs
/// would keep its place in the queue, which everybody's next key needs.
const LONGEST: Duration = Duration::from_secs(600);

/// What a generation says.
pub enum KeyEvent {
    /// It runs, and its key will come out of this pipe.
    Pipe(OwnedFd),
    /// The process ended without an error: the key is complete.
    Done,
    /// It did not start, or ended badly.
    Failed(String),
}

/// All generations of this front.
pub struct Keygens {
    turns: Turns,
    /// The worker's program.
    program: PathBuf,
    allow_no_landlock: bool,
    /// Processes that make keys.
    running: RefCell<BTreeSet<u32>>,
}

impl Keygens {
    /// `at_once` of them at the same time, by this program.
    pub fn new(at_once: usize, program: PathBuf, allow_no_landlock: bool) -> Self {
        Self { turns: Turns::new(at_once), program, allow_no_landlock, running: RefCell::default() }
    }

    /// Ends all of them: their workers ask the next otrd for a key.
    pub fn end_all(&self) {
        use nix::sys::signal::{Signal, kill};
        use nix::sys::wait::waitpid;
        let pids = self.running.take();
        for pid in pids.into_iter().filter_map(|pid| pid.try_into().ok()) {
            let pid = nix::unistd::Pid::from_raw(pid);
            if kill(pid, Signal::SIGKILL).is_ok() {
                let _ = waitpid(pid, None);
            }
        }
    }

    async fn run(
        &self,
        account: &Account,
        user: &Name,
        tell: &mpsc::Sender<KeyEvent>,
    ) -> Result<(), String> {
        let _turn = self.turns.take(account.uid).await.map_err(|error| error.to_string())?;
        let (child, key) = spawn::keygen(&self.program, self.allow_no_landlock, user.as_str())
            .map_err(|error| format!("key generation cannot be started: {error}"))?;
        tracing::info!(message_id = message_id::KEY_BEGUN, %account, uid = account.uid, pid = child.id(), "{account}: generating a key");
        let _running = child.id().map(|pid| RunningKeygen::begin(self, pid));
        let _ = tell.send(KeyEvent::Pipe(key)).await;
        end(child).await
    }
}

/// One generation, waiting or running. Dropping it kills it.
pub struct Keygen {
    events: mpsc::Receiver<KeyEvent>,
    task: JoinHandle<()>,
}

impl Keygen {
    /// Queues one for an account, whose key will name this user.
    pub fn start(keygens: Rc<Keygens>, account: Account, user: Result<Name, String>) -> Self {
        let (tell, events) = mpsc::channel(2);
        let task = spawn_local(async move {
            let ended = match user {
                Ok(user) => keygens.run(&account, &user, &tell).await,
                Err(why) => Err(why),
            };
            let ended = ended.map_or_else(KeyEvent::Failed, |()| KeyEvent::Done);
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

/// A process that makes a key is among those that run, for as long as this is there.
struct RunningKeygen<'a>(&'a Keygens, u32);

impl<'a> RunningKeygen<'a> {
    fn begin(keygens: &'a Keygens, pid: u32) -> Self {
        keygens.running.borrow_mut().insert(pid);
        Self(keygens, pid)
    }
}

impl Drop for RunningKeygen<'_> {
    fn drop(&mut self) {
        self.0.running.borrow_mut().remove(&self.1);
    }
}

/// How it ends, or that it has to. Dropped, it is killed.
async fn end(mut child: Child) -> Result<(), String> {
    match timeout(LONGEST, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("key generation failed: {}", process::ending(status))),
        Ok(Err(error)) => Err(format!("key generation was lost: {error}")),
        Err(_) => Err("key generation hung for ten minutes and was ended".into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use tokio::process::Command;

    /// The clock of this test goes ahead as soon as everybody waits.
    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_is_ended() {
        let mut command = Command::new("sleep");
        let child = command.arg("3600").kill_on_drop(true).spawn().unwrap();
        let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap());
        kill(pid, Signal::SIGSTOP).unwrap();
        let why = end(child).await.unwrap_err();
        assert_eq!(why, "key generation hung for ten minutes and was ended");
        // It is gone, or a moment from being so.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        assert!(!matches!(state, Some('T')), "{stat}");
    }

    #[tokio::test]
    async fn one_that_fails_says_how() {
        let child = |word: &str| Command::new(word).kill_on_drop(true).spawn().unwrap();
        assert_eq!(end(child("true")).await, Ok(()));
        assert_eq!(end(child("false")).await, Err("key generation failed: exit 1".into()));
    }
}
