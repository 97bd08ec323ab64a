//! What can be told to another module than the one it was meant for, and what is shown in place of
//! a message that only that one held.

use super::content::{Content, Kept};
use crate::engine::messages::Message;
use crate::text::sanitize::single_line;
use proto::irc::{Nick, Text};
use proto::shim::{Effect, IncomingMessage, OutgoingMessage, Security};

/// A line that a module keeps for us while we are away, as it is shown where no module holds it
/// any more. It is no longer the line itself, so what could be more than text is taken out.
pub fn left_to_us(message: &IncomingMessage) -> Option<Effect> {
    message.text.as_bytes().starts_with(b"?OTR").then(|| Effect::Deliver {
        from: message.from.clone(),
        kind: message.kind,
        text: Text::new(single_line(message.text.as_bytes())),
        security: Some(Security::Clear),
        unexpected: false,
        late: false,
        repeat: false,
    })
}

/// What was typed, as it comes back where the module that held it is gone and showed nobody.
pub fn typed(out: &OutgoingMessage) -> Effect {
    not_sent(out.to.clone(), out.text.clone())
}

/// A text comes back that a module with nobody to read it had not sent when it was unloaded.
fn not_sent(to: Nick, text: Text) -> Effect {
    let why = Message::BackUnloaded {};
    Effect::Refuse { to, why: why.text(), text, of: None, repeat: false, about: why.about() }
}

/// What an instance said of itself when it left, if it did.
#[derive(Clone, Copy, Default)]
pub(super) struct Parting {
    /// It said goodbye: what it has not seen, it has not shown.
    pub goodbye: bool,
    /// It has given back what was typed, or does so by itself.
    pub returned: bool,
}

/// What another module is told of a line that an instance has not seen. What that one may have shown
/// all the same says so.
pub(super) fn of(entry: Kept, parting: Parting) -> Vec<Effect> {
    let Parting { goodbye, returned } = parting;
    let perhaps = entry.told && !goodbye;
    // What it has not seen when it said goodbye, it has not sent.
    let unsent = goodbye && !returned;
    let mut late = Vec::new();
    for (effect, passes) in entry.content.into_effects() {
        let effect = match effect {
            Effect::Pass => passes.filter(|e| unsent || !matches!(e, Effect::Refuse { .. })),
            Effect::Echo { to, text, .. } => unsent.then(|| not_sent(to, text)),
            effect => Some(effect),
        };
        let told = effect.filter(|e| !(returned && matches!(e, Effect::Refuse { .. })));
        // A module that stays away for long gives back by itself what it keeps.
        late.extend(told.and_then(|effect| said_again(effect, perhaps, !goodbye)));
    }
    late
}

/// What another module is told of a line that was not written to one without an instance. Such a module
/// gives back by itself what it has no answer to.
pub(super) fn without_instance(entry: Kept) -> Vec<Effect> {
    let answers = matches!(entry.content, Content::Answer(_));
    let effects = entry.content.into_effects().into_iter().map(|(effect, _)| effect);
    let told = effects.filter(|e| !(answers && matches!(e, Effect::Refuse { .. })));
    told.filter_map(|effect| said_again(effect, false, false)).collect()
}

/// An effect as another module is told it, if it is for the user. What is for IRC is past by then, and
/// the guards and states come with hello. `shown`: it may have been shown before; `returned`: a text
/// may have come back before.
pub(super) fn said_again(effect: Effect, shown: bool, returned: bool) -> Option<Effect> {
    Some(match effect {
        Effect::Deliver { from, kind, text, security, unexpected, repeat, .. } => {
            let repeat = repeat || shown;
            Effect::Deliver { from, kind, text, security, unexpected, late: true, repeat }
        }
        Effect::Print { text, style, repeat, about } => {
            Effect::Print { text, style, repeat: repeat || shown, about }
        }
        Effect::Table { .. } if !shown => effect,
        Effect::Refuse { to, why, text, repeat, about, .. } => {
            Effect::Refuse { to, why, text, of: None, repeat: repeat || returned, about }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Decided, Outbox};
    use super::*;
    use proto::jsonrpc::{Answer, Id, Response};
    use proto::shim::{Effects, Instance, MessageKind, Reply};

    fn text(text: &str) -> Text {
        Text::new(text.as_bytes().to_vec())
    }

    fn answer(id: u64, effect: Effect, passes: Option<Effect>) -> Answer<Decided> {
        let reply = Reply::Effects(Effects { effects: vec![effect] });
        Answer::Single(Response { id: Id::from(id), outcome: Ok(Decided { reply, passes }) })
    }

    /// A module that sent two lines and got their answers, and says goodbye.
    fn late(goodbye: Option<bool>) -> Vec<Effect> {
        let Ok(to) = Nick::new("bob") else { return Vec::new() };
        let mut outbox = Outbox::default();
        outbox.begin(Instance::new("one").ok());
        outbox.connected();
        let passes = not_sent(to.clone(), text("in clear"));
        outbox.answer(Some(1), Some(answer(1, Effect::Pass, Some(passes))));
        let echo = Effect::Echo {
            to,
            kind: MessageKind::Text,
            text: text("encrypted"),
            client: 0,
            of: None,
            security: Some(Security::Unverified),
        };
        outbox.answer(Some(2), Some(answer(2, echo, None)));
        outbox.write_to(&mut Vec::new(), usize::MAX);
        outbox.disconnected();
        if let Some(returned) = goodbye {
            outbox.goodbye(0, returned);
        }
        outbox.begin(None)
    }

    #[test]
    fn what_was_typed_comes_back_where_the_module_had_nobody_to_give_it_to() {
        let back: Vec<String> = late(Some(false))
            .iter()
            .filter_map(|effect| match effect {
                Effect::Refuse { text, about, .. }
                    if about.code.as_deref() == Some("back_unloaded") =>
                {
                    Some(String::from_utf8_lossy(text.as_bytes()).into_owned())
                }
                _ => None,
            })
            .collect();
        assert_eq!(back, ["in clear", "encrypted"]);
        assert!(late(Some(true)).is_empty(), "the module gave it back");
        assert!(late(None).is_empty(), "it may have been sent");
    }
}
