//! What a step does: what is said to the user as `*otr`, the lines to peers, each cut to what fits, and
//! whatever else is to be done, in order.

use super::action::{Action, Outgoing};
use super::messages::Message;
use super::module_view::ModuleView;
use crate::text::sanitize::quote;
use otr::fragment;
use proto::irc::{Nick, Text};
use proto::shim::{About, Effect, MessageKind, OutgoingMessage, Security, Style};

mod announcements;
mod peer_texts;

/// The actions of the step under way, and the module that they are for.
#[derive(Default)]
pub(super) struct Output {
    actions: Vec<Action>,
    module: ModuleView,
}

impl Output {
    /// What the connected module said, and was told.
    pub(super) fn module(&self) -> &ModuleView {
        &self.module
    }

    pub(super) fn module_mut(&mut self) -> &mut ModuleView {
        &mut self.module
    }

    /// Something to be done, after everything before.
    pub(super) fn push(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Something that the module has to do, after everything before.
    pub(super) fn effect(&mut self, effect: Effect) {
        self.push(Action::Effect(effect));
    }

    /// Something that the module has to do before everything else of this step.
    pub(super) fn effects_first(&mut self, effects: impl IntoIterator<Item = Effect>) {
        self.actions.splice(0..0, effects.into_iter().map(Action::Effect));
    }

    /// All that is to be done, behind what is there.
    pub(super) fn move_to(&mut self, actions: &mut Vec<Action>) {
        actions.append(&mut self.actions);
    }

    #[cfg(test)]
    pub(super) fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// The codes of what the user is told, for tests of parts alone.
    #[cfg(test)]
    pub(super) fn take_codes(&mut self) -> Vec<String> {
        let code = |action| match action {
            Action::Effect(Effect::Print { about, .. } | Effect::Refuse { about, .. }) => {
                about.code
            }
            _ => None,
        };
        self.take().into_iter().filter_map(code).collect()
    }

    /// A line of `*otr`.
    pub(super) fn report(&mut self, message: Message) {
        self.print(message.style(), message.text(), message.about());
    }

    /// A line of `*otr`, now or as soon as a module is there.
    pub(super) fn report_or_note(&mut self, message: Message) {
        match self.module.is_connected() {
            true => self.report(message),
            false => self.module.note(message),
        }
    }

    /// A line of `*otr` about a peer: `[bob] …`.
    pub(super) fn report_of(&mut self, nick: &Nick, message: Message) {
        self.report_under(&quote(nick.as_bytes()), Some(nick.clone()), message);
    }

    /// The same under a name that need not be a nick of IRC; `!status` is none.
    pub(super) fn report_under(&mut self, name: &str, peer: Option<Nick>, message: Message) {
        let text = format!("[{name}] {}", message.text());
        self.print(message.style(), text, About { peer, ..message.about() });
    }

    fn print(&mut self, style: Style, text: String, about: About) {
        self.effect(printed(style, text, about));
    }

    /// A table of `*otr`.
    pub(super) fn table(&mut self, columns: &[&str], rows: Vec<Vec<Text>>) {
        let columns = columns.iter().map(|head| (*head).to_owned()).collect();
        self.effect(Effect::Table { columns, rows });
    }

    /// The user's text comes back.
    pub(super) fn refuse(&mut self, out: Outgoing, why: &Message) {
        let Outgoing { message: OutgoingMessage { to, text, .. }, request: of } = out;
        let (why, about) = (why.text(), why.about());
        self.effect(Effect::Refuse { to, why, text, of, repeat: false, about });
    }

    /// The user's text went out: their other clients see it, too.
    pub(super) fn echo(&mut self, out: Outgoing, security: Security) {
        let Outgoing { message, request: of } = out;
        let OutgoingMessage { to, kind, text, client, .. } = message;
        self.effect(Effect::Echo { to, kind, text, client, of, security: Some(security) });
    }

    /// An OTR line of libotr's, cut to what fits. Says so where it cannot be.
    pub(super) fn send_line(&mut self, to: &Nick, line: Vec<u8>) -> bool {
        let room = self.module.room(to, "PRIVMSG");
        if line.len() <= room {
            self.effect(Effect::Send {
                to: to.clone(),
                kind: MessageKind::Text,
                text: Text::new(line),
            });
            return true;
        }
        match fragment::cut(&line, room) {
            Ok(pieces) => {
                for piece in pieces {
                    self.effect(Effect::Send {
                        to: to.clone(),
                        kind: MessageKind::Text,
                        text: Text::new(piece),
                    });
                }
                true
            }
            Err(error) => {
                self.report_of(to, Message::LineNotSent { reason: error.to_string() });
                false
            }
        }
    }

    /// Whether IRC is there; says otherwise.
    pub(super) fn online_or_say(&mut self, nick: &Nick) -> bool {
        let online = self.module.is_online();
        if !online {
            self.report_of(nick, Message::Offline {});
        }
        online
    }
}

/// Says that so many lines are not in an answer, which would be too long otherwise.
pub fn left_out(count: usize) -> Effect {
    let message = Message::LeftOut { count: count.to_string() };
    printed(message.style(), message.text(), message.about())
}

fn printed(style: Style, text: String, about: About) -> Effect {
    Effect::Print { text: Text::from(text), style, repeat: false, about }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::shim::Network;

    fn bob() -> Nick {
        Nick::new("bob").unwrap()
    }

    #[test]
    fn what_comes_first_stands_before_all_that_was_said() {
        let mut output = Output::default();
        output.report(Message::Finished {});
        output.effects_first([Effect::Hold, Effect::Pass]);
        let kinds = output.take().into_iter().map(|action| match action {
            Action::Effect(Effect::Hold) => "hold",
            Action::Effect(Effect::Pass) => "pass",
            Action::Effect(Effect::Print { .. }) => "print",
            _ => "something else",
        });
        assert_eq!(kinds.collect::<Vec<_>>(), ["hold", "pass", "print"]);
        assert!(output.take().is_empty());
    }

    #[test]
    fn what_nobody_hears_is_said_to_the_next_module() {
        let mut output = Output::default();
        output.report_or_note(Message::Finished {});
        assert!(output.take().is_empty());
        assert_eq!(output.module_mut().take_notes(), [Message::Finished {}]);
        assert!(output.module_mut().take_notes().is_empty());
    }

    #[test]
    fn a_line_about_a_peer_names_them_for_people_and_for_programs() {
        let mut output = Output::default();
        output.report_of(&bob(), Message::Finished {});
        let Some(Action::Effect(Effect::Print { text, about, .. })) = output.take().pop() else {
            panic!("nothing is said");
        };
        assert!(text.as_bytes().starts_with(b"[bob] "), "{text:?}");
        assert_eq!(about.peer, Some(bob()));
    }

    #[test]
    fn a_long_line_goes_out_in_pieces_that_fit() {
        let mut output = Output::default();
        let long = [b"?OTR:".as_slice(), &[b'A'; 2000], b"."].concat();
        let room = output.module().room(&bob(), "PRIVMSG");
        assert!(output.send_line(&bob(), b"?OTR:AAA.".to_vec()));
        assert_eq!(output.take().len(), 1);
        // Only a message of version 3 or 2 can be cut; this one is none.
        assert!(!output.send_line(&bob(), long));
        assert_eq!(output.take_codes(), ["line_not_sent"]);
        let version_3 = [b"?OTR:AAMD".as_slice(), &[b'A'; 2000], b"."].concat();
        assert!(output.send_line(&bob(), version_3));
        let pieces = output.take();
        assert!(pieces.len() > 2000 / room);
        for piece in pieces {
            let Action::Effect(Effect::Send { text, .. }) = piece else { panic!("not sent") };
            assert!(text.as_bytes().len() <= room);
        }
    }

    #[test]
    fn without_irc_the_user_is_told_so() {
        let mut output = Output::default();
        assert!(!output.online_or_say(&bob()));
        assert_eq!(output.take_codes(), ["offline"]);
        output.module_mut().describes(Network { connected: true, ..Network::default() });
        assert!(output.online_or_say(&bob()));
        assert!(output.take().is_empty());
    }
}
