//! With whom OTR is used, and how far: what the user and the admin set, and which of it decides.

pub(super) mod module_rules;

use super::patterns::{Folded, Pattern, best};
use super::policy::{Policy, Rule};
use crate::text::casemap::Casemap;
use crate::text::glob;
use serde::{Deserialize, Serialize};

/// Patterns that one list may hold.
pub const MAX_PATTERNS: usize = 500;

/// Longest pattern in bytes.
const MAX_PATTERN: usize = 128;

/// What the user set, kept in `settings.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The rule by which the stored nicks were folded.
    casemapping: Option<String>,
    /// Nicks without OTR, as typed.
    ignore: Vec<String>,
    /// Exceptions to `ignore`, as typed.
    enable: Vec<String>,
    /// Policies by pattern, as typed.
    policies: Vec<(String, Policy)>,
    /// The policy for nicks with a trusted fingerprint.
    known: Option<Policy>,
    /// An earlier file could not be read: who knows what it required.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    lost: bool,
    /// A module was told that something is required, and may still remember it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    required: bool,
}

/// One of the user's two lists of nicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// OTR is off for these nicks.
    Ignore,
    /// It is not, against `ignore` and the nicks of services.
    Enable,
}

/// Why a pattern is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// No nick could fit it.
    Malformed,
    /// There are [`MAX_PATTERNS`] already.
    Full,
}

/// Every rule, as it was set and as it is compared.
#[derive(Default)]
pub(crate) struct Policies {
    settings: Settings,
    /// The admin's policy for everybody.
    admin_default: Option<Policy>,
    /// The admin's patterns for nicks of services, as written.
    services: Vec<String>,
    /// What ZNC's own nicks begin with.
    status_prefix: String,
    casemap: Casemap,
    folded: Folded,
}

impl Policies {
    /// The rules that a file has.
    pub(super) fn new(settings: Settings) -> Self {
        let casemap = settings.casemapping.as_deref().map(Casemap::parse).unwrap_or_default();
        let mut policies = Self { settings, casemap, ..Self::default() };
        policies.fold_all();
        policies
    }

    /// Of a file that cannot be read: it may have required a private conversation of everybody.
    pub(super) fn lost() -> Self {
        Self::new(Settings { lost: true, ..Settings::default() })
    }

    /// The settings in the form that is stored.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The rule by which nicks are compared, as the server last named it.
    pub(super) fn casemapping(&self) -> Option<&str> {
        self.settings.casemapping.as_deref()
    }

    pub(super) fn casemap(&self) -> Casemap {
        self.casemap
    }

    /// Whether the server's rule for comparing nicks is news.
    pub(super) fn is_other_casemapping(&self, word: &str) -> bool {
        self.settings.casemapping.as_deref() != Some(word)
    }

    /// The server names its rule for comparing nicks. Whether that is to be saved.
    pub(super) fn set_casemapping(&mut self, word: &str) -> bool {
        if !self.is_other_casemapping(word) {
            return false;
        }
        self.settings.casemapping = Some(word.to_owned());
        self.casemap = Casemap::parse(word);
        self.fold_all();
        true
    }

    /// What the admin set.
    pub(super) fn set_by_admin(&mut self, default: &str, services: &[String]) {
        self.admin_default = Policy::parse(default);
        self.services = services.to_vec();
        self.fold_all();
    }

    /// What ZNC's own nicks begin with. Whether it was something else.
    pub(super) fn set_status_prefix(&mut self, prefix: &str) -> bool {
        let changed = self.status_prefix != prefix;
        prefix.clone_into(&mut self.status_prefix);
        changed
    }

    /// A typed pattern as it is compared.
    pub(super) fn fold(&self, pattern: &str) -> Vec<u8> {
        self.casemap.fold(pattern.as_bytes())
    }

    fn fold_all(&mut self) {
        let casemap = self.casemap;
        let all = |typed: &[String]| -> Vec<Pattern> {
            typed.iter().map(|typed| Pattern::new(typed, casemap)).collect()
        };
        let policies = self.settings.policies.iter();
        self.folded = Folded {
            ignore: all(&self.settings.ignore),
            enable: all(&self.settings.enable),
            policies: policies
                .map(|(typed, policy)| (Pattern::new(typed, casemap), *policy))
                .collect(),
            services: self.services.iter().map(|one| casemap.fold(one.as_bytes())).collect(),
        };
    }

