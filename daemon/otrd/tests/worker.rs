//! The front and real workers: one per account, found again, started again, ended in time.
// clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod stage;

use serde_json::{Value, json};
use stage::{Client, Otrd, hello, signal};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

fn connect(otrd: &Otrd, user: &str) -> Client {
    let mut module = otrd.module();
    module.say(hello(user, "libera").to_string().as_bytes());
    assert_eq!(module.line()["result"]["version"], 1);
    module
}

fn account(otrd: &Otrd, user: &str) -> Value {
    let accounts = otrd.status()["accounts"].clone();
    let found = accounts.as_array().unwrap().iter().find(|account| account["user"] == user);
    found.unwrap().clone()
}

fn worker(otrd: &Otrd, user: &str) -> u64 {
    account(otrd, user)["pid"].as_u64().unwrap()
}

fn info(user: &str) -> Value {
    json!({"account": {"user": user, "network": "libera"}, "text": "info"})
}

#[test]
fn hellos_at_once_meet_in_one_worker() {
    let Some(otrd) = Otrd::start_with_worker() else { return };
    let mut modules: Vec<Client> = (0..8).map(|_| otrd.module()).collect();
    for module in &mut modules {
        module.say(hello("alice", "libera").to_string().as_bytes());
    }
    for module in &mut modules {
        assert_eq!(module.line()["result"]["version"], 1);
    }
    assert_eq!(otrd.status()["accounts"].as_array().unwrap().len(), 1);
    let told = modules.iter_mut().take(7).map(Client::line);
    assert!(told.into_iter().all(|line| line["method"] == "bye"));
}

#[test]
fn what_came_behind_the_hello_is_not_lost() {
    let Some(otrd) = Otrd::start_with_worker() else { return };
    let network =
        json!({"jsonrpc": "2.0", "id": 2, "method": "network", "params": {"connected": false}});
    let odd = r#"{"jsonrpc":"2.0","id":3,"method":"fly"}"#;
    let mut module = otrd.module();
    // The third line comes in two pieces.
    let (head, tail) = odd.split_at(20);
    module.raw(format!("{}\n{network}\n{head}", hello("alice", "libera")).as_bytes());
    assert_eq!(module.line()["id"], 1);
    assert_eq!(module.line()["result"], json!({"effects": []}));
    module.raw(format!("{tail}\n").as_bytes());
    assert_eq!(stage::code(&module.line()), -32601);
}

#[test]
fn a_killed_worker_costs_its_account_a_reconnection_and_others_nothing() {
    let Some(otrd) = Otrd::start_with_worker() else { return };
    let mut alice = connect(&otrd, "alice");
    let mut bob = connect(&otrd, "bob");
    signal(worker(&otrd, "alice"), "KILL");
    assert!(alice.is_closed());
    // A hello that comes before the front knows goes down with the worker, and is said again.
    otrd.wait_for(|| account(&otrd, "alice")["restarts"] == 1);
    let _alice = connect(&otrd, "alice");
    assert_eq!(account(&otrd, "bob")["restarts"], 0);
    assert!(bob.ask("command", json!({"text": "info"}))["result"].is_object());
}

