//! CPU of the worker per line, against bare libotr with the same texts.

use otrd_tests::{Otrd, World};
use serde_json::json;

use crate::person::Person;
use crate::procfs::cpu;
use crate::report::{Goal, Report, Row};
use crate::shimrpc::Module;
use crate::stage::{Kit, start_otrd, texts};

pub fn measure(kit: &Kit, report: &mut Report) {
    let count = if kit.short { 500 } else { 20_000 };
    let rounds = if kit.short { 2 } else { 7 };
    let mut talk = Talk::start(kit);
    let (mut out, mut inward, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bare_out, mut bare_in) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let costs = [talk.out("bob", count), talk.inward(count), talk.out("carol", count)];
        let words = ["lines", &count.to_string()];
        let bare = [kit.bare(&words, "out_ns") / 1000.0, kit.bare(&words, "in_ns") / 1000.0];
        // The first round fills what is kept.
        if round > 0 {
            out.push(costs[0]);
            inward.push(costs[1]);
            plain.push(costs[2]);
            bare_out.push(bare[0]);
            bare_in.push(bare[1]);
        }
    }
    report.add(
        Row::new("worker CPU of an encrypted line out", "us", out)
            .against("bare libotr", bare_out)
            .goal(Goal::MoreAtMost(3.0)),
    );
    report.add(
        Row::new("worker CPU of an encrypted line in", "us", inward)
            .against("bare libotr", bare_in)
            .goal(Goal::MoreAtMost(3.0)),
    );
    report.add(Row::new("worker CPU of a plain line", "us", plain));
}

/// A worker in a private conversation with bob, without ZNC.
pub struct Talk {
    pub module: Module,
    pub bob: Person,
    pub otrd: Otrd,
}

impl Talk {
    pub fn start(kit: &Kit) -> Self {
        Self::prepared(kit, |_, _| {})
    }

    /// The account's directory is prepared before.
    pub fn prepared(kit: &Kit, prepare: impl FnOnce(&World, &std::path::Path)) -> Self {
        let world = World::new();
        let otrd = start_otrd(&world);
        let directory = otrd.account(nix::unistd::getuid().as_raw(), "alice", "net");
        kit.lay_key(&world, &directory, "alice");
        prepare(&world, &directory);
        let mut module = Module::hello(&otrd.shim_socket(), "alice").connected();
        let mut bob = Person::new("bob", &kit.key);
        module.goes_private(&mut bob);
        Self { module, bob, otrd }
    }

    /// Microseconds a line that the user types.
    pub fn out(&mut self, to: &str, count: usize) -> f64 {
        let params = |text| json!({"to": to, "kind": "text", "text": text, "client": 1});
        let requests: Vec<_> =
            texts(count).into_iter().map(|text| self.module.request("out", params(text))).collect();
        self.cost(&requests, 40 * count)
    }

    /// Microseconds a line that bob encrypted.
    pub fn inward(&mut self, count: usize) -> f64 {
        let lines: Vec<String> =
            texts(count).iter().map(|text| self.bob.encrypts("alice", text)).collect();
        let params = |text| json!({"from": "bob!bob@127.0.0.1", "kind": "text", "text": text});
        let requests: Vec<_> =
            lines.into_iter().map(|line| self.module.request("in", params(line))).collect();
        self.cost(&requests, 80 * count)
    }

    pub fn cost(&mut self, requests: &[Vec<u8>], least: usize) -> f64 {
        let worker = self.otrd.worker();
        let before = cpu(worker);
        let bytes = self.module.burst(requests);
        let cost = (cpu(worker) - before) / 1000.0 / requests.len() as f64;
        assert!(bytes >= least, "only {bytes} bytes came back");
        cost
    }
}
