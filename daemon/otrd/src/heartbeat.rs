//! Whether a worker still answers. One that hangs would keep its account waiting for ever, and
//! nobody else would notice.

use proto::account::Account;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// So long after a worker's last answer it is asked how it is...
const QUIET: Duration = Duration::from_secs(30);
/// ...and has so long to answer. It never works for more than moments.
const PATIENCE: Duration = Duration::from_secs(60);
/// Later than this we were held up ourselves, and its answer may be there, unread.
const LATE: Duration = Duration::from_secs(5);

/// What one worker was last heard to do.
pub enum Heartbeat {
    /// When it last answered.
    Heard(Instant),
    /// It was asked then, and has said nothing since.
    Asked(Instant),
}

/// What the supervisor has to do for a worker now.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing, for now.
    Wait,
    /// To ask it how it is.
    Ask,
    /// To give it up.
    Dead,
}

impl Heartbeat {
    /// It said something. One that speaks is asked all the same, at the same pace: so it knows that
    /// we are there.
    pub fn answered(&mut self, now: Instant) {
        if matches!(self, Self::Asked(_)) {
            *self = Self::Heard(now);
        }
    }

    /// When something will be due.
    pub fn next(&self) -> Instant {
        match self {
            Self::Heard(then) => *then + QUIET,
            Self::Asked(then) => *then + PATIENCE,
        }
    }

    /// What is due now, and is taken to be done.
    pub fn check(&mut self, now: Instant) -> Due {
        let due = self.next();
        if now < due {
            return Due::Wait;
        }
        let asked = matches!(self, Self::Asked(_));
        *self = Self::Asked(now);
        match (asked, now > due + LATE) {
            (false, _) => Due::Ask,
            (true, true) => Due::Wait,
            (true, false) => Due::Dead,
        }
    }
}

/// A supervisor that is this late has stopped supervising its worker.
const STUCK: Duration = Duration::from_secs(5);

/// When each supervisor has something to do next. None is late as long as all of them run, and then
/// systemd's watchdog is told so. A worker that hangs does not trigger the watchdog: its supervisor
/// ends it. One that cannot be ended hangs in the kernel, and would outlive otrd as well.
#[derive(Default)]
pub struct Liveness(BTreeMap<Account, Instant>);

impl Liveness {
    /// A supervisor has done what was due; `next` is when it has something to do again.
    pub fn is_due(&mut self, account: &Account, next: Option<Instant>) {
        match (self.0.get_mut(account), next) {
            (Some(due), Some(next)) => *due = next,
            (None, Some(next)) => drop(self.0.insert(account.clone(), next)),
            (_, None) => drop(self.0.remove(account)),
        }
    }

    /// Whether none is too late.
    pub fn is_well(&self, now: Instant) -> bool {
        self.0.values().all(|due| now <= *due + STUCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_that_is_late_is_noticed() {
        let start = Instant::now();
        let account = |uid| {
            let name = |name| proto::account::Name::new(name).unwrap();
            Account { uid, user: name("alice"), network: name("net") }
        };
        let mut liveness = Liveness::default();
        assert!(liveness.is_well(start));
        for uid in [1, 2] {
            liveness.is_due(&account(uid), Some(start + QUIET));
        }
        assert!(liveness.is_well(start + QUIET));
        liveness.is_due(&account(1), Some(start + QUIET * 2));
        assert!(!liveness.is_well(start + QUIET + STUCK * 2), "2 is late");
        liveness.is_due(&account(2), None);
        assert!(liveness.is_well(start + QUIET + STUCK * 2), "2 has nothing to do");
    }

    #[test]
    fn who_is_quiet_is_asked_and_who_does_not_answer_is_given_up() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::Heard(start);
        assert_eq!(heartbeat.check(start + QUIET - Duration::from_secs(1)), Due::Wait);
        let asked = start + QUIET;
        assert_eq!(heartbeat.check(asked), Due::Ask);
        assert_eq!(heartbeat.check(asked + PATIENCE - Duration::from_secs(1)), Due::Wait);
        assert_eq!(heartbeat.check(asked + PATIENCE), Due::Dead);
    }

    #[test]
    fn who_speaks_is_asked_too() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::Heard(start);
        heartbeat.answered(start + QUIET / 2);
        assert_eq!(heartbeat.check(start + QUIET), Due::Ask);
        heartbeat.answered(start + QUIET + PATIENCE / 2);
        assert_eq!(heartbeat.next(), start + QUIET * 2 + PATIENCE / 2);
    }

    #[test]
    fn who_was_held_up_himself_waits_once_more() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::Asked(start);
        let thawed = start + PATIENCE * 10;
        assert_eq!(heartbeat.check(thawed), Due::Wait);
        assert_eq!(heartbeat.next(), thawed + PATIENCE);
        assert_eq!(heartbeat.check(thawed + PATIENCE), Due::Dead);
    }
}
