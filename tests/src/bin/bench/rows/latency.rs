//! How late ZNC's loop is while otrd works, against an idle ZNC without the module.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use otrd_tests::{Ircd, Otrd, World, Znc, ZncBuilder, ZncNetwork, ZncUser, eventually};

use crate::conn::{Conn, transfer, word};
use crate::helpers::{Helper, Pinger, now, start_peers};
use crate::person::Person;
use crate::report::{Distribution, Goal, Report, Row};
use crate::stage::{Bouncer, Kind, Kit, has_otr, said, start_otrd, texts, typed};
use crate::stats::quantile;

/// Users of the crowd, all of whom begin at once.
const CROWD: usize = 50;

/// What ZNC and the kernel do by themselves: where as many processors compute as otrd uses, one for
/// a key, all of ours for a crowd, behind ZNC as otrd is; and where as many lines pass.
const ONE: &str = "no module, 1 program computes behind others";
const ALL: &str = "no module, a program on each processor computes behind others";
const TALKING: &str = "no module, 2,000 plain lines each way";
const FLOORS: [(&str, &str); 3] = [
    ("genkey", ONE),
    ("50 key exchanges at once", ALL),
    ("2,000 encrypted lines each way", TALKING),
];

/// A condition: its name, and what happens in it from when to when.
struct Condition<'a> {
    name: &'static str,
    port: u16,
    happens: Box<dyn FnMut(Duration) -> Vec<(u64, u64)> + 'a>,
    rounds: Vec<Vec<f64>>,
}

pub fn measure(kit: &Kit, report: &mut Report) {
    let length = Duration::from_millis(if kit.short { 300 } else { 6000 });
    let (alone, mut plain) = (Bouncer::start(kit, Kind::Alone), Bouncer::start(kit, Kind::Alone));
    let mut inside = Bouncer::start(kit, Kind::InProcess);
    let mut ours: Vec<Bouncer> = (0..3).map(|_| Bouncer::start(kit, Kind::Otrd)).collect();
    let many = if kit.short { 4 } else { CROWD };
    // Both at once: it takes ZNC a while to connect so many networks.
    let crowds = [Kind::Otrd, Kind::InProcess].map(|kind| Crowd::start(kit, kind, many));
    let [mut crowd, mut crowd_inside] = crowds.map(Crowd::arrives);
    let mut bob = Person::new("bob", &kit.key);
    ours[1].goes_private(&mut bob);
    let [genkey, burst, frozen] = &mut ours[..] else { panic!("three bouncers") };

    let mut conditions = Vec::new();
    let mut add = |name, port, happens| {
        conditions.push(Condition { name, port, happens, rounds: Vec::new() });
    };
    let port = alone.znc.port();
    add("idle, no module", port, Box::new(during(std::thread::sleep)));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, count, nice) in
        [(ONE, 1, "10"), (ALL, processors, "10"), ("no module, 50 programs compute", many, "0")]
    {
        let happens = move |length| {
            let burning: Vec<Burner> = (0..count).map(|_| Burner::start(kit, nice)).collect();
            let spans = during(std::thread::sleep)(length);
            drop(burning);
            spans
        };
        add(name, port, Box::new(happens));
    }
    add(
        TALKING,
        plain.znc.port(),
        Box::new(|length| {
            repeat(length, || {
                transfer(&plain.user, &mut plain.up, &typed("bob", 2000));
                transfer(&plain.up, &mut plain.user, &said("bob", texts(2000)));
            })
        }),
    );
    add(
        "genkey",
        genkey.znc.port(),
        Box::new(|length| {
            repeat(length, || {
                genkey.user.send("PRIVMSG *otr :genkey --overwrite");
                genkey.user.sees("private key is ready");
            })
        }),
    );
    add("50 key exchanges at once", crowd.znc.port(), Box::new(|_| crowd.exchanges()));
    add(
        "2,000 encrypted lines each way",
        burst.znc.port(),
        Box::new(|length| {
            repeat(length, || {
                transfer(&burst.user, &mut burst.up, &typed("bob", 2000));
                let lines = said("bob", texts(2000).iter().map(|text| bob.encrypts("alice", text)));
                transfer(&burst.up, &mut burst.user, &lines);
            })
        }),
    );
    add(
        "worker and front stopped",
        frozen.znc.port(),
        Box::new(|length| {
            let otrd = frozen.otrd.as_ref().expect("with otrd");
            let worker = otrd.worker();
            otrd.signal_worker(worker, Signal::SIGSTOP);
            otrd.process().freeze();
            let (user, up) = (&mut frozen.user, &mut frozen.up);
            let spans = repeat(length, || {
                user.send("PRIVMSG carol :is anybody there?");
                up.send(":carol!c@h PRIVMSG alice :is anybody there?");
                std::thread::sleep(Duration::from_millis(10));
            });
            otrd.process().thaw();
            otrd.signal_worker(worker, Signal::SIGCONT);
            has_otr(&mut frozen.user);
            spans
        }),
    );
    add(
        "libotr in ZNC: genkey",
        inside.znc.port(),
        Box::new(|length| {
            repeat(length, || {
                inside.user.send("PRIVMSG *inprocess :genkey");
                inside.user.sees("generated");
            })
        }),
    );
    add(
        "libotr in ZNC: 50 key exchanges at once",
        crowd_inside.znc.port(),
        Box::new(|_| crowd_inside.exchanges()),
    );

    for _ in 0..if kit.short { 1 } else { 5 } {
        for condition in &mut conditions {
            let pinger = Pinger::start(condition.port);
            std::thread::sleep(Duration::from_millis(100));
            let spans = (condition.happens)(length);
            let inside = |at: u64| spans.iter().any(|(from, to)| (*from..*to).contains(&at));
            let samples = pinger.stop().into_iter().filter(|(at, _)| inside(*at));
            condition.rounds.push(samples.map(|(_, late)| late).collect());
        }
    }
    let measured: Vec<_> = conditions.into_iter().map(|one| (one.name, one.rounds)).collect();
    tell(report, measured);
}

