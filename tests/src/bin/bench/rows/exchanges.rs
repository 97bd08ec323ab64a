//! Key exchanges per second with many accounts, against one thread of bare libotr.

use std::os::fd::AsFd;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use otrd_tests::{Otrd, World};

use crate::report::{Goal, Report, Row};
use crate::shimrpc::{Module, sends};
use crate::stage::Kit;

const ACCOUNTS: usize = 50;

pub fn measure(kit: &Kit, report: &mut Report) {
    let accounts = if kit.short { 4 } else { ACCOUNTS };
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..if kit.short { 1 } else { 5 } {
        ours.push(all_at_once(kit, accounts));
        let count = (2 * accounts).to_string();
        bare.push(1e9 / kit.bare(&["exchanges", &count], "exchange_ns"));
    }
    report.add(
        Row::new(format!("key exchanges, {accounts} accounts"), "1/s", ours)
            .against("bare libotr, one thread", bare)
            .goal(Goal::RatioAtLeast(1.8))
            .more_is_better(),
    );
}

/// Every second account exchanges keys with its neighbour, four times in a row.
fn all_at_once(kit: &Kit, accounts: usize) -> f64 {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let uid = nix::unistd::getuid().as_raw();
    let mut modules: Vec<Module> = (0..accounts)
        .map(|index| {
            let user = format!("user{index:03}");
            kit.lay_key(&world, &otrd.account(uid, &user, "net"), &user);
            Module::hello(&otrd.shim_socket(), &user).connected()
        })
        .collect();
    let times = 4;
    let mut done = vec![0; accounts];
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
    (times * accounts / 2) as f64 / start.elapsed().as_secs_f64()
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
