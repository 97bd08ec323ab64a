//! `policy`, `ignore`, `enable`: with whom OTR is used, and how far.

use super::conversations::Conversations;
use super::messages::Message;
use super::output::Output;
use super::peers::Peers;
use super::persistence::Persistence;
use super::policies::{List, PatternError, Policies, is_known};
use super::policy::Policy;
use crate::store::StoredFile;
use crate::text::glob;
use crate::text::sanitize::quote;
use otr::FingerprintStore;
use proto::command::{self, Patterns};
use proto::irc::{Nick, Text};

impl List {
    /// In the middle of a sentence.
    fn name(self) -> String {
        match self {
            Self::Ignore => "OTR ignore list".into(),
            Self::Enable => "OTR enable list".into(),
        }
    }
}

impl PatternError {
    fn message(self) -> Message {
        match self {
            Self::Malformed => Message::PatternMalformed {},
            Self::Full => Message::PatternsFull {},
        }
    }
}

/// What the user may set, and what has to know of it.
pub(super) struct PolicyCommands<'a> {
    pub(super) policies: &'a mut Policies,
    pub(super) known: &'a FingerprintStore,
    pub(super) conversations: &'a mut Conversations,
    pub(super) persistence: &'a mut Persistence,
    pub(super) output: &'a mut Output,
}

impl PolicyCommands<'_> {
    /// `ignore`, `enable`
    pub(super) fn patterns(&mut self, list: List, patterns: &Patterns) {
        match (patterns.pattern.as_deref(), patterns.remove) {
            (None, _) => self.show_patterns(list),
            (Some(pattern), false) => self.add_pattern(list, pattern),
            (Some(pattern), true) => self.remove_pattern(list, pattern),
        }
    }

    fn show_patterns(&mut self, list: List) {
        let patterns = self.policies.list(list).to_vec();
        self.output.report(match (list, patterns.is_empty()) {
            (List::Ignore, true) => Message::NobodyIgnored {},
            (List::Ignore, false) => Message::Ignored {},
            (List::Enable, true) => Message::NobodyEnabled {},
            (List::Enable, false) => Message::Enabled {},
        });
        for pattern in patterns {
            self.output.report(Message::Pattern { pattern });
        }
    }

    fn add_pattern(&mut self, list: List, pattern: &str) {
        if list == List::Ignore
            && let Some(name) = self.private_under(pattern)
        {
            return self.output.report(Message::PrivateWith { done: "added".into(), name });
        }
        let added = self.policies.add(list, pattern);
        let (pattern, list) = (pattern.to_owned(), list.name());
        match added {
            Ok(true) => {
                self.policies_changed();
                self.output.report(Message::PatternAdded { pattern, list });
            }
            Ok(false) => self.output.report(Message::PatternThere { pattern, list }),
            Err(error) => self.output.report(error.message()),
        }
    }

    fn remove_pattern(&mut self, list: List, pattern: &str) {
        if list == List::Enable
            && let Some(name) = self.private_under(pattern)
        {
            return self.output.report(Message::PrivateWith { done: "removed".into(), name });
        }
        let removed = self.policies.remove(list, pattern);
        let (pattern, list) = (pattern.to_owned(), list.name());
        match removed {
            true => {
                self.policies_changed();
                self.output.report(Message::PatternRemoved { pattern, list });
            }
            false => self.output.report(Message::PatternMissing { pattern, list }),
        }
    }

    /// `policy`
    pub(super) fn policy(&mut self, policy: &command::Policy) {
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
        self.output.table(&["Nicks", "Policy"], rows);
    }

    /// What decides for one nick.
    fn show_policy(&mut self, nick: &str) {
        if is_known(nick) {
            let policy = self.policies.of_known().map_or("not set", Policy::word);
            return self.output.report(Message::PolicyOfKnown { policy: policy.into() });
        }
        let Some(peer) = self.conversations.peer(nick.as_bytes()) else {
            return self.output.report(Message::NotANick {});
        };
        let peers = Peers::new(self.policies, self.known, self.conversations);
        let (policy, rule) = peers.policy_and_rule(&peer);
        let (policy, rule) = (policy.word().to_owned(), rule.to_string());
        // One of ZNC's own may be no nick of IRC's.
        let name = quote(nick.as_bytes());
        self.output.report_under(&name, Nick::new(nick).ok(), Message::PolicyIs { policy, rule });
    }

    /// Sets or, with `None`, removes a policy.
    fn set_policy(&mut self, pattern: &str, policy: Option<Policy>) {
        let fits = if is_known(pattern) { "*" } else { pattern };
        if policy == Some(Policy::Never)
            && let Some(name) = self.private_under(fits)
        {
            return self.output.report(Message::PrivateWith { done: "changed".into(), name });
        }
        match self.policies.set(pattern, policy) {
            Ok(()) => {}
            Err(error @ PatternError::Malformed) => return self.output.report(error.message()),
            Err(PatternError::Full) => return self.output.report(Message::PoliciesFull {}),
        }
        self.policies_changed();
        let policy = policy.map_or("back to the default", Policy::word).to_owned();
        self.output.report(Message::PolicySet { pattern: pattern.to_owned(), policy });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conversation::Phase;
    use otr::Peer;
    use std::time::Duration;

    /// What an account with a blocked conversation with bob is told for each command, and which files
    /// are to be written then.
    fn told(run: impl FnOnce(&mut PolicyCommands<'_>)) -> (Vec<String>, Vec<StoredFile>) {
        let known = FingerprintStore::new("alice").unwrap();
        let (mut policies, mut conversations) = (Policies::default(), Conversations::default());
        let (mut persistence, mut output) = (Persistence::default(), Output::default());
        let nick = Nick::new("bob").unwrap();
        let bob = conversations.begin_closed(nick, Phase::lost(), Duration::ZERO);
        conversations.insert(Peer::new(b"bob").unwrap(), bob);
        run(&mut PolicyCommands {
            policies: &mut policies,
            known: &known,
            conversations: &mut conversations,
            persistence: &mut persistence,
            output: &mut output,
        });
        (output.take_codes(), persistence.take())
    }

    fn pattern(pattern: &str, remove: bool) -> Patterns {
        Patterns { pattern: Some(pattern.to_owned()), remove }
    }

    #[test]
    fn who_is_closed_cannot_be_ignored() {
        for typed in ["bob", "B*"] {
            let (said, files) = told(|it| it.patterns(List::Ignore, &pattern(typed, false)));
            assert_eq!((said, files), (vec!["private_with".to_owned()], vec![]), "{typed}");
        }
    }

    #[test]
    fn what_is_set_is_saved_once_and_said() {
        let (said, files) = told(|it| {
            it.patterns(List::Ignore, &pattern("carol", false));
            it.patterns(List::Ignore, &pattern("CAROL", false));
            it.patterns(List::Ignore, &pattern("carol", true));
            it.patterns(List::Ignore, &pattern("carol", true));
        });
        assert_eq!(said, ["pattern_added", "pattern_there", "pattern_removed", "pattern_missing"]);
        assert_eq!(files, [StoredFile::Settings]);
    }
}
