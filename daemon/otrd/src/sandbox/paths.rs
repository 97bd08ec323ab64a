//! Landlock: which files stay within reach.

use super::loader;
use crate::fd_store;
use anyhow::{Context, Result};
use confine::landlock::{AccessFs, BitFlags, Error, Outside, Rules, WithoutLandlock};
use std::path::{Path, PathBuf};

/// The kernel was built or booted without Landlock, and the admin did not allow that.
#[derive(Debug, thiserror::Error)]
#[error(
    "this kernel has no Landlock, which confines each worker to the files of its account: boot with \
     it, or start otrd with --allow-no-landlock (NO LANDLOCK in otrd(8))"
)]
pub struct NoLandlock;

/// The files that stay within reach, by what they are for.
pub struct Needed<'a> {
    /// The worker's program.
    pub worker: &'a Path,
    /// Our own.
    pub program: &'a Path,
    /// The accounts' directories.
    pub state: &'a Path,
    /// What the admin set, read once more upon SIGHUP.
    pub settings: &'a Path,
    /// Directories of our sockets, which are removed at the end.
    pub sockets: Vec<&'a Path>,
}

/// Where a worker finds its libraries, and what they look up. Nobody's secrets.
const READ: [&str; 8] = [
    "/usr",
    "/lib",
    "/lib64",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/gcrypt",
    // A process finds its own memory map here. What others keep to themselves the kernel does not
    // show to a process under Landlock.
    "/proc",
];

/// Forbids every file but those of the accounts and those that starting a worker takes.
pub fn restrict(without: WithoutLandlock, needed: &Needed<'_>) -> Result<String> {
    // systemd's own sockets may be abstract, and a worker that has to be ended may be one that an
    // earlier front started.
    let mut rules = Rules::new(without, Outside::Reachable).map_err(or_none)?;

    for path in READ.iter().map(Path::new).filter(|path| path.exists()) {
        rules = rules.keep_path(path, AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    rules = rules.keep_path(Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    rules = rules.keep_path(&of_worker(needed.worker), AccessFs::ReadFile | AccessFs::Execute)?;
    for loader in loaders([needed.worker, needed.program])? {
        rules = rules.keep_path(&loader, AccessFs::ReadFile | AccessFs::Execute)?;
        if let Some(path) = loader::search_path(&loader) {
            rules = rules.keep_path(&path, AccessFs::ReadFile)?;
        }
    }
    if let Some(directory) = needed.program.parent().filter(|_| !fd_store::is_there()) {
        // A new release of our own, to be executed in place.
        rules = rules.keep_path(directory, AccessFs::ReadFile)?;
    }
    rules = rules.keep_path(needed.state, of_accounts())?;
    if let Some(path) = of_settings(needed.settings) {
        rules = rules.keep_path(path, AccessFs::ReadFile)?;
    }
    for directory in &needed.sockets {
        rules = rules.keep_path(directory, AccessFs::RemoveFile)?;
    }

    match rules.enforce().map_err(or_none)?.version {
        Some(version) => Ok(version.to_string()),
        None => {
            tracing::warn!("this kernel has no Landlock: otrd and its workers are less confined");
            Ok("none".into())
        }
    }
}

/// What is said where there is no Landlock has the way out in it.
fn or_none(error: Error) -> anyhow::Error {
    match error {
        Error::Missing => NoLandlock.into(),
        error => error.into(),
    }
}

/// otrd's own directory of settings, for an editor replaces the file; of any other, which may hold
/// everything, the file alone.
fn of_settings(file: &Path) -> Option<&Path> {
    let directory = file.parent()?;
    let own = directory.file_name().is_some_and(|name| name == "otrd");
    Some(if own { directory } else { file }).filter(|path| path.exists())
}

/// What loads the worker, or a new release of our own.
fn loaders(programs: [&Path; 2]) -> Result<Vec<PathBuf>> {
    let mut loaders = Vec::new();
    for program in programs {
        let loader = loader::of(program);
        loaders.extend(loader.with_context(|| {
            format!("cannot find the loader of {}: reinstall otrd", program.display())
        })?);
    }
    Ok(loaders)
}

/// A directory that is the worker's alone, for an update replaces the file.
fn of_worker(program: &Path) -> PathBuf {
    let alone = program.parent().filter(|directory| directory.ends_with("lib/otrd"));
    alone.unwrap_or(program).to_owned()
}

/// Directories by the front; files, which are only its workers', by them.
fn of_accounts() -> BitFlags<AccessFs> {
    // And a network that is moved takes its directory along to another user's.
    let context = AccessFs::ReadDir | AccessFs::MakeDir | AccessFs::RemoveDir | AccessFs::Refer;
    let worker =
        AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile;
    context | worker
}
