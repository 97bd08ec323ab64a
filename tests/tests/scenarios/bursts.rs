//! Many lines at once.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use otrd_tests::{Alone, Traced};

/// What became of one socket.
#[derive(Debug, Default)]
struct Corked {
    now: bool,
    times: usize,
    /// Writes by whether it was.
    writes: [usize; 2],
}

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
    // ZNC has read them all.
    scene.alice.slowest_ping(1);

    let znc = scene.znc.process().pid();
    let options = ["-e", "trace=setsockopt,write"];
    let Some(traced) = Traced::attach(&scene.world, znc, &options) else {
        eprintln!("left out: nobody may watch ZNC here (kernel.yama.ptrace_scope, CAP_SYS_PTRACE)");
        return;
    };
    scene.otrd.signal_worker(worker, Signal::SIGCONT);
    bob.reads("alice", &format!("number {}", LINES - 1));
    scene.alice.slowest_ping(1);
    let calls = traced.stop();

    // `setsockopt(9, SOL_TCP, TCP_CORK, [1], 4) = 0` and `write(9, "PRIVMSG bob :?OTR:AAMD"..., 400)`.
    let mut sockets: BTreeMap<&str, Corked> = BTreeMap::new();
    for line in calls.lines() {
        let words: Vec<&str> = line.split(['(', ',', '[', ']']).map(str::trim).collect();
        let [call, socket, ..] = words[..] else { continue };
        let corked = sockets.entry(socket).or_default();
        match call {
            "write" => corked.writes[usize::from(corked.now)] += 1,
            _ if words.contains(&"TCP_CORK") => {
                assert!(line.trim_end().ends_with("= 0"), "{line}");
                assert_ne!(corked.now, words.contains(&"1"), "{calls}");
                corked.now = !corked.now;
                corked.times += usize::from(corked.now);
            }
            _ => {}
        }
    }
    sockets.retain(|_, corked| corked.times > 0);
    // Those of the server and of her client, and the lines go to the server.
    assert_eq!(sockets.len(), 2, "{calls}");
    for corked in sockets.values() {
        assert!(!corked.now && corked.times < LINES / 10, "{corked:?}\n{calls}");
    }
    let server = sockets.values().max_by_key(|corked| corked.writes[1]).expect("two of them");
    assert!(server.writes[1] > LINES / 2 && server.writes[0] < LINES / 4, "{server:?}\n{calls}");
}
