//! The worker's program as it is installed: where it is, and what it prints.

use proto::paths;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// No such program, for example.
    #[error("cannot start {}: {}", .0.display(), .1)]
    Start(PathBuf, io::Error),
    /// It was ended.
    #[error("{} does not end", .0.display())]
    Late(PathBuf),
    /// What it printed was lost.
    #[error("{0}")]
    Output(io::Error),
}

/// The one that an otrd beside this otrctl starts, or where it would have to be.
pub fn installed() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let places = paths::workers(&own);
    let found = places.iter().flatten().find(|path| path.is_file());
    let last = || places.iter().flatten().next_back();
    found.or_else(last).cloned().unwrap_or_else(|| "otrd-worker".into())
}

/// Runs it to its end. What it prints must fit into a pipe.
pub fn run(program: &Path, words: &[&str], patience: Duration) -> Result<Output, NotRun> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| NotRun::Start(program.into(), error))?;
    let start = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if start.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            return Err(NotRun::Late(program.into()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().map_err(NotRun::Output)
}