    /// The policy for a folded nick, and the rule that decides.
    pub(super) fn decide(&self, nick: &[u8], trusted: impl FnOnce() -> bool) -> (Policy, Rule<'_>) {
        let prefix = self.status_prefix.as_bytes();
        if !prefix.is_empty() && nick.starts_with(prefix) || nick.starts_with(b"*") {
            return (Policy::Never, Rule::ZncsOwn);
        }
        let Folded { ignore, enable, policies, .. } = &self.folded;
        let enabled = best(enable, nick, |pattern| pattern);
        if let Some(pattern) = best(ignore, nick, |pattern| pattern)
            && enabled.is_none_or(|enabled| enabled.specificity < pattern.specificity)
        {
            return (Policy::Never, Rule::Ignored(&pattern.typed));
        }
        let typed = best(policies, nick, |(pattern, _)| pattern);
        if let Some((pattern, policy)) = typed.filter(|(pattern, _)| pattern.exact) {
            return (*policy, Rule::Typed(&pattern.typed));
        }
        if let Some(policy) = self.settings.known
            && trusted()
        {
            return (policy, Rule::Known);
        }
        if let Some((pattern, policy)) = typed {
            return (*policy, Rule::Typed(&pattern.typed));
        }
        // Services answer machines, not people: a tag confuses them.
        let mut services = self.folded.services.iter();
        if enabled.is_none() && services.any(|service| glob::matches(service, nick)) {
            return (Policy::Never, Rule::Service);
        }
        let rule = if self.settings.lost { Rule::Lost } else { Rule::Default };
        (self.default_policy(), rule)
    }

    /// The policy where the user set none.
    pub(super) fn default_policy(&self) -> Policy {
        match self.settings.lost {
            true => Policy::Required,
            false => self.admin_default.unwrap_or(Policy::Opportunistic),
        }
    }

    /// The user's policies by pattern, as typed.
    pub(super) fn typed(&self) -> &[(String, Policy)] {
        &self.settings.policies
    }

    /// The policy for nicks with a trusted fingerprint.
    pub(super) fn of_known(&self) -> Option<Policy> {
        self.settings.known
    }

    /// The patterns of a list, as typed.
    pub(super) fn list(&self, list: List) -> &[String] {
        match list {
            List::Ignore => &self.settings.ignore,
            List::Enable => &self.settings.enable,
        }
    }

    fn list_mut(&mut self, list: List) -> &mut Vec<String> {
        match list {
            List::Ignore => &mut self.settings.ignore,
            List::Enable => &mut self.settings.enable,
        }
    }

    /// Adds to a list. `false` where the pattern is there already.
    ///
    /// # Errors
    /// [`PatternError`]; nothing has changed then.
    pub(super) fn add(&mut self, list: List, pattern: &str) -> Result<bool, PatternError> {
        check(pattern)?;
        let folded = self.fold(pattern);
        if self.list(list).iter().any(|one| self.fold(one) == folded) {
            return Ok(false);
        }
        if self.list(list).len() >= MAX_PATTERNS {
            return Err(PatternError::Full);
        }
        self.list_mut(list).push(pattern.to_owned());
        self.fold_all();
        Ok(true)
    }

    /// Takes out of a list. `false` where the pattern is not there.
    pub(super) fn remove(&mut self, list: List, pattern: &str) -> bool {
        let (casemap, folded) = (self.casemap, self.fold(pattern));
        let patterns = self.list_mut(list);
        let before = patterns.len();
        patterns.retain(|one| casemap.fold(one.as_bytes()) != folded);
        let removed = patterns.len() < before;
        self.fold_all();
        removed
    }

    /// Sets the policy for a pattern or, with `None`, takes it back.
    ///
    /// # Errors
    /// [`PatternError`]; nothing has changed then.
    pub(super) fn set(
        &mut self,
        pattern: &str,
        policy: Option<Policy>,
    ) -> Result<(), PatternError> {
        check(pattern)?;
        if is_known(pattern) {
            self.settings.known = policy;
            return Ok(());
        }
        let folded = self.fold(pattern);
        let is_other = |(one, _): &&(String, Policy)| self.fold(one) != folded;
        let others: Vec<(String, Policy)> =
            self.settings.policies.iter().filter(is_other).cloned().collect();
        if policy.is_some() && others.len() >= MAX_PATTERNS {
            return Err(PatternError::Full);
        }
        self.settings.policies = others;
        self.settings.policies.extend(policy.map(|policy| (pattern.to_owned(), policy)));
        self.settings.lost &= pattern != "*";
        self.fold_all();
        Ok(())
    }
}

/// The word that stands for nicks with a trusted fingerprint.
pub(super) fn is_known(pattern: &str) -> bool {
    pattern.eq_ignore_ascii_case("known")
}

