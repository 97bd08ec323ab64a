//! A line of the outbox: an answer, or effects that nobody asked for.

use crate::chunking;
use proto::jsonrpc::{self, Answer, Outgoing};
use proto::shim::{Effect, Effects, Reply};
use serde::Serialize;

/// A line in the outbox, kept until its reader has it.
pub(super) struct Kept {
    pub content: Content,
    /// It was written to a connection.
    pub told: bool,
    /// See [`chunking::weight`].
    pub weight: usize,
}

pub(super) enum Content {
    Answer(Answer<Decided>),
    /// Nobody asked for them.
    Effects(Effects),
}

/// What comes of a request.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Decided {
    /// As the module that asked is told.
    pub reply: Reply,
    /// What stands for the message that the reply lets pass, where the module that holds it is gone.
    #[serde(skip)]
    pub passes: Option<Effect>,
}

impl Kept {
    /// A line that was not written yet.
    pub fn new(content: Content) -> Self {
        Self { weight: content.weight(), content, told: false }
    }

    /// Takes effects out, and tells by how much lighter the line is.
    pub fn retain(&mut self, stays: impl Fn(&Effect) -> bool) -> usize {
        self.content.lists().for_each(|effects| effects.retain(&stays));
        let before = std::mem::replace(&mut self.weight, self.content.weight());
        before - self.weight
    }
}

impl Content {
    /// Each list of effects, which can be changed.
    fn lists(&mut self) -> impl Iterator<Item = &mut Vec<Effect>> {
        let (answers, unasked) = match self {
            Content::Answer(Answer::Single(response)) => (std::slice::from_mut(response), None),
            Content::Answer(Answer::Batch(responses)) => (responses.as_mut_slice(), None),
            Content::Effects(unasked) => (Default::default(), Some(&mut unasked.effects)),
        };
        let answers = answers.iter_mut().filter_map(|response| match &mut response.outcome {
            Ok(Decided { reply: Reply::Effects(Effects { effects }), .. }) => Some(effects),
            _ => None,
        });
        answers.chain(unasked)
    }

    /// Each effect, with what stands for the message that it lets pass.
    pub fn into_effects(self) -> Vec<(Effect, Option<Effect>)> {
        let answers = match self {
            Content::Answer(Answer::Single(response)) => vec![response],
            Content::Answer(Answer::Batch(responses)) => responses,
            Content::Effects(effects) => {
                return effects.effects.into_iter().map(|effect| (effect, None)).collect();
            }
        };
        let decided = answers.into_iter().filter_map(|response| response.outcome.ok());
        decided
            .flat_map(|Decided { reply, passes }| match reply {
                Reply::Effects(Effects { effects }) => {
                    effects.into_iter().map(|effect| (effect, passes.clone())).collect()
                }
                Reply::State(_) => Vec::new(),
            })
            .collect()
    }

    /// A person's text is in it, or one of the user's that comes back.
    pub fn holds_text(&self) -> bool {
        let text = |e: &Effect| matches!(e, Effect::Deliver { .. } | Effect::Refuse { .. });
        let responses = match self {
            Content::Effects(Effects { effects }) => return effects.iter().any(text),
            Content::Answer(Answer::Single(response)) => std::slice::from_ref(response),
            Content::Answer(Answer::Batch(responses)) => responses.as_slice(),
        };
        responses.iter().filter_map(|response| response.outcome.as_ref().ok()).any(|decided| {
            let Reply::Effects(Effects { effects }) = &decided.reply else { return false };
            decided.passes.is_some() || effects.iter().any(text)
        })
    }

    /// Only words of `*otr` that nobody asked for.
    pub fn is_words(&self) -> bool {
        let words = |e: &Effect| matches!(e, Effect::Print { .. } | Effect::Table { .. });
        let Content::Effects(Effects { effects }) = self else { return false };
        !effects.is_empty() && effects.iter().all(words)
    }

    fn weight(&self) -> usize {
        let of = |effects: &[Effect]| effects.iter().map(chunking::weight).sum::<usize>();
        let decided = |decided: &Decided| match &decided.reply {
            Reply::Effects(Effects { effects }) => {
                of(effects) + decided.passes.as_ref().map_or(0, chunking::weight)
            }
            // At most a line.
            Reply::State(_) => proto::MAX_LINE,
        };
        let answers = match self {
            Content::Answer(Answer::Single(response)) => std::slice::from_ref(response),
            Content::Answer(Answer::Batch(responses)) => responses.as_slice(),
            Content::Effects(unasked) => return chunking::AROUND + of(&unasked.effects),
        };
        let outcomes = answers.iter().filter_map(|response| response.outcome.as_ref().ok());
        chunking::AROUND * answers.len() + outcomes.map(decided).sum::<usize>()
    }

    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Content::Answer(answer) => jsonrpc::write_line(out, answer),
            Content::Effects(effects) => {
                jsonrpc::write_line(out, &Outgoing::notification("effects", effects));
            }
        }
    }
}
