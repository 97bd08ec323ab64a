//! What a process asks of the kernel, by strace.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::World;

/// A process that is being watched.
pub struct Traced {
    strace: Child,
    out: PathBuf,
}

impl Traced {
    /// Watches from now on; nothing where it may not.
    pub fn attach(world: &World, pid: i32, options: &[&str]) -> Option<Self> {
        let out = world.path().join(format!("strace-{pid}"));
        let mut command = Command::new("strace");
        command.args(options).args(["-f", "-p", &pid.to_string(), "-o"]).arg(&out);
        let strace = command.stderr(Stdio::null()).spawn().expect("strace");
        let traced = Self { strace, out };
        // It says so nowhere but here.
        let status = format!("/proc/{pid}/status");
        let is_attached = || {
            let text = fs::read_to_string(&status).unwrap_or_default();
            text.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
        };
        for _ in 0..200 {
            if is_attached() {
                return Some(traced);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
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
