//! What a person waits for a line, and what it costs: one at a time, as people type, where every
//! process involved has gone to sleep before.

use std::io::Write;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_tcp_quickack;

use crate::conn::{Conn, text, word};
use crate::person::Person;
use crate::procfs;
use crate::report::{Report, Row};
use crate::stage::{Bouncer, Kind, Kit, said, texts, typed};
use crate::stats::quantile;

const ROUNDS: usize = 15;
/// Nobody's own pace, but long enough for all processes to wait again.
const PAUSE: Duration = Duration::from_millis(1);

pub fn measure(kit: &Kit, report: &mut Report) {
    let mut ours = Talk::start(kit, Kind::Otrd, true);
    let mut inside = Talk::start(kit, Kind::InProcess, true);
    let mut plain = Talk::start(kit, Kind::Otrd, false);
    let mut alone = Talk::start(kit, Kind::Alone, false);
    let (rounds, count) = if kit.short { (2, 20) } else { (ROUNDS, 500) };
    for round in 0..rounds {
        for talk in [&mut ours, &mut inside, &mut plain, &mut alone] {
            // The first round fills what is kept.
            talk.round(count, round > 0);
        }
    }
    for (way, name) in ["out", "in"].into_iter().enumerate() {
        let [ours, inside] = [&ours, &inside].map(|talk| &talk.ways[way]);
        let [plain, alone] = [&plain, &alone].map(|talk| &talk.ways[way]);
        for (what, of) in DELAYS {
            let added = |way: &Way| of(way).iter().zip(of(alone)).map(|(a, b)| a - b).collect();
            let row = format!("delay added to an encrypted line {name}: {what}");
            report.add(Row::new(row, "us", added(ours)).against(IN_PROCESS, added(inside)));
            let row = format!("delay of a plain line {name}: {what}");
            report.add(Row::new(row, "us", of(plain).clone()).against(ALONE, of(alone).clone()));
        }
        for (kind, way, other, than) in
            [("an encrypted", ours, inside, IN_PROCESS), ("a plain", plain, alone, ALONE)]
        {
            let line = format!("CPU of {kind} line {name}, one at a time");
            report.add(
                Row::new(format!("{line}, in ZNC's process"), "us", way.in_znc.clone())
                    .against(than, other.in_znc.clone()),
            );
            let beside = way.beside.clone();
            report.add(Row::new(format!("{line}, in the other processes"), "us", beside));
        }
    }
}

const IN_PROCESS: &str = "libotr in ZNC";
const ALONE: &str = "ZNC alone";
const DELAYS: [(&str, Part); 2] = [("p50", |way| &way.median), ("p99", |way| &way.late)];

type Part = fn(&Way) -> &Vec<f64>;

/// What the rounds of one way came to, in microseconds.
#[derive(Default)]
struct Way {
    median: Vec<f64>,
    late: Vec<f64>,
    in_znc: Vec<f64>,
    beside: Vec<f64>,
}

/// One bouncer in a conversation with one peer.
struct Talk {
    bouncer: Bouncer,
    bob: Option<Person>,
    ways: [Way; 2],
}

impl Talk {
    fn start(kit: &Kit, kind: Kind, encrypted: bool) -> Self {
        let mut bouncer = Bouncer::start(kit, kind);
        let bob = encrypted.then(|| {
            let mut bob = Person::new("bob", &kit.key);
            bouncer.goes_private(&mut bob);
            bob
        });
        Self { bouncer, bob, ways: Default::default() }
    }

    fn round(&mut self, count: usize, counts: bool) {
        let outgoing = typed("bob", count);
        self.one_by_one(0, &outgoing, counts);
        let incoming = match &mut self.bob {
            Some(bob) => said("bob", texts(count).iter().map(|text| bob.encrypts("alice", text))),
            None => said("bob", texts(count)),
        };
        self.one_by_one(1, &incoming, counts);
    }

    fn one_by_one(&mut self, way: usize, lines: &[String], counts: bool) {
        let before = self.cpu();
        let Bouncer { user, up, .. } = &mut self.bouncer;
        let (from, to) = if way == 0 { (user, up) } else { (up, user) };
        let mut times = Vec::with_capacity(lines.len());
        let mut got = Vec::with_capacity(lines.len());
        for line in lines {
            let line = format!("{line}\r\n");
            let start = Instant::now();
            from.stream.write_all(line.as_bytes()).expect("send");
            got.push(next_message(to));
            times.push(start.elapsed().as_nanos() as f64 / 1000.0);
            std::thread::sleep(PAUSE);
        }
        let now = self.cpu();
        // Decrypted only now, for the peer is no part of what is measured.
        for (got, wanted) in got.iter().zip(texts(lines.len())) {
            let read = match (&mut self.bob, way) {
                (Some(bob), 0) => bob.hears("alice", text(got)).1.unwrap_or_default(),
                _ => text(got).to_vec(),
            };
            assert_eq!(read, wanted.as_bytes());
        }
        if counts {
            let [all, in_znc] = [0, 1].map(|of| (now[of] - before[of]) / 1000.0);
            let count = lines.len() as f64;
            let results = &mut self.ways[way];
            results.median.push(quantile(&times, 0.5));
            results.late.push(quantile(&times, 0.99));
            results.in_znc.push(in_znc / count);
            results.beside.push((all - in_znc) / count);
        }
    }

    /// Nanoseconds of all processes, and of ZNC alone.
    fn cpu(&self) -> [f64; 2] {
        [self.bouncer.cpu(), procfs::cpu(self.bouncer.znc.process().pid())]
    }
}

/// The next PRIVMSG. Nothing else is on its way but a PING now and then.
fn next_message(to: &mut Conn) -> Vec<u8> {
    loop {
        if let Some(line) = to.whole_line() {
            let at = usize::from(line.starts_with(b":"));
            if word(&line, at) == b"PRIVMSG" {
                return line;
            }
            continue;
        }
        // Else an acknowledgement may come 40 ms late, and with it ZNC's next line (Nagle).
        set_tcp_quickack(&to.stream, true).expect("a TCP connection");
        to.fill();
    }
}