fn check(pattern: &str) -> Result<(), PatternError> {
    let bad = |c: char| c.is_control() || c.is_whitespace() || c == ',' || c == '!';
    match pattern.is_empty() || pattern.len() > MAX_PATTERN || pattern.contains(bad) {
        true => Err(PatternError::Malformed),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn rule(policies: &Policies, nick: &str) -> (Policy, String) {
        let (policy, rule) = policies.decide(nick.as_bytes(), || nick == "friend");
        (policy, rule.to_string())
    }

    pub(super) fn with(policies: &[(&str, Policy)]) -> Policies {
        let mut all = Policies::default();
        all.set_by_admin("opportunistic", &["*serv".to_owned()]);
        for (pattern, policy) in policies {
            all.set(pattern, Some(*policy)).unwrap();
        }
        all
    }

    #[test]
    fn the_most_specific_rule_decides() {
        let mut all = with(&[
            ("*", Policy::Manual),
            ("known", Policy::Required),
            ("b*", Policy::Opportunistic),
            ("bob", Policy::Never),
        ]);
        assert_eq!(rule(&all, "bob"), (Policy::Never, "policy bob".into()));
        assert_eq!(rule(&all, "bill"), (Policy::Opportunistic, "policy b*".into()));
        assert_eq!(rule(&all, "friend"), (Policy::Required, "policy known".into()));
        assert_eq!(rule(&all, "carol"), (Policy::Manual, "policy *".into()));
        assert_eq!(rule(&all, "*status"), (Policy::Never, "one of ZNC's own nicks".into()));
        assert!(all.set_status_prefix("!") && !all.set_status_prefix("!"));
        assert_eq!(rule(&all, "!status").0, Policy::Never);
        all.set("B*", None).unwrap();
        assert_eq!(rule(&all, "bill"), (Policy::Manual, "policy *".into()));
    }

    #[test]
    fn an_exception_counts_against_what_is_less_specific() {
        let mut all = with(&[]);
        assert_eq!(rule(&all, "nickserv"), (Policy::Never, "the nick of a service".into()));
        assert_eq!(all.add(List::Ignore, "b*"), Ok(true));
        assert_eq!(all.add(List::Ignore, "B*"), Ok(false));
        assert_eq!(rule(&all, "bob"), (Policy::Never, "ignore b*".into()));
        for pattern in ["bob", "nickserv"] {
            assert_eq!(all.add(List::Enable, pattern), Ok(true));
            assert_eq!(rule(&all, pattern), (Policy::Opportunistic, "the default".into()));
        }
        assert!(all.remove(List::Enable, "BOB") && !all.remove(List::Enable, "bob"));
        assert_eq!(rule(&all, "bob").0, Policy::Never);
    }

    #[test]
    fn what_is_no_pattern_or_too_much_changes_nothing() {
        let mut all = with(&[]);
        for pattern in ["", "a b", "a,b", "a!b", "a\u{7}", &"x".repeat(MAX_PATTERN + 1)] {
            assert_eq!(all.add(List::Ignore, pattern), Err(PatternError::Malformed));
            assert_eq!(all.set(pattern, Some(Policy::Never)), Err(PatternError::Malformed));
        }
        for number in 0..MAX_PATTERNS {
            all.set(&number.to_string(), Some(Policy::Manual)).unwrap();
            all.add(List::Ignore, &number.to_string()).unwrap();
        }
        let before = all.settings().clone();
        assert_eq!(all.set("one more", None), Err(PatternError::Malformed));
        assert_eq!(all.set("more", Some(Policy::Never)), Err(PatternError::Full));
        assert_eq!(all.add(List::Ignore, "more"), Err(PatternError::Full));
        assert_eq!(*all.settings(), before);
        all.set("0", Some(Policy::Never)).unwrap();
        assert_eq!(rule(&with(&[]), "0").0, Policy::Opportunistic);
    }

    #[test]
    fn lost_settings_require_until_the_user_says_otherwise() {
        let mut all = Policies::lost();
        assert_eq!(rule(&all, "bob"), (Policy::Required, "your settings are lost".into()));
        all.set("bob", Some(Policy::Manual)).unwrap();
        assert_eq!(
            (rule(&all, "bob").0, rule(&all, "carol").0),
            (Policy::Manual, Policy::Required)
        );
        all.set("*", Some(Policy::Opportunistic)).unwrap();
        assert_eq!(rule(&all, "carol").0, Policy::Opportunistic);
    }
}
