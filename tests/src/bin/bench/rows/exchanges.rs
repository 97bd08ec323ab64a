//! Key exchanges per second with many accounts, against one thread of bare libotr.

use std::os::fd::AsFd;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use otrd_tests::World;

use crate::procfs::cpu;
use crate::report::{Goal, Report, Row};
use crate::shimrpc::{Module, sends};
use crate::stage::{Kit, start_otrd};

const ACCOUNTS: usize = 50;
/// Exchanges of each pair.
const TIMES: usize = 4;

pub fn measure(kit: &Kit, report: &mut Report) {
    let accounts = if kit.short { 4 } else { ACCOUNTS };
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut first, mut later, mut bare_cpu) = (Vec::new(), Vec::new(), Vec::new());
    let (mut two, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..if kit.short { 1 } else { 5 } {
        let (rate, cost) = all_at_once(kit, accounts, TIMES);
        let (_, cost_of_first) = all_at_once(kit, accounts, 1);
        ours.push(rate);
        first.push(cost_of_first);
        later.push((cost * TIMES as f64 - cost_of_first) / (TIMES - 1) as f64);
        let count = (2 * accounts).to_string();
        let each = kit.bare(&["exchanges", &count], "exchange_ns");
        bare.push(1e9 / each);
        bare_cpu.push(each / 1e6);
        // What a second core comes to here, and what is left of it where libotr does what otrd
        // has to: it looks at a stranger's key, and writes down that it met him.
        two.push(at_once(|| kit.bare(&["exchanges", &accounts.to_string()], "exchange_ns")));
        let pairs = (accounts / 4).to_string();
        floor.push(at_once(|| {
            let place = World::new();
            let place_name = place.path().to_str().expect("a path in UTF-8");
            let words = ["meetings", &pairs, &TIMES.to_string(), place_name];
            kit.bare(&words, "exchange_ns")
        }));
    }
    report.add(
        Row::new(format!("key exchanges, {accounts} accounts"), "1/s", ours.clone())
            .against("bare libotr, one thread", bare.clone())
            .goal(Goal::RatioAtLeast(1.8))
            .more_is_better(),
    );
    for (name, rates) in [
        ("bare libotr in two processes", two),
        ("bare libotr in two processes that check keys and write", floor.clone()),
    ] {
        report.add(
            Row::new(format!("key exchanges, {name}"), "1/s", rates)
                .against("bare libotr, one thread", bare.clone())
                .more_is_better(),
        );
    }
    report.add(
        Row::new(
            format!("key exchanges, {accounts} accounts, floor of two processes"),
            "1/s",
            ours,
        )
        .against("bare libotr in two processes that check keys and write", floor)
        .more_is_better(),
    );
    // Of which the first checks a key that was not seen before, and writes down what changed.
    for (name, cost) in [("first", first), ("later", later)] {
        let name = format!("CPU of the {name} key exchange, both workers");
        report.add(Row::new(name, "ms", cost).against("bare libotr", bare_cpu.clone()));
    }
}

/// Exchanges a second of two processes at the same time, from the nanoseconds of CPU that each takes.
fn at_once(each: impl Fn() -> f64 + Sync) -> f64 {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| 1e9 / each());
        1e9 / each() + other.join().expect("bare")
    })
}

/// Every second account exchanges keys with its neighbour, so many times in a row. Exchanges a
/// second, and milliseconds of the workers' CPU for each.
fn all_at_once(kit: &Kit, accounts: usize, times: usize) -> (f64, f64) {
    let world = World::new();
    let otrd = start_otrd(&world);
    let uid = nix::unistd::getuid().as_raw();
    let mut modules: Vec<Module> = (0..accounts)
        .map(|index| {
            let user = format!("user{index:03}");
            kit.lay_key(&world, &otrd.account(uid, &user, "net"), &user);
            Module::hello(&otrd.shim_socket(), &user).connected()
        })
        .collect();
    let mut done = vec![0; accounts];
    let workers = otrd.workers();
    let cpu_of_all = || workers.iter().map(|pid| cpu(*pid)).sum::<f64>();
    let cpu_before = cpu_of_all();
    let start = Instant::now();
    for index in (0..accounts).step_by(2) {
        let other = modules[index + 1].nick.clone();
        modules[index].says(&other, "?OTR?");
    }
    while done.iter().any(|done| *done < times) {
        let mut fds: Vec<_> =
            modules.iter().map(|one| PollFd::new(one.stream.as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut fds, PollTimeout::from(30_000u16)).expect("poll");
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
        assert!(ready.contains(&true), "the exchanges stand still: {done:?}");
        for index in (0..accounts).filter(|index| ready[*index]) {
            modules[index].fill();
            while let Some(line) = modules[index].whole_line() {
                carry(&mut modules, index, &line, &mut done, times);
            }
        }
    }
    let exchanges = (times * accounts / 2) as f64;
    let rate = exchanges / start.elapsed().as_secs_f64();
    (rate, (cpu_of_all() - cpu_before) / 1e6 / exchanges)
}

/// Takes what one account sends to its neighbour, and begins anew where one is done.
fn carry(modules: &mut [Module], index: usize, line: &[u8], done: &mut [usize], times: usize) {
    let other = index ^ 1;
    let value = serde_json::from_slice(line).expect("JSON");
    let from = modules[index].nick.clone();
    for line in sends(&value) {
        modules[other].hears(&from, &line);
    }
    let line = String::from_utf8_lossy(line);
    if line.contains("is private now") || line.contains("session keys are new") {
        done[index] += 1;
        let both = done[index] == done[other];
        if both && done[index] < times {
            let first = index & !1;
            let peer = modules[first ^ 1].nick.clone();
            let command = format!("refresh {peer}");
            modules[first].ask("command", serde_json::json!({"text": command}));
        }
    }
}
