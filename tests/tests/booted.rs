//! The daemon as systemd runs it, all of its unit's confinement in force. `tests/boot` boots a root
//! for this and runs it there.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use otrd_tests::{Client, Ircd, Irssi, Way, Wire, World, Znc, ZncBuilder, ZncNetwork, ZncUser};
use otrd_tests::{eventually, holds, nice_of, private_number};

/// Where the system's otrd listens.
const SHIM_SOCKET: &str = "/run/otrd/shim.sock";

/// alice behind ZNC and the installed otrd, and bob with irssi. Its parts end in this order.
struct Cast {
    alice: Client,
    bob: Irssi,
    _znc: Znc,
    wire: Wire,
    _ircd: Ircd,
    _world: World,
}

impl Cast {
    /// They are private. `with_otr` has ZNC load the module on a network.
    fn private(with_otr: impl FnOnce(ZncNetwork) -> ZncNetwork) -> Self {
        let world = World::new();
        let ircd = Ircd::ngircd(&world);
        let wire = Wire::new(&world, ircd.port());
        let network = with_otr(ZncNetwork::new("net", wire.port()));
        let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(&world);
        let bob = Irssi::start(&world, "bob", ircd.port());
        let alice = znc.attach("alice", "net");
        alice.has_otr();
        alice.types_to("bob", "?OTR?");
        bob.is_private();
        alice.becomes("bob", "encrypted");
        Self { alice, bob, _znc: znc, wire, _ircd: ircd, _world: world }
    }
}

/// The short one, for machines that are emulated.
#[test]
#[ignore = "needs an installed daemon under systemd: run tests/cross"]
fn two_people_talk_under_systemd() {
    let cast = Cast::private(|network| network.otr_at(Path::new(SHIM_SOCKET)));
    let Cast { alice, bob, wire, .. } = &cast;
    for pid in [front(), worker()] {
        assert!(proc(pid, "status").contains("Seccomp:\t2"), "{}", proc(pid, "status"));
    }
    alice.types_to("bob", "the key is under the mat");
    bob.reads("alice", "the key is under the mat");
    let before = worker();
    systemctl(&["restart", "otrd"]);
    alice.types_to("bob", "and the lamp is lit");
    bob.reads("alice", "and the lamp is lit");
    bob.types_to("alice", "since when?");
    alice.reads("bob", "since when?");
    assert_eq!(worker(), before, "a restart ends no conversation");
    for text in ["under the mat", "the lamp is lit", "since when"] {
        wire.never_carried(text);
    }
}

