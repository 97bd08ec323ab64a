//! What the module is told of the policies, for lines that other modules of ZNC write, and what it remembers.

use super::Policies;
use crate::engine::policy::Policy;
use crate::limits;
use otr::Peer;
use proto::irc::Nick;
use proto::shim::guard;

/// How the settings compare with what a module remembers of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Compared {
    /// What is kept of it has not changed.
    Same,
    /// What is kept of it has changed, and is to be saved.
    ToSave,
    /// They are not the settings that the module knew: everything is required from now on.
    Lost,
}

impl Policies {
    /// Whether any policy keeps anything from going out in clear.
    fn requires_something(&self) -> bool {
        let typed = self.settings.policies.iter().map(|(_, policy)| *policy);
        let all = typed.chain(self.settings.known).chain([self.default_policy()]);
        all.into_iter().any(|policy| policy == Policy::Required)
    }

    /// The module is told the rules of now. Whether that is to be saved.
    pub(in crate::engine) fn note_told(&mut self) -> bool {
        let is_new = self.requires_something() && !self.settings.required;
        self.settings.required |= is_new;
        is_new
    }

    /// A module connects; `required` is whether the rules that it heard last required something. Where these
    /// settings require nothing and never told a module so, it heard them from others, which are lost.
    pub(in crate::engine) fn compare_with_module(&mut self, required: bool) -> Compared {
        let now = self.requires_something();
        if required && !now && !self.settings.required {
            self.settings.lost = true;
            self.settings.required = true;
            return Compared::Lost;
        }
        let before = std::mem::replace(&mut self.settings.required, required || now);
        match before == self.settings.required {
            true => Compared::Same,
            false => Compared::ToSave,
        }
    }

    /// The rules for lines of other modules, where a policy requires anything, the one that decides
    /// first before the others. What is difficult to say by a list is required.
    pub(in crate::engine) fn guard_rules<'a>(
        &self,
        trusted: impl Iterator<Item = &'a Peer>,
    ) -> Vec<guard::Rule> {
        if !self.requires_something() {
            return Vec::new();
        }
        let settings = &self.settings;
        let default = self.default_policy() == Policy::Required;
        let known = settings.known == Some(Policy::Required);
        let mut rules: Vec<(String, bool)> = Vec::new();
        let plain = settings.enable.is_empty();
        if plain {
            rules.extend(settings.ignore.iter().map(|pattern| (pattern.clone(), false)));
        }
        let (exact, mut wide): (Vec<_>, Vec<_>) =
            self.by_specificity().partition(|(pattern, _)| !pattern.contains(['*', '?']));
        rules.extend(exact);
        if known {
            let name = |peer: &Peer| String::from_utf8_lossy(peer.as_bytes()).into_owned();
            rules.extend(trusted.map(|peer| (name(peer), true)));
        }
        rules.append(&mut wide);
        if plain {
            rules.extend(self.services.iter().map(|service| (service.clone(), false)));
        }
        rules.push(("*".into(), default));
        let size: usize = rules.iter().map(|(pattern, _)| pattern.len() + 35).sum();
        if size > limits::RULES {
            rules = vec![("*".into(), true)];
        }
        let rule = |(pattern, required): (String, bool)| match Nick::new(pattern) {
            Ok(pattern) => Some(guard::Rule { pattern, required }),
            Err(_) => None,
        };
        rules.into_iter().filter_map(rule).collect()
    }

    /// The user's policies by typed pattern, and whether each requires.
    fn by_specificity(&self) -> impl Iterator<Item = (String, bool)> {
        let mut all: Vec<_> = self.folded.policies.iter().rev().collect();
        all.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.specificity));
        let required = |policy: Policy| policy == Policy::Required;
        all.into_iter().map(move |(pattern, policy)| (pattern.typed.clone(), required(*policy)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{rule, with};
    use super::super::{List, MAX_PATTERNS};
    use super::*;

    #[test]
    fn what_a_module_remembers_and_no_settings_do_is_lost() {
        let mut all = with(&[]);
        assert_eq!(all.compare_with_module(false), Compared::Same);
        assert_eq!(all.compare_with_module(true), Compared::Lost);
        assert_eq!(rule(&all, "bob").0, Policy::Required);
        all.set("*", Some(Policy::Opportunistic)).unwrap();
        // The module may not have heard of it when it comes again.
        assert_eq!(all.compare_with_module(true), Compared::Same);
        assert_eq!(all.compare_with_module(false), Compared::ToSave);
        assert_eq!(all.compare_with_module(true), Compared::Lost);

        let mut all = with(&[("bob", Policy::Required)]);
        assert!(all.note_told() && !all.note_told());
        all.set("bob", None).unwrap();
        assert!(!all.note_told());
        assert_eq!(all.compare_with_module(true), Compared::Same);
        assert_eq!(rule(&all, "bob").0, Policy::Opportunistic);
        // What is required by now was said by the user, whatever else the module knew.
        let mut all = with(&[("bob", Policy::Required)]);
        assert_eq!(all.compare_with_module(true), Compared::ToSave);
        assert_eq!(rule(&all, "carol").0, Policy::Opportunistic);
    }

    #[test]
    fn the_module_gets_rules_only_where_something_is_required() {
        let listed = |all: &Policies| -> Vec<(String, bool)> {
            let trusted = Peer::new(b"friend").unwrap();
            let rules = all.guard_rules([&trusted].into_iter());
            let text = |nick: &Nick| String::from_utf8(nick.as_bytes().to_vec()).unwrap();
            rules.iter().map(|rule| (text(&rule.pattern), rule.required)).collect()
        };
        let pairs = |all: &[(&str, bool)]| -> Vec<(String, bool)> {
            all.iter().map(|(pattern, required)| ((*pattern).to_owned(), *required)).collect()
        };
        let mut all = with(&[("b*", Policy::Manual), ("bob", Policy::Never)]);
        assert_eq!(listed(&all), []);
        all.set("known", Some(Policy::Required)).unwrap();
        let expected =
            [("bob", false), ("friend", true), ("b*", false), ("*serv", false), ("*", false)];
        assert_eq!(listed(&all), pairs(&expected));
        all.add(List::Ignore, "carol").unwrap();
        assert_eq!(listed(&all).first(), Some(&("carol".to_owned(), false)));
        // An exception to it cannot be said by a list.
        all.add(List::Enable, "carol").unwrap();
        let expected = [("bob", false), ("friend", true), ("b*", false), ("*", false)];
        assert_eq!(listed(&all), pairs(&expected));
        for number in 0..MAX_PATTERNS - 2 {
            all.set(&format!("{number:0>100}"), Some(Policy::Never)).unwrap();
        }
        assert_eq!(listed(&all), pairs(&[("*", true)]));
    }
}
