//! A program under strace from its first instruction on, with the kernel's vDSO or without.

use crate::WORKER;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

/// How the machine tells the time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// As here: the vDSO reads it, usually.
    Vdso,
    /// By system calls alone.
    Kernel,
}

pub struct Watched {
    pub child: Child,
    strace: Child,
    /// What strace still says has somebody to hear it.
    _said: BufReader<ChildStderr>,
    log: PathBuf,
}

/// The worker, to be started by [`Watched::start`].
pub fn worker() -> Command {
    let mut command = Command::new(WORKER);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command
}

impl Watched {
    /// Starts a program; what it asks of the kernel is in the log.
    pub fn start(command: &mut Command, clock: Clock, log: &Path, options: &[&str]) -> Self {
        let mut child = stopped(command);
        let pid = pid(&child);
        if clock == Clock::Kernel {
            hide_vdso(pid).unwrap();
        }
        // It stays stopped until strace has it.
        ptrace::detach(pid, Signal::SIGSTOP).unwrap();
        let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert_eq!(stopped, WaitStatus::Stopped(pid, Signal::SIGSTOP));

        let mut strace = Command::new("strace");
        strace.args(["-n", "-e", "signal=none"]).args(options);
        strace.arg("-o").arg(log).args(["-p", &pid.to_string()]);
        let mut strace = strace.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(strace.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        if !line.contains(" attached") {
            child.kill().unwrap();
            panic!("{line}");
        }
        kill(pid, Signal::SIGCONT).unwrap();
        Self { child, strace, _said: said, log: log.into() }
    }

    /// Until it has ended, and its log is complete.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        self.strace.wait().unwrap();
        status
    }
}

/// What it did last tells why a test failed.
impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let status = self.child.wait();
        let _ = self.strace.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let end: Vec<&str> = log.lines().rev().take(3).collect();
            eprintln!("{}: {status:?} after", self.log.display());
            end.iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// Starts a program, which stops at its first instruction: this thread traces it.
fn stopped(command: &mut Command) -> Child {
    let traceable = || {
        ptrace::traceme()?;
        // Where Yama lets only ancestors trace, strace may as well. Without Yama the call is unknown.
        // SAFETY: no argument is a pointer.
        let _ = unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
        Ok(())
    };
    // SAFETY: between fork and exec it makes two system calls, and allocates nothing.
    let child = unsafe { command.pre_exec(traceable) }.spawn().unwrap();
    let pid = pid(&child);
    assert_eq!(waitpid(pid, None).unwrap(), WaitStatus::Stopped(pid, Signal::SIGTRAP));
    child
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap())
}

const WORD: u64 = size_of::<usize>() as u64;

/// Takes the vDSO out of what the kernel tells a program that begins. C libraries then ask the kernel for
/// each time, as the vDSO itself does with a clock that it cannot read.
///
/// From the stack pointer on lie the number of arguments, pointers to these, a null pointer, pointers to
/// the environment, a null pointer, and the auxiliary vector: pairs of a type and a value.
fn hide_vdso(pid: Pid) -> io::Result<()> {
    let memory = File::options().read(true).write(true).open(format!("/proc/{pid}/mem"))?;
    let word = |at| {
        let mut bytes = [0; size_of::<usize>()];
        memory.read_exact_at(&mut bytes, at)?;
        io::Result::Ok(usize::from_ne_bytes(bytes) as u64)
    };
    let start = first_stack_pointer(pid)?;
    let mut at = start + WORD * (1 + word(start)? + 1);
    while word(at)? != 0 {
        at += WORD;
    }
    at += WORD;
    loop {
        match word(at)? as _ {
            libc::AT_SYSINFO_EHDR => {
                let ignored = libc::AT_IGNORE as usize;
                return memory.write_all_at(&ignored.to_ne_bytes(), at);
            }
            // A kernel that has none.
            libc::AT_NULL => return Ok(()),
            _ => at += 2 * WORD,
        }
    }
}

/// `startstack` in proc_pid_stat(5).
fn first_stack_pointer(pid: Pid) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the name, in parentheses; this one is the 28th.
    let fields = stat.rsplit(") ").next().unwrap();
    Ok(fields.split(' ').nth(28 - 3).unwrap().parse().unwrap())
}
