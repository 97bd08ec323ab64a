//! A conversation to watch: what alice types, what the wire carries, what bob reads, and where
//! the key lives. `tests/demo` builds everything and runs this.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, io};

use nix::sys::signal::{SigSet, Signal};
use otrd_tests::{Scene, Way, children_of, programs};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let keep = match words.as_slice() {
        [] => false,
        [word] if word == "--keep" => true,
        _ => {
            eprintln!("usage: tests/demo [--keep]");
            return ExitCode::FAILURE;
        }
    };
    // Ctrl-C is waited for at the end, so that nothing is left behind.
    let mut end = SigSet::empty();
    end.add(Signal::SIGINT);
    end.add(Signal::SIGTERM);
    end.thread_block().expect("block signals");

    let scene = stage();
    before(&scene);
    conversation(&scene);
    after(&scene);
    where_the_key_lives(&scene);
    if keep {
        invitation(&scene);
        let _ = end.wait();
        println!("\nended.");
    }
    ExitCode::SUCCESS
}

fn stage() -> Scene {
    title("The stage");
    let scene = Scene::new();
    println!("  ngircd      the IRC server, 127.0.0.1:{}", scene.ircd.port());
    println!("  znc         alice's bouncer, 127.0.0.1:{}, with shim/otr.so", scene.znc.port());
    println!("  otrd        the daemon, {}", scene.otrd.shim_socket().display());
    println!("  irssi       bob, with irssi's OTR plugin");
    println!("  a spy       between znc and ngircd");
    scene
}

fn before(scene: &Scene) {
    title("alice, before: /msg *otr info");
    show("<*otr> ", &scene.alice.info());
}

fn conversation(scene: &Scene) {
    title("alice types ?OTR? to bob");
    scene.goes_private();
    println!("  bob's irssi: Session secured");

    title("What is said, and what the wire carries");
    exchange(scene, "the key is under the mat", Direction::FromAlice);
    exchange(scene, "thanks, which mat?", Direction::FromBob);

    title("alice types /msg *otr authq bob [Where did we meet?] lisbon");
    scene.alice.otr("authq bob [Where did we meet?] lisbon");
    println!("  bob's irssi: {}", scene.bob.sees("Question:"));
    scene.bob.auths("alice", "lisbon");
    for line in ["Initiated", "Peer replied", "Successfully"] {
        println!("  <*otr> {}", scene.alice.otr_says(line));
    }
    scene.bob.auth_succeeds("alice");
}

enum Direction {
    FromAlice,
    FromBob,
}

fn exchange(scene: &Scene, text: &str, direction: Direction) {
    let (alice, bob, wire) = (&scene.alice, &scene.bob, &scene.wire);
    let way = match direction {
        Direction::FromAlice => Way::Out,
        Direction::FromBob => Way::In,
    };
    let before = wire.lines(way).len();
    match direction {
        Direction::FromAlice => {
            alice.types_to("bob", text);
            bob.reads("alice", text);
            println!("  alice types    {text}");
        }
        Direction::FromBob => {
            bob.types_to("alice", text);
            alice.reads("bob", text);
            println!("  bob types      {text}");
        }
    }
    for line in wire.lines(way).iter().skip(before).filter(|line| line.contains("?OTR")) {
        println!("  the wire       {}", shortened(line));
    }
    match direction {
        Direction::FromAlice => println!("  bob reads      {text}\n"),
        Direction::FromBob => println!("  alice reads    {text}\n"),
    }
    wire.never_carried(text);
}

fn after(scene: &Scene) {
    title("alice, after: /msg *otr info");
    show("<*otr> ", &scene.alice.info());
}

fn where_the_key_lives(scene: &Scene) {
    title("Where the key lives");
    let (znc, otrd) = (scene.znc.process().pid(), scene.otrd.process().pid());
    let mut processes = vec![(znc, String::from("znc")), (otrd, String::from("otrd"))];
    for (pid, line) in children_of(otrd) {
        let program = line.split(' ').next().unwrap_or_default();
        let name = Path::new(program).file_name().unwrap_or_default();
        processes.push((pid, name.to_string_lossy().into_owned()));
    }
    println!("  {:>8}  {:>6}  {:<12}  grep -c libotr /proc/PID/maps", "pid", "uid", "process");
    for (pid, name) in processes {
        let uid = fs::metadata(format!("/proc/{pid}")).map_or(0, |data| data.uid());
        let count = match fs::read_to_string(format!("/proc/{pid}/maps")) {
            Ok(maps) => maps.lines().filter(|line| line.contains("libotr")).count().to_string(),
            Err(error) => format!("not for our eyes: {error}"),
        };
        println!("  {pid:>8}  {uid:>6}  {name:<12}  {count}");
    }
    for program in [programs::otrd(), programs::shim()] {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let answer = if names_libotr(&program) { "names libotr" } else { "names no libotr" };
        println!("  ldd {name}: {answer}");
    }
    for key in files_called("otr.key", &scene.otrd.state()) {
        let mode = fs::metadata(&key).map_or(0, |data| data.permissions().mode() & 0o777);
        println!("  {mode:04o} {}", key.display());
    }
}

fn names_libotr(program: &Path) -> bool {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8_lossy(&output.stdout);
    text.contains("libotr") || text.contains("libgcrypt")
}

fn files_called(name: &str, dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files_called(name, &path));
        } else if path.file_name().is_some_and(|own| own == name) {
            found.push(path);
        }
    }
    found
}

fn invitation(scene: &Scene) {
    title("Your turn");
    println!("  Connect an IRC client to 127.0.0.1, port {}, without TLS:", scene.znc.port());
    println!("      server password alice/net:alice, nick alice");
    println!("      e.g. irssi -c 127.0.0.1 -p {} -w alice/net:alice -n alice", scene.znc.port());
    println!("  Then: /msg bob hello, and /msg *otr help");
    println!("  See bob's screen in another terminal (leave it with Ctrl-b d):");
    println!("      {}", scene.bob.attach_command());
    println!("  Ctrl-C ends it all.");
    let _ = io::stdout().flush();
}

fn title(text: &str) {
    println!("\n{text}");
    println!("{}", "-".repeat(text.chars().count()));
}

fn show(prefix: &str, lines: &[String]) {
    for line in lines {
        println!("  {prefix}{line}");
    }
}

fn shortened(line: &str) -> String {
    const WIDTH: usize = 72;
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let start: String = line.chars().take(WIDTH - 1).collect();
    start + "…"
}
