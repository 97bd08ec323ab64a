//! `proto/examples/client.py`: two of them, an IRC server, otrd, and a spy between.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use otrd_tests::{Inbox, Ircd, Otrd, Wire, World};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/examples/client.py");

#[test]
fn two_clients_in_python_talk_privately() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let wire = Wire::new(&world, ircd.port());
    let otrd = Otrd::start(&world);
    let alice = Person::start("alice", &otrd, wire.port());
    let bob = Person::start("bob", &otrd, ircd.port());

    alice.types("bob hello bob");
    bob.sees_a_line("<alice> hello bob");
    alice.types("bob ?OTR?");
    alice.sees("The conversation is private now");
    bob.sees("The conversation is private now");
    alice.types("bob the key is under the mat");
    alice.sees_a_line("<alice to bob> the key is under the mat");
    bob.sees_a_line("<alice> the key is under the mat");
    bob.types("alice found it, thanks; grüße");
    alice.sees_a_line("<bob> found it, thanks; grüße");
    alice.types("*otr info");
    alice.sees("Fingerprint");
    alice.sees("bob | encrypted");

    // What bob has ended is not continued in clear.
    bob.types("*otr finish alice");
    alice.sees("They ended the private conversation");
    alice.types("bob into the void");
    let line = alice.sees("*** not sent to bob (");
    assert!(line.ends_with("): into the void"), "{line}");
    alice.types("*otr finish bob");
    alice.sees("goes out in clear");
    alice.types("bob in clear");
    bob.sees("<alice> in clear");
    for secret in ["under the mat", "found it", "into the void"] {
        wire.never_carried(secret);
    }
}

#[test]
fn the_page_counts_its_lines_right() {
    let page = include_str!("../../../proto/CLIENTS.md");
    let client = include_str!("../../../proto/examples/client.py");
    let lines = client.lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= 55 && client.lines().all(|line| line.chars().count() <= 120), "{lines} lines");
    assert!(page.contains(&format!("in {lines} lines of Python")), "{lines} lines");
}

/// Somebody with a terminal.
struct Person {
    name: &'static str,
    child: Child,
    stdin: ChildStdin,
    screen: Inbox<String>,
}

impl Person {
    fn start(name: &'static str, otrd: &Otrd, port: u16) -> Self {
        let mut child = Command::new("python3")
            .arg(CLIENT)
            .arg(otrd.shim_socket())
            .args([name, "libera", "127.0.0.1", &port.to_string()])
            .env("PYTHONUTF8", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = child.stdout.take().expect("a pipe");
        let screen = Inbox::default();
        let shown = screen.clone();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| shown.push(line));
            shown.close();
        });
        let person = Self { name, child, stdin, screen };
        person.sees_a_line("*** on IRC");
        person
    }

    fn types(&self, line: &str) {
        writeln!(&self.stdin, "{line}").expect("the client reads");
    }

    #[track_caller]
    fn sees(&self, text: &str) -> String {
        self.screen.expect(self.name, text, |line| line.contains(text))
    }

    #[track_caller]
    fn sees_a_line(&self, text: &str) {
        self.screen.expect(self.name, text, |line| line.trim_end() == text);
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
