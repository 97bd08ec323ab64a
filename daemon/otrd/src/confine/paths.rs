//! Landlock: which files stay within reach.

use super::NoLandlock;
use crate::args::Settings;
use crate::fd_store;
use crate::listen::Listeners;
use anyhow::{Context, Result, bail};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus,
};
use std::path::{Path, PathBuf};

/// What is asked for; an older kernel does of it what it can, but at least [`ABI::V1`].
const ASKED: ABI = ABI::V6;

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
pub fn restrict(settings: &Settings, listeners: &Listeners) -> Result<String> {
    let rules = Ruleset::default().set_compatibility(match settings.allow_no_landlock {
        false => CompatLevel::HardRequirement,
        true => CompatLevel::BestEffort,
    });
    let mut rules = rules
        .handle_access(AccessFs::from_all(ABI::V1))
        .map_err(|_| NoLandlock)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        // No scope: systemd's own sockets may be abstract, and a worker that hangs is ended, which
        // an earlier front may have started. Only the scope of that one reaches it.
        .create()?;

    for path in READ.iter().map(Path::new).filter(|path| path.exists()) {
        rules = add(rules, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    rules = add(rules, Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    for program in [Some(of_worker(&settings.worker)), loader()].into_iter().flatten() {
        rules = add(rules, &program, AccessFs::ReadFile | AccessFs::Execute)?;
    }
    if let Some(directory) = settings.program.parent().filter(|_| !fd_store::is_there()) {
        // A new release of our own, to be executed in place.
        rules = add(rules, directory, AccessFs::ReadFile)?;
    }
    rules = add(rules, &settings.state, of_accounts())?;
    if let Some(path) = of_settings(&settings.source.path) {
        rules = add(rules, path, AccessFs::ReadFile)?;
    }
    for directory in listeners.directories() {
        rules = add(rules, directory, AccessFs::RemoveFile)?;
    }

    let status = rules.restrict_self()?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) if settings.allow_no_landlock => {
            tracing::warn!("this kernel has no Landlock: otrd and its workers are less confined");
            Ok("none".into())
        }
        (RulesetStatus::NotEnforced, _) => bail!(NoLandlock),
        (_, LandlockStatus::Available { effective_abi, .. }) => {
            Ok((effective_abi as i32).to_string())
        }
        (_, status) => bail!("Landlock calls itself {status:?}"),
    }
}

/// otrd's own directory of settings, for an editor replaces the file; of any other, which may hold
/// everything, the file alone.
fn of_settings(file: &Path) -> Option<&Path> {
    let directory = file.parent()?;
    let own = directory.file_name().is_some_and(|name| name == "otrd");
    Some(if own { directory } else { file }).filter(|path| path.exists())
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

fn add(
    rules: RulesetCreated,
    path: &Path,
    access: impl Into<BitFlags<AccessFs>>,
) -> Result<RulesetCreated> {
    let hint = || format!("cannot keep {}", path.display());
    let mut access = access.into();
    if !path.is_dir() {
        access &= AccessFs::from_file(ASKED);
    }
    let file = PathFd::new(path).with_context(hint)?;
    rules.add_rule(PathBeneath::new(file, access)).with_context(hint)
}

/// The program that the kernel runs to load programs like us; nothing for a static program.
fn loader() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let is_loader = |path: &&Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("ld-"))
    };
    let paths = maps.lines().filter_map(|line| Some(Path::new(line.get(line.find('/')?..)?)));
    paths.into_iter().find(is_loader).map(Path::to_owned)
}
