//! Key exchanges that cross, with a friend whose program is libotr and nothing else: what was shown as
//! sent can be read at the other end, in whatever order the lines of both sides come.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;
#[path = "../../otr/tests/common/raw.rs"]
#[allow(dead_code, reason = "attacks use the rest")]
mod raw;

use common::key_file;
use common::user::{Shown, User};
use otr::message::{MessageType, OtrLine, classify};
use proto::shim::MessageKind;
use raw::Raw;
use std::collections::VecDeque;

/// How a play begins.
#[derive(Clone, Copy, Debug)]
enum Begin {
    /// Nothing is private yet.
    Clear,
    /// The conversation is private.
    Private,
    /// It was, and Alice's worker was killed: Bob's program does not know.
    Lost,
}

/// Alice behind ZNC, and Bob; what is on its way between them stays in order.
struct Stage {
    alice: User,
    bob: Raw,
    to_alice: VecDeque<Vec<u8>>,
    /// What Alice typed, what she saw leave, and what Bob could read.
    typed: Vec<String>,
    sent: Vec<String>,
    read: Vec<String>,
    log: Vec<String>,
}

impl Stage {
    fn new(begin: Begin) -> Self {
        let mut stage = Self {
            alice: User::new(),
            bob: Raw::new("bob", key_file("bob", 0)),
            to_alice: VecDeque::new(),
            typed: Vec::new(),
            sent: Vec::new(),
            read: Vec::new(),
            log: Vec::new(),
        };
        stage.alice.lines(8192);
        stage.alice.command("policy * required");
        if matches!(begin, Begin::Private | Begin::Lost) {
            stage.alice.command("start bob");
            stage.settle();
        }
        if matches!(begin, Begin::Lost) {
            stage.alice = User::from_disk(stage.alice.files.clone());
            stage.alice.lines(8192);
        }
        stage
    }

    fn alice_asks(&mut self) {
        self.log.push("alice asks".into());
        self.alice.command("refresh bob");
        self.look();
    }

    fn alice_says(&mut self) {
        let text = format!("line {}", self.typed.len());
        self.log.push(format!("alice says {text}"));
        self.alice.says("bob", &text);
        self.typed.push(text);
        self.look();
    }

    fn bob_asks(&mut self) {
        self.log.push("bob asks".into());
        self.to_alice.push_back(b"?OTRv23?".to_vec());
    }

    fn bob_hears(&mut self) {
        let Some(line) = self.alice.out.pop_front() else { return };
        self.log.push(format!("bob hears {}", kind(&line.text)));
        let text = self.bob.receive("alice", &line.text);
        if kind(&line.text) == "data" {
            self.read.extend(text.map(|text| String::from_utf8(text).unwrap()));
        }
        self.to_alice.extend(self.bob.out.drain(..));
    }

    fn alice_hears(&mut self) {
        let Some(line) = self.to_alice.pop_front() else { return };
        self.log.push(format!("alice hears {}", kind(&line)));
        self.alice.hears("bob", MessageKind::Text, &line);
        self.look();
    }

    fn look(&mut self) {
        for shown in self.alice.news() {
            self.log.push(format!("    {shown:?}"));
            if let Shown::Echo { text, .. } = shown {
                self.sent.push(text);
            }
        }
    }

    /// Everything that is on its way arrives.
    fn settle(&mut self) {
        while !self.alice.out.is_empty() || !self.to_alice.is_empty() {
            self.bob_hears();
            self.alice_hears();
        }
    }

    /// Each line left once and was read once, or came back; what came back stays in `log`.
    fn check(&self, typed_come_back: bool) {
        let told = format!("{:#?}", self.log);
        assert_eq!(self.sent, self.read, "{told}");
        assert!(typed_come_back || self.sent == self.typed, "{told}");
    }
}

fn kind(line: &[u8]) -> &'static str {
    match classify(line) {
        OtrLine::Query { .. } => "query",
        OtrLine::Message { kind: MessageType::Data, .. } => "data",
        OtrLine::Message { kind: MessageType::DhCommit, .. } => "commitment",
        OtrLine::Message { kind: MessageType::DhKey, .. } => "key",
        OtrLine::Message { kind: MessageType::RevealSig, .. } => "opening",
        OtrLine::Message { kind: MessageType::Signature, .. } => "signature",
        _ => "text",
    }
}

/// Numbers that look random (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn pick(&mut self, from: &[char]) -> Option<char> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(from.len()).unwrap();
        (bound > 0).then(|| from[usize::try_from(self.0 % bound).unwrap()])
    }
}

/// Each asks twice and Alice types six lines while lines of either side arrive, in some order.
fn play(seed: u64, begin: Begin) -> Stage {
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut stage = Stage::new(begin);
    stage.log.push(format!("{begin:?}, seed {seed}"));
    let mut left = vec!['a', 'a', 'b', 'b', 's', 's', 's', 's', 's', 's'];
    loop {
        let mut choices = left.clone();
        choices.extend(['>'; 12].into_iter().filter(|_| !stage.alice.out.is_empty()));
        choices.extend(['<'; 12].into_iter().filter(|_| !stage.to_alice.is_empty()));
        let Some(choice) = numbers.pick(&choices) else { break };
        if let Some(at) = left.iter().position(|one| *one == choice) {
            left.swap_remove(at);
        }
        match choice {
            'a' => stage.alice_asks(),
            'b' => stage.bob_asks(),
            's' => stage.alice_says(),
            '>' => stage.bob_hears(),
            _ => stage.alice_hears(),
        }
    }
    // What the peer never brings to an end is not waited for.
    for _ in 0..2 {
        stage.alice.waits(10);
        stage.look();
        stage.settle();
    }
    stage
}

#[test]
fn what_is_shown_as_sent_can_be_read_while_exchanges_cross() {
    for seed in 1..=40 {
        play(seed, Begin::Clear).check(false);
        play(seed, Begin::Private).check(false);
        play(seed, Begin::Lost).check(true);
    }
}
