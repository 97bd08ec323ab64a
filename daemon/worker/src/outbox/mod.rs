//! What a module was told and has not said that it saw: should its connection break, the same
//! instance of the module is told it again, word for word, and another one what can be told late.
//!
//! Lines are counted on both sides. Text is wiped when it is let go of, and never written to disk.

use crate::engine::messages::Message;
use crate::limits;
use crate::text::sanitize::single_line;
use proto::irc::{Nick, Text};
use proto::jsonrpc::{self, Id, Outgoing, Response};
use proto::shim::{Effect, Effects, IncomingMessage, Instance, OutgoingMessage, Security};
use serde::Deserialize;
use std::collections::VecDeque;
use zeroize::Zeroizing;

/// The lines for one instance of the module.
pub struct Replay {
    instance: Instance,
    lines: VecDeque<Line>,
    /// How many lines came before those, and are seen.
    seen: u64,
    /// The last request that was decided.
    answered: u64,
    bytes: usize,
    /// What was typed has been given back by the module.
    returned: bool,
    /// The module said goodbye: what it has not seen, it has not shown.
    exact: bool,
}

struct Line {
    bytes: Zeroizing<Vec<u8>>,
    /// What a `pass` in it lets pass, where only we know that.
    passes: Option<Effect>,
    /// It went to a connection.
    told: bool,
    /// Only words of `*otr`.
    words: bool,
}

/// A line as it was written.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    result: Option<Listed>,
    #[serde(default)]
    params: Option<Listed>,
}

/// The reply to `state` has no effects.
#[derive(Default, Deserialize)]
struct Listed {
    #[serde(default)]
    effects: Vec<Effect>,
}

impl Line {
    fn read(&self) -> (Option<Id>, Vec<Effect>) {
        match serde_json::from_slice(&self.bytes) {
            Ok(Written { id, result, params }) => {
                (id, result.or(params).unwrap_or_default().effects)
            }
            // A batch: nobody who says which instance it is sends one.
            Err(_) => (None, Vec::new()),
        }
    }
}

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

fn write(id: Option<Id>, effects: Vec<Effect>) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::new());
    let effects = Effects { effects };
    match id {
        Some(id) => jsonrpc::write_line(&mut line, &Response { id, outcome: Ok(effects) }),
        None => jsonrpc::write_line(&mut line, &Outgoing::notification("effects", effects)),
    }
    line
}

impl Replay {
    /// Nothing yet.
    pub fn new(instance: Instance) -> Self {
        Self {
            instance,
            lines: VecDeque::new(),
            seen: 0,
            answered: 0,
            bytes: 0,
            returned: false,
            exact: false,
        }
    }

    /// A request was decided; its reply, as it was written, if it got any. `passes` stands for the
    /// message that the reply lets pass where the one that holds it is gone.
    pub fn reply(&mut self, id: Option<u64>, line: &[u8], passes: Option<Effect>) {
        self.answered = id.map_or(self.answered, |id| self.answered.max(id));
        if line.is_empty() {
            return;
        }
        let bytes = Zeroizing::new(line.to_vec());
        self.push(Line { bytes, passes, told: true, words: false });
    }

    /// The last request that was decided.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// Effects that nobody asked for; gives their line. `told`: to a connection.
    pub fn effects(&mut self, effects: Vec<Effect>, told: bool) -> &[u8] {
        let is_words = |e: &Effect| matches!(e, Effect::Print { .. } | Effect::Table { .. });
        let words = effects.iter().all(is_words);
        self.push(Line { bytes: write(None, effects), passes: None, told, words });
        self.lines.back().map_or(&[], |line| line.bytes.as_slice())
    }

    fn push(&mut self, line: Line) {
        self.bytes += line.bytes.len();
        self.lines.push_back(line);
    }

    /// The module has seen so many lines.
    pub fn saw(&mut self, seen: u64) {
        while self.seen < seen
            && let Some(line) = self.lines.pop_front()
        {
            self.seen += 1;
            self.bytes -= line.bytes.len();
        }
    }

    /// The module says goodbye, and how far it came.
    pub fn goodbye(&mut self, seen: u64, returned: bool) {
        self.saw(seen);
        self.exact = true;
        self.returned |= returned;
    }

    /// Whether a module that says this of itself can go on where it was.
    pub fn goes_on(&self, instance: &Instance, seen: u64) -> bool {
        let told = self.seen.saturating_add(self.lines.len() as u64);
        self.instance == *instance && !self.exact && (self.seen..=told).contains(&seen)
    }