fn tell(report: &mut Report, measured: Vec<(&'static str, Vec<Vec<f64>>)>) {
    let at = |rounds: &[Vec<f64>], part| -> Vec<f64> {
        rounds.iter().map(|round| quantile(round, part)).collect()
    };
    let slow = |rounds: &[Vec<f64>]| -> Vec<f64> {
        let slow = |round: &Vec<f64>| round.iter().filter(|late| **late > 10.0).count() as f64;
        rounds.iter().map(slow).collect()
    };
    let (_, idle) = &measured[0];
    for (name, rounds) in &measured[1..] {
        // Only what otrd does has a goal; the others are there to compare.
        let has_goal = !name.contains("libotr") && !name.contains("no module");
        let goal = |goal| if has_goal { goal } else { Goal::Nothing };
        for (word, part, reach) in [
            ("p50", 0.5, Goal::Nothing),
            ("p99", 0.99, Goal::Nothing),
            ("p99.9", 0.999, goal(Goal::RatioAtMost(1.5))),
            ("max", 1.0, Goal::Nothing),
        ] {
            let row = Row::new(format!("ZNC's latency, {name}: {word}"), "ms", at(rounds, part));
            report.add(row.against("idle, no module", at(idle, part)).goal(reach));
        }
        if let Some((_, floor)) = FLOORS.iter().find(|(above, _)| above == name) {
            let (below, rounds_below) =
                measured.iter().find(|(below, _)| below == floor).expect("a floor is measured");
            let row =
                Row::new(format!("ZNC's latency, {name}: p99.9, floor"), "ms", at(rounds, 0.999));
            report.add(row.against(below, at(rounds_below, 0.999)));
        }
        let row = Row::new(format!("ZNC's latency, {name}: over 10 ms"), "pings", slow(rounds));
        report.add(row.against("idle, no module", slow(idle)).goal(goal(Goal::MoreAtMost(0.0))));
    }
    for (name, rounds) in measured {
        report.latencies.push(Distribution { name: name.to_owned(), millis: rounds.concat() });
    }
}

/// One span of this length, in which something happens.
fn during(mut what: impl FnMut(Duration)) -> impl FnMut(Duration) -> Vec<(u64, u64)> {
    move |length| {
        let start = now();
        what(length);
        vec![(start, now())]
    }
}

/// The same thing again and again, for so long.
fn repeat(length: Duration, mut what: impl FnMut()) -> Vec<(u64, u64)> {
    let (start, begun) = (now(), Instant::now());
    while begun.elapsed() < length {
        what();
    }
    vec![(start, now())]
}

/// Bare libotr that has nothing to do with ZNC: what a busy machine costs by itself.
struct Burner(Child);

impl Burner {
    fn start(kit: &Kit, nice: &str) -> Self {
        let mut command = Command::new("nice");
        command
            .args(["-n", nice])
            .arg(kit.built.join("bare"))
            .args(["exchanges", "1000000"])
            .arg(kit.built.join("key"))
            .stdout(Stdio::null());
        Self(command.spawn().expect("bare"))
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the server itself answers: what is said before is lost.
fn is_on_irc(user: &mut Conn) {
    eventually("the server answers", || {
        user.send("LUSERS\r\nPING :users");
        let mut answered = false;
        user.until("a PONG", |line| {
            answered |= word(line, 1) == b"251";
            word(line, 1) == b"PONG"
        });
        answered
    });
}

/// Many users of one ZNC on a real IRC server, each with a peer.
struct Crowd {
    users: Vec<Conn>,
    started: usize,
    kind: Kind,
    _peers: Helper,
    znc: Znc,
    _otrd: Option<Otrd>,
    _ircd: Ircd,
    _world: World,
}

impl Crowd {
    fn start(kit: &Kit, kind: Kind, count: usize) -> Self {
        let world = World::new();
        let ircd = Ircd::ngircd(&world);
        let otrd = (kind == Kind::Otrd).then(|| start_otrd(&world));
        let mut builder = ZncBuilder::new().user(ZncUser::new("idle"));
        let name = |index: usize| format!("user{index:03}");
        for index in 0..count {
            let network = ZncNetwork::new("net", ircd.port());
            let network = match &otrd {
                None => network.module("inprocess"),
                Some(otrd) => {
                    let directory = otrd.account(builder.runs_as(), &name(index), "net");
                    kit.lay_key(&world, &directory, &name(index));
                    network.otr(otrd)
                }
            };
            builder = builder.user(ZncUser::new(&name(index)).network(network));
        }
        if otrd.is_none() {
            builder = builder.file(&kit.built.join("inprocess.so"), "modules/inprocess.so");
        }
        let znc = builder.start(&world);
        let _peers = start_peers(ircd.port(), count, &kit.built.join("key"));
        let login = |index: usize| Conn::of_znc(znc.port(), &format!("{}/net", name(index)));
        let users = (0..count).map(login).collect();
        Self { users, started: 0, kind, _peers, znc, _otrd: otrd, _ircd: ircd, _world: world }
    }

    /// Waits until everybody is there.
    fn arrives(mut self) -> Self {
        for user in &mut self.users {
            match self.kind {
                Kind::Otrd => has_otr(user),
                _ => user.settled(),
            }
            is_on_irc(user);
        }
        self
    }

    /// Everybody exchanges keys with their peer at the same time; a few times, with a pause in
    /// which nothing is measured. Not more: a peer may cause 16 steps at once, and
    /// then one each 3 s.
    fn exchanges(&mut self) -> Vec<(u64, u64)> {
        let mut spans = Vec::new();
        for _ in 0..5 {
            let start = now();
            for (index, user) in self.users.iter_mut().enumerate() {
                let line = match (self.kind, self.started) {
                    (Kind::Otrd, 0) => format!("PRIVMSG peer{index:03} :?OTR?"),
                    (Kind::Otrd, _) => format!("PRIVMSG *otr :refresh peer{index:03}"),
                    _ => format!("PRIVMSG *inprocess :start peer{index:03}"),
                };
                user.send(&line);
            }
            for user in &mut self.users {
                let is_done = |line: &[u8]| {
                    let line = String::from_utf8_lossy(line);
                    let ours = line.contains("private now") || line.contains("keys are new");
                    ours || line.starts_with(":*inprocess") && line.ends_with(":private")
                };
                user.until("the end of an exchange", is_done);
            }
            spans.push((start, now()));
            self.started += 1;
            std::thread::sleep(Duration::from_millis(200));
        }
        spans
    }
}
