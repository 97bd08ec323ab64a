//! Whether each ZNC that runs can reach the socket for modules: its user and groups, its unit, its
//! AppArmor profile, its view of the file system. The module sees the same from the other side, as
//! an errno (shim/advice.cpp).

use super::acl::Acl;
use super::report::Check;
use proto::user_database::{self, Group};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAME: &str = "ZNC";
/// Where the module looks unless it is told otherwise.
const SYSTEM: &str = "/run/otrd/shim.sock";
/// The most processes that are looked at.
const MOST: usize = 32;

/// One check for each ZNC.
pub fn look(admin_socket: Option<&Path>) -> Vec<Check> {
    let socket = match admin_socket {
        Some(path) => path.with_file_name("shim.sock"),
        None => SYSTEM.into(),
    };
    let found = processes(Path::new("/proc"));
    if found.is_empty() {
        return vec![Check::ok(NAME, "none runs here that can be seen")];
    }
    found.iter().take(MOST).map(|one| check(one, &socket)).collect()
}

/// A ZNC that runs.
struct Process {
    directory: PathBuf,
    pid: String,
    credentials: Credentials,
}

/// Whom the kernel takes it for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Credentials {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

fn processes(proc: &Path) -> Vec<Process> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let mut found: Vec<Process> = entries
        .flatten()
        .filter_map(|entry| {
            let (directory, pid) = (entry.path(), entry.file_name().into_string().ok()?);
            let is_znc = pid.bytes().all(|byte| byte.is_ascii_digit())
                && fs::read_to_string(directory.join("comm")).ok()?.trim() == "znc";
            let status = is_znc.then(|| fs::read_to_string(directory.join("status")))?.ok()?;
            Some(Process { credentials: Credentials::parse(&status)?, directory, pid })
        })
        .collect();
    found.sort_by_key(|one| one.pid.parse::<u32>().unwrap_or(u32::MAX));
    found
}

impl Credentials {
    /// From /proc/PID/status: the effective ids and the supplementary groups.
    fn parse(status: &str) -> Option<Self> {
        let ids = |name: &str| -> Option<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().map(|id| id.parse().ok()).collect()
        };
        let effective = |name| ids(name).and_then(|ids| ids.get(1).copied());
        Some(Self { uid: effective("Uid:")?, gid: effective("Gid:")?, groups: ids("Groups:")? })
    }

    /// Whether the mode of a file, or its access control list, lets these bits be used.
    fn may(&self, path: &Path, bits: u16) -> io::Result<bool> {
        let found = fs::metadata(path)?;
        Ok(match Acl::of(path) {
            Some(acl) if self.uid != 0 => {
                let groups = [&self.groups[..], &[self.gid]].concat();
                acl.allows(bits, self.uid, &groups, found.uid(), found.gid())
            }
            _ => self.may_by_mode(&found, u32::from(bits)),
        })
    }

    fn may_by_mode(&self, found: &fs::Metadata, bits: u32) -> bool {
        let mode = found.mode();
        let mode = match () {
            () if self.uid == 0 => return true,
            () if self.uid == found.uid() => mode >> 6,
            () if self.gid == found.gid() || self.groups.contains(&found.gid()) => mode >> 3,
            () => mode,
        };
        mode & bits == bits
    }

    /// The first on the way to a file that keeps them from connecting to it.
    fn stopped_by(&self, socket: &Path) -> io::Result<Option<PathBuf>> {
        let mut way: Vec<&Path> = socket.ancestors().skip(1).collect();
        way.reverse();
        for directory in way.into_iter().filter(|path| !path.as_os_str().is_empty()) {
            if !self.may(directory, 1)? {
                return Ok(Some(directory.to_path_buf()));
            }
        }
        let stopped = !self.may(socket, 2)?;
        Ok(stopped.then(|| socket.to_path_buf()))
    }
}

fn check(znc: &Process, socket: &Path) -> Check {
    let (pid, uid) = (&znc.pid, znc.credentials.uid);
    let who = format!("pid {pid} of uid {uid}");
    let found = families(znc)
        .or_else(|| permission(znc, socket))
        .or_else(|| view(znc, socket))
        .or_else(|| apparmor(znc));
    match found {
        None => Check::ok(NAME, format!("{who}: nothing keeps it from {}", socket.display())),
        // One without the module, or with another socket, misses nothing.
        Some((says, hint)) if has_module(znc) && socket == Path::new(SYSTEM) => {
            Check::fail(NAME, format!("{who} {says}"), hint)
        }
        Some((says, hint)) => Check::warn(NAME, format!("{who} {says}"), hint),
    }
}

