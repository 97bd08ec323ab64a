//! What a part has seen so far, and waiting for what it shall see.

use std::fmt::Display;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long anything is waited for. Far longer than anything takes, so that a busy machine makes
/// a test slow and not false.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An ordered record. One side pushes; the other side waits for entries and takes them, each once.
pub struct Inbox<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    entries: Vec<Entry<T>>,
    closed: bool,
}

struct Entry<T> {
    value: T,
    taken: bool,
}

impl<T> Clone for Inbox<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        let state = Mutex::new(State { entries: Vec::new(), closed: false });
        Self { shared: Arc::new(Shared { state, changed: Condvar::new() }) }
    }
}

impl<T: Clone + Display> Inbox<T> {
    /// Adds an entry.
    pub fn push(&self, value: T) {
        self.state().entries.push(Entry { value, taken: false });
        self.shared.changed.notify_all();
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.state().closed = true;
        self.shared.changed.notify_all();
    }

    /// Will nothing more come?
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Waits for the first entry that fits and was not taken before, and takes it.
    #[track_caller]
    pub fn expect(&self, who: &str, what: &str, fits: impl FnMut(&T) -> bool) -> T {
        match self.within(PATIENCE, fits) {
            Some(value) => value,
            None => panic!("{who} did not see: {what}\n{}", self.recent()),
        }
    }

    /// The same, but the end of `limit` is an answer.
    pub fn within(&self, limit: Duration, mut fits: impl FnMut(&T) -> bool) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.state();
        let mut looked_at = 0;
        loop {
            for entry in state.entries.iter_mut().skip(looked_at) {
                if !entry.taken && fits(&entry.value) {
                    entry.taken = true;
                    return Some(entry.value.clone());
                }
            }
            looked_at = state.entries.len();
            let left = end.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                return None;
            }
            state = self.shared.changed.wait_timeout(state, left).expect("inbox").0;
        }
    }

    /// Waits until nothing more can come.
    #[track_caller]
    pub fn expect_closed(&self, who: &str) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state();
        while !state.closed {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{who} is still connected");
            state = self.shared.changed.wait_timeout(state, left).expect("inbox").0;
        }
    }

    /// Everything so far, taken or not.
    pub fn all(&self) -> Vec<T> {
        self.state().entries.iter().map(|entry| entry.value.clone()).collect()
    }

    /// What was added after the first `seen` entries, taken or not.
    pub fn since(&self, seen: usize) -> Vec<T> {
        self.state().entries.iter().skip(seen).map(|entry| entry.value.clone()).collect()
    }

    /// Lets everything so far count as taken.
    pub fn forget(&self) {
        for entry in &mut self.state().entries {
            entry.taken = true;
        }
    }

    /// The last entries, for the reader of a failure; a `>` marks those that nobody took.
    fn recent(&self) -> String {
        let state = self.state();
        let skipped = state.entries.len().saturating_sub(30);
        let mut text = String::from(if state.closed { "(closed) " } else { "" });
        text += "it last saw:\n";
        for entry in state.entries.iter().skip(skipped) {
            text += &format!("  {} {}\n", if entry.taken { ' ' } else { '>' }, entry.value);
        }
        text
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.shared.state.lock().expect("inbox")
    }
}
