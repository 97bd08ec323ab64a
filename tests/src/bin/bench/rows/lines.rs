//! Lines per second and CPU a line through ZNC, encrypted and plain, out and in.

use crate::conn::{text, transfer};
use crate::person::Person;
use crate::report::{Goal, Report, Row};
use crate::stage::{Bouncer, Kind, Kit, said, texts, typed};

/// Many short ones, for the machine is faster in some seconds than in others.
const ROUNDS: usize = 25;

pub fn measure(kit: &Kit, report: &mut Report) {
    let count = if kit.short { 400 } else { 5_000 };
    let rounds = if kit.short { 2 } else { ROUNDS };
    encrypted(kit, report, count, rounds);
    plain(kit, report, count, rounds);
}

/// One bouncer in a conversation with one peer, and what its rounds came to.
struct Pair {
    bouncer: Bouncer,
    bob: Person,
    rates: [Vec<f64>; 2],
    costs: [Vec<f64>; 2],
    /// ZNC's part of them, and the rest: on the other core.
    in_znc: [Vec<f64>; 2],
    beside: [Vec<f64>; 2],
}

fn encrypted(kit: &Kit, report: &mut Report, count: usize, rounds: usize) {
    let pair = |kind| {
        let (mut bouncer, mut bob) = (Bouncer::start(kit, kind), Person::new("bob", &kit.key));
        bouncer.goes_private(&mut bob);
        Pair {
            bouncer,
            bob,
            rates: Default::default(),
            costs: Default::default(),
            in_znc: Default::default(),
            beside: Default::default(),
        }
    };
    let kinds = [Kind::Otrd, Kind::InProcess, Kind::Beside, Kind::BesideRpc];
    let mut pairs = kinds.map(pair);
    for round in 0..rounds {
        for pair in &mut pairs {
            encrypted_round(pair, count, round);
        }
    }
    let [ours, theirs, floor, rpc_floor] = pairs;
    for (way, name) in ["out", "in"].into_iter().enumerate() {
        let against = |name: String, other: &Pair, of: fn(&Pair) -> &[Vec<f64>; 2], unit| {
            Row::new(name, unit, of(&ours)[way].clone())
                .against(other.bouncer.name, of(other)[way].clone())
        };
        let lines = format!("encrypted lines {name}");
        let cost = format!("CPU of an encrypted line {name}");
        let in_znc = format!("the same {name}, in ZNC's process");
        let rates =
            |name, other| against(name, other, |pair| &pair.rates, "lines/s").more_is_better();
        report.add(rates(lines.clone(), &theirs).goal(Goal::RatioAtLeast(1.0)));
        report.add(against(cost, &theirs, |pair| &pair.costs, "us"));
        report.add(against(in_znc.clone(), &theirs, |pair| &pair.in_znc, "us"));
        // What two processes can come to, and what they can in the protocol's words.
        for (which, floor) in
            [("floor of two processes", &floor), ("floor of JSON-RPC", &rpc_floor)]
        {
            report.add(rates(format!("{lines}, {which}"), floor));
            let in_znc = format!("{in_znc}, {which}");
            report.add(against(in_znc, floor, |pair| &pair.in_znc, "us"));
            let beside = format!("the same {name}, in the other processes, {which}");
            report.add(against(beside, floor, |pair| &pair.beside, "us"));
        }
    }
}

fn encrypted_round(pair: &mut Pair, count: usize, round: usize) {
    let Pair { bouncer, .. } = pair;
    let out = typed("bob", count);
    let before = cpus(bouncer);
    let moved = transfer(&bouncer.user, &mut bouncer.up, &out);
    note(pair, 0, round, count, moved.time, before);
    // Decrypted only now, for the peer is no part of what is measured.
    let read: Vec<_> =
        moved.messages().filter_map(|line| pair.bob.hears("alice", text(line)).1).collect();
    let wanted: Vec<_> = texts(count).into_iter().map(String::into_bytes).collect();
    assert!(read == wanted, "{} of {count} lines arrived", read.len());

    let Pair { bouncer, bob, .. } = pair;
    let lines = said("bob", texts(count).iter().map(|text| bob.encrypts("alice", text)));
    let before = cpus(bouncer);
    let moved = transfer(&bouncer.up, &mut bouncer.user, &lines);
    note(pair, 1, round, count, moved.time, before);
    let read: Vec<_> = moved.messages().map(|line| text(line).to_vec()).collect();
    assert!(read == wanted, "{} of {count} lines arrived", read.len());
}

fn note(
    pair: &mut Pair,
    way: usize,
    round: usize,
    count: usize,
    time: std::time::Duration,
    before: [f64; 2],
) {
    let now = cpus(&pair.bouncer);
    let [cost, in_znc] = [now[0] - before[0], now[1] - before[1]];
    // The first round fills what is kept.
    if round > 0 {
        pair.rates[way].push(count as f64 / time.as_secs_f64());
        pair.costs[way].push(cost / 1000.0 / count as f64);
        pair.in_znc[way].push(in_znc / 1000.0 / count as f64);
        pair.beside[way].push((cost - in_znc) / 1000.0 / count as f64);
    }
}

/// Of all processes, and of ZNC alone.
fn cpus(bouncer: &Bouncer) -> [f64; 2] {
    [bouncer.cpu(), crate::procfs::cpu(bouncer.znc.process().pid())]
}

fn plain(kit: &Kit, report: &mut Report, count: usize, rounds: usize) {
    let mut bouncers = [Bouncer::start(kit, Kind::Otrd), Bouncer::start(kit, Kind::Alone)];
    let (mut rates, mut costs) =
        ([[vec![], vec![]], [vec![], vec![]]], [[vec![], vec![]], [vec![], vec![]]]);
    for round in 0..rounds {
        for (which, bouncer) in bouncers.iter_mut().enumerate() {
            for way in 0..2 {
                let before = bouncer.cpu();
                let moved = match way {
                    0 => transfer(&bouncer.user, &mut bouncer.up, &typed("carol", count)),
                    _ => transfer(&bouncer.up, &mut bouncer.user, &said("carol", texts(count))),
                };
                let cost = bouncer.cpu() - before;
                assert_eq!(moved.messages().count(), count);
                if round > 0 {
                    rates[way][which].push(count as f64 / moved.time.as_secs_f64());
                    costs[way][which].push(cost / 1000.0 / count as f64);
                }
            }
        }
    }
    for (way, name) in ["out", "in"].into_iter().enumerate() {
        report.add(
            Row::new(format!("plain lines {name}"), "lines/s", rates[way][0].clone())
                .against("ZNC alone", rates[way][1].clone())
                .goal(Goal::RatioAtLeast(0.6))
                .more_is_better(),
        );
        report.add(
            Row::new(format!("CPU of a plain line {name}"), "us", costs[way][0].clone())
                .against("ZNC alone", costs[way][1].clone())
                .goal(Goal::RatioAtMost(2.5)),
        );
    }
}