/// Where a connection breaks, a module knows its requests again by their ids: none comes twice, and
/// one that was refused was decided, too.
#[test]
fn ids_of_an_instance_rise() {
    let Some(otrd) = Otrd::start_with_worker() else { return };
    let greet = |id: u64, ack: u64| {
        let mut hello = hello("alice", "libera");
        hello["id"] = json!(id);
        hello["params"]["instance"] = json!("one");
        hello["params"]["ack"] = json!(ack);
        let mut module = otrd.module();
        module.say(hello.to_string().as_bytes());
        let reply = module.line();
        (module, reply["result"]["last_processed"].clone())
    };
    let state = |id: Value| json!({"jsonrpc": "2.0", "id": id, "method": "state", "params": {}});
    let (mut module, last) = greet(1, 0);
    assert_eq!(last, Value::Null);
    for (id, fits) in [
        (json!(7), true),
        (json!(7), false),
        (json!(3), false),
        (json!("8"), false),
        (json!(8.5), false),
        (json!(8), true),
    ] {
        module.say(state(id.clone()).to_string().as_bytes());
        let reply = module.line();
        assert_eq!(reply["id"], id);
        assert_eq!(stage::code(&reply), if fits { 0 } else { -32600 }, "{id}");
    }
    let wrong = json!({"jsonrpc": "2.0", "id": 9, "method": "nick", "params": {"old": "bob"}});
    module.say(wrong.to_string().as_bytes());
    assert_eq!(stage::code(&module.line()), -32602);
    drop(module);
    // The last line comes again; its request is not asked again.
    let (mut module, last) = greet(10, 6);
    assert_eq!(last, 9);
    let reply = module.line();
    assert_eq!((reply["id"].clone(), stage::code(&reply)), (json!(9), -32602));
}

#[test]
fn a_stopped_worker_holds_up_nobody_but_its_account() {
    let Some(mut otrd) = Otrd::start_with_worker() else { return };
    let _alice = connect(&otrd, "alice");
    let mut bob = connect(&otrd, "bob");
    let stopped = worker(&otrd, "alice");
    signal(stopped, "STOP");

    let start = Instant::now();
    assert_eq!(account(&otrd, "alice")["worker"], Value::Null);
    assert_eq!(account(&otrd, "bob")["worker"]["connected"], true);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(bob.ask("command", json!({"text": "info"}))["result"].is_object());
    assert!(otrd.admin().ask("command", info("bob"))["result"]["output"].is_array());
    otrd.assert_serves();

    // Even so everything ends in time.
    let start = Instant::now();
    assert!(otrd.stop().success());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!std::path::Path::new(&format!("/proc/{stopped}")).exists());
}

#[test]
fn the_watchdog_is_told_that_all_is_well_while_a_worker_hangs_but_not_while_otrd_does() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    let otrd = Otrd::start_with_worker_and(|command| {
        // Not so fast that what nobody reads yet piles up.
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000000");
    });
    let Some(otrd) = otrd else { return };
    let pings = |most: usize| {
        let mut buffer = [0; 1024];
        let mut heard = 0;
        while heard < most {
            let Ok(length) = systemd.recv(&mut buffer) else { break };
            heard += usize::from(buffer[..length].starts_with(b"WATCHDOG=1"));
        }
        heard
    };
    systemd.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let _alice = connect(&otrd, "alice");
    let mut bob = connect(&otrd, "bob");
    let stopped = worker(&otrd, "alice");
    signal(stopped, "STOP");
    assert_eq!(pings(6), 6);
    assert!(bob.ask("command", json!({"text": "info"}))["result"].is_object());

    let front = otrd.status()["pid"].as_u64().unwrap();
    signal(front, "STOP");
    // Those that were sent already, and then none.
    systemd.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    assert!(pings(1000) < 1000);
    assert_eq!(pings(1), 0);
    signal(front, "CONT");
    assert_eq!(pings(2), 2);
    signal(stopped, "CONT");
}

#[test]
fn a_worker_is_born_with_nothing_but_its_account() {
    let Some(otrd) = Otrd::start_with_worker() else { return };
    let _alice = connect(&otrd, "alice");
    let proc = format!("/proc/{}", worker(&otrd, "alice"));
    let read = |file: &str| std::fs::read_to_string(format!("{proc}/{file}"));
    // A worker that is not dumpable shows none of this to others than root.
    let Ok(environment) = read("environ") else { return };
    let names: Vec<_> = environment.split('\0').filter(|text| !text.is_empty()).collect();
    // How glibc wipes, which it cuts into words as it reads them, and the log.
    let words = ["GLIBC_TUNABLES=glibc.malloc.perturb=255", "glibc.malloc.tcache_count=0"];
    let mut others: Vec<_> = names.iter().flat_map(|name| name.split(':')).collect();
    others.retain(|word| !words.contains(word));
    assert!(names.iter().any(|name| name.starts_with(words[0])), "{names:?}");
    assert!(others.iter().all(|name| name.starts_with("RUST_LOG=")), "{names:?}");
    assert_eq!(read("cmdline").unwrap(), "otrd-worker\0");
    let Ok(descriptors) = std::fs::read_dir(format!("{proc}/fd")) else { return };
    let links = descriptors.map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap());
    let links: Vec<_> = links.map(|link| link.display().to_string()).collect();
    let inherited = |link: &&String| link.contains("eventpoll") || link.contains("admin");
    assert!(!links.iter().any(|link| inherited(&link)), "{links:?}");
    // The channel, the module's connection, and no other socket.
    let sockets = links.iter().filter(|link| link.starts_with("socket:"));
    let sockets: std::collections::BTreeSet<_> = sockets.collect();
    assert!(sockets.len() <= 2, "{links:?}");
}

