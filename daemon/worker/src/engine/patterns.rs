//! The user's lists of patterns.

use super::policy::MAX_PATTERNS;
use super::{Engine, Phase, Policy, Settings};
use crate::store::StoredFile;
use crate::text::glob;
use crate::text::sanitize::quote;
use proto::irc::Text;
use proto::shim::{Effect, Style};

/// Longest pattern in bytes.
const MAX_PATTERN: usize = 128;

impl Engine {
    /// A peer with a private conversation that a pattern fits, unless `policy` would keep it.
    pub(crate) fn private_under(&self, pattern: &str, policy: Option<Policy>) -> Option<String> {
        if policy.is_some_and(|policy| policy != Policy::Never) {
            return None;
        }
        let folded = self.fold(pattern);
        let mut open: Vec<String> = self
            .conversations
            .iter()
            .filter(|(peer, c)| {
                (c.phase != Phase::Clear || c.asked.is_some())
                    && glob::matches(&folded, peer.as_bytes())
            })
            .map(|(_, c)| quote(c.nick.as_bytes()))
            .collect();
        open.sort();
        open.into_iter().next()
    }

    /// Prints one of the lists.
    pub(crate) fn list_patterns(
        &mut self,
        list: fn(&Settings) -> &Vec<String>,
        head: &str,
        none: &str,
    ) {
        let patterns = list(&self.settings).clone();
        if patterns.is_empty() {
            return self.say(Style::Plain, none);
        }
        self.say(Style::Plain, head);
        for pattern in patterns {
            self.say(Style::Plain, pattern);
        }
    }

    /// Adds to one of the lists; false where it is there already.
    pub(crate) fn add_pattern(
        &mut self,
        list: fn(&mut Settings) -> &mut Vec<String>,
        pattern: &str,
    ) -> Result<bool, &'static str> {
        check(pattern)?;
        let folded = self.fold(pattern);
        let there = list(&mut self.settings).clone();
        if there.iter().any(|p| self.fold(p) == folded) {
            return Ok(false);
        }
        if there.len() >= MAX_PATTERNS {
            return Err("The list is full: remove some patterns first.");
        }
        list(&mut self.settings).push(pattern.to_owned());
        self.settings_changed();
        Ok(true)
    }

    /// Takes out of one of the lists; false where it is not there.
    pub(crate) fn remove_pattern(
        &mut self,
        list: fn(&mut Settings) -> &mut Vec<String>,
        pattern: &str,
    ) -> bool {
        let folded = self.fold(pattern);
        let there = list(&mut self.settings).clone();
        let kept: Vec<String> = there.iter().filter(|p| self.fold(p) != folded).cloned().collect();
        let removed = kept.len() < there.len();
        *list(&mut self.settings) = kept;
        self.settings_changed();
        removed
    }

    fn settings_changed(&mut self) {
        self.to_save.insert(StoredFile::Settings);
        self.fold_patterns();
        self.conversations.touch_all();
    }

    /// All rules, in the order in which a user thinks of them.
    pub(crate) fn show_policies(&mut self) {
        let mut rows: Vec<Vec<Text>> = Vec::new();
        let default = self.default_policy();
        let mut row = |pattern: &str, policy: Policy| {
            rows.push(vec![Text::from(pattern), Text::from(policy.word())]);
        };
        for (pattern, policy) in &self.settings.policies {
            row(pattern, *policy);
        }
        if let Some(policy) = self.settings.known {
            row("known", policy);
        }
        for pattern in &self.settings.ignore {
            row(&format!("{pattern} (ignore)"), Policy::Never);
        }
        row("services, ZNC's own nicks", Policy::Never);
        row("everybody else", default);
        self.effect(Effect::Table { columns: vec!["Nicks".into(), "Policy".into()], rows });
    }

    /// What decides for one nick.
    pub(crate) fn show_policy(&mut self, nick: &str) {
        if nick.eq_ignore_ascii_case("known") {
            let policy = self.settings.known.map_or("not set", Policy::word);
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
    pub(crate) fn set_policy(&mut self, pattern: &str, policy: Option<Policy>) {
        if let Err(why) = check(pattern) {
            return self.say(Style::Bad, why);
        }
        let known = pattern.eq_ignore_ascii_case("known");
        let fits = if known { "*" } else { pattern };
        if policy == Some(Policy::Never)
            && let Some(nick) = self.private_under(fits, policy)
        {
            return self.say(
                Style::Bad,
                format!("Not changed: there is a private conversation with {nick}. Say finish {nick} first."),
            );
        }
        if known {
            self.settings.known = policy;
        } else {
            let folded = self.fold(pattern);
            let mut policies = std::mem::take(&mut self.settings.policies);
            policies.retain(|(p, _)| self.fold(p) != folded);
            if let Some(policy) = policy {
                if policies.len() >= MAX_PATTERNS {
                    self.settings.policies = policies;
                    return self.say(
                        Style::Bad,
                        "There are too many policies: set some to default first.",
                    );
                }
                policies.push((pattern.to_owned(), policy));
            }
            self.settings.policies = policies;
            self.settings.lost &= pattern != "*";
        }
        self.settings_changed();
        let word = policy.map_or("back to the default", Policy::word);
        self.say(Style::Plain, format!("Policy for {pattern}: {word}."));
    }
}

fn check(pattern: &str) -> Result<(), &'static str> {
    let bad = pattern.chars().any(|c| c.is_control() || c.is_whitespace() || c == ',' || c == '!');
    if pattern.is_empty() || pattern.len() > MAX_PATTERN || bad {
        return Err(
            "That is not a pattern of nicks: use 1 to 128 bytes with * and ?, without blanks and '!'.",
        );
    }
    Ok(())
}
