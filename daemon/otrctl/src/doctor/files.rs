//! Who may read the keys: modes and owners below the state directory.

use super::report::Check;
use super::whose::Whose;
use proto::paths;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The most that is said of one directory.
const SHOWN: usize = 5;

/// Everything below the state directory.
pub fn look(state: Option<&Path>, whose: Whose) -> Vec<Check> {
    const NAME: &str = "files";
    let state = state.map_or_else(|| usual(whose), Path::to_path_buf);
    let shown = state.display().to_string();
    let owner = match fs::metadata(&state) {
        Ok(found) => found.uid(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let says = format!("{shown} is not there: otrd makes it when it starts (see --state)");
            return vec![Check::ok(NAME, says)];
        }
        Err(error) => return vec![Check::warn(NAME, format!("{shown}: {error}"), "be root")],
    };
    let mut seen = Seen { owner, ..Seen::default() };
    seen.directory(&state, 0);
    let mut checks = Vec::new();
    if seen.unreadable {
        let says = format!("{shown} cannot be looked through");
        checks.push(Check::warn(NAME, says, "be root, or the user who runs otrd"));
    }
    match seen.wide.is_empty() {
        false => {
            let list: Vec<&str> = seen.wide.iter().map(String::as_str).take(SHOWN).collect();
            let hint = format!("close them: chown -R {owner} {shown}; chmod -R go= {shown}");
            let says = format!("{} that others may use: {}", seen.wide.len(), list.join(", "));
            checks.push(Check::fail(NAME, says, hint));
        }
        true if !seen.unreadable => {
            let says = format!("{shown}: {} files, all of uid {owner} alone", seen.files);
            checks.push(Check::ok(NAME, says));
        }
        true => {}
    }
    if !seen.damaged.is_empty() {
        let list: Vec<&str> = seen.damaged.iter().map(String::as_str).take(SHOWN).collect();
        let hint = "look at them, mend or remove them; otrd does not use them";
        checks.push(Check::warn(NAME, format!("set aside as damaged: {}", list.join(", ")), hint));
    }
    checks
}

#[derive(Default)]
struct Seen {
    owner: u32,
    files: usize,
    wide: Vec<String>,
    damaged: Vec<String>,
    unreadable: bool,
}

impl Seen {
    /// `<state>/<uid>/<user>/<network>`, and no deeper.
    fn directory(&mut self, path: &Path, depth: usize) {
        let Ok(entries) = fs::read_dir(path) else {
            self.unreadable = true;
            return;
        };
        if depth == 0 {
            self.mode(path);
        }
        for path in entries.flatten().map(|entry| entry.path()) {
            self.mode(&path);
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if found.is_dir() && depth < 3 {
                self.directory(&path, depth + 1);
            } else if found.is_file() {
                self.files += 1;
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if name.contains(".damaged") {
                    self.damaged.push(path.display().to_string());
                }
            }
        }
    }

    fn mode(&mut self, path: &Path) {
        let Ok(found) = fs::symlink_metadata(path) else { return };
        let mode = found.mode() & 0o777;
        if (mode & 0o077 != 0 || found.uid() != self.owner) && !found.is_symlink() {
            self.wide.push(format!("{} ({mode:04o}, uid {})", path.display(), found.uid()));
        }
    }
}

/// As otrd finds it.
fn usual(whose: Whose) -> PathBuf {
    let own = || paths::user_state(|name| std::env::var_os(name).map(PathBuf::from));
    let own = if whose == Whose::User { own() } else { None };
    own.unwrap_or_else(|| paths::SYSTEM_STATE.into())
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_others_may_read_is_found() {
        let state = tempfile::tempdir().unwrap();
        let account = state.path().join("1000/alice/libera");
        fs::create_dir_all(&account).unwrap();
        let close = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
        for directory in account.ancestors().take(4) {
            close(directory, 0o700).unwrap();
        }
        let key = account.join("otr.key");
        fs::write(&key, "key").unwrap();
        close(&key, 0o600).unwrap();
        let states = || {
            look(Some(state.path()), Whose::User).into_iter().map(|c| c.state).collect::<Vec<_>>()
        };
        assert_eq!(states(), [State::Ok]);
        close(&key, 0o640).unwrap();
        assert_eq!(states(), [State::Fail]);
        close(&key, 0o600).unwrap();
        fs::rename(&key, account.join("otr.key.damaged")).unwrap();
        assert_eq!(states(), [State::Ok, State::Warn]);
        assert_eq!(look(Some(&state.path().join("none")), Whose::User)[0].state, State::Ok);
    }
}