/// As a bit of `CapEff`, see capabilities(7).
const CAP_IPC_LOCK: u64 = 1 << 14;

#[test]
fn status_says_how_a_worker_is_confined() {
    let Some(otrd) = Otrd::start_with_worker() else { return };
    let _alice = connect(&otrd, "alice");
    let confined = account(&otrd, "alice")["worker"]["sandbox"].as_str().unwrap().to_owned();
    let landlock = if stage::has_landlock() { "landlock" } else { "no landlock" };
    assert!(confined.starts_with(&format!("seccomp, {landlock}")), "{confined}");
    let status = format!("/proc/{}/status", worker(&otrd, "alice"));
    let status = std::fs::read_to_string(status).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{status}");
    }
    // Locked where it may be, and said as it is.
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    let (locked, capabilities) = (field("VmLck:") != "0 kB", field("CapEff:"));
    let may_lock = u64::from_str_radix(capabilities, 16).unwrap() & CAP_IPC_LOCK != 0;
    assert!(locked || !may_lock, "{status}");
    assert_eq!(confined.ends_with(", memory locked"), locked, "{confined}: {status}");
}

#[test]
fn a_command_starts_a_worker_where_none_runs() {
    let Some(otrd) = Otrd::start_with_worker() else { return };
    let home = format!("{}/alice/libera", stage::uid());
    std::fs::create_dir_all(otrd.path("state").join(home)).unwrap();
    assert!(otrd.admin().ask("command", info("alice"))["result"]["output"].is_array());
    assert_eq!(account(&otrd, "alice")["worker"]["connected"], false);
}

/// The front hears of a key's end and of the next one's beginning at the same time, in either
/// order: it is stopped while both happen.
#[test]
fn a_key_asked_for_right_after_another_is_made() {
    let Some(otrd) = Otrd::start_with_worker() else { return };
    let mut module = connect(&otrd, "alice");
    let told = |module: &mut Client, what: &str| while !module.line().to_string().contains(what) {};
    let front = otrd.pid();
    module.say(ask("genkey").to_string().as_bytes());
    for _ in 0..4 {
        otrd.wait_for_briefly(|| makes_a_key(front));
        otrd.signal("STOP");
        // Should it have been stopped before the worker had the pipe.
        let goes_on = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(2));
            signal(front, "CONT");
        });
        told(&mut module, "private key is ready");
        module.say(ask("genkey --overwrite").to_string().as_bytes());
        told(&mut module, "Making a new private key");
        goes_on.join().unwrap();
    }
    told(&mut module, "private key is ready");
}

/// Whether a process has a child that makes a key.
fn makes_a_key(pid: u64) -> bool {
    let read = |path: String| std::fs::read(path).unwrap_or_default();
    let is_its_child = |id: &u64| {
        let status = String::from_utf8_lossy(&read(format!("/proc/{id}/status"))).into_owned();
        status.lines().any(|line| line == format!("PPid:\t{pid}"))
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_keygen = |id: u64| read(format!("/proc/{id}/cmdline")).ends_with(b"keygen\0");
    ids.filter(is_its_child).any(is_keygen)
}

fn ask(command: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": "command", "params": {"text": command}})
}
