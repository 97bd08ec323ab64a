//! The list of allowed system calls is as long as it has to be, and no longer: two workers hold a whole
//! conversation under strace, one of them without a vDSO, and every entry is seen in use, or says
//! where else it is.
// clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod watched;

use libc::c_long;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recv, sendmsg, socketpair,
};
use proto::account::{Account, Name};
use proto::worker::{AtRest, MAX_PACKET, ToFront, ToWorker, WorkerConfig};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, IoSlice, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use watched::{Clock, Watched};
use worker::sandbox::seccomp::{Seen, allowed};

const WORKER: &str = env!("CARGO_BIN_EXE_otrd-worker");
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn every_allowed_system_call_is_needed() {
    let root = tempfile::tempdir().unwrap();
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        // tests/setup installs it.
        panic!("no strace: run tests/setup");
    }
    converse(root.path());
    let used = used(root.path());
    let mut wrong = Vec::new();
    for entry in allowed(Some(0)) {
        match (entry.seen, used.contains(&entry.number)) {
            (Seen::Here, false) => wrong.push(format!("{} is not used", entry.number)),
            (Seen::Here, true) | (Seen::Elsewhere(_), _) => {}
        }
    }
    // Any other would have killed a worker.
    let listed: BTreeSet<c_long> = allowed(Some(0)).iter().map(|entry| entry.number).collect();
    wrong.extend(used.difference(&listed).map(|number| format!("{number} is not allowed")));
    assert!(wrong.is_empty(), "{wrong:#?}");
    #[cfg(target_env = "musl")]
    assert_eq!(
        used.contains(&libc::SYS_madvise),
        gives_pages_back(),
        "a conversation gives pages back where this musl does"
    );
}

/// Whether the C library of this program, which is the worker's, gives back the pages of large pieces that are
/// freed. The kernel counts these until it needs them.
#[cfg(target_env = "musl")]
fn gives_pages_back() -> bool {
    let pieces: Vec<Vec<u8>> = (0..256).map(|_| vec![1; 20_000]).collect();
    let kept: Vec<Vec<u8>> = pieces.into_iter().step_by(2).collect();
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    drop(kept);
    let counts = maps.lines().filter_map(|line| line.strip_prefix("LazyFree:"));
    counts.map(|count| count.trim().trim_end_matches(" kB")).any(|count| count != "0")
}

/// Two accounts make keys, talk, ask each other a question, change a key and end.
fn converse(root: &Path) {
    let (events, inbox) = channel();
    let mut two = Two {
        people: ["alice", "bob"].map(|name| Person::new(root, name, events.clone())),
        inbox,
        last_id: 0,
    };
    two.say(0, "command", json!({"text": "genkey"}));
    two.until("your private key is ready");
    two.out(0, "?OTR?");
    two.until("[alice] the conversation is private now");
    two.say(0, "command", json!({"text": "authq bob [what?] secret"}));
    two.until("what?");
    two.say(1, "command", json!({"text": "auth alice secret"}));
    two.until("success");
    for number in 0..20 {
        two.out(number % 2, &format!("hello {number} {}", "long ".repeat(500)));
        two.until(&format!("hello {number}"));
    }
    two.say(0, "command", json!({"text": "trust bob"}));
    two.people[0].order(&ToWorker::Status { seq: 1 }, None);
    two.until("status");
    two.people[0].order(&ToWorker::Command { seq: 2, text: "info".into() }, None);
    two.until("output");
    two.say(0, "command", json!({"text": "genkey --overwrite"}));
    two.until("your private key is ready");
    for person in &mut two.people {
        person.order(&ToWorker::Shutdown, None);
        assert!(person.worker.wait().success(), "{}", person.name);
    }
}

/// Numbers of all system calls after a process confined itself.
fn used(root: &Path) -> BTreeSet<c_long> {
    let logs = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let logs: Vec<PathBuf> =
        logs.filter(|path| path.extension().is_some_and(|is| is == "strace")).collect();
    assert!(logs.len() >= 5, "{logs:?}");
    let mut used = BTreeSet::new();
    for log in logs {
        let text = fs::read_to_string(&log).unwrap();
        let confined = text.rfind("] seccomp(").unwrap();
        let lines = text[confined..].lines().skip(1);
        // [number] name(arguments) = result
        let numbers = lines.filter_map(|line| line.strip_prefix('[')?.split_once(']'));
        used.extend(numbers.map(|(number, _)| number.trim().parse::<c_long>().unwrap()));
        assert!(text.contains("exited with 0"), "{text}");
    }
    used
}

enum Event {
    /// A line to the module.
    Line(usize, Value),
    /// A packet to the front.
    Packet(usize, ToFront),
}

struct Two {
    people: [Person; 2],
    inbox: Receiver<Event>,
    last_id: u64,
}

