//! Landlock: which files stay within reach. Every other file, and every port, is forbidden.

use landlock::{
    ABI, Access, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    PathFdError, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};
pub use landlock::{AccessFs, BitFlags};
use std::fmt::{self, Display, Formatter};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// What is asked for; an older kernel does of it what it can, but at least [`ABI::V1`].
const ASKED: ABI = ABI::V6;

/// A kernel without Landlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutLandlock {
    /// Starting fails with an error.
    Refuse,
    /// Is tolerated: started with `--allow-no-landlock`.
    Allow,
}

/// What is forbidden towards other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Signals to them, and their abstract sockets, where the kernel can forbid that.
    Forbidden,
    /// Nothing is forbidden towards them.
    Reachable,
}

/// Why the rules are not in force.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel was built or booted without Landlock.
    #[error("it is not in force: this kernel has none")]
    Missing,
    /// A file that is to stay within reach cannot be opened.
    #[error("cannot keep {0}")]
    Path(PathBuf, #[source] PathFdError),
    /// The kernel takes no rule for it.
    #[error("cannot keep {0}")]
    Rule(PathBuf, #[source] RulesetError),
    /// The kernel does not take the rules.
    #[error(transparent)]
    Rules(#[from] RulesetError),
    /// The kernel says something else of itself.
    #[error("the Landlock of this kernel calls itself {0:?}")]
    Status(LandlockStatus),
}

/// What is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The version of the kernel's rules.
    pub version: Option<i32>,
}

impl Display for Status {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "landlock {version}"),
            None => f.write_str("no landlock"),
        }
    }
}

/// Rules that are not in force yet.
pub struct Rules {
    rules: RulesetCreated,
    without: WithoutLandlock,
}

impl Rules {
    /// Those that forbid everything.
    ///
    /// # Errors
    /// [`Error::Missing`] where the kernel has no Landlock and that is refused.
    pub fn new(without: WithoutLandlock, outside: Outside) -> Result<Self, Error> {
        let rules = Ruleset::default().set_compatibility(match without {
            WithoutLandlock::Refuse => CompatLevel::HardRequirement,
            WithoutLandlock::Allow => CompatLevel::BestEffort,
        });
        let mut rules = rules
            .handle_access(AccessFs::from_all(ABI::V1))
            .map_err(|_| Error::Missing)?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ASKED))?
            .handle_access(AccessNet::from_all(ASKED))?;
        if outside == Outside::Forbidden {
            rules = rules.scope(Scope::from_all(ASKED))?;
        }
        Ok(Self { rules: rules.create()?, without })
    }

    /// Leaves an open directory, and what is below it, within reach.
    pub fn keep(
        self,
        directory: BorrowedFd<'_>,
        access: BitFlags<AccessFs>,
    ) -> Result<Self, Error> {
        Ok(Self { rules: self.rules.add_rule(PathBeneath::new(directory, access))?, ..self })
    }

    /// Leaves a file, or a directory and what is below it, within reach. Of the access, only what a
    /// file knows is asked for where it is one.
    pub fn keep_path(
        self,
        path: &Path,
        access: impl Into<BitFlags<AccessFs>>,
    ) -> Result<Self, Error> {
        let mut access = access.into();
        if !path.is_dir() {
            access &= AccessFs::from_file(ASKED);
        }
        let file = PathFd::new(path).map_err(|error| Error::Path(path.to_owned(), error))?;
        let rules = self.rules.add_rule(PathBeneath::new(file, access));
        Ok(Self { rules: rules.map_err(|error| Error::Rule(path.to_owned(), error))?, ..self })
    }

    /// Confines this thread, and all that it will start, for good.
    ///
    /// # Errors
    /// Where the kernel has no Landlock and that is refused, or does something else.
    pub fn enforce(self) -> Result<Status, Error> {
        let status = self.rules.restrict_self()?;
        match (status.ruleset, status.landlock) {
            (RulesetStatus::NotEnforced, _) if self.without == WithoutLandlock::Allow => {
                Ok(Status { version: None })
            }
            (RulesetStatus::NotEnforced, _) => Err(Error::Missing),
            (_, LandlockStatus::Available { effective_abi, .. }) => {
                Ok(Status { version: Some(effective_abi as i32) })
            }
            (_, status) => Err(Error::Status(status)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;
    use std::net::{Ipv4Addr, TcpListener};

    /// In a thread of its own, which alone is confined.
    #[test]
    fn what_is_kept_is_within_reach_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let (kept, other) = (directory.path().join("kept"), directory.path().join("other"));
        for path in [&kept, &other] {
            fs::write(path, "text").unwrap();
        }
        let confined = std::thread::spawn(move || {
            // Directories' rights are left out where a file is kept: the kernel would refuse them.
            let rules = Rules::new(WithoutLandlock::Allow, Outside::Forbidden).unwrap();
            let rules = rules.keep_path(&kept, AccessFs::ReadFile | AccessFs::ReadDir).unwrap();
            let status = rules.enforce().unwrap();
            let reads = [&kept, &other].map(|path| fs::read(path).is_ok());
            (status, reads, fs::write(&kept, "more").is_ok())
        });
        let (status, reads, written) = confined.join().unwrap();
        match status.version {
            Some(version) => {
                assert!(version >= 1 && status.to_string() == format!("landlock {version}"));
                assert_eq!((reads, written), ([true, false], false));
            }
            None => {
                assert_eq!(status.to_string(), "no landlock");
                assert_eq!((reads, written), ([true, true], true));
                let refused = Rules::new(WithoutLandlock::Refuse, Outside::Forbidden);
                assert!(matches!(refused, Err(Error::Missing)));
            }
        }
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).is_ok(), "other threads are free");
    }

    #[test]
    fn a_file_that_is_not_there_cannot_be_kept() {
        let rules = Rules::new(WithoutLandlock::Allow, Outside::Reachable).unwrap();
        let missing = rules.keep_path(Path::new("/nowhere/at/all"), AccessFs::ReadFile);
        assert_eq!(missing.err().unwrap().to_string(), "cannot keep /nowhere/at/all");
    }
}
