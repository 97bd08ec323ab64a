//! All networks of a bouncer come at once: it was started again, or the machine was.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use otrd_tests::World;

use super::exchanges::{at_once, relay};
use crate::helpers::{Pinger, now};
use crate::processes;
use crate::procfs::cpu;
use crate::report::{Goal, Report, Row};
use crate::shimrpc::Module;
use crate::stage::{Bouncer, Kind, Kit, start_otrd};
use crate::stats::quantile;

pub fn measure(kit: &Kit, report: &mut Report) {
    let count = if kit.short { 20 } else { 1000 };
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit of descriptors");
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(8192), hard).expect("more descriptors");
    let (mut new, mut known) = (Vec::new(), Vec::new());
    let (mut again, mut two) = (Vec::new(), Vec::new());
    let (mut cost, mut floor_rate, mut floor_cost) = (Vec::new(), Vec::new(), Vec::new());
    // A bouncer beside them, whose users go on.
    let znc = Bouncer::start(kit, Kind::Alone);
    let (mut idle, mut coming, mut asking) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if kit.short { 1 } else { 3 } {
        let pause = Duration::from_secs(if kit.short { 1 } else { 5 });
        idle.push(pinged(&znc, || std::thread::sleep(pause)).0);
        let world = World::new();
        let mut otrd = start_otrd(&world);
        let (took, modules) = all_come(&otrd.shim_socket(), count);
        new.push(took);
        drop(modules);
        let uid = nix::unistd::getuid().as_raw();
        for number in 0..count {
            let user = user(number);
            kit.lay_key(&world, &otrd.account(uid, &user, "net"), &user);
        }
        otrd.stop();
        otrd.starts_again();
        let (late, (took, mut modules)) = pinged(&znc, || all_come(&otrd.shim_socket(), count));
        known.push(took);
        coming.push(late);

        modules = modules.into_iter().map(Module::connected).collect();
        for index in (0..count).step_by(2) {
            let other = modules[index + 1].nick.clone();
            modules[index].says(&other, "?OTR?");
        }
        relay(&mut modules, 1);
        drop(modules);
        otrd.stop();
        otrd.starts_again();
        let (_, mut modules) = all_come(&otrd.shim_socket(), count);
        // The peers of a bouncer that was restarted are elsewhere and have not lost the conversation:
        // one of each two asks anew. Both would cross, and compute half as much again.
        for index in (1..count).step_by(2) {
            let other = modules[index - 1].nick.clone();
            modules[index].ask("command", serde_json::json!({"text": format!("finish {other}")}));
        }
        for module in modules.iter_mut().skip(1).step_by(2) {
            module.answer();
        }
        let workers = otrd.workers();
        let cpu_of_all = || workers.iter().map(|pid| cpu(*pid)).sum::<f64>();
        let cpu_before = cpu_of_all();
        let (late, took) = pinged(&znc, || {
            let start = Instant::now();
            for module in &mut modules {
                module.is_connected();
            }
            relay(&mut modules, 1);
            start.elapsed().as_secs_f64()
        });
        again.push((count / 2) as f64 / took);
        cost.push((cpu_of_all() - cpu_before) / 1e6 / (count / 2) as f64);
        asking.push(late);
        drop(modules);
        drop(otrd);
        let each = (count / 4).to_string();
        two.push(at_once(|_| kit.bare(&["exchanges", &each], "exchange_ns")));
        let (rate, cost) = processes::all_at_once(count, &kit.built.join("key"));
        floor_rate.push(rate);
        floor_cost.push(cost);
    }
    let name = |what| format!("{count} networks at once, {what}, until the last is answered");
    report.add(Row::new(name("never seen before"), "s", new));
    report.add(Row::new(name("with keys"), "s", known).goal(Goal::AtMost(5.0)));
    let name = format!("{} conversations that ask anew at once", count / 2);
    let row = Row::new(name.clone(), "1/s", again.clone());
    report.add(row.more_is_better().against("bare libotr in two processes", two));
    let as_many = "libotr and the check of keys, in as many processes";
    let row = Row::new(format!("{name}, floor of a process for each account"), "1/s", again);
    report.add(row.more_is_better().against(as_many, floor_rate));
    let row = Row::new("CPU of a conversation that asks anew, both workers", "ms", cost);
    report.add(row.against(as_many, floor_cost));
    for (word, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        let at = |rounds: &[Vec<f64>]| rounds.iter().map(|round| quantile(round, part)).collect();
        for (what, rounds) in [("they come, with keys", &coming), ("they ask anew", &asking)] {
            let name = format!("ZNC's latency while {what}: {word}");
            report.add(Row::new(name, "ms", at(rounds)).against("idle", at(&idle)));
        }
    }
}

/// How late a ZNC answers meanwhile, in milliseconds.
fn pinged<T>(znc: &Bouncer, happens: impl FnOnce() -> T) -> (Vec<f64>, T) {
    let pinger = Pinger::start(znc.znc.port());
    std::thread::sleep(Duration::from_millis(100));
    let from = now();
    let came = happens();
    let until = now();
    let samples = pinger.stop().into_iter().filter(|(at, _)| (from..until).contains(at));
    (samples.map(|(_, late)| late).collect(), came)
}

fn user(number: usize) -> String {
    format!("user{number:04}")
}

/// Seconds from the first hello until each has its welcome and an answer to its first request. Who is
/// refused fails the measurement: that module would come again later.
fn all_come(socket: &Path, count: usize) -> (f64, Vec<Module>) {
    let start = Instant::now();
    // ZNC connects all of them before it writes to any.
    let connect = |_| UnixStream::connect(socket).expect("connect to otrd");
    let streams: Vec<_> = (0..count).map(connect).collect();
    let modules = streams.into_iter().enumerate().map(|(number, stream)| {
        let mut module = Module::on(stream, &user(number));
        module.says_hello(&format!("{number:032x}"));
        module
    });
    let mut modules: Vec<_> = modules.collect();
    for module in &mut modules {
        module.is_welcome();
        module.ask("command", serde_json::json!({"text": "version"}));
    }
    for module in &mut modules {
        module.answer();
    }
    (start.elapsed().as_secs_f64(), modules)
}
