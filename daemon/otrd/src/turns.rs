//! Turns for what takes a processor for a while: a fixed number at once, shared fairly among Unix users.
//!
//! They are given in the order in which they were asked for. The queue holds no more requests of one uid than
//! are served at once; the others of that uid wait in front of it. However many accounts a uid has, it delays
//! another uid by one round at most.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// All turns of one kind.
pub struct Turns {
    at_once: usize,
    all: Arc<Semaphore>,
    /// Who may stand in the queue, by uid.
    uids: RefCell<BTreeMap<u32, Arc<Semaphore>>>,
}

/// One turn. Dropping it gives it to the next in line.
pub struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_uid: OwnedSemaphorePermit,
}

impl Turns {
    /// `at_once` of them at the same time.
    pub fn new(at_once: usize) -> Self {
        let all = Arc::new(Semaphore::new(at_once));
        Self { at_once, all, uids: RefCell::default() }
    }

    /// Waits for a turn. Cancel-safe.
    pub async fn take(&self, uid: u32) -> Result<Turn, AcquireError> {
        let own = {
            let mut uids = self.uids.borrow_mut();
            // Whoever waits or has a turn holds it, too.
            uids.retain(|other, own| *other == uid || Arc::strong_count(own) > 1);
            uids.entry(uid).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))).clone()
        };
        let of_uid = own.acquire_owned().await?;
        Ok(Turn { _of_all: self.all.clone().acquire_owned().await?, _of_uid: of_uid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    #[tokio::test]
    async fn a_crowd_of_one_uid_lets_others_in() {
        LocalSet::new()
            .run_until(async {
                let turns = Rc::new(Turns::new(2));
                let served: Rc<RefCell<Vec<u32>>> = Rc::default();
                let mut tasks = Vec::new();
                for number in 0..101 {
                    let uid = if number < 100 { 1 } else { 2 };
                    let (turns, served) = (turns.clone(), served.clone());
                    tasks.push(spawn_local(async move {
                        let _turn = turns.take(uid).await;
                        served.borrow_mut().push(uid);
                        yield_now().await;
                    }));
                }
                for task in tasks {
                    task.await.unwrap();
                }
                let place = served.borrow().iter().position(|uid| *uid == 2);
                assert!(place.is_some_and(|place| place <= 4), "{place:?}");
                drop(turns.take(3).await);
                drop(turns.take(4).await);
                assert_eq!(turns.uids.borrow().len(), 1, "nobody is remembered without end");
            })
            .await;
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_the_queue() {
        let turns = Turns::new(1);
        let first = turns.take(1).await;
        assert!(tokio::time::timeout(std::time::Duration::ZERO, turns.take(1)).await.is_err());
        assert!(tokio::time::timeout(std::time::Duration::ZERO, turns.take(2)).await.is_err());
        drop(first);
        assert!(turns.take(2).await.is_ok());
    }
}
