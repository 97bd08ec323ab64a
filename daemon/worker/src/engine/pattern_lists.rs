//! `policy`, `ignore`, `enable`: with whom OTR is used, and how far.

use super::policies::{List, PatternError, is_known};
use super::{Engine, Policy};
use crate::store::StoredFile;
use crate::text::glob;
use crate::text::sanitize::quote;
use proto::command::{self, Patterns};
use proto::irc::Text;
use proto::shim::Style;

/// What is said of a list.
struct Words {
    /// Above the patterns.
    head: &'static str,
    /// Where there are none.
    none: &'static str,
    /// In the middle of a sentence.
    name: &'static str,
}

impl List {
    fn words(self) -> Words {
        match self {
            Self::Ignore => Words {
                head: "OTR is disabled for following nicks:",
                none: "OTR is not disabled for any nick.",
                name: "OTR ignore list",
            },
            Self::Enable => Words {
                head: "OTR is enabled, against ignore, for following nicks:",
                none: "There is no exception to the OTR ignore list.",
                name: "OTR enable list",
            },
        }
    }
}

impl PatternError {
    fn text(self) -> &'static str {
        match self {
            Self::Malformed => {
                "That is not a pattern of nicks: use 1 to 128 bytes with * and ?, without blanks and '!'."
            }
            Self::Full => "The list is full: remove some patterns first.",
        }
    }
}

impl Engine {
    pub(super) fn patterns_command(&mut self, list: List, patterns: &Patterns) {
        match (patterns.pattern.as_deref(), patterns.remove) {
            (None, _) => self.show_patterns(list),
            (Some(pattern), false) => self.add_pattern(list, pattern),
            (Some(pattern), true) => self.remove_pattern(list, pattern),
        }
    }

    fn show_patterns(&mut self, list: List) {
        let patterns = self.policies.list(list).to_vec();
        let Words { head, none, .. } = list.words();
        if patterns.is_empty() {
            return self.say(Style::Plain, none);
        }
        self.say(Style::Plain, head);
        for pattern in patterns {
            self.say(Style::Plain, pattern);
        }
    }

    fn add_pattern(&mut self, list: List, pattern: &str) {
        if list == List::Ignore
            && let Some(nick) = self.private_under(pattern)
        {
            let text = format!("Not added: {}", private_with(&nick));
            return self.say(Style::Bad, text);
        }
        let name = list.words().name;
        match self.policies.add(list, pattern) {
            Ok(true) => {
                self.policies_changed();
                self.say(Style::Plain, format!("Added {pattern} to {name}."));
            }
            Ok(false) => self.say(Style::Plain, format!("{pattern} is on the {name} already.")),
            Err(error) => self.say(Style::Bad, error.text()),
        }
    }

    fn remove_pattern(&mut self, list: List, pattern: &str) {
        if list == List::Enable
            && let Some(nick) = self.private_under(pattern)
        {
            let text = format!("Not removed: {}", private_with(&nick));
            return self.say(Style::Bad, text);
        }
        let name = list.words().name;
        match self.policies.remove(list, pattern) {
            true => {
                self.policies_changed();
                self.say(Style::Plain, format!("Removed {pattern} from {name}"));
            }
            false => self.say(Style::Bad, format!("{pattern} is not on the {name}.")),
        }
    }

    pub(super) fn policy_command(&mut self, policy: &command::Policy) {
        match (&policy.pattern, policy.policy) {
            (None, _) => self.show_policies(),
            (Some(pattern), None) => self.show_policy(pattern),
            (Some(pattern), Some(word)) => self.set_policy(pattern, Policy::of_word(word)),
        }
    }

    /// All rules, in the order in which a user thinks of them.
    fn show_policies(&mut self) {
        let mut rows: Vec<Vec<Text>> = Vec::new();
        let mut row = |pattern: &str, policy: Policy| {
            rows.push(vec![Text::from(pattern), Text::from(policy.word())]);
        };
        for (pattern, policy) in self.policies.typed() {
            row(pattern, *policy);
        }
        if let Some(policy) = self.policies.of_known() {
            row("known", policy);
        }
        for pattern in self.policies.list(List::Ignore) {
            row(&format!("{pattern} (ignore)"), Policy::Never);
        }
        row("services, ZNC's own nicks", Policy::Never);
        row("everybody else", self.policies.default_policy());
        self.table(&["Nicks", "Policy"], rows);
    }

    /// What decides for one nick.
    fn show_policy(&mut self, nick: &str) {
        if is_known(nick) {
            let policy = self.policies.of_known().map_or("not set", Policy::word);
            return self.say(Style::Plain, format!("Policy for known nicks: {policy}."));
        }
        match self.peer(nick.as_bytes()) {
            None => self.say(Style::Bad, "That is not a nick."),
            Some(peer) => {
                let (policy, rule) = self.policy_and_rule(&peer);
                let nick = quote(nick.as_bytes());
                self.say(Style::Plain, format!("[{nick}] Policy: {} ({rule}).", policy.word()));
            }
        }
    }

    /// Sets or, with `None`, removes a policy.
    fn set_policy(&mut self, pattern: &str, policy: Option<Policy>) {
        let fits = if is_known(pattern) { "*" } else { pattern };
        if policy == Some(Policy::Never)
            && let Some(nick) = self.private_under(fits)
        {
            let text = format!("Not changed: {}", private_with(&nick));
            return self.say(Style::Bad, text);
        }
        match self.policies.set(pattern, policy) {
            Ok(()) => {}
            Err(error @ PatternError::Malformed) => return self.say(Style::Bad, error.text()),
            Err(PatternError::Full) => {
                return self
                    .say(Style::Bad, "There are too many policies: set some to default first.");
            }
        }
        self.policies_changed();
        let word = policy.map_or("back to the default", Policy::word);
        self.say(Style::Plain, format!("Policy for {pattern}: {word}."));
    }

    fn policies_changed(&mut self) {
        self.persistence.changed(StoredFile::Settings);
        self.conversations.touch_all();
    }

    /// A peer whom a pattern fits, and with whom something is private or asked for.
    fn private_under(&self, pattern: &str) -> Option<String> {
        let folded = self.policies.fold(pattern);
        let not_clear = self.conversations.not_clear();
        let mut fitting = not_clear.iter().filter(|peer| glob::matches(&folded, peer.as_bytes()));
        fitting.next().map(|peer| self.conversations.spelled(peer))
    }
}

fn private_with(nick: &str) -> String {
    format!("there is a private conversation with {nick}. Say finish {nick} first.")
}