#[test]
#[ignore = "needs an installed daemon under systemd: run tests/boot"]
fn a_conversation_under_systemd() {
    let cast = Cast::private(|network| network.otr_at(Path::new(SHIM_SOCKET)));
    let Cast { alice, bob, wire, .. } = &cast;

    // A whole conversation.
    alice.types_to("bob", "the key is under the mat");
    bob.reads("alice", "the key is under the mat");
    bob.types_to("alice", "which mat?");
    alice.reads("bob", "which mat?");
    alice.otr("auth bob a-secret");
    bob.sees("alice wants to authenticate");
    bob.auths("alice", "a-secret");
    alice.otr_says("Successfully authenticated");

    // Who is confined how.
    let (front, worker) = (front(), worker());
    for pid in [front, worker] {
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"] {
            assert!(proc(pid, "status").contains(line), "{}", proc(pid, "status"));
        }
        assert_eq!(proc(pid, "net/dev").lines().count(), 3, "only lo: {}", proc(pid, "net/dev"));
        assert!(limit(pid, "Max core file size").starts_with("0 "));
        assert_eq!(nice_of(pid), Some(10), "ZNC goes first");
    }
    assert_eq!(run("systemctl", &["show", "-P", "CPUWeight", "otrd"]).trim(), "20");
    assert!(filters(worker) > filters(front), "a worker confines itself further");
    assert_ne!(owner(front), 0);
    let status = run("otrctl", &["status"]);
    assert!(status.contains("seccomp, landlock"), "{status}");
    // Not every machine lets a container raise this limit.
    let may_lock = limit(worker, "Max locked memory").starts_with("unlimited");
    assert_eq!(status.contains(", memory locked"), may_lock, "{status}");
    for pid in [front, worker] {
        let none = proc(pid, "status").contains("VmLck:\t       0 kB");
        assert_eq!(none, !may_lock, "{}", proc(pid, "status"));
    }
    eprintln!("memory is{} locked here, and status says so", if may_lock { "" } else { " not" });

    // The files are encrypted, and nothing that was typed or is secret lies anywhere.
    assert!(status.contains("encrypted"), "{status}");
    nothing_lies_about(&bob.fingerprint(), &[front, worker]);

    // A reload costs nobody anything.
    systemctl(&["reload", "otrd"]);
    assert_eq!((self::front(), self::worker()), (front, worker));
    alice.types_to("bob", "still here");
    bob.reads("alice", "still here");

    // Whatever becomes of the front, its worker goes on, and so does the conversation.
    let since = |alice: &Client| {
        alice.otr("info bob");
        let line = alice.otr_says("Private with");
        line.split_once(", for").expect("since when").0.to_owned()
    };
    let began = since(alice);
    for round in 0..restarts() {
        let text = format!("restart {round}");
        alice.types_to("bob", &format!("{text}, there"));
        bob.types_to("alice", &format!("{text}, back"));
        systemctl(&["restart", "otrd.service"]);
        bob.reads("alice", &format!("{text}, there"));
        alice.reads("bob", &format!("{text}, back"));
        let back = alice.texts_from("bob");
        assert_eq!(back.iter().filter(|said| said.contains(&text)).count(), 1, "{text}");
        if round % 25 == 0 {
            run("systemctl", &["daemon-reexec"]);
        }
    }
    assert!(runs(worker));

    // A crash.
    comes_back_after(self::front(), Signal::SIGKILL);
    alice.types_to("bob", "after the crash");
    bob.reads("alice", "after the crash");

    // A front that does not answer is ended by the watchdog.
    comes_back_after(self::front(), Signal::SIGSTOP);
    alice.types_to("bob", "after the silence");
    bob.reads("alice", "after the silence");
    assert_eq!(since(alice), began);
    assert!(runs(worker));

    // The next front ends what does not answer, and what another one started.
    let said = run("otrctl", &["renew", "--all"]);
    assert!(said.contains("has ended"), "{said}");
    eventually("the worker has ended", || !runs(worker));
    alice.has_otr();
    alice.becomes("bob", "encrypted");
    alice.types_to("bob", "after the renewal");
    bob.reads("alice", "after the renewal");

    // A stop is a stop, and the socket starts it again.
    let (front, worker) = (self::front(), self::worker());
    let before = Instant::now();
    systemctl(&["stop", "otrd.service"]);
    eventually("nothing of otrd runs", || !runs(front) && !runs(worker));
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    alice.has_otr();
    assert!(runs(self::front()));

    for text in ["under the mat", "which mat", "still here", "after the"] {
        wire.never_carried(text);
        assert!(!run("journalctl", &["--no-pager", "-u", "otrd"]).contains(text));
    }
    wire.carries(Way::Out, "?OTR");
}

#[test]
#[ignore = "needs a user's own installed daemon under systemd: run tests/boot"]
fn a_conversation_under_a_users_systemd() {
    let run_time = format!("/run/user/{BOUNCER}/otrd");
    let admin = format!("{run_time}/admin.sock");
    // It is found without being named, and without XDG_RUNTIME_DIR, though a socket is where the
    // system's otrd would be.
    assert!(Path::new(SHIM_SOCKET).exists());
    let cast = Cast::private(|network| network.module("otr"));
    let Cast { alice, bob, wire, .. } = &cast;
    alice.types_to("bob", "under my own roof");
    bob.reads("alice", "under my own roof");

    let front = || -> i32 {
        let said = users_systemctl(&["show", "-P", "MainPID", "otrd"]);
        said.trim().parse().expect("a pid")
    };
    let pid = front();
    assert_eq!(owner(pid), BOUNCER);
    let otrctl = "/home/bouncer/.local/bin/otrctl";
    let status = run(otrctl, &["--socket", &admin, "status"]);
    // A user's limit does not let all of it be locked, which is said.
    assert!(status.contains("seccomp, landlock") && status.contains("memory not"), "{status}");
    users_systemctl(&["reload", "otrd"]);
    assert_eq!(front(), pid);

    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        let before = front();
        kill(Pid::from_raw(before), signal).expect("a signal to the front");
        eventually("another front runs", || !runs(before) && ![0, before].contains(&front()));
        alice.types_to("bob", "and back");
        bob.reads("alice", "and back");
    }
    wire.never_carried("own roof");
}

