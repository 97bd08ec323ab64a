//! The end of a play: what came of each line.

use std::collections::BTreeMap;

use super::Oracle;
use super::tokens::Token;

/// So many complaints of OTR may leave in one sequence.
const COMPLAINTS: usize = 24;

impl Oracle {
    /// Each line is out once, or back once. One that nobody could read had gone out all the
    /// same: to its nick, and shown as sent.
    pub fn ends(&mut self) {
        let mut wrong = Vec::new();
        let mut unread = std::mem::take(&mut self.unread);
        let mut lost_by_znc = std::mem::take(&mut self.lost_by_znc);
        let takes = |from: &mut BTreeMap<String, usize>, key: &str| {
            from.get_mut(key).is_some_and(|left| {
                let any = *left > 0;
                *left = left.saturating_sub(1);
                any
            })
        };
        for (token, what) in &self.tokens {
            let Token::Own(own) = what else { continue };
            let expected = own.targets.len();
            let returned = if own.told_again { own.returned().min(1) } else { own.returned() };
            let (count, line) = (own.sent + own.read + returned, &own.line);
            if own.line.starts_with("perform ") || expected == 0 {
                continue;
            }
            let words = format!(
                "{line:?} ({token}): {} in clear, {} decrypted, {} back, {}",
                own.sent,
                own.read,
                own.returned(),
                if own.echoed { "shown as sent" } else { "not shown as sent" }
            );
            if count > expected && expected == 1 {
                wrong.push(("more than once", own.step.clone(), words));
            } else if count == 0 && !own.excused && own.command != "TAGMSG" {
                let holder = own.left.is_empty() && !own.gone;
                let out = own.targets.first().is_some_and(|target| {
                    (own.echoed && holder && takes(&mut unread, &self.fold(target)))
                        || takes(&mut lost_by_znc, target)
                });
                if !out {
                    wrong.push(("lost", own.step.clone(), words));
                }
            }
        }
        for (kind, step, words) in wrong {
            self.fault(kind, &step, &words);
        }
        if self.complaints > COMPLAINTS {
            let many = format!("{} went out", self.complaints);
            self.fault("too many complaints of OTR", "", &many);
        }
    }
}
