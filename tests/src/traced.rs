//! What a process asks of the kernel, by strace.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::World;

/// A process that is being watched.
pub struct Traced {
    strace: Child,
    /// What strace still says has somebody to hear it.
    _said: BufReader<ChildStderr>,
    out: PathBuf,
}

impl Traced {
    /// Watches from now on; nothing where the kernel does not let us: see ptrace(2), `EPERM`.
    pub fn attach(world: &World, pid: i32, options: &[&str]) -> Option<Self> {
        let out = world.path().join(format!("strace-{pid}"));
        let mut command = Command::new("strace");
        command.args(options).args(["-p", &pid.to_string(), "-o"]).arg(&out);
        let mut strace = command.stderr(Stdio::piped()).spawn().expect("strace");
        let mut said = BufReader::new(strace.stderr.take().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("what strace says");
        let traced = Self { strace, _said: said, out };
        if line.contains("Operation not permitted") {
            return None;
        }
        assert!(line.contains(" attached"), "{line}");
        Some(traced)
    }

    /// Lets go of it, and gives what strace wrote.
    pub fn stop(mut self) -> String {
        let strace = Pid::from_raw(i32::try_from(self.strace.id()).expect("a pid"));
        kill(strace, Signal::SIGINT).expect("our own child");
        self.strace.wait().expect("strace ends");
        fs::read_to_string(&self.out).expect("what strace wrote")
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}