/// The user whose systemd this is; ZNC runs as the same.
const BOUNCER: u32 = 60_001;

fn users_systemctl(words: &[&str]) -> String {
    let id = BOUNCER.to_string();
    let mut all = vec!["--reuid", &id, "--regid", &id, "--init-groups", "env"];
    let place = format!("XDG_RUNTIME_DIR=/run/user/{BOUNCER}");
    all.extend([place.as_str(), "systemctl", "--user"]);
    all.extend(words);
    run("setpriv", &all)
}

/// Neither the master secret, nor alice's private key, nor a fingerprint, nor anything typed is in
/// a file of otrd's, in the journal, in a core, or on a command line.
fn nothing_lies_about(fingerprint: &str, processes: &[i32]) {
    let out = World::new();
    let place = out.path().join("keys");
    let place = place.to_str().expect("a text");
    run("otrctl", &["-a", "alice/net", "export", place]);
    let key = fs::read(format!("{place}/otr.key")).expect("the key, as root exports it");
    let master = fs::read("/opt/otrd/master").expect("the master secret");
    let typed = ["under the mat", "which mat", "a-secret"].map(Vec::from);
    let hex = fingerprint.replace(' ', "").into_bytes();
    let others = [private_number(&key), master, hex, Vec::from(fingerprint)];
    let secrets: Vec<_> = typed.into_iter().chain(others).collect();

    let journal = run("journalctl", &["--boot", "--no-pager", "-o", "export"]);
    assert!(journal.contains("worker started"), "else this shows nothing");
    let mut all = vec![("the journal".to_owned(), journal.into_bytes())];
    for pid in processes {
        for file in ["cmdline", "environ"] {
            all.push((file.into(), fs::read(format!("/proc/{pid}/{file}")).expect("a process")));
        }
    }
    let found = run(
        "find",
        &["/var/lib/otrd", "/run/otrd", "/var/lib/systemd", "/var/crash", "-type", "f"],
    );
    assert!(found.contains("otr.key"), "{found}");
    all.extend(found.lines().map(|file| (file.into(), fs::read(file).unwrap_or_default())));
    for (name, content) in &all {
        for secret in &secrets {
            let shown = String::from_utf8_lossy(secret);
            assert!(!holds(content, secret), "{name} holds {shown}");
        }
    }
}

/// How often otrd is restarted under a conversation.
fn restarts() -> usize {
    std::env::var("OTRD_BOOT_RESTARTS").map_or(100, |count| count.parse().expect("a number"))
}

fn comes_back_after(front: i32, signal: Signal) {
    kill(Pid::from_raw(front), signal).expect("a signal to the front");
    eventually("the front has ended", || !runs(front));
    // Before it has started, the watchdog does not look at it.
    eventually("another front runs", || {
        let state = run("systemctl", &["show", "-P", "SubState", "otrd"]);
        state.trim() == "running" && ![0, front].contains(&self::front())
    });
}

fn front() -> i32 {
    run("systemctl", &["show", "-P", "MainPID", "otrd"]).trim().parse().expect("a pid")
}

/// An earlier front may have started it.
fn worker() -> i32 {
    let workers = || {
        let found = run("pgrep", &["-x", "otrd-worker"]);
        found.lines().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()
    };
    eventually("one worker runs", || workers().len() == 1);
    workers()[0]
}

fn runs(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn proc(pid: i32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{file}")).expect("a file of a process")
}

fn limit(pid: i32, name: &str) -> String {
    let limits = proc(pid, "limits");
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a limit");
    line.trim_start().to_owned()
}

fn owner(pid: i32) -> u32 {
    let status = proc(pid, "status");
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("a uid");
    uid.split_whitespace().next().expect("a number").parse().expect("a number")
}

fn filters(pid: i32) -> u32 {
    let status = proc(pid, "status");
    let count = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    count.expect("a count").trim().parse().expect("a number")
}

fn systemctl(words: &[&str]) {
    let status = Command::new("systemctl").args(words).status().expect("systemctl");
    assert!(status.success(), "systemctl {words:?}");
}

fn run(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().expect(program);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