/// What is wrong, and what to do.
type Trouble = Option<(String, String)>;

/// Whether ZNC's unit forbids Unix sockets, which fails with EAFNOSUPPORT.
fn families(znc: &Process) -> Trouble {
    let cgroup = fs::read_to_string(znc.directory.join("cgroup")).ok()?;
    let unit = unit(&cgroup)?;
    let mut command = Command::new("systemctl");
    command.args(["show", "--property=RestrictAddressFamilies", "--", unit]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    forbids_unix(&String::from_utf8_lossy(&output.stdout)).then(|| {
        (
            format!(
                "may not use Unix sockets: {unit} has RestrictAddressFamilies= without AF_UNIX"
            ),
            format!(
                "systemctl edit {unit}, add RestrictAddressFamilies=AF_UNIX below [Service], then \
                 systemctl restart {unit}"
            ),
        )
    })
}

/// The unit that a cgroup like `0::/system.slice/znc.service` belongs to.
fn unit(cgroup: &str) -> Option<&str> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    path.rsplit('/').find(|part| part.ends_with(".service") && !part.starts_with("user@"))
}

/// `RestrictAddressFamilies=AF_INET AF_INET6`, or `~AF_UNIX` for a list of those that are refused.
fn forbids_unix(shown: &str) -> bool {
    let Some(list) = shown.trim().strip_prefix("RestrictAddressFamilies=") else { return false };
    let has_unix =
        list.trim_start_matches('~').split_whitespace().any(|family| family == "AF_UNIX");
    if list.starts_with('~') { has_unix } else { !list.is_empty() && !has_unix }
}

/// EACCES, by modes and access control lists.
fn permission(znc: &Process, socket: &Path) -> Trouble {
    // Where there is no socket, another check says so.
    let at = znc.credentials.stopped_by(socket).ok()??;
    let found = fs::metadata(&at).ok()?;
    let (shown, mode) = (at.display(), found.mode() & 0o7777);
    let says = format!("may not use {shown} (mode {mode:04o}, gid {})", found.gid());
    let uid = znc.credentials.uid;
    let database = |path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let (users, groups) = (database(user_database::USERS), database(user_database::GROUPS));
    let user = user_database::user_name(&users, uid);
    let user = user.map_or_else(|| format!("\"$(id -un {uid})\""), str::to_owned);
    let group = user_database::groups(&groups).find(|group| group.gid == found.gid());
    Some((says, permission_hint(group.as_ref(), &user)))
}

fn permission_hint(group: Option<&Group>, user: &str) -> String {
    match group {
        Some(Group { name, members, .. }) if members.contains(&user) => format!(
            "{user} was put into the group {name} after that ZNC started: restart it, as by \
             systemctl restart znc; a restart by *status keeps the old groups"
        ),
        Some(Group { name: "root", .. }) | None => {
            "see who may use it: ls -l, and SocketMode= and SocketGroup= of otrd.socket".into()
        }
        Some(Group { name, .. }) => {
            format!("usermod -aG {name} {user}, then restart that ZNC, as by systemctl restart znc")
        }
    }
}

