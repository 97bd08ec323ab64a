//! SIGUSR2: otrd becomes the program that lies where its own was started from, which may be a new
//! release by now. Process, sockets, workers and confinement stay.
//!
//! The program is copied into memory first: Landlock knows files that were there when it began,
//! not those that have taken their places, and leaves programs in memory alone.

use crate::inherited::{Executed, List, VARIABLE};
use crate::replace::Named;
use anyhow::{Context as _, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::SigSet;
use nix::sys::stat::Mode;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a new program may look at the settings. Nobody is served meanwhile.
const CHECK_TIME: Duration = Duration::from_secs(5);

/// A program that may be executed, in memory.
pub struct Program {
    file: OwnedFd,
    executed: Executed,
}

impl Program {
    /// Copies it, and has it look at the settings: one that cannot run is not executed.
    pub async fn load(path: &Path) -> Result<Self> {
        let shown = path.display();
        let mut program = File::open(path).with_context(|| format!("cannot read {shown}"))?;
        let mut copy = File::from(memory_file()?);
        io::copy(&mut program, &mut copy).with_context(|| format!("cannot copy {shown}"))?;
        // Open for writing, it would be busy.
        let file = open(in_proc(copy.as_raw_fd()).as_str(), READ, Mode::empty())?;
        drop(copy);
        let mut check = Command::new(in_proc(file.as_raw_fd()));
        check.args(std::env::args_os().skip(1)).arg("--check-config");
        check.stdout(std::process::Stdio::null()).kill_on_drop(true);
        let Ok(status) = timeout(CHECK_TIME, check.status()).await else {
            bail!("{shown} said nothing for {} s", CHECK_TIME.as_secs());
        };
        let status = status.with_context(|| format!("cannot execute {shown}"))?;
        ensure!(status.success(), "{shown} cannot run with these settings");
        Ok(Self { file, executed: Executed { program: path.to_owned() } })
    }

    /// Becomes the program. Comes back only with an error.
    pub fn execute(self, everything: &[Named<'_>]) -> anyhow::Error {
        match self.become_it(everything) {
            Ok(never) => match never {},
            Err(error) => {
                let _ = SigSet::all().thread_unblock();
                error
            }
        }
    }

    fn become_it(self, everything: &[Named<'_>]) -> Result<std::convert::Infallible> {
        let mut kept: Vec<OwnedFd> = Vec::new();
        let mut descriptors = Vec::new();
        for (name, of_it) in everything {
            for descriptor in of_it {
                let copy = descriptor.try_clone_to_owned()?;
                fcntl(&copy, FcntlArg::F_SETFD(FdFlag::empty()))?;
                descriptors.push((name.clone(), copy.as_raw_fd()));
                kept.push(copy);
            }
        }
        let list = List { descriptors, executed: self.executed }.write()?;
        let program = CString::new(in_proc(self.file.as_raw_fd()))?;
        let words: Vec<CString> = std::env::args_os().map(c_string).collect::<Result<_>>()?;
        let ours = |name: &OsString| name.as_bytes().starts_with(b"LISTEN_") || name == VARIABLE;
        let variables = std::env::vars_os().filter(|(name, _)| !ours(name));
        let mut environment = Vec::new();
        for (name, value) in variables {
            environment.push(c_string([name, value].join(std::ffi::OsStr::new("=")))?);
        }
        environment.push(CString::new(format!("{VARIABLE}={}", List::variable(&list)))?);
        // Until it catches them itself, a signal would end it.
        SigSet::all().thread_block()?;
        Ok(nix::unistd::execve(&program, &words, &environment)?)
    }
}

/// For the program that was executed: signals that came meanwhile are taken now.
pub fn let_signals_in() -> Result<()> {
    SigSet::all().thread_unblock().context("cannot take signals")
}

const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC);

fn in_proc(fd: i32) -> String {
    format!("/proc/self/fd/{fd}")
}

fn c_string(text: OsString) -> Result<CString> {
    Ok(CString::new(text.into_vec())?)
}

/// Executable also where the system makes memory files otherwise.
fn memory_file() -> Result<OwnedFd, Errno> {
    let executable = MFdFlags::from_bits_retain(libc::MFD_EXEC);
    match memfd_create("otrd", MFdFlags::MFD_CLOEXEC | executable) {
        // Linux before 6.3.
        Err(Errno::EINVAL) => memfd_create("otrd", MFdFlags::MFD_CLOEXEC),
        made => made,
    }
}
