//! Key exchanges that cross, with a friend whose program is libotr and nothing else: what was shown as
//! sent can be read at the other end, in whatever order the lines of both sides come.

#[path = "../../../otr/tests/common/raw.rs"]
#[allow(dead_code, reason = "attacks use the rest")]
mod raw;

use crate::common::key_file;
use crate::common::user::{Shown, User};
use otr::Version;
use otr::message::{MessageType, OtrLine, classify};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
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
    fn new(begin: Begin, version: Version) -> Self {
        let mut stage = Self {
            alice: User::new(),
            bob: Raw::new("bob", key_file("bob", 0)),
            to_alice: VecDeque::new(),
            typed: Vec::new(),
            sent: Vec::new(),
            read: Vec::new(),
            log: Vec::new(),
        };
        if version == Version::V2 {
            stage.bob.versions = otr_sys::OTRL_POLICY_ALLOW_V2;
        }
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
        let query = match self.bob.versions {
            otr_sys::OTRL_POLICY_ALLOW_V2 => "?OTRv2?",
            _ => "?OTRv23?",
        };
        self.to_alice.push_back(query.into());
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

/// Each asks twice and Alice types six lines while lines of either side arrive, in this order.
fn play(begin: Begin, version: Version, order: &[Index]) -> Stage {
    let mut stage = Stage::new(begin, version);
    let mut left = vec!['a', 'a', 'b', 'b', 's', 's', 's', 's', 's', 's'];
    for next in order {
        let mut choices = left.clone();
        choices.extend(['>'; 12].into_iter().filter(|_| !stage.alice.out.is_empty()));
        choices.extend(['<'; 12].into_iter().filter(|_| !stage.to_alice.is_empty()));
        if choices.is_empty() {
            break;
        }
        let choice = choices[next.index(choices.len())];
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
    stage.settle();
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
    let config = ProptestConfig {
        cases: 120,
        rng_seed: RngSeed::Fixed(4),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let begins = select(vec![Begin::Clear, Begin::Private, Begin::Lost]);
    let versions = select(vec![Version::V2, Version::V3]);
    let orders = vec(any::<Index>(), 80..150);
    proptest!(config, |(begin in begins, version in versions, order in orders)| {
        let stage = play(begin, version, &order);
        let told = format!("{:#?}", stage.log);
        prop_assert_eq!(&stage.sent, &stage.read, "{}", &told);
        // What waits comes back where a session was lost, and in version 2, where two who commit at
        // once wait for each other.
        let may_come_back = matches!(begin, Begin::Lost) || version == Version::V2;
        prop_assert!(may_come_back || stage.sent == stage.typed, "{}", told);
    });
}
