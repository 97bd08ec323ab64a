//! Parts of a measurement that have to be processes of their own: this program, called otherwise.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::time::{ClockId, clock_gettime};
use otrd_tests::World;

use crate::conn::{Conn, word};
use crate::person::Person;

/// Runs a helper, if that is what was asked for.
pub fn run(first: &str, rest: &[String]) -> bool {
    let word = |index: usize| rest.get(index).map(String::as_str).unwrap_or_default();
    match first {
        "echo" => echo(),
        "ping" => ping(word(0).parse().expect("a port")),
        "peers" => {
            let key = std::fs::read(word(2)).expect("a key");
            peers(word(0).parse().expect("a port"), word(1).parse().expect("a number"), &key);
        }
        "account" => {
            let key = std::fs::read(word(2)).expect("a key");
            crate::processes::account(word(0), word(1), &key);
        }
        "engine" => {
            let key = std::fs::read(word(2)).expect("a key");
            crate::engine::run(word(0), word(1).parse().expect("a number"), &key);
        }
        _ => return false,
    }
    true
}

/// Nanoseconds of a clock that all processes share.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a clock");
    u64::try_from(Duration::from(now).as_nanos()).expect("below 500 years")
}

/// This program as a helper, under some other program.
fn command(under: &[&str], words: &[&str]) -> Command {
    let own = std::env::current_exe().expect("our own path");
    let own = own.to_str().expect("a path in UTF-8");
    let mut all = under.iter().copied().chain([own]).chain(words.iter().copied());
    let mut command = Command::new(all.next().expect("at least ourselves"));
    command.args(all);
    command
}

/// A helper that ends with its stdin.
pub struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Helper {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a helper");
        let stdin = child.stdin.take();
        let mut helper = Self { child, stdin };
        let mut ready = [0; 6];
        let out = helper.child.stdout.as_mut().expect("a pipe");
        out.read_exact(&mut ready).expect("the helper is ready");
        helper
    }

    /// Ends it, and gives what it printed.
    pub fn stop(mut self) -> String {
        self.stdin = None;
        let mut text = String::new();
        let out = self.child.stdout.as_mut().expect("a pipe");
        out.read_to_string(&mut text).expect("what the helper prints");
        text
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}

/// Says that it is ready, for [`Helper::start`].
fn say_ready() {
    println!("ready");
    std::io::stdout().flush().expect("stdout");
}

// A bare echo, over the socket that is its stdin.

pub struct Echo {
    stream: UnixStream,
    child: Child,
    buffer: Vec<u8>,
}

impl Echo {
    pub fn start(_: &World) -> Self {
        let (stream, theirs) = UnixStream::pair().expect("a pair");
        let child = command(&[], &["echo"]).stdin(OwnedFd::from(theirs)).spawn().expect("echo");
        Self { stream, child, buffer: vec![0; 64 * 1024] }
    }

    pub fn echoes(&mut self, line: &[u8]) {
        self.stream.write_all(line).expect("send");
        let mut length = 0;
        while length < line.len() {
            length += self.stream.read(&mut self.buffer).expect("an echo");
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

fn echo() {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().expect("a socket");
    let mut stream = UnixStream::from(socket);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => stream.write_all(&buffer[..length]).expect("send"),
        }
    }
}

// PINGs to ZNC, each at its planned time whatever became of the one before.

const EVERY: u64 = 5_000_000;

/// Pings from the user `idle`, who has no network.
pub struct Pinger(Helper);

impl Pinger {
    /// Ahead of everything else where that is allowed: its own lateness is not ZNC's.
    pub fn start(port: u16) -> Self {
        let ahead = ["chrt", "--fifo", "1"];
        let may =
            Command::new(ahead[0]).args(&ahead[1..]).arg("true").stderr(Stdio::null()).status();
        let under: &[&str] = if may.is_ok_and(|status| status.success()) { &ahead } else { &[] };
        Self(Helper::start(command(under, &["ping", &port.to_string()])))
    }

    /// When each was planned, and how many milliseconds later its answer came.
    pub fn stop(self) -> Vec<(u64, f64)> {
        let text = self.0.stop();
        let sample = |line: &str| {
            let (planned, late) = line.split_once(' ')?;
            Some((planned.parse().ok()?, late.parse::<f64>().ok()? / 1e6))
        };
        text.lines().filter_map(sample).collect()
    }
}

fn ping(port: u16) {
    let conn = Conn::of_znc(port, "idle");
    let stream = conn.stream.try_clone().expect("dup");
    let writer = conn.stream.try_clone().expect("dup");
    let reader = std::thread::spawn(move || {
        let mut samples = Vec::new();
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = line.trim_ascii_end();
            if word(line, 1) != b"PONG" {
                continue;
            }
            let token = line.rsplit(|byte| *byte == b':').next().unwrap_or_default();
            let Some(planned) = std::str::from_utf8(token).ok().and_then(|t| t.parse::<u64>().ok())
            else {
                continue;
            };
            samples.push((planned, now().saturating_sub(planned)));
            // Acknowledges the answer at once: else Nagle's algorithm in ZNC's socket would hold
            // the next one back until the next PING.
            let _ = (&writer).write_all(b"PONG :seen\r\n");
        }
        samples
    });
    let ends = std::thread::spawn(|| std::io::stdin().read(&mut [0]));
    say_ready();
    let mut planned = now() + EVERY;
    while !ends.is_finished() {
        std::thread::sleep(Duration::from_nanos(planned.saturating_sub(now())));
        let _ = (&conn.stream).write_all(format!("PING :{planned}\r\n").as_bytes());
        planned += EVERY;
    }
    // The last answers may be late.
    std::thread::sleep(Duration::from_millis(300));
    let _ = conn.stream.shutdown(std::net::Shutdown::Both);
    let mut text = String::new();
    for (planned, late) in reader.join().expect("the reader") {
        text += &format!("{planned} {late}\n");
    }
    print!("{text}");
}

// Peers with libotr on an IRC server. They stand for machines elsewhere: here they compute only
// where nobody else does, and leave at once (sched(7), SCHED_IDLE).

pub fn start_peers(port: u16, count: usize, key: &std::path::Path) -> Helper {
    let key = key.to_str().expect("a path in UTF-8");
    let words = ["peers", &port.to_string(), &count.to_string(), key];
    Helper::start(command(&["chrt", "--idle", "0"], &words))
}

fn peers(port: u16, count: usize, key: &[u8]) {
    let mut peers: Vec<(Conn, Person)> = (0..count)
        .map(|index| {
            let nick = format!("peer{index:03}");
            (Conn::of_server(port, &nick), Person::new(&nick, key))
        })
        .collect();
    say_ready();
    loop {
        let stdin = std::io::stdin();
        let mut fds = vec![PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        fds.extend(
            peers.iter().map(|(conn, _)| PollFd::new(conn.stream.as_fd(), PollFlags::POLLIN)),
        );
        poll(&mut fds, PollTimeout::NONE).expect("poll");
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
        if ready[0] {
            return;
        }
        for (index, (conn, person)) in peers.iter_mut().enumerate() {
            if ready[index + 1] {
                conn.fill();
                while let Some(line) = conn.whole_line() {
                    person.answers(conn, &line);
                }
            }
        }
    }
}
