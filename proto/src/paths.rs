//! Where things are, for otrd and otrctl alike. `systemd/paths.sh` has the same for the installer.

use std::path::{Path, PathBuf};

/// Keys and conversations of the system's otrd.
pub const SYSTEM_STATE: &str = "/var/lib/otrd";
/// Sockets of the system's otrd.
pub const SYSTEM_RUNTIME: &str = "/run/otrd";
/// Settings of the system's otrd.
pub const SYSTEM_CONFIG: &str = "/etc/otrd/otrd.toml";

/// Keys and conversations of a user's own otrd. Nothing where no home is known.
pub fn user_state(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    base(&variable, "XDG_STATE_HOME", ".local/state").map(|base| base.join("otrd"))
}

/// Settings of a user's own otrd. Nothing where no home is known.
pub fn user_config(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    base(&variable, "XDG_CONFIG_HOME", ".config").map(|base| base.join("otrd/otrd.toml"))
}

/// Sockets of a user's own otrd. What cron or su starts has no `XDG_RUNTIME_DIR`.
pub fn user_runtime(variable: impl Fn(&str) -> Option<PathBuf>, uid: u32) -> PathBuf {
    let runtime = absolute(&variable, "XDG_RUNTIME_DIR");
    runtime.unwrap_or_else(|| format!("/run/user/{uid}").into()).join("otrd")
}

/// Where the worker may be, seen from a program of ours: beside it, or in `lib/otrd` of its prefix.
pub fn workers(program: &Path) -> [Option<PathBuf>; 2] {
    let prefix = program.parent().and_then(Path::parent);
    [
        Some(program.with_file_name("otrd-worker")),
        prefix.map(|prefix| prefix.join("lib/otrd/otrd-worker")),
    ]
}

fn base(variable: &impl Fn(&str) -> Option<PathBuf>, name: &str, in_home: &str) -> Option<PathBuf> {
    let home = || absolute(variable, "HOME").map(|home| home.join(in_home));
    absolute(variable, name).or_else(home)
}

/// The XDG specification has relative paths ignored.
fn absolute(variable: &impl Fn(&str) -> Option<PathBuf>, name: &str) -> Option<PathBuf> {
    variable(name).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_otrd_is_where_the_variables_say_or_in_the_usual_places() {
        let set = |name: &str| match name {
            "HOME" => Some("/home/alice".into()),
            "XDG_STATE_HOME" => Some("/data/state".into()),
            "XDG_CONFIG_HOME" => Some("relative".into()),
            _ => None,
        };
        assert_eq!(user_state(set), Some("/data/state/otrd".into()));
        assert_eq!(user_config(set), Some("/home/alice/.config/otrd/otrd.toml".into()));
        assert_eq!(user_runtime(set, 1000), Path::new("/run/user/1000/otrd"));
        assert_eq!(user_state(|_| None), None);
    }

    #[test]
    fn the_worker_is_beside_or_in_lib() {
        let found = workers(Path::new("/usr/local/bin/otrctl"));
        let expected = ["/usr/local/bin/otrd-worker", "/usr/local/lib/otrd/otrd-worker"];
        assert_eq!(found, expected.map(|path| Some(path.into())));
    }
}
