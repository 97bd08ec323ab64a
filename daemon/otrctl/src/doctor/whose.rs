//! Which otrd is looked at.

use proto::paths;
use std::path::Path;

/// The otrd that is looked at.
#[derive(Clone, Copy)]
pub struct Found {
    /// Whether it is the system's daemon or a user's own.
    pub whose: Whose,
    /// It runs on a kernel without Landlock, as its admin allowed.
    pub without_landlock: bool,
}

/// Whose otrd it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    System,
    User,
}

impl Whose {
    /// By the socket that answers, or by who asks where none does.
    pub fn of(socket: Option<&Path>) -> Self {
        let system = Path::new(paths::SYSTEM_RUNTIME);
        let is_system = match socket {
            Some(path) => path.starts_with(system) || nix::unistd::geteuid().is_root(),
            None => nix::unistd::geteuid().is_root() || system.exists(),
        };
        if is_system { Whose::System } else { Whose::User }
    }

    /// The command that asks its service manager.
    pub fn systemctl(self) -> &'static str {
        match self {
            Whose::System => "systemctl",
            Whose::User => "systemctl --user",
        }
    }
}
