//! `proto/examples/client.py`: two of them, an IRC server, otrd, and a spy between.
//! `proto/examples/steady.py`: while its worker is killed and its connection breaks.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use nix::sys::signal::Signal;
use serde_json::json;

use otrd_tests::{
    FakeOtrd, Inbox, Ircd, LossyProxy, NodePeer, Otrd, ScriptedServer, Way, Wire, World,
};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/examples/client.py");
const STEADY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/examples/steady.py");

#[test]
fn two_clients_in_python_talk_privately() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let wire = Wire::new(&world, ircd.port());
    let otrd = Otrd::start(&world);
    let alice = Person::start(CLIENT, "alice", &otrd.shim_socket(), wire.port());
    let bob = Person::start(CLIENT, "bob", &otrd.shim_socket(), ircd.port());

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

/// Neither a broken connection nor a killed worker makes a line go missing, come twice, or go out
/// in clear.
#[test]
fn a_steady_client_neither_loses_nor_doubles_nor_leaks_a_line() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let wire = Wire::new(&world, ircd.port());
    let otrd = Otrd::start(&world);
    let proxy = LossyProxy::start(&world, &otrd);
    let alice = Person::start(STEADY, "alice", proxy.shim_socket(), wire.port());
    let bob = NodePeer::start(&world, "bob", ircd.port(), "3");

    alice.types("bob open words");
    bob.reads_clear("alice", "open words");
    alice.types("/start bob");
    alice.sees_a_line("--- bob: private none");
    alice.types("bob first");
    bob.reads("alice", "first");
    alice.sees_a_line("<alice to bob> first");

    // The reply is lost, and with it the line to send: it comes again.
    proxy.loses_reply("second");
    alice.types("bob second");
    alice.sees_a_line("<alice to bob> second");
    bob.reads("alice", "second");
    // The request is lost: it is asked again.
    proxy.loses_request("third");
    alice.types("bob third");
    alice.sees_a_line("<alice to bob> third");
    bob.reads("alice", "third");
    // What came is told again.
    proxy.loses_reply("fourth");
    bob.types_to("alice", "fourth");
    alice.sees_a_line("<bob> fourth");
    proxy.has_lost_it();

    // A worker that is killed before it reads: the text comes back, or waits for the next one.
    let worker = otrd.worker();
    otrd.signal_worker(worker, Signal::SIGSTOP);
    alice.types("bob fifth");
    otrd.signal_worker(worker, Signal::SIGKILL);
    let line = alice.sees("fifth");
    match line.starts_with("*** not sent to bob (") {
        true => {}
        false => bob.reads("alice", "fifth"),
    }
    // The next worker asks bob for another session by itself; until then nothing goes out.
    alice.sees_a_line("--- bob: private none");
    alice.types("bob sixth");
    bob.reads("alice", "sixth");
    alice.sees_a_line("<alice to bob> sixth");

    // It is over at both ends of the story: every line came once.
    alice.types("/smp bob sesame");
    bob.told("asked alice");
    bob.auths("alice", "sesame");
    alice.sees_a_line("--- bob: private secret");
    for text in ["first", "second", "third", "fourth", "fifth", "sixth"] {
        let shown = alice.screen.all().iter().filter(|line| line.ends_with(text)).count();
        assert_eq!(shown, 1, "{text}");
        let read = format!("private alice {text}");
        let read = bob.lines().iter().filter(|line| **line == read).count();
        assert!(read <= 1, "bob read {text} {read} times");
        wire.never_carried(&format!(":{text}"));
    }
    wire.never_carried("sesame");
    assert_eq!(wire.count(Way::Out, "open words"), 1);

    alice.types("/finish bob");
    alice.sees_a_line("--- bob: clear none");
    alice.types("bob open again");
    bob.reads_clear("alice", "open again");
}

/// What the first client has no answer to comes back when its worker ends.
#[test]
fn what_has_no_answer_comes_back_at_the_end() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let wire = Wire::new(&world, ircd.port());
    let otrd = Otrd::start(&world);
    let alice = Person::start(CLIENT, "alice", &otrd.shim_socket(), wire.port());
    let worker = otrd.worker();
    otrd.signal_worker(worker, Signal::SIGSTOP);
    alice.types("bob last words");
    otrd.signal_worker(worker, Signal::SIGKILL);
    alice.sees_a_line("*** not sent to bob (a connection has ended): last words");
    wire.never_carried("last words");
}

