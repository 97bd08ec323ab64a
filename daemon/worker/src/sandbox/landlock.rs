//! Landlock: which files stay within reach.

use super::WithoutLandlock;
use anyhow::{Result, bail};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::os::fd::BorrowedFd;

/// What is asked for; an older kernel does of it what it can, but at least [`ABI::V1`].
const ASKED: ABI = ABI::V6;

/// Forbids every file but those of `directory`, every port and, where the kernel can, every
/// process outside.
pub fn restrict(directory: Option<BorrowedFd<'_>>, without: WithoutLandlock) -> Result<String> {
    let rules = Ruleset::default().set_compatibility(match without {
        WithoutLandlock::Refuse => CompatLevel::HardRequirement,
        WithoutLandlock::Allow => CompatLevel::BestEffort,
    });
    let mut rules = rules
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?;
    if let Some(directory) = directory {
        rules = rules.add_rule(PathBeneath::new(directory, in_the_directory()))?;
    }
    let status = rules.restrict_self()?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) if without == WithoutLandlock::Allow => {
            Ok("no landlock".into())
        }
        (RulesetStatus::NotEnforced, _) => bail!("it is not in force: this kernel has none"),
        (_, LandlockStatus::Available { effective_abi, .. }) => {
            Ok(format!("landlock {}", effective_abi as i32))
        }
        (_, status) => bail!("it calls itself {status:?}"),
    }
}

/// Files are read, written under another name, renamed and removed. Nothing is listed, made a
/// directory, run or moved elsewhere.
fn in_the_directory() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile
}