impl Two {
    fn say(&mut self, who: usize, method: &str, params: Value) {
        self.last_id += 1;
        let line =
            json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params});
        let mut module = &self.people[who].module;
        module.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn out(&mut self, who: usize, text: &str) {
        let to = self.people[1 - who].name;
        self.say(who, "out", json!({"to": to, "kind": "text", "text": text}));
    }

    /// Carries what they say to each other until one of them is told this.
    fn until(&mut self, told: &str) {
        let mut all = String::new();
        loop {
            let event = self.inbox.recv_timeout(PATIENCE);
            let event = event.unwrap_or_else(|_| panic!("not said: {told}\n{all}"));
            let text = match event {
                Event::Packet(who, ToFront::Keygen) => {
                    self.people[who].makes_a_key();
                    continue;
                }
                Event::Packet(_, packet) => serde_json::to_string(&packet).unwrap(),
                Event::Line(who, line) => {
                    self.carry(who, &line);
                    line.to_string()
                }
            };
            all += &format!("{text}\n");
            if text.to_lowercase().contains(told) {
                return;
            }
        }
    }

    fn carry(&mut self, who: usize, line: &Value) {
        let effects = line["result"]["effects"].as_array();
        let effects = effects.or(line["params"]["effects"].as_array()).cloned().unwrap_or_default();
        let from = format!("{}!u@h", self.people[who].name);
        for effect in effects.iter().filter(|effect| effect["do"] == "send") {
            let heard = json!({"from": from, "kind": effect["kind"], "text": effect["text"]});
            self.say(1 - who, "in", heard);
        }
    }
}

struct Person {
    name: &'static str,
    root: PathBuf,
    worker: Watched,
    control: OwnedFd,
    module: UnixStream,
    keys: usize,
}

impl Person {
    fn new(root: &Path, name: &'static str, events: Sender<Event>) -> Self {
        let who = usize::from(name == "bob");
        let home = root.join(name);
        fs::create_dir(&home).unwrap();
        // Plain files are encrypted, and wiped.
        fs::write(home.join("settings.json"), "{}").unwrap();
        fs::write(home.join("otr.fp"), many_friends(name)).unwrap();
        let (control, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
                .unwrap();
        let worker = watched(root, name, name, |worker| {
            worker.stdin(theirs).stdout(Stdio::null());
        });
        let (module, theirs) = UnixStream::pair().unwrap();
        let person = Self { name, root: root.into(), worker, control, module, keys: 0 };

        let (user, network) = (Name::new(name).unwrap(), Name::new("net").unwrap());
        let account = Account { uid: 1000, user, network };
        let start = ToWorker::Start {
            account,
            files_of: None,
            allow_no_landlock: true,
            config: WorkerConfig::default(),
            at_rest: Some(AtRest::Encrypted),
            control: proto::worker::VERSION,
        };
        person.order(&start, Some(File::open(home).unwrap().into()));
        let (keys, key) = nix::unistd::pipe().unwrap();
        File::from(key).write_all(&[7; 64]).unwrap();
        person.order(&ToWorker::Secret, Some(keys));
        let hello = json!({"version": 1, "user": name, "network": "net"});
        let hello = serde_json::from_value(hello).unwrap();
        let adopt =
            ToWorker::Adopt { id: None, hello: Box::new(hello), rest: "".into(), arrival: None };
        person.order(&adopt, Some(theirs.into()));
        let network = json!({"connected": true, "mask": format!("{name}!u@h")});
        let line = json!({"jsonrpc": "2.0", "id": 0, "method": "network", "params": network});
        (&person.module).write_all(format!("{line}\n").as_bytes()).unwrap();

        let (lines, packets) = (events.clone(), events);
        let module = BufReader::new(person.module.try_clone().unwrap());
        std::thread::spawn(move || {
            for line in module.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap();
                let _ = lines.send(Event::Line(who, line));
            }
        });
        let control = person.control.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = vec![0; MAX_PACKET];
            while let Ok(length @ 1..) = recv(control.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                let packet = ToFront::decode(&buffer[..length]).unwrap();
                let _ = packets.send(Event::Packet(who, packet));
            }
        });
        person
    }

    fn order(&self, order: &ToWorker, fd: Option<OwnedFd>) {
        let packet = order.encode().unwrap();
        let fds: Vec<_> = fd.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&fds)];
        let beside = if fds.is_empty() { &[][..] } else { &rights[..] };
        let parts = [IoSlice::new(&packet)];
        let socket = self.control.as_raw_fd();
        sendmsg::<()>(socket, &parts, beside, MsgFlags::empty(), None).unwrap();
    }

    fn makes_a_key(&mut self) {
        self.keys += 1;
        let name = format!("{}-key-{}", self.name, self.keys);
        let mut maker = watched(&self.root, self.name, &name, |maker| {
            maker.args(["keygen", "--allow-no-landlock"]);
            maker.stdin(Stdio::piped()).stdout(Stdio::piped());
        });
        maker.child.stdin.take().unwrap().write_all(self.name.as_bytes()).unwrap();
        self.order(&ToWorker::KeyPipe, Some(maker.child.stdout.take().unwrap().into()));
        assert!(maker.wait().success());
    }
}

/// Memory is asked for after the start, too.
fn many_friends(own: &str) -> String {
    let line = |number| format!("friend{number}\t{own}\tirc\t{number:040x}\tverified\n");
    (1..=700).map(line).collect()
}

/// One of the programs of this person, with a log of its own.
fn watched(root: &Path, who: &str, log: &str, change: impl FnOnce(&mut Command)) -> Watched {
    let mut worker = watched::worker();
    change(&mut worker);
    let log = root.join(format!("{log}.strace"));
    // Bob's machine is another one.
    let (clock, options): (_, &[_]) = match who {
        // malloc goes another way where its first brk fails.
        "bob" if cfg!(target_env = "musl") => {
            (Clock::Kernel, &["-e", "inject=brk:error=ENOMEM:when=1"])
        }
        "bob" => (Clock::Kernel, &[]),
        _ => (Clock::Vdso, &[]),
    };
    Watched::start(&mut worker, clock, &log, options)
}
