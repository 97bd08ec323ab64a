//! Bare libotr in a process for each account, as otrd has one: what so many processes cost by
//! themselves.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Instant;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use otrd_tests::PATIENCE;

use crate::person::Person;
use crate::procfs::cpu;

const READY: &[u8] = b"ready";
const PRIVATE: &[u8] = b"private";

/// The process of one account. Its only peer's lines come by the socket that is its stdin, and its
/// own go out there, with [`READY`] at first and [`PRIVATE`] as soon as the conversation is.
pub fn account(nick: &str, peer: &str, key: &[u8]) {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().expect("a socket");
    let mut lines = Lines::new(UnixStream::from(socket));
    let mut person = Person::new(nick, key);
    lines.say(READY);
    while lines.fill() > 0 {
        while let Some(line) = lines.whole_line() {
            let was_private = person.is_private_with(peer);
            for answer in person.hears(peer, &line).0 {
                lines.say(answer.as_bytes());
            }
            if !was_private && person.is_private_with(peer) {
                lines.say(PRIVATE);
            }
        }
    }
}

/// Conversations a second that become private, and milliseconds of CPU for each, where so many
/// accounts begin at once: each with its neighbour, whom it meets for the first time.
pub fn all_at_once(count: usize, key: &Path) -> (f64, f64) {
    let mut accounts: Vec<Account> = (0..count).map(|index| Account::start(index, key)).collect();
    for account in &mut accounts {
        assert_eq!(account.lines.line(), READY);
    }
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    for (index, account) in accounts.iter().enumerate() {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
        epoll.add(&account.lines.stream, event).expect("epoll");
    }
    let mut events = vec![EpollEvent::empty(); count];
    let (cpu_before, start) = (cpu_of(&accounts), Instant::now());
    for account in accounts.iter_mut().step_by(2) {
        account.lines.say(b"?OTRv3?");
    }
    let mut private = 0;
    while private < count {
        let ready = epoll.wait(&mut events, 30_000_u16).expect("epoll");
        assert!(ready > 0, "the exchanges of {} accounts stand still", count - private);
        for event in &events[..ready] {
            let index = event.data() as usize;
            assert!(accounts[index].lines.fill() > 0, "an account has ended");
            while let Some(line) = accounts[index].lines.whole_line() {
                match line == PRIVATE {
                    true => private += 1,
                    false => accounts[index ^ 1].lines.say(&line),
                }
            }
        }
    }
    let conversations = count as f64 / 2.0;
    let rate = conversations / start.elapsed().as_secs_f64();
    (rate, (cpu_of(&accounts) - cpu_before) / 1e6 / conversations)
}

fn cpu_of(accounts: &[Account]) -> f64 {
    accounts.iter().map(|account| cpu(account.child.id().cast_signed())).sum()
}

/// A process, from outside.
struct Account {
    lines: Lines,
    child: Child,
}

impl Account {
    /// With the nice value of otrd's units.
    fn start(index: usize, key: &Path) -> Self {
        let (stream, theirs) = UnixStream::pair().expect("a pair");
        let nick = |index: usize| format!("user{index:04}");
        let child = Command::new("nice")
            .args(["-n", "10"])
            .arg(std::env::current_exe().expect("our own path"))
            .args(["account", &nick(index), &nick(index ^ 1)])
            .arg(key)
            .stdin(OwnedFd::from(theirs))
            .spawn()
            .expect("a process");
        Self { lines: Lines::new(stream), child }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = self.lines.stream.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// Lines over a socket.
struct Lines {
    stream: UnixStream,
    pending: Vec<u8>,
}

impl Lines {
    fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        Self { stream, pending: Vec::new() }
    }

    fn say(&mut self, line: &[u8]) {
        self.stream.write_all(&[line, b"\n"].concat()).expect("send");
    }

    /// A line that has been read already.
    fn whole_line(&mut self) -> Option<Vec<u8>> {
        let end = self.pending.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.pending.drain(..=end).collect();
        line.pop();
        Some(line)
    }

    /// The next line, whenever it comes.
    fn line(&mut self) -> Vec<u8> {
        loop {
            if let Some(line) = self.whole_line() {
                return line;
            }
            assert!(self.fill() > 0, "the other end is gone");
        }
    }

    /// Reads what is there, and waits where there is nothing.
    fn fill(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        let length = self.stream.read(&mut buffer).expect("a line before the time is over");
        self.pending.extend_from_slice(&buffer[..length]);
        length
    }
}