    /// What the module has given back must neither go out nor come back again.
    pub fn returned(&mut self) {
        for line in &mut self.lines {
            let (id, mut effects) = line.read();
            let all = effects.len();
            effects.retain(|effect| {
                matches!(
                    effect,
                    Effect::Deliver { .. }
                        | Effect::Print { .. }
                        | Effect::Table { .. }
                        | Effect::Protect { .. }
                        | Effect::State(_)
                        | Effect::Open
                        | Effect::Rules { .. }
                )
            });
            if effects.len() == all {
                // An error or a `state` stays what it is.
                continue;
            }
            self.bytes -= line.bytes.len();
            line.bytes = write(id, effects);
            self.bytes += line.bytes.len();
        }
    }

    /// Everything once more, for a new connection of the same instance: the last request that was
    /// decided, and the lines.
    pub fn again(&mut self) -> (u64, impl Iterator<Item = &[u8]>) {
        let lines = self.lines.iter_mut().map(|line| {
            line.told = true;
            line.bytes.as_slice()
        });
        (self.answered, lines)
    }

    /// Whether the module has to say that it saw something before more is done for it.
    pub fn is_full(&self) -> bool {
        self.bytes > limits::UNSEEN
    }

    /// While nobody is connected, the oldest words of `*otr` go first. False: it is too much all
    /// the same.
    pub fn fits(&mut self) -> bool {
        let (mut bytes, mut words) = (self.bytes, 0);
        let kept = self.lines.iter().filter(|line| line.words).count();
        for line in &mut self.lines {
            if bytes <= limits::UNSEEN && kept - words <= limits::BACKLOG {
                break;
            }
            if line.words {
                words += 1;
                bytes -= line.bytes.len();
                line.bytes = write(None, Vec::new());
                line.words = false;
                bytes += line.bytes.len();
            }
        }
        self.bytes = bytes;
        bytes <= limits::UNSEEN && self.lines.len() <= limits::UNSEEN_LINES
    }

    /// What can be told to another instance. What the one before may have shown says so.
    pub fn late(self) -> Vec<Effect> {
        let Self { lines, returned, exact, .. } = self;
        let mut late = Vec::new();
        for line in lines {
            let perhaps = line.told && !exact;
            // What it has not seen when it said goodbye, it has not sent.
            let unsent = exact && !returned;
            let passed = |effect| match effect {
                Effect::Pass => {
                    line.passes.clone().filter(|e| unsent || !matches!(e, Effect::Refuse { .. }))
                }
                Effect::Echo { to, text, .. } if unsent => Some(not_sent(to, text)),
                effect => Some(effect),
            };
            for effect in line.read().1.into_iter().filter_map(passed) {
                match effect {
                    Effect::Deliver { from, kind, text, security, unexpected, repeat, .. } => {
                        let repeat = repeat || perhaps;
                        let late_text = Effect::Deliver {
                            from,
                            kind,
                            text,
                            security,
                            unexpected,
                            late: true,
                            repeat,
                        };
                        late.push(late_text);
                    }
                    Effect::Print { text, style, repeat, about } => {
                        late.push(Effect::Print { text, style, repeat: repeat || perhaps, about });
                    }
                    Effect::Table { .. } if !perhaps => late.push(effect),
                    Effect::Refuse { to, why, text, repeat, about, .. } if !returned => {
                        // One that is away for long gives back by itself what it keeps.
                        let repeat = repeat || !exact;
                        late.push(Effect::Refuse { to, why, text, of: None, repeat, about });
                    }
                    // What concerns IRC itself is past; hello brings the guards.
                    _ => {}
                }
            }
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::shim::MessageKind;

    /// A module that sent a line, and says goodbye.
    fn late(goodbye: Option<bool>) -> Vec<Effect> {
        let Ok(instance) = Instance::new("one") else { return Vec::new() };
        let Ok(to) = Nick::new("bob") else { return Vec::new() };
        let text = |text: &str| Text::new(text.as_bytes().to_vec());
        let out = |text| OutgoingMessage {
            to: to.clone(),
            kind: MessageKind::Text,
            text,
            client: 0,
            closed: false,
            line: None,
        };
        let mut replay = Replay::new(instance);
        let pass = write(Some(Id::from(1)), vec![Effect::Pass]);
        replay.reply(Some(1), &pass, Some(typed(&out(text("in clear")))));
        let echo = Effect::Echo {
            to: to.clone(),
            kind: MessageKind::Text,
            text: text("encrypted"),
            client: 0,
            of: None,
            security: Some(Security::Unverified),
        };
        let echo = write(Some(Id::from(2)), vec![echo]);
        replay.reply(Some(2), &echo, None);
        if let Some(returned) = goodbye {
            replay.goodbye(0, returned);
        }
        replay.late()
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
