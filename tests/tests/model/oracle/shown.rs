//! What the user's clients got, and what `*otr` tells the user in it.

use otrd_tests::Line;

use super::Oracle;
use super::tokens::{Token, tokens_in};

/// Before clear text of a person with whom one is private.
const MARKS: [&str; 2] = ["[NOT ENCRYPTED]", "[not checked by otrd]"];

/// Before what may have been shown by a ZNC that crashed.
const AGAIN: &str = "[perhaps shown before]";

/// Of what `*otr` says after finish.
const FINISHED: [&str; 2] =
    ["The private conversation is finished", "There is no private conversation."];

impl Oracle {
    /// A client of the user got a line. The first client counts.
    pub fn shown(&mut self, client: usize, line: &Line) {
        let text = line.plain_text();
        let source = line.nick().to_owned();
        let module = source.split('@').next().unwrap_or_default();
        if module == "*status"
            && text.contains("got lost")
            && let Some((_, rest)) = text.split_once(" to ")
        {
            let target = rest.split(" got lost").next().unwrap_or_default().to_owned();
            *self.lost_by_znc.entry(target).or_default() += 1;
        }
        if module == "*otr" {
            self.told(&text);
        }
        // The client's query follows, whatever ZNC took the line for.
        if line.command == "NICK" && !self.unloaded {
            let (old, new) = (self.fold(line.nick()), self.fold(&line.target()));
            self.is_now(&old, &new);
        }
        let shown_as = self.fold(line.nick());
        for token in tokens_in(&String::from_utf8_lossy(&line.raw)) {
            let (step, wrong) = match self.tokens.get_mut(&token) {
                Some(Token::Own(own)) => {
                    let back = text.contains("Not sent") || text.contains("Stopped");
                    if module == "*otr"
                        && back
                        && let Some(count) = own.back.get_mut(client)
                    {
                        *count += 1;
                    }
                    own.echoed |= client == 1 && !module.starts_with('*');
                    continue;
                }
                Some(Token::Theirs(theirs)) => {
                    let unmarked = theirs.marked && !MARKS.iter().any(|mark| text.contains(mark));
                    let others = theirs.others.contains(&shown_as)
                        && !MARKS.iter().any(|mark| text.contains(mark));
                    let wrong = if module.starts_with('*') {
                        let speaks = theirs.as_module && text.starts_with(&token);
                        speaks.then_some("the network speaks as a module")
                    } else {
                        theirs.shown += usize::from(client == 0);
                        let allowed = theirs.told_again && text.contains(AGAIN);
                        let twice = client == 0 && theirs.shown > 1 && !allowed;
                        let unmarked =
                            unmarked.then_some("clear words of somebody private, unmarked");
                        let others = others.then_some("shown as somebody else's who is private");
                        unmarked.or(others).or(twice.then_some("shown twice"))
                    };
                    (theirs.step.clone(), wrong)
                }
                None => continue,
            };
            if let Some(kind) = wrong {
                self.fault(kind, &step, &line.to_string());
            }
        }
    }

    /// `*otr` tells the user something.
    fn told(&mut self, text: &str) {
        let Some((name, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once("] "))
        else {
            return;
        };
        let name = self.fold(name);
        if rest.starts_with("The conversation is private now") {
            if !self.opened_all && !self.opened.contains(&name) {
                self.closed.insert(name.clone());
                self.ever_closed = true;
            }
            self.private_at_last.insert(name, true);
        } else if FINISHED.iter().any(|answer| rest.starts_with(answer)) {
            self.private_at_last.insert(name, false);
        }
    }

    /// otrd or the module may have done what its user is not told of.
    pub fn answers_may_be_lost(&mut self) {
        self.private_at_last.clear();
    }
}
