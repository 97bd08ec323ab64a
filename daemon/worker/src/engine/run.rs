//! Does what a command asks for, however it was said.

use super::messages::Message;
use super::policies::List;
use super::{Engine, help};
use crate::commands::Line;
use otr::{SmpError, Trust};
use proto::command::{Command, Finish, Genkey, MaybePeer, Nothing, Peer, Smp};
use proto::irc::{Nick, Text};

impl Engine {
    /// A line of the user's or of an admin's.
    pub(super) fn run_line(&mut self, line: Line) {
        match line {
            Line::Command(command) => self.run(&command),
            Line::NickOrFingerprint { command, peer, fingerprint } => {
                let of = self.key_search().meant(peer, fingerprint);
                self.run(&command(of));
            }
            Line::Help(word) => help::say(word.as_deref(), &mut self.output),
            // The module answers these two, for the client that said it: they come here from elsewhere only.
            Line::Listen => self.output.report(Message::OnlyClientsListen {}),
            Line::Mark => self.output.report(Message::OnlyTheModuleMarks {}),
            Line::Status => self.info().status(),
            Line::Version => self.info().version(),
            Line::NoFingerprint => self.output.report(Message::NoSuchFingerprint {}),
            Line::Usage(command) => self.output.report(Message::Usage { usage: command.usage() }),
            Line::Unknown => self.output.report(Message::NoSuchCommand {}),
        }
    }

    fn run(&mut self, command: &Command) {
        match command {
            Command::Start(Peer { peer }) => self.start(peer),
            Command::Refresh(Peer { peer }) => self.refresh(peer),
            Command::Finish(Finish::Peer { peer }) => self.finish_nick(peer),
            Command::Finish(Finish::All { .. }) => self.finish_everybody(),
            Command::Trust(of) => {
                self.set_trust(of, &Trust::Manual, |fingerprint| Message::Trusted { fingerprint })
            }
            Command::Distrust(of) => {
                self.set_trust(of, &Trust::None, |fingerprint| Message::NotTrusted { fingerprint })
            }
            Command::Forget(forget) => self.forgetting().run(forget),
            Command::Smp(smp) => self.authenticate(smp),
            Command::SmpAbort(Peer { peer }) => self.smp_abort(peer),
            Command::Genkey(Genkey { overwrite }) => self.genkey(*overwrite),
            Command::Policy(policy) => self.policy_commands().policy(policy),
            Command::Ignore(patterns) => self.policy_commands().patterns(List::Ignore, patterns),
            Command::Enable(patterns) => self.policy_commands().patterns(List::Enable, patterns),
            Command::Info(MaybePeer { peer }) => self.info().about(peer.as_ref()),
            Command::Fingerprint(Nothing {}) => self.info().own_fingerprint(),
        }
    }

    fn finish_everybody(&mut self) {
        let open = self.conversations.not_clear();
        for peer in &open {
            self.finish(peer);
        }
        if open.is_empty() {
            self.output.report(Message::NothingPrivate {});
        }
        self.closing().open_everybody();
    }

    fn finish_nick(&mut self, nick: &Nick) {
        self.open(nick);
        let met = self.conversations.peer(nick.as_bytes());
        match met.filter(|peer| self.conversations.get(peer).is_some()) {
            Some(peer) => self.finish(&peer),
            None => self.output.report_of(nick, Message::NothingPrivate {}),
        }
    }

    fn authenticate(&mut self, smp: &Smp) {
        let Smp { peer, secret, question } = smp;
        match self.smp(peer, question.as_ref().map(Text::as_bytes), secret.as_bytes()) {
            Ok(()) => {}
            Err(SmpError::NotPrivate) => self.output.report_of(peer, Message::AuthNotPrivate {}),
            Err(error) => {
                self.output.report_of(peer, Message::AuthError { reason: error.to_string() })
            }
        }
    }
}
