//! What goes to the ZNC module: replies and effects in one queue, typed until they are written.
//!
//! A module that says which instance it is counts our lines, and says how many it has seen. Should its
//! connection break, it is told the others again, word for word; another instance is told what can be
//! told late ([`late`]). A module without an instance is told each line once, and whatever comes while
//! nobody is connected is for whoever connects next.

mod content;
pub mod late;

pub use content::Decided;

use crate::chunking;
use crate::limits;
use content::{Content, Kept};
use late::Parting;
use proto::jsonrpc::Answer;
use proto::shim::{Effect, Effects, Instance};
use std::collections::VecDeque;
use std::mem;

/// The queue of lines for the module, and what of it was written.
#[derive(Default)]
pub struct Outbox {
    entries: VecDeque<Kept>,
    /// How many of them were written to the connection that is there.
    written: usize,
    weight: usize,
    connected: bool,
    /// The module that they are for, if it said which instance it is.
    reader: Option<Reader>,
}

struct Reader {
    instance: Instance,
    /// How many lines it has seen. They are no longer in the queue.
    seen: u64,
    /// The last of its requests that was decided.
    answered: u64,
    parting: Parting,
}

impl Outbox {
    /// Whether an instance that has seen so many lines can go on where it was.
    pub fn goes_on(&self, instance: Option<&Instance>, seen: u64) -> bool {
        let Some(reader) = &self.reader else { return false };
        let told = self.entries.iter().take_while(|entry| entry.told).count() as u64;
        let lines = reader.seen..=reader.seen.saturating_add(told);
        instance == Some(&reader.instance) && !reader.parting.goodbye && lines.contains(&seen)
    }

    /// Another module takes the place of the one before. Gives what it can be told of what that one
    /// was not.
    pub fn begin(&mut self, instance: Option<Instance>) -> Vec<Effect> {
        let late = self.take_late();
        let parting = Parting::default();
        self.reader = instance.map(|instance| Reader { instance, seen: 0, answered: 0, parting });
        late
    }

    /// A connection begins: what its reader has not seen is written to it.
    pub fn connected(&mut self) {
        self.connected = true;
        self.written = 0;
    }

    /// The module's connection ended.
    pub fn disconnected(&mut self) {
        self.connected = false;
        if self.reader.is_none() {
            let late = self.take_late();
            self.effects(late);
        }
    }

    /// Whether the module said which instance it is: it counts our lines, and asks by ids that rise.
    pub fn has_instance(&self) -> bool {
        self.reader.is_some()
    }

    /// The last request of an instance that was decided.
    pub fn answered(&self) -> u64 {
        self.reader.as_ref().map_or(0, |reader| reader.answered)
    }

    /// A line of the module was decided: the last request in it, and the answer, if it gets any.
    pub fn answer(&mut self, last: Option<u64>, answer: Option<Answer<Decided>>) {
        if let (Some(reader), Some(last)) = (&mut self.reader, last) {
            reader.answered = reader.answered.max(last);
        }
        if let Some(answer) = answer {
            self.push(Content::Answer(answer));
        }
    }

    /// Effects that nobody asked for, in as many lines as it takes.
    pub fn effects(&mut self, effects: Vec<Effect>) {
        if self.reader.is_none() && !self.connected {
            for effect in effects.into_iter().filter_map(|e| late::said_again(e, false, false)) {
                self.push(Content::Effects(Effects { effects: vec![effect] }));
            }
            return self.bound_for_anybody();
        }
        for effects in chunking::split(effects) {
            self.push(Content::Effects(Effects { effects }));
        }
    }

    fn push(&mut self, content: Content) {
        let entry = Kept::new(content);
        self.weight += entry.weight;
        self.entries.push_back(entry);
    }

    fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.weight -= entry.weight;
            self.written = self.written.saturating_sub(1);
        }
    }

    /// Writes lines until `out` has so many bytes.
    pub fn write_to(&mut self, out: &mut Vec<u8>, enough: usize) {
        while out.len() < enough
            && let Some(entry) = self.entries.get_mut(self.written)
        {
            entry.told = true;
            entry.content.write_to(out);
            self.written += 1;
            if self.reader.is_none() {
                self.pop();
            }
        }
    }

    /// Whether there is more to be written to the connection.
    pub fn has_more(&self) -> bool {
        self.written < self.entries.len()
    }

    /// An instance has seen so many lines.
    pub fn saw(&mut self, seen: u64) {
        while self.reader.as_ref().is_some_and(|reader| reader.seen < seen)
            && self.entries.front().is_some_and(|entry| entry.told)
        {
            self.pop();
            if let Some(reader) = &mut self.reader {
                reader.seen += 1;
            }
        }
    }

    /// An instance says goodbye, and how far it came.
    pub fn goodbye(&mut self, seen: u64, returned: bool) {
        self.saw(seen);
        if let Some(Reader { parting, .. }) = &mut self.reader {
            parting.goodbye = true;
            parting.returned |= returned;
        }
    }

    /// What the module has given back must neither go out nor come back again.
    pub fn returned(&mut self) {
        let stays = |effect: &Effect| {
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
        };
        for entry in &mut self.entries {
            self.weight -= entry.retain(stays);
        }
    }

    /// Whether the module has to read before more is read from it. Lines that it has not said to have
    /// seen do not count: its `ack` may come behind any number of requests.
    pub fn is_full(&self) -> bool {
        let unwritten = self.entries.iter().skip(self.written);
        unwritten.map(|entry| entry.weight).sum::<usize>() > limits::OUTBOX
    }

    /// Whether it does not read at all, or never says so.
    pub fn is_unread(&self) -> bool {
        self.weight > limits::OUTBOX_UNREAD
    }

    /// Whether all of it may be kept for an instance that is not connected, at most without the oldest
    /// words of `*otr`. If not, the instance is to be given up.
    pub fn fits(&mut self) -> bool {
        if self.connected {
            return true;
        }
        let mut words = self.entries.iter().filter(|entry| entry.content.is_words()).count();
        for entry in &mut self.entries {
            if self.weight <= limits::OUTBOX && words <= limits::BACKLOG {
                break;
            }
            if entry.content.is_words() {
                words -= 1;
                // The line stays: it counts.
                self.weight -= entry.retain(|_| false);
            }
        }
        self.weight <= limits::OUTBOX && self.entries.len() <= limits::OUTBOX_LINES
    }

    /// Whether anybody's text waits here for a module that is not connected.
    pub fn holds_text(&self) -> bool {
        !self.connected && self.entries.iter().any(|entry| entry.content.holds_text())
    }

    /// The instance that was there is not waited for any more.
    pub fn give_up(&mut self) {
        let late = self.begin(None);
        self.effects(late);
    }

    /// The oldest goes, but rather than what was typed, what was said about it.
    fn bound_for_anybody(&mut self) {
        while self.entries.len() > limits::BACKLOG || self.weight > limits::OUTBOX {
            let words = self.entries.iter().position(|entry| entry.content.is_words());
            let Some(entry) = self.entries.remove(words.unwrap_or(0)) else { return };
            self.weight -= entry.weight;
        }
    }

    fn take_late(&mut self) -> Vec<Effect> {
        let entries = mem::take(&mut self.entries);
        (self.weight, self.written) = (0, 0);
        match &self.reader {
            Some(Reader { parting, .. }) => {
                entries.into_iter().flat_map(|entry| late::of(entry, *parting)).collect()
            }
            None => entries.into_iter().flat_map(late::without_instance).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::irc::{Nick, Source, Text};
    use proto::jsonrpc::{Id, Response};
    use proto::shim::{About, MessageKind, Reply, Security, Style};

    fn words(text: &str) -> Effect {
        let text = Text::from(text);
        Effect::Print { text, style: Style::Plain, repeat: false, about: About::default() }
    }

    fn deliver(text: &str) -> Effect {
        Effect::Deliver {
            from: Source::new("bob!b@h").unwrap(),
            kind: MessageKind::Text,
            text: Text::from(text),
            security: Some(Security::Verified),
            unexpected: false,
            late: false,
            repeat: false,
        }
    }

    fn refuse(text: &str) -> Effect {
        Effect::Refuse {
            to: Nick::new("bob").unwrap(),
            why: String::new(),
            text: Text::from(text),
            of: None,
            repeat: false,
            about: About::default(),
        }
    }

    fn answer(effects: Vec<Effect>) -> Answer<Decided> {
        Answer::Single(response(1, effects))
    }

    fn response(id: u64, effects: Vec<Effect>) -> Response<Decided> {
        let decided = Decided { reply: Reply::Effects(Effects { effects }), passes: None };
        Response { id: Id::from(id), outcome: Ok(decided) }
    }

    fn instance() -> Instance {
        Instance::new("one").unwrap()
    }

    fn connected(instance: Option<Instance>) -> Outbox {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.begin(instance), []);
        outbox.connected();
        outbox
    }

    fn written(outbox: &mut Outbox) -> String {
        let mut out = Vec::new();
        outbox.write_to(&mut out, usize::MAX);
        String::from_utf8(out).unwrap()
    }

    /// The texts of effects, the late ones with a star, what may have been shown with a mark.
    fn told(effects: Vec<Effect>) -> Vec<String> {
        let said = effects.into_iter().map(|effect| match effect {
            Effect::Deliver { text, late, repeat, .. } => (text, late, repeat),
            Effect::Print { text, repeat, .. } | Effect::Refuse { text, repeat, .. } => {
                (text, false, repeat)
            }
            effect => panic!("{effect:?}"),
        });
        said.map(|(text, late, repeat)| {
            let (late, repeat) = (if late { "*" } else { "" }, if repeat { "?" } else { "" });
            format!("{}{late}{repeat}", String::from_utf8_lossy(text.as_bytes()))
        })
        .collect()
    }

    #[test]
    fn an_instance_is_told_again_what_it_has_not_seen() {
        let mut outbox = connected(Some(instance()));
        for text in ["one", "two", "three"] {
            outbox.effects(vec![words(text)]);
        }
        let all = written(&mut outbox);
        assert_eq!(written(&mut outbox), "", "each line goes once to a connection");
        outbox.saw(1);
        outbox.disconnected();
        outbox.effects(vec![words("four")]);
        assert!(outbox.goes_on(Some(&instance()), 2) && outbox.goes_on(Some(&instance()), 3));
        assert!(!outbox.goes_on(Some(&instance()), 4), "the fourth was never written");
        assert!(!outbox.goes_on(Some(&instance()), 0) && !outbox.goes_on(None, 2));
        outbox.saw(2);
        outbox.connected();
        let again = written(&mut outbox);
        let lines: Vec<&str> = again.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(Some(lines[0]), all.lines().nth(2));
        assert!(lines[1].contains("four"));
    }

    #[test]
    fn nothing_is_seen_before_it_was_written() {
        let mut outbox = connected(Some(instance()));
        outbox.effects(vec![words("one")]);
        outbox.saw(u64::MAX);
        assert!(written(&mut outbox).contains("one"));
        outbox.saw(u64::MAX);
        assert!(!outbox.is_full() && outbox.weight == 0 && !outbox.has_more());
    }

    #[test]
    fn a_module_that_reads_is_read_from_before_it_says_ack() {
        let mut outbox = connected(Some(instance()));
        let long = "x".repeat(8000);
        while outbox.weight <= 2 * limits::OUTBOX {
            outbox.effects(vec![deliver(&long)]);
            assert!(!outbox.is_full());
            written(&mut outbox);
        }
        assert!(!outbox.is_unread());
        let mut before = 0;
        while !outbox.is_full() {
            outbox.effects(vec![deliver(&long)]);
            before += 1;
        }
        assert!(before > 100, "{before}");
        while !outbox.is_unread() {
            outbox.effects(vec![deliver(&long)]);
        }
    }

    #[test]
    fn a_slow_reader_gets_a_line_after_the_other() {
        let mut outbox = connected(Some(instance()));
        (0..10).for_each(|_| outbox.effects(vec![words(&"x".repeat(1000))]));
        let mut out = Vec::new();
        outbox.write_to(&mut out, 2500);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 3);
        assert!(outbox.has_more());
    }

    #[test]
    fn another_module_is_told_what_can_be_told_late() {
        let mut outbox = connected(Some(instance()));
        let batch = vec![response(1, vec![deliver("one")]), response(2, vec![deliver("two")])];
        outbox.answer(Some(2), Some(Answer::Batch(batch)));
        assert_eq!(outbox.answered(), 2);
        written(&mut outbox);
        outbox.effects(vec![Effect::Open, deliver("three"), refuse("four")]);
        outbox.disconnected();
        assert_eq!(told(outbox.begin(None)), ["one*?", "two*?", "three*", "four?"]);
    }

    #[test]
    fn texts_that_nobody_has_seen_are_worth_staying_for() {
        let mut outbox = connected(Some(instance()));
        outbox.effects(vec![words("one"), Effect::Open]);
        outbox.disconnected();
        assert!(!outbox.holds_text());
        outbox.effects(vec![deliver("two")]);
        assert!(outbox.holds_text());
        outbox.connected();
        assert!(!outbox.holds_text(), "a module is there");
        written(&mut outbox);
        outbox.disconnected();
        assert!(outbox.holds_text());
        outbox.saw(2);
        assert!(!outbox.holds_text());
        outbox.answer(Some(1), Some(answer(vec![deliver("three")])));
        assert!(outbox.holds_text());
    }

    /// A module that does not count our lines gives back by itself what it has no answer to.
    #[test]
    fn what_was_not_written_to_a_module_that_counts_nothing_is_for_the_next() {
        let mut outbox = connected(None);
        outbox.answer(None, Some(answer(vec![deliver("one")])));
        written(&mut outbox);
        outbox.answer(None, Some(answer(vec![deliver("two"), refuse("typed")])));
        outbox.effects(vec![refuse("timed out"), Effect::Open]);
        outbox.disconnected();
        outbox.effects(vec![words("three"), Effect::Open]);
        assert_eq!(told(outbox.begin(None)), ["two*", "timed out", "three"]);
    }

    #[test]
    fn of_too_much_words_go_first() {
        // Of an instance, the line with what was typed is not one of words.
        for (instance, kept) in [(Some(instance()), limits::BACKLOG + 1), (None, limits::BACKLOG)] {
            let mut outbox = connected(instance);
            outbox.disconnected();
            outbox.effects(vec![refuse("typed")]);
            for _ in 0..2 * limits::BACKLOG {
                outbox.effects(vec![words("words")]);
                assert!(outbox.fits());
            }
            let told = told(outbox.begin(None));
            assert_eq!(told.len(), kept);
            assert!(told.iter().any(|text| text.starts_with("typed")));
        }
    }

    #[test]
    fn an_instance_with_too_much_text_is_given_up() {
        let mut outbox = connected(Some(instance()));
        outbox.disconnected();
        let long = "x".repeat(8000);
        while outbox.fits() {
            outbox.effects(vec![deliver(&long)]);
        }
        outbox.give_up();
        assert!(!outbox.has_instance() && outbox.fits());
        let kept = outbox.begin(None).len();
        assert!(kept > 100 && kept * 8200 <= limits::OUTBOX, "{kept}");
    }

    #[test]
    fn what_the_module_gave_back_stays_with_it() {
        let mut outbox = connected(Some(instance()));
        outbox.answer(Some(1), Some(answer(vec![Effect::Pass, words("one")])));
        outbox.effects(vec![refuse("two"), deliver("three")]);
        outbox.returned();
        let lines = written(&mut outbox);
        assert!(!lines.contains("pass") && !lines.contains("two"));
        assert!(lines.contains("one") && lines.contains("three"));
    }
}
