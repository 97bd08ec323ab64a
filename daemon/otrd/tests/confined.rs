//! What the front's confinement leaves to whatever the front starts. It starts this very program in
//! the worker's place, which confines itself no further, and tries what it can. Without the usual
//! harness, which would take the worker's start for a run of all tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod stage;

use nix::fcntl::OFlag;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::Mode;
use stage::{Otrd, hello};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::process::Command;

const NAME: &str = "what_the_front_starts_stays_confined";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let has = |word: &str| words.iter().any(|one| one == word);
    match words.first().map(String::as_str) {
        Some("otrd-worker") => attack("worker"),
        Some("again") => attack("again"),
        // What nextest asks.
        _ if has("--list") && !has("--ignored") => println!("{NAME}: test"),
        _ if has("--list") || !stage::has_landlock() => {}
        _ => test(),
    }
}

fn test() {
    let directory = tempfile::tempdir().unwrap();
    let said = directory.path().join("said");
    let out = std::fs::File::create(&said).unwrap();
    let own = std::env::current_exe().unwrap();
    let otrd = Otrd::start_with_program_and(&own, |command| {
        command.stderr(out);
    });
    otrd.module().say(hello("alice", "libera").to_string().as_bytes());
    let read = || std::fs::read_to_string(&said).unwrap();
    otrd.wait_for(|| read().contains("again: end"));
    let said = read();
    // The floor: a program in memory runs, for Landlock knows no rule for it, and no filter of
    // system calls sees which program execve is for. But it gains nothing by it.
    for who in ["worker", "again"] {
        for refused in ["a shell", "/etc/passwd", "the network"] {
            assert!(said.contains(&format!("{who}: {refused}: refused")), "{said}");
        }
        // libgcrypt aborts where it gets none, and the vDSO cannot read the clock of every machine.
        assert!(said.contains(&format!("{who}: the time from the kernel: done")), "{said}");
    }
}

fn attack(who: &str) {
    let tell = |what: &str, done: bool| {
        eprintln!("{who}: {what}: {}", if done { "done" } else { "refused" });
    };
    tell("a shell", Command::new("/bin/sh").args(["-c", "true"]).status().is_ok());
    let passwd = nix::fcntl::open("/etc/passwd", OFlag::O_RDONLY, Mode::empty());
    tell("/etc/passwd", passwd.is_ok());
    // There a filter does not see the family of a socket (socketcall): Landlock forbids the port.
    let network = match cfg!(target_arch = "x86") {
        true => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).is_ok(),
        false => socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).is_ok(),
    };
    tell("the network", network);
    tell("the time from the kernel", kernel_tells_the_time());
    if who == "worker" {
        let memory = memfd_create("again", MFdFlags::empty()).unwrap();
        let mut file = std::fs::File::from(memory);
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        file.write_all(&own).unwrap();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        // Open for writing, it would be busy.
        let open = nix::fcntl::open(path.as_str(), OFlag::O_RDONLY, Mode::empty()).unwrap();
        drop(file);
        let path = format!("/proc/self/fd/{}", open.as_raw_fd());
        let mut command = Command::new(path);
        let done = std::os::unix::process::CommandExt::arg0(&mut command, "again").status();
        tell("a program in memory", done.is_ok());
        if let Err(error) = done {
            eprintln!("again: end: {error}");
        }
    } else {
        eprintln!("{who}: end");
    }
}

/// What C libraries ask it instead of the vDSO.
fn kernel_tells_the_time() -> bool {
    let mut now = [0_u64; 2];
    let now = &raw mut now;
    // SAFETY: each fills in a pair of numbers, or one, of 64 bits at the most, at the pointer.
    let asked = unsafe {
        [
            libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_REALTIME, now),
            libc::syscall(libc::SYS_gettimeofday, now, std::ptr::null_mut::<libc::c_void>()),
            #[cfg(target_arch = "x86_64")]
            libc::syscall(libc::SYS_time, now),
        ]
    };
    asked.iter().all(|&got| got != -1)
}
