//! The modules of ZNC's own that are there for a scenario.
//!
//! ZNC opens every module that it finds when it starts, and loads ICU's tables anew to translate the
//! description of each: with Debian's fifty modules that takes most of a second of computing, and there are
//! hundreds of starts. Where we are root, ZNC finds those alone that scenarios load.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::World;

/// What scenarios load, and what ZNC itself wants from 1.9 on.
const LOADED: [&str; 7] =
    ["controlpanel", "log", "perform", "savebuff", "send_raw", "webadmin", "corecaps"];

/// Mounts the directory `$1` over `$2`, in a mount namespace of its own, and becomes a program of the user `$3`.
/// setpriv's `--pdeathsig` comes last: the kernel forgets it where the user changes.
const MOUNT: &str = r#"mount --bind "$1" "$2"; user=$3; shift 3
exec setpriv --reuid "$user" --regid "$user" --clear-groups --pdeathsig KILL -- "$@""#;

/// The words in front of ZNC that make it find these modules alone, and run as this user; none where that is
/// not to be had.
pub(crate) fn words(world: &World, uid: u32) -> Option<Vec<OsString>> {
    let all = directory()?;
    let few = world.path().join("znc-modules");
    if !few.exists() {
        world.directory("znc-modules", None);
        let names = LOADED.map(|name| format!("{name}.so"));
        for name in names.iter().filter(|name| all.join(name).exists()) {
            fs::copy(all.join(name), few.join(name)).expect("a module of ZNC's own");
        }
    }
    let fixed = ["unshare", "--mount", "sh", "-euc", MOUNT, "sh"].map(OsString::from);
    Some(fixed.into_iter().chain([few.into(), all.into(), uid.to_string().into()]).collect())
}

/// Where ZNC's own modules are, if something can be mounted there.
fn directory() -> Option<&'static Path> {
    static DIRECTORY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let may = World::has_other_users()
            && Command::new("unshare")
                .args(["--mount", "true"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
        let said = Command::new("pkg-config").args(["--variable=moddir", "znc"]).output().ok()?;
        let path = PathBuf::from(String::from_utf8(said.stdout).ok()?.trim_end());
        (may && path.is_dir()).then_some(path)
    };
    DIRECTORY.get_or_init(find).as_deref()
}
