//! Many lines at once.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use otrd_tests::{Alone, Traced};

/// ZNC writes each line by itself. What a worker answers at once goes out as few packets all the
/// same, and nothing stays behind in the kernel for lines that do not come.
#[test]
fn many_lines_leave_as_few_packets() {
    const LINES: usize = 100;
    let (scene, bob) = Alone::private();
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    for number in 0..LINES {
        scene.alice.types_to("bob", &format!("number {number}"));
    }
    // ZNC has handed them all over.
    scene.alice.slowest_ping(1);

    let znc = scene.znc.process().pid();
    let traced = Traced::attach(&scene.world, znc, &["-e", "trace=setsockopt"]);
    let traced = traced.expect("strace may watch our own ZNC");
    scene.otrd.signal_worker(worker, Signal::SIGCONT);
    bob.reads("alice", &format!("number {}", LINES - 1));
    scene.alice.slowest_ping(1);
    let calls = traced.stop();

    // `17 setsockopt(9, SOL_TCP, TCP_CORK, [1], 4) = 0`, for the server and for her client.
    let mut sockets: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for line in calls.lines().filter(|line| line.contains("TCP_CORK")) {
        assert!(line.trim_end().ends_with("= 0"), "{line}");
        let words: Vec<&str> = line.split(['(', ',', '[', ']']).map(str::trim).collect();
        sockets.entry(words[1]).or_default().push(words.contains(&"1"));
    }
    assert_eq!(sockets.len(), 2, "{calls}");
    for states in sockets.values() {
        let packets = states.iter().filter(|on| **on).count();
        assert!(packets > 0 && packets < LINES / 10, "{calls}");
        assert!(states.chunks(2).all(|pair| pair == [true, false]), "{calls}");
    }
}
