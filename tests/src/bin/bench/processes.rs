//! libotr in a process for each account, as otrd has one, with nothing of otrd's but the check of
//! peers' keys: what so many processes cost by themselves.

use std::io::{BufRead, BufReader, Write};
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
    let mut stream = UnixStream::from(socket);
    let lines = BufReader::new(stream.try_clone().expect("dup")).split(b'\n');
    let mut person = Person::new(nick, key);
    say(&mut stream, READY);
    for line in lines.map_while(Result::ok) {
        let was_private = person.is_private_with(peer);
        for answer in person.hears(peer, &line).0 {
            say(&mut stream, answer.as_bytes());
        }
        if !was_private && person.is_private_with(peer) {
            say(&mut stream, PRIVATE);
        }
    }
}

fn say(mut stream: impl Write, line: &[u8]) {
    stream.write_all(&[line, b"\n"].concat()).expect("send");
}

/// Conversations a second that become private, and milliseconds of CPU for each, where so many
/// accounts begin at once: each with its neighbour, whom it meets for the first time.
pub fn all_at_once(count: usize, key: &Path) -> (f64, f64) {
    let mut accounts: Vec<Account> = (0..count).map(|index| Account::start(index, key)).collect();
    for account in &mut accounts {
        assert_eq!(account.lines(), [READY]);
    }
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    for (index, account) in accounts.iter().enumerate() {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
        epoll.add(account.lines.get_ref(), event).expect("epoll");
    }
    let mut events = vec![EpollEvent::empty(); count];
    let (cpu_before, start) = (cpu_of(&accounts), Instant::now());
    for account in accounts.iter_mut().step_by(2) {
        account.hears(b"?OTRv3?");
    }
    let mut private = 0;
    while private < count {
        let ready = epoll.wait(&mut events, 30_000_u16).expect("epoll");
        assert!(ready > 0, "the exchanges of {} accounts stand still", count - private);
        for event in &events[..ready] {
            let index = event.data() as usize;
            for line in accounts[index].lines() {
                match line == PRIVATE {
                    true => private += 1,
                    false => accounts[index ^ 1].hears(&line),
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
    lines: BufReader<UnixStream>,
    child: Child,
}

impl Account {
    /// With the nice value of otrd's units.
    fn start(index: usize, key: &Path) -> Self {
        let (stream, theirs) = UnixStream::pair().expect("a pair");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let nick = |index: usize| format!("user{index:04}");
        let child = Command::new("nice")
            .args(["-n", "10"])
            .arg(std::env::current_exe().expect("our own path"))
            .args(["account", &nick(index), &nick(index ^ 1)])
            .arg(key)
            .stdin(OwnedFd::from(theirs))
            .spawn()
            .expect("a process");
        Self { lines: BufReader::new(stream), child }
    }

    fn hears(&mut self, line: &[u8]) {
        say(self.lines.get_ref(), line);
    }

    /// The next line, and those that came with it.
    fn lines(&mut self) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            let length = self.lines.read_until(b'\n', &mut line).expect("a line in time");
            assert!(length > 0, "an account has ended");
            line.pop();
            lines.push(line);
            if !self.lines.buffer().contains(&b'\n') {
                return lines;
            }
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = self.lines.get_ref().shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}
