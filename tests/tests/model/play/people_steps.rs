//! What people on the network do in a play.

use super::Play;

impl Play<'_> {
    pub(super) fn person(&mut self, name: &str, rest: &str) {
        let (what, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let Some(at) = self.people.iter().position(|person| person.name == name) else { return };
        let (me, mask) = (self.me.clone(), self.people[at].mask());
        match what {
            "says" | "acts" => {
                let (text, token) = self.token(rest);
                let text = if what == "acts" { format!("\x01ACTION {text}\x01") } else { text };
                let person = &mut self.people[at];
                let private = person.says(&me, &text);
                if !private {
                    person.out.pop();
                    return self.says(
                        &format!(":{mask} PRIVMSG {me} :{text}"),
                        token.as_deref(),
                        false,
                    );
                }
                // A token for the oracle alone: the line itself carries none that is readable.
                self.oracle.server_says(
                    &format!(":{mask} PRIVMSG {me} :-"),
                    &me,
                    token.as_deref(),
                    true,
                    false,
                );
            }
            "clear" => {
                let (text, token) = self.token(rest);
                self.says(&format!(":{mask} PRIVMSG {me} :{text}"), token.as_deref(), false);
            }
            "starts" => self.people[at].starts(&me),
            "finishes" => self.people[at].finishes(&me),
            "restarts" => self.people[at].begins_anew(),
            "replays" => (0..rest.parse().unwrap_or(1)).for_each(|_| self.people[at].replays(&me)),
            "nick" => {
                let taken = self.people.iter().position(|one| one.nick.eq_ignore_ascii_case(rest));
                if taken.is_none() || taken == Some(at) {
                    self.reads_what_was_typed();
                    self.people[at].nick = rest.to_owned();
                    self.says(&format!(":{mask} NICK :{rest}"), None, false);
                }
            }
            "quits" => {
                self.people[at].online = false;
                self.says(&format!(":{mask} QUIT :bye"), None, false);
            }
            "joins" => {
                self.people[at].online = true;
                self.says(&format!(":{mask} JOIN #room"), None, false);
            }
            _ => panic!("no such step: {name} {what}"),
        }
        self.people_send();
    }

    /// What people have to say goes out.
    pub(super) fn people_send(&mut self) -> bool {
        let mut any = false;
        for at in 0..self.people.len() {
            let mask = self.people[at].mask();
            for (to, line) in std::mem::take(&mut self.people[at].out) {
                any = true;
                let text = String::from_utf8_lossy(&line).into_owned();
                self.says(&format!(":{mask} PRIVMSG {to} :{text}"), None, false);
            }
        }
        any
    }
}
