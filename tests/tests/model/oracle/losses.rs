//! What ZNC itself loses, and what is told twice for it.

use super::Oracle;
use super::tokens::Token;

impl Oracle {
    /// ZNC or all that it had in memory is gone: what had not left may be lost.
    pub fn forgives(&mut self) {
        for token in self.tokens.values_mut() {
            // The next ZNC is told what this one may not have shown.
            match token {
                Token::Own(own) => {
                    own.excused |= own.outcomes() == 0;
                    own.told_again = true;
                }
                Token::Theirs(theirs) => theirs.told_again = true,
            }
        }
    }

    /// ZNC moved the network while the module was not loaded, and nothing of the module's with it: here it
    /// is a network like any new one.
    pub fn begins_anew(&mut self) {
        self.opened_all = true;
        self.closed.clear();
        self.closing.clear();
        self.required.clear();
        self.requiring.clear();
        self.ignored.clear();
    }

    /// The connection to IRC ended: what ZNC had not written is gone with it. What is typed as
    /// `PRIVMSG` or `NOTICE` comes back. All other commands go past our module where nobody is closed.
    /// A line of another module is not seen by ours before ZNC sends it.
    pub fn connection_ends(&mut self) {
        for token in self.tokens.values_mut() {
            if let Token::Own(own) = token {
                // ZNC knows none of these: a command that begins with a TAB is another one to it.
                let raw =
                    matches!(own.command.as_str(), "CPRIVMSG" | "CNOTICE" | "REDACT" | "SCENE")
                        || own.line.starts_with('\t');
                let closed = |target: &String| own.closed.contains(target);
                let passes = own.closed_as_all.is_empty() && !own.targets.iter().any(closed);
                let of_module = own.step.starts_with("module ");
                own.excused |= (of_module || raw && passes) && own.outcomes() == 0;
            }
        }
    }
}
