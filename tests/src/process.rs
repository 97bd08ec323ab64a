//! Programs that we started, and that end with us.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::{PATIENCE, World};

/// A program in the foreground, in a process group of its own. Dropping it ends the group.
pub struct Process {
    name: String,
    child: Child,
}

/// A program about to be started.
pub struct Launch {
    name: String,
    command: Command,
}

impl Launch {
    /// `setpriv` replaces itself by the program and sees to it that the program does not outlive
    /// the thread that started it, even if that is killed.
    pub fn new(name: &str, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
        command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).process_group(0);
        Self { name: name.to_owned(), command }
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds a variable; but for these the environment is nearly empty.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The user to run as; needs root.
    pub fn uid(mut self, uid: Option<u32>) -> Self {
        if let Some(uid) = uid {
            self.command.uid(uid).gid(uid);
        }
        self
    }

    /// Starts it. What it prints goes to the log of its name.
    #[track_caller]
    pub fn start(mut self, world: &World) -> Process {
        let log = world.log(&self.name);
        self.command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        match self.command.spawn() {
            Ok(child) => Process { name: self.name, child },
            Err(error) => panic!("{} does not start: {error}", self.name),
        }
    }
}

impl Process {
    /// The process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Sends a signal to this process alone.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("a signal to our own child");
    }

    /// Holds it still (SIGSTOP).
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        eventually("stopped", || state_of(self.pid()) == Some('T'));
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("wait for our own child") {
                return status;
            }
            assert!(start.elapsed() < limit, "{} still runs after {limit:?}", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has it ended?
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("wait for our own child").is_some()
    }

    /// Kills it at once, and it alone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What is mapped into its memory.
    pub fn maps(&self) -> String {
        fs::read_to_string(format!("/proc/{}/maps", self.pid())).expect("the maps of our own child")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = killpg(Pid::from_raw(self.pid()), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// The processes whose parent is `pid`: their ids and command lines.
pub fn children_of(pid: i32) -> Vec<(i32, String)> {
    let mut children: Vec<(i32, String)> = fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|child| parent_of(*child) == Some(pid))
        .map(|child| {
            let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            let words: Vec<_> = line
                .split(|byte| *byte == 0)
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            (child, words.join(" ").trim_end().to_owned())
        })
        .collect();
    children.sort();
    children
}

/// The fields of `/proc/PID/stat` after the command's name, which may hold anything.
fn stat_of(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn state_of(pid: i32) -> Option<char> {
    stat_of(pid)?.first()?.chars().next()
}

/// Starts a program so that others go first, as otrd's units do by Nice=10 and CPUWeight=20. A session of
/// its own is a group of its own for the kernel's scheduler, in which a nice value of 7 is a fifth of the
/// weight (autogroup in sched(7)); who leads a process group has to leave it first.
pub(crate) const BEHIND: [&str; 8] = [
    "perl",
    "-MPOSIX=setsid",
    "-e",
    "setpgrp 0, getpgrp getppid; setsid; system 'echo 7 >/proc/$PPID/autogroup'; exec @ARGV",
    "--",
    "nice",
    "-n",
    "10",
];

/// How far it stands back for others, see nice(2).
pub fn nice_of(pid: i32) -> Option<i32> {
    stat_of(pid)?.get(16)?.parse().ok()
}

fn parent_of(pid: i32) -> Option<i32> {
    stat_of(pid)?.get(1)?.parse().ok()
}

/// Waits until `what` is so.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not so after {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
