//! Patterns of nicks as they are compared: folded once, for each line is looked at by them.

use super::policy::Policy;
use crate::text::casemap::Casemap;
use crate::text::glob;

/// All lists, folded.
#[derive(Default)]
pub(super) struct Folded {
    pub(super) ignore: Vec<Pattern>,
    pub(super) enable: Vec<Pattern>,
    pub(super) policies: Vec<(Pattern, Policy)>,
    pub(super) services: Vec<Vec<u8>>,
}

/// A pattern of nicks.
pub(super) struct Pattern {
    /// As the user typed it.
    pub(super) typed: String,
    folded: Vec<u8>,
    pub(super) specificity: (usize, usize),
    pub(super) exact: bool,
}

impl Pattern {
    pub(super) fn new(typed: &str, casemap: Casemap) -> Self {
        let folded = casemap.fold(typed.as_bytes());
        let exact = !folded.iter().any(|byte| b"*?".contains(byte));
        let specificity = glob::specificity(&folded);
        Self { typed: typed.to_owned(), folded, specificity, exact }
    }

    pub(super) fn fits(&self, nick: &[u8]) -> bool {
        glob::matches(&self.folded, nick)
    }
}

/// The most specific of those that fit; of several, the last.
pub(super) fn best<'a, T>(
    all: &'a [T],
    nick: &[u8],
    pattern: impl Fn(&T) -> &Pattern,
) -> Option<&'a T> {
    let fits = all.iter().filter(|one| pattern(one).fits(nick));
    fits.max_by_key(|one| pattern(one).specificity)
}
