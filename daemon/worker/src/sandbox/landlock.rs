//! Landlock: which files stay within reach.

use confine::landlock::{AccessFs, BitFlags, Error, Outside, Rules, Status, WithoutLandlock};
use std::os::fd::BorrowedFd;

/// Forbids every file but those of `directory`, every port and, where the kernel can, every
/// process outside.
pub fn restrict(
    directory: Option<BorrowedFd<'_>>,
    without: WithoutLandlock,
) -> Result<Status, Error> {
    let mut rules = Rules::new(without, Outside::Forbidden)?;
    if let Some(directory) = directory {
        rules = rules.keep(directory, in_the_directory())?;
    }
    rules.enforce()
}

/// Files are read, written under another name, renamed and removed. Nothing is listed, made a
/// directory, run or moved elsewhere.
fn in_the_directory() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile
}
