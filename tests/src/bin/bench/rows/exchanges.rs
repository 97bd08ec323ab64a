//! Key exchanges per second with many accounts, against one thread of bare libotr.

use std::time::Instant;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use otrd_tests::World;

use crate::procfs::cpu;
use crate::report::{Goal, Report, Row};
use crate::shimrpc::{Module, sends};
use crate::stage::{Kit, start_otrd};

const ACCOUNTS: usize = 50;
/// Exchanges of each pair after the one in which they meet.
const TIMES: usize = 3;

pub fn measure(kit: &Kit, report: &mut Report) {
    let accounts = if kit.short { 4 } else { ACCOUNTS };
    let mut ours = [Part::default(), Part::default()];
    let (mut bare, mut bare_cpu) = (Vec::new(), Vec::new());
    let (mut meetings, mut two) = (Vec::new(), Vec::new());
    // All stay until the end: an ext4 without a journal looks at each inode that was freed in the
    // last minutes before it gives out one, so what is removed would be paid by who writes next.
    let mut worlds = Vec::new();
    for _ in 0..if kit.short { 1 } else { 7 } {
        for (part, (rate, cost)) in ours.iter_mut().zip(all_at_once(kit, accounts, &mut worlds)) {
            part.rates.push(rate);
            part.costs.push(cost);
        }
        let each = kit.bare(&["exchanges", &(2 * accounts).to_string()], "exchange_ns");
        bare.push(1e9 / each);
        bare_cpu.push(each / 1e6);
        // What a second core comes to here, and what is left of it where libotr writes down that it
        // met a stranger, as otrd has to.
        let places = [World::new(), World::new()];
        meetings.push(at_once(|which| {
            let place = places[which].path().to_str().expect("a path in UTF-8");
            kit.bare(&["meetings", &(accounts / 2).to_string(), place], "exchange_ns")
        }));
        worlds.extend(places);
        two.push(at_once(|_| kit.bare(&["exchanges", &accounts.to_string()], "exchange_ns")));
    }
    let [strangers, known] = ours;
    let all = |strangers: &[f64], known: &[f64]| -> Vec<f64> {
        let mean =
            |(met, again): (&f64, &f64)| (1 + TIMES) as f64 / (1.0 / met + TIMES as f64 / again);
        strangers.iter().zip(known).map(mean).collect()
    };
    let two_name = "bare libotr in two processes";
    let meeting_name = "bare libotr in two processes that write";
    let rows = [
        ("", all(&strangers.rates, &known.rates), meeting_name, all(&meetings, &two)),
        (" among known peers", known.rates, two_name, two),
        (" with strangers", strangers.rates, meeting_name, meetings),
    ];
    for (whose, rates, two_name, two) in rows {
        let name = format!("key exchanges{whose}, {accounts} accounts");
        let goal = if whose.is_empty() { Goal::RatioAtLeast(1.4) } else { Goal::Nothing };
        let row = Row::new(name.clone(), "1/s", rates.clone()).more_is_better();
        report.add(row.against("bare libotr, one thread", bare.clone()).goal(goal));
        let row = Row::new(format!("{name}, two processes"), "1/s", rates);
        report.add(row.more_is_better().against(two_name, two));
    }
    for (whom, part) in [("known peer", known.costs), ("stranger", strangers.costs)] {
        let name = format!("CPU of a key exchange with a {whom}, both workers");
        report.add(Row::new(name, "ms", part).against("bare libotr", bare_cpu.clone()));
    }
}

/// Exchanges a second, and milliseconds of the workers' CPU for each.
#[derive(Default)]
struct Part {
    rates: Vec<f64>,
    costs: Vec<f64>,
}

/// Exchanges a second of two processes at the same time, from the nanoseconds of CPU that each takes.
pub fn at_once(each: impl Fn(usize) -> f64 + Sync) -> f64 {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| 1e9 / each(1));
        1e9 / each(0) + other.join().expect("bare")
    })
}

/// Every second account exchanges keys with its neighbour, whom it has never met; once all have,
/// so many times again. Exchanges a second of both parts, and milliseconds of the workers' CPU for
/// each.
fn all_at_once(kit: &Kit, accounts: usize, worlds: &mut Vec<World>) -> [(f64, f64); 2] {
    let world = World::new();
    worlds.push(world.clone());
    let otrd = start_otrd(&world);
    let uid = nix::unistd::getuid().as_raw();
    let mut modules: Vec<Module> = (0..accounts)
        .map(|index| {
            let user = format!("user{index:03}");
            kit.lay_key(&world, &otrd.account(uid, &user, "net"), &user);
            Module::hello(&otrd.shim_socket(), &user).connected()
        })
        .collect();
    let workers = otrd.workers();
    let cpu_of_all = || workers.iter().map(|pid| cpu(*pid)).sum::<f64>();
    let mut part = |times: usize, start: fn(&mut Module, &str)| {
        let (cpu_before, began) = (cpu_of_all(), Instant::now());
        for index in (0..accounts).step_by(2) {
            let other = modules[index + 1].nick.clone();
            start(&mut modules[index], &other);
        }
        relay(&mut modules, times);
        let exchanges = (times * accounts / 2) as f64;
        let rate = exchanges / began.elapsed().as_secs_f64();
        (rate, (cpu_of_all() - cpu_before) / 1e6 / exchanges)
    };
    [part(1, |module, other| module.says(other, "?OTR?")), part(TIMES, refresh)]
}

fn refresh(module: &mut Module, peer: &str) {
    module.ask("command", serde_json::json!({"text": format!("refresh {peer}")}));
}

/// Carries lines between neighbours until all have exchanged keys so many times.
pub fn relay(modules: &mut [Module], times: usize) {
    let mut done = vec![0; modules.len()];
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    for (index, module) in modules.iter().enumerate() {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
        epoll.add(&module.stream, event).expect("epoll");
    }
    let mut events = vec![EpollEvent::empty(); modules.len()];
    while done.iter().any(|done| *done < times) {
        let count = epoll.wait(&mut events, 30_000_u16).expect("epoll");
        let left = done.iter().filter(|done| **done < times).count();
        assert!(count > 0, "the exchanges of {left} accounts stand still");
        for event in &events[..count] {
            let index = event.data() as usize;
            assert!(modules[index].fill() > 0, "otrd closed the connection");
            while let Some(line) = modules[index].whole_line() {
                carry(modules, index, &line, &mut done, times);
            }
        }
    }
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
        if done[index] == done[other] && done[index] < times {
            let first = index & !1;
            let peer = modules[first ^ 1].nick.clone();
            refresh(&mut modules[first], &peer);
        }
    }
}
