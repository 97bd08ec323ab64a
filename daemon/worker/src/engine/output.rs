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

    /// All that is to be done, once it is known.
    pub(super) fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
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
