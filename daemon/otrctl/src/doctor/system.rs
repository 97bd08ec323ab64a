//! The machine: its kernel, its randomness, its clock, and how exposed the unit is.

use super::report::Check;
use super::whose::{Found, Whose};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// 2025-01-01. A clock before that was never set.
const BUILT_AFTER: u64 = 1_735_689_600;

/// Everything about the machine.
pub fn look(otrd: Found) -> Vec<Check> {
    let mut checks = vec![kernel(), landlock(otrd), seccomp(), randomness(), clock(), swap()];
    if otrd.whose == Whose::System {
        checks.push(exposure());
    }
    checks
}

fn kernel() -> Check {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_default();
    match at_least(&release, (5, 13)) {
        Some(true) => Check::ok("kernel", release),
        // Whether it has Landlock is said below.
        Some(false) => Check::ok("kernel", format!("{release}: older than 5.13")),
        None => Check::warn("kernel", "its version cannot be read", "see uname -r"),
    }
}

fn at_least(release: &str, wanted: (u32, u32)) -> Option<bool> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?) >= wanted)
}

fn landlock(otrd: Found) -> Check {
    match read("/sys/kernel/security/lsm") {
        Some(list) if list.split(',').any(|name| name == "landlock") => {
            Check::ok("landlock", "in force")
        }
        Some(list) => {
            let says = format!("not among {list}");
            let hint = "see NO LANDLOCK in otrd(8)";
            match otrd.without_landlock {
                true => Check::warn("landlock", says, hint),
                false => Check::fail("landlock", says, hint),
            }
        }
        None => Check::ok("landlock", "told by the key exchange below: securityfs is not mounted"),
    }
}

fn seccomp() -> Check {
    match read("/proc/sys/kernel/seccomp/actions_avail") {
        Some(actions) if actions.contains("kill_process") => Check::ok("seccomp", "there"),
        _ => {
            let hint =
                "a kernel with CONFIG_SECCOMP_FILTER is needed: workers do not start without";
            Check::fail("seccomp", "the kernel does not say that it has it", hint)
        }
    }
}

fn randomness() -> Check {
    // Does not wait, unlike the reader of a key that is made.
    let random = fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open("/dev/random");
    match random.and_then(|mut random| random.read_exact(&mut [0; 32])) {
        Ok(()) => Check::ok("randomness", "the kernel's generator is seeded"),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Check::fail(
            "randomness",
            "the kernel's generator is not seeded yet",
            "keys have to wait: install rng-tools or haveged, or give the machine a virtio-rng",
        ),
        Err(error) => {
            Check::warn("randomness", format!("/dev/random: {error}"), "see dmesg about random")
        }
    }
}

fn clock() -> Check {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    match now >= BUILT_AFTER {
        true => Check::ok("clock", "set"),
        false => Check::warn(
            "clock",
            "before 2025",
            "set it: how long a session lasts and the dates of kept files depend on it",
        ),
    }
}

fn swap() -> Check {
    let plain = plain_swap();
    match plain.is_empty() {
        true => Check::ok("swap", "none that is plain"),
        false => Check::warn(
            "swap",
            plain.join(", "),
            "texts in memory may get there: MemorySwapMax=0 in the unit, or encrypted swap",
        ),
    }
}

/// Where memory may end up readable on a disk.
pub fn plain_swap() -> Vec<String> {
    let swaps = read("/proc/swaps").unwrap_or_default();
    let names = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let is_plain = |name: &&str| !name.contains("zram") && !name.starts_with("/dev/dm-");
    names.filter(is_plain).map(str::to_owned).collect()
}

/// What systemd thinks of the unit. Lower is better; most services are above 8.
fn exposure() -> Check {
    const NAME: &str = "exposure";
    if !Path::new("/run/systemd/system").is_dir() {
        return Check::ok(NAME, "systemd does not run here: not looked at");
    }
    let mut command = Command::new("systemd-analyze");
    command.args(["security", "--no-pager", "otrd.service"]).stdin(Stdio::null());
    let Ok(output) = command.stderr(Stdio::null()).output() else {
        return Check::warn(NAME, "systemd-analyze does not start", "install systemd's tools");
    };
    match level(&String::from_utf8_lossy(&output.stdout)) {
        Some(level) if level <= 2.0 => Check::ok(NAME, format!("otrd.service: {level}")),
        Some(level) => {
            let hint = "use the unit that otrd comes with: see systemctl cat otrd.service";
            Check::warn(NAME, format!("otrd.service: {level} of 10"), hint)
        }
        None => Check::ok(NAME, "there is no otrd.service here: not looked at"),
    }
}

/// `→ Overall exposure level for otrd.service: 1.3 OK 🙂`
fn level(report: &str) -> Option<f32> {
    let line = report.lines().find(|line| line.contains("Overall exposure level"))?;
    line.split_once(".service: ")?.1.split_whitespace().next()?.parse().ok()
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_kernels_are_compared_as_numbers() {
        for (release, newer) in [("6.1.0-13-amd64", true), ("5.13.0", true), ("5.4.0", false)] {
            assert_eq!(at_least(release, (5, 13)), Some(newer), "{release}");
        }
        assert_eq!(at_least("", (5, 13)), None);
    }

    #[test]
    fn the_exposure_is_read_from_the_last_line() {
        let report =
            "  NAME  DESCRIPTION\n\n→ Overall exposure level for otrd.service: 1.3 OK 🙂\n";
        assert_eq!(level(report), Some(1.3));
        assert_eq!(level("Unit otrd.service not found."), None);
    }
}
