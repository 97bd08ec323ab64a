//! What an admin who watches is told.
//!
//! The front asks the workers how they are, once a second and only while somebody watches, and
//! tells what has changed since: no worker does anything for it while nobody looks, and none can
//! flood a watcher. What comes and goes within a second is not seen, but for a worker that died,
//! which its restarts show.

use proto::account::Account;
use proto::admin::{AccountStatus, Event};
use std::collections::BTreeMap;

/// How each account was when last looked at.
#[derive(Default)]
pub struct Watched(BTreeMap<Account, Seen>);

/// What is looked at, by the words of [`Event::what`].
type Seen = BTreeMap<&'static str, String>;

impl Watched {
    /// What has changed since the last look. The first look only remembers.
    pub fn look(&mut self, accounts: Vec<AccountStatus>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut before = std::mem::take(&mut self.0);
        for status in accounts {
            let old = before.remove(&status.account).unwrap_or_default();
            let new = see(&status, &old);
            tell(&status.account, &old, &new, &mut events);
            self.0.insert(status.account, new);
        }
        for (account, old) in before {
            tell(&account, &old, &Seen::new(), &mut events);
        }
        events
    }
}

fn see(status: &AccountStatus, old: &Seen) -> Seen {
    let mut seen = Seen::new();
    seen.insert("worker", status.pid.map(|pid| pid.to_string()).unwrap_or_default());
    seen.insert("restarts", status.restarts.to_string());
    match (&status.worker, status.pid) {
        (Some(worker), _) => {
            let module = match (worker.connected, worker.shim.as_str()) {
                (false, _) => String::new(),
                (true, "") => "connected".into(),
                (true, version) => version.into(),
            };
            seen.insert("module", module);
            seen.insert("key", worker.key.clone());
            seen.insert("sessions", worker.sessions.to_string());
            seen.insert("blocked", worker.blocked.to_string());
            seen.insert("waiting", worker.waiting.to_string());
        }
        // It does not answer: as far as anybody knows it is as it was.
        (None, Some(_)) => {
            let words = old.iter().map(|(what, value)| (*what, value.clone()));
            for (what, value) in words {
                seen.entry(what).or_insert(value);
            }
        }
        (None, None) => {}
    }
    seen
}

fn tell(account: &Account, old: &Seen, new: &Seen, events: &mut Vec<Event>) {
    let words: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    for what in words {
        let value = |seen: &Seen| seen.get(what).cloned().unwrap_or_default();
        let (was, now) = (value(old), value(new));
        let nothing = |value: &str| value.is_empty() || value == "0";
        if was != now && !(nothing(&was) && nothing(&now)) {
            events.push(Event { account: account.clone(), what: what.into(), was, now });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::account::Name;
    use proto::admin::WorkerStatus;

    fn status(pid: Option<u32>, worker: Option<WorkerStatus>) -> AccountStatus {
        let name = |name: &str| Name::new(name).unwrap();
        let account = Account { uid: 1, user: name("alice"), network: name("net") };
        AccountStatus {
            account,
            pid,
            restarts: 0,
            uptime: 0,
            version: None,
            taken_up: false,
            not_taken_up: None,
            locked: None,
            worker,
        }
    }

    fn told(watched: &mut Watched, accounts: Vec<AccountStatus>) -> Vec<(String, String, String)> {
        let events = watched.look(accounts);
        events.into_iter().map(|event| (event.what, event.was, event.now)).collect()
    }

    #[test]
    fn only_changes_are_told() {
        let mut watched = Watched::default();
        let worker =
            |sessions| Some(WorkerStatus { connected: true, sessions, ..WorkerStatus::default() });
        let event = |what: &str, was: &str, now: &str| (what.into(), was.into(), now.into());
        assert_eq!(
            told(&mut watched, vec![status(Some(7), worker(0))]),
            [event("module", "", "connected"), event("worker", "", "7")]
        );
        assert_eq!(told(&mut watched, vec![status(Some(7), worker(0))]), []);
        assert_eq!(
            told(&mut watched, vec![status(Some(7), worker(1))]),
            [event("sessions", "0", "1")]
        );
        // A worker that does not answer has not lost its sessions.
        assert_eq!(told(&mut watched, vec![status(Some(7), None)]), []);
        assert_eq!(
            told(&mut watched, vec![]),
            [
                event("module", "connected", ""),
                event("sessions", "1", ""),
                event("worker", "7", "")
            ]
        );
    }
}