/// Whom both guard, under which names, and what opens them.
#[test]
fn only_the_users_word_opens_whom_a_client_guards() {
    for client in [CLIENT, STEADY] {
        let world = World::new();
        let server = ScriptedServer::start(&world);
        let otrd = FakeOtrd::start(&world);
        let protect = |peer: &str, on: bool, by_user: bool| json!({"do": "protect", "peer": peer, "on": on, "by_user": by_user});
        let pass = json!({"do": "pass"});
        otrd.answers_typed_lines(json!([pass]));
        let alice = Person::start(client, "alice", otrd.shim_socket(), server.port());
        otrd.knows_the_network();

        // In other letters, and although the daemon takes it back by itself.
        otrd.tells(json!([protect("b[b", true, false)]));
        otrd.tells(json!([protect("b[b", false, false)]));
        alice.types("B{B first words");
        alice.sees_a_line("*** not sent to B{B (nothing goes there in clear): first words");
        // Under a new nick.
        server.says("alice", ":b[b!b@host NICK :bob_");
        server.says("alice", "PING :seen");
        server.hears("alice", "PONG");
        alice.types("bob_ second words");
        alice.sees_a_line("*** not sent to bob_ (nothing goes there in clear): second words");
        // Closed by the same list that lets it pass.
        otrd.answers_typed_lines(json!([protect("carol", true, false), pass]));
        alice.types("carol third words");
        alice.sees_a_line("*** not sent to carol (nothing goes there in clear): third words");
        // As a server may take it for carol.
        for target in ["carol@host", "carol!c@host", "@carol", "dave,carol"] {
            alice.types(&format!("{target} fourth words"));
            alice.sees_a_line(&format!("*** not sent to {target} (that is no nick): fourth words"));
        }

        otrd.answers_typed_lines(json!([pass]));
        otrd.tells(json!([protect("bob_", false, true)]));
        alice.types("bob_ open words");
        server.hears("alice", "open words");
        for text in ["first words", "second words", "third words", "fourth words"] {
            server.never_heard("alice", text);
        }
    }
}

/// Of line ends in what otrd says neither makes a second line.
#[test]
fn what_has_line_ends_stays_one_line() {
    for client in [CLIENT, STEADY] {
        let world = World::new();
        let server = ScriptedServer::start(&world);
        let otrd = FakeOtrd::start(&world);
        let alice = Person::start(client, "alice", otrd.shim_socket(), server.port());
        otrd.knows_the_network();
        let two = "one\r\nQUIT :two";
        let with_nul = json!({"b64": "b25lAHR3bw0K"});
        otrd.tells(json!([
            {"do": "send", "to": "bob", "kind": "text", "text": two},
            {"do": "send", "to": "bob", "kind": "text", "text": with_nul},
            {"do": "echo", "to": "bob", "kind": "text", "text": two},
            {"do": "deliver", "from": "bob!b@host", "kind": "text", "text": two},
        ]));
        alice.sees_a_line("<alice to bob> oneQUIT :two");
        alice.sees_a_line("<bob> oneQUIT :two");
        server.hears("alice", "PRIVMSG bob :oneQUIT :two");
        server.hears("alice", "PRIVMSG bob :onetwo");
        let lines = server.lines_of("alice");
        assert!(!lines.iter().any(|line| line.starts_with("QUIT")), "{lines:?}");
    }
}

/// Of a list that they do not understand, both still close whom it closes.
#[test]
fn a_list_that_fails_still_closes() {
    for client in [CLIENT, STEADY] {
        let world = World::new();
        let ircd = Ircd::ngircd(&world);
        let wire = Wire::new(&world, ircd.port());
        let otrd = FakeOtrd::start(&world);
        otrd.answers_typed_lines(json!([{"do": "pass"}]));
        let alice = Person::start(client, "alice", otrd.shim_socket(), wire.port());
        otrd.knows_the_network();
        alice.types("bob in clear");
        wire.carries(Way::Out, "in clear");
        let newer = json!({"do": "sing", "peer": "bob"});
        otrd.tells(json!([{"do": "protect", "peer": "Bob", "on": true}, newer]));
        alice.sees("(not understood)");
        alice.types("bob closed words");
        alice.sees("closed words");

        if client == STEADY {
            otrd.answers_typed_lines(json!([{"do": "hold"}]));
            otrd.last_typed();
            alice.types("carol kept words");
            let kept = otrd.last_typed();
            let echo =
                json!({"do": "echo", "to": "carol", "kind": "text", "text": "?", "of": kept});
            otrd.tells(json!([echo, newer]));
            alice.sees("*** not sent to carol (not understood): kept words");
        }
        for text in ["closed words", "kept words"] {
            wire.never_carried(text);
        }
    }
}

#[test]
fn the_page_counts_its_lines_right() {
    let page = include_str!("../../../proto/CLIENTS.md");
    let client = include_str!("../../../proto/examples/client.py");
    let lines = client.lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= 90 && client.lines().all(|line| line.chars().count() <= 120), "{lines} lines");
    assert!(page.contains(&format!("in {lines} lines of Python")), "{lines} lines");
    let steady = include_str!("../../../proto/examples/steady.py");
    let lines = steady.lines().filter(|line| !line.is_empty()).count();
    assert!(
        lines <= 200 && steady.lines().all(|line| line.chars().count() <= 120),
        "{lines} lines"
    );
    assert!(page.contains(&format!("in {lines} lines, goes on")), "{lines} lines");
}

/// Somebody with a terminal.
struct Person {
    name: &'static str,
    child: Child,
    stdin: ChildStdin,
    screen: Inbox<String>,
}

impl Person {
    fn start(script: &str, name: &'static str, socket: &Path, port: u16) -> Self {
        let mut child = Command::new("python3")
            .arg(script)
            .arg(socket)
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
