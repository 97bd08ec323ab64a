//! What an admin who watches is told.
//!
//! The front asks the workers how they are, once a second and only while somebody watches, and
//! tells what has changed since: no worker does anything for it while nobody looks, and none can
//! flood a watcher. What comes and goes within a second is not seen, but for a worker that died,
//! which its restarts show.

use proto::account::Account;
use proto::admin::{AccountStatus, Event, EventValue};
use std::collections::BTreeMap;

/// How each account was when last looked at.
#[derive(Default)]
pub struct Watched(BTreeMap<Account, Seen>);

/// What is looked at, by the words of [`Event::what`].
type Seen = BTreeMap<&'static str, EventValue>;

impl Watched {
    /// What has changed since the last look; at the first, everything that there is.
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
    let mut seen = match (&status.worker, status.pid) {
        // It does not answer: as far as anybody knows it is as it was.
        (None, Some(_)) => old.clone(),
        _ => Seen::new(),
    };
    let mut number = |what, number: u32| {
        seen.insert(what, EventValue::Number(number.into()));
    };
    if let Some(pid) = status.pid {
        number("worker", pid);
    }
    number("restarts", status.restarts);
    let Some(worker) = &status.worker else { return seen };
    number("sessions", worker.sessions);
    number("blocked", worker.blocked);
    number("waiting", worker.waiting);
    let module = match (worker.connected, worker.shim.as_str()) {
        (false, _) => "",
        (true, "") => "connected",
        (true, version) => version,
    };
    for (what, word) in [("module", module), ("key", worker.key.as_str())] {
        if !word.is_empty() {
            seen.insert(what, EventValue::Word(word.to_owned()));
        }
    }
    seen
}

fn tell(account: &Account, old: &Seen, new: &Seen, events: &mut Vec<Event>) {
    let words: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    for what in words {
        let value = |seen: &Seen| seen.get(what).cloned();
        let (was, now) = (value(old), value(new));
        let nothing = |value: &Option<EventValue>| {
            value.as_ref().is_none_or(|value| *value == EventValue::Number(0))
        };
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

    fn told(watched: &mut Watched, accounts: Vec<AccountStatus>) -> Vec<(String, String)> {
        let text = |value: &Option<EventValue>| serde_json::to_string(value).unwrap();
        let change = |event: &Event| format!("{} -> {}", text(&event.was), text(&event.now));
        let events = watched.look(accounts);
        events.into_iter().map(|event| (event.what.clone(), change(&event))).collect()
    }

    #[test]
    fn how_all_stands_is_told_first_and_then_only_what_changes() {
        let mut watched = Watched::default();
        let worker =
            |sessions| Some(WorkerStatus { connected: true, sessions, ..WorkerStatus::default() });
        let event = |what: &str, change: &str| (what.to_owned(), change.to_owned());
        assert_eq!(
            told(&mut watched, vec![status(Some(7), worker(0))]),
            [event("module", r#"null -> "connected""#), event("worker", "null -> 7")]
        );
        assert_eq!(told(&mut watched, vec![status(Some(7), worker(0))]), []);
        assert_eq!(
            told(&mut watched, vec![status(Some(7), worker(1))]),
            [event("sessions", "0 -> 1")]
        );
        // A worker that does not answer has not lost its sessions.
        assert_eq!(told(&mut watched, vec![status(Some(7), None)]), []);
        assert_eq!(
            told(&mut watched, vec![]),
            [
                event("module", r#""connected" -> null"#),
                event("sessions", "1 -> null"),
                event("worker", "7 -> null")
            ]
        );
    }
}