/// ENOENT, where it is only the process that does not see it.
fn view(znc: &Process, socket: &Path) -> Trouble {
    let seen = znc.directory.join("root").join(socket.strip_prefix("/").ok()?);
    let missing = |path: &Path| {
        fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    (!missing(socket) && missing(&seen)).then(|| {
        let (shown, directory) = (socket.display(), socket.parent().unwrap_or(socket).display());
        (
            format!("does not see {shown}: it runs in a container, or its unit hides it"),
            format!("let it see the directory: BindPaths={directory} in its unit, or a volume"),
        )
    })
}

/// EACCES, by AppArmor's profile.
fn apparmor(znc: &Process) -> Trouble {
    let read = |file: &str| fs::read_to_string(znc.directory.join(file)).ok();
    let label = read("attr/apparmor/current").or_else(|| read("attr/current"))?;
    let profile = enforced(&label)?;
    let allowed = ["/etc/apparmor.d", "/etc/apparmor.d/local"].iter().any(|directory| {
        let files = fs::read_dir(directory).into_iter().flatten().flatten();
        let about_znc = files.filter(|file| file.file_name().to_string_lossy().contains("znc"));
        about_znc.into_iter().any(|file| {
            fs::read_to_string(file.path()).is_ok_and(|text| text.contains("otrd/shim.sock"))
        })
    });
    (!allowed).then(|| {
        (
            format!(
                "is confined by the AppArmor profile {profile}, which does not name the socket"
            ),
            "add the line that otrd(8) shows under APPARMOR to the profile, and load it again"
                .into(),
        )
    })
}

/// The profile in an AppArmor label like `/usr/bin/znc (enforce)`, if it is enforced.
fn enforced(label: &str) -> Option<&str> {
    label.trim_end_matches(['\0', '\n']).strip_suffix(" (enforce)")
}

/// Whether the module is loaded. Only root and the process's own user can see it.
fn has_module(znc: &Process) -> bool {
    let maps = fs::read_to_string(znc.directory.join("maps")).unwrap_or_default();
    maps.lines().any(|line| line.ends_with("/otr.so"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_unit_that_forbids_unix_sockets_is_known() {
        let forbids = |list: &str| forbids_unix(&format!("RestrictAddressFamilies={list}\n"));
        for list in ["AF_INET", "AF_INET6 AF_INET", "AF_NETLINK", "~AF_UNIX", "~AF_PACKET AF_UNIX"]
        {
            assert!(forbids(list), "{list}");
        }
        for list in ["", "AF_UNIX", "AF_INET AF_UNIX AF_INET6", "~AF_PACKET", "~"] {
            assert!(!forbids(list), "{list}");
        }
        assert!(!forbids_unix("") && !forbids_unix("Failed to connect to bus"));
        assert_eq!(unit("0::/system.slice/znc.service\n"), Some("znc.service"));
        assert_eq!(
            unit("1:cpu:/\n0::/system.slice/system-znc.slice/znc@a.service"),
            Some("znc@a.service")
        );
        assert_eq!(unit("0::/user.slice/user-1000.slice/session-2.scope"), None);
        let user = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/znc.service";
        assert_eq!(unit(user), Some("znc.service"));
        assert_eq!(unit("0::/user.slice/user-1000.slice/user@1000.service/init.scope"), None);
    }

    #[test]
    fn what_the_kernel_says_of_a_process_is_read() {
        let status = "Name:\tznc\nUid:\t1000\t1001\t1000\t1000\nGid:\t5\t6\t5\t5\nGroups:\t7 8 \n";
        let wanted = Credentials { uid: 1001, gid: 6, groups: vec![7, 8] };
        assert_eq!(Credentials::parse(status), Some(wanted));
        assert!(Credentials::parse(&status.replace("7 8", "")).unwrap().groups.is_empty());
        assert_eq!(Credentials::parse("Name:\tznc\n"), None);
        assert_eq!(enforced("/usr/bin/znc (enforce)\n"), Some("/usr/bin/znc"));
        assert_eq!(enforced("unconfined\0"), None);
        assert_eq!(enforced("znc (complain)"), None);
    }

    #[test]
    fn the_modes_on_the_way_decide() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("shim.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
        let found = fs::metadata(&socket).unwrap();
        let stranger = Credentials { uid: 54_321, gid: 54_321, groups: vec![] };
        let member = Credentials {
            groups: vec![found.gid()],
            ..Credentials { uid: 54_321, gid: 54_321, groups: vec![] }
        };
        let stopped = |one: &Credentials| one.stopped_by(&socket).unwrap();
        mode(directory.path(), 0o755).unwrap();
        mode(&socket, 0o660).unwrap();
        assert_eq!(stopped(&stranger), Some(socket.clone()));
        assert_eq!(stopped(&member), None);
        mode(&socket, 0o666).unwrap();
        assert_eq!(stopped(&stranger), None);
        mode(directory.path(), 0o750).unwrap();
        assert_eq!(stopped(&stranger), Some(directory.path().to_path_buf()));
        assert_eq!(stopped(&member), None);
        assert!(stranger.stopped_by(Path::new("/nowhere/shim.sock")).is_err());
    }

    #[test]
    fn who_is_in_the_group_only_has_to_restart() {
        let database = "root:x:0:\notrd:x:990:alice,bob\n";
        let hint = |gid, user| {
            let group = user_database::groups(database).find(|group| group.gid == gid);
            permission_hint(group.as_ref(), user)
        };
        assert!(hint(990, "bob").contains("restart"));
        assert!(!hint(990, "bob").contains("usermod"));
        assert!(hint(990, "znc").starts_with("usermod -aG otrd znc, then restart"));
        assert!(hint(0, "znc").contains("SocketGroup="));
        assert!(hint(5, "znc").contains("SocketGroup="));
    }
}
