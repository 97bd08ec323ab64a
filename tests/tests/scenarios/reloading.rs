//! The module comes and goes in a ZNC that runs on.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use otrd_tests::{Client, FakeOtrd, Ircd, World, Znc, ZncBuilder, ZncNetwork, ZncUser};
use serde_json::json;

const ROUNDS: usize = 600;

/// Each round has a connection to otrd, on which data arrives while the module is taken out.
#[test]
fn closed_connections_leave_no_memory_and_no_crash_behind() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let fake = FakeOtrd::start(&world);
    let module = format!("otr socket={}", fake.shim_socket().display());
    let network = ZncNetwork::new("net", ircd.port()).module(&module);
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(&world);
    let alice = znc.attach("alice", "net");
    let ends = AtomicBool::new(false);
    let (warm, after) = thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                fake.tries(json!([{"do": "print", "text": "x".repeat(300)}]));
                // Faster than the module comes and goes; without a pause, most of it would be to read it here.
                thread::sleep(Duration::from_millis(1));
            }
        });
        let warm = reloads(&znc, &alice, ROUNDS / 3);
        let after = reloads(&znc, &alice, ROUNDS);
        ends.store(true, Ordering::Relaxed);
        (warm, after)
    });
    // A socket of ZNC's takes about 2 KiB.
    let most = u64::try_from(ROUNDS).expect("a number") / 2;
    assert!(after < warm + most, "{warm} KiB, then {after} KiB");
}

/// KiB of ZNC's own memory after so many rounds.
#[track_caller]
fn reloads(znc: &Znc, alice: &Client, rounds: usize) -> u64 {
    for _ in 0..rounds {
        alice.types_to("*status", "reloadmod otr");
        alice.reads_about("*status", "Reloaded module otr");
        alice.forgets();
    }
    let status = fs::read_to_string(format!("/proc/{}/status", znc.process().pid()));
    let status = status.expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}
