//! The place of the attacks: two accounts, a sibling, an admin socket, and ourselves as the front.

use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The attacker's environment.
pub const NAME: &str = "ATTACK";
pub const HOW: &str = "ATTACK_HOW";
pub const ROOT: &str = "ATTACK_ROOT";
pub const SIBLING: &str = "ATTACK_SIBLING";

/// The attacker's account, and another.
pub const OWN: &str = "state/1000/alice/net";
pub const OTHER: &str = "state/1000/bob/net";

/// Beyond every errno.
pub const CODE_NOT_CONFINED: i32 = 200;

pub struct Place {
    root: TempDir,
    program: PathBuf,
    uid: Option<u32>,
    sibling: Child,
    _admin: UnixListener,
}

/// What came of an attack.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed(Errno),
    Killed(Signal),
    NotConfined,
}

impl Place {
    /// For a worker of this user, or of our own.
    pub fn new(uid: Option<u32>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        // Another user may not be able to reach our own program.
        let program = path.join("attacker");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let admin = UnixListener::bind(path.join("admin.sock")).unwrap();
        for account in [OWN, OTHER] {
            fs::create_dir_all(path.join(account)).unwrap();
            fs::write(path.join(account).join("otr.key"), "secret").unwrap();
        }
        for name in ["state", "state/1000", "state/1000/alice", "state/1000/bob", OWN, OTHER] {
            give(&path.join(name), uid);
        }
        give(&path.join(OWN).join("otr.key"), uid);
        give(&path.join(OTHER).join("otr.key"), uid);
        give(&path.join("admin.sock"), uid);
        let mut sibling = Command::new("sleep");
        sibling.arg("1000");
        become_user(&mut sibling, uid);
        let sibling = sibling.spawn().unwrap();
        Self { root, program, uid, sibling, _admin: admin }
    }

    /// Makes one attack.
    pub fn attack(&self, name: &str, how: &str) -> Outcome {
        let mut command = Command::new(&self.program);
        // One thread: the confinement is that of the thread which asks for it.
        command.args(["--exact", "inside::attacker", "--ignored", "--test-threads=1"]);
        command.env(NAME, name).env(HOW, how).env(ROOT, self.root.path());
        command.env(SIBLING, self.sibling.id().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        become_user(&mut command, self.uid);
        let status = command.status().unwrap();
        match (status.code(), status.signal()) {
            (Some(0), _) => Outcome::Done,
            (Some(CODE_NOT_CONFINED), _) => Outcome::NotConfined,
            (Some(code), _) => Outcome::Failed(Errno::from_raw(code)),
            (_, Some(signal)) => Outcome::Killed(Signal::try_from(signal).unwrap()),
            (None, None) => panic!("{status:?}"),
        }
    }

    /// As it was before an attack that succeeded.
    pub fn tidy_up(&self) {
        for name in ["evil", "stolen", "otr.key"] {
            let _ = fs::remove_file(self.root.path().join(OTHER).join(name));
            let _ = fs::remove_file(self.root.path().join(OWN).join(name));
        }
        for account in [OWN, OTHER] {
            fs::write(self.root.path().join(account).join("otr.key"), "secret").unwrap();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.sibling.kill();
        let _ = self.sibling.wait();
    }
}

fn give(path: &Path, uid: Option<u32>) {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    chown(path, uid, uid).unwrap();
}

fn become_user(command: &mut Command, uid: Option<u32>) {
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
}

/// Can the kernel confine a process to some files?
pub fn has_landlock() -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    rules.handle_access(AccessFs::ReadFile).and_then(Ruleset::create).is_ok()
}
