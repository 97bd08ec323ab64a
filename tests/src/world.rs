//! The temporary place in which one scenario happens.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use nix::unistd::getuid;
use tempfile::TempDir;

use crate::{columns, leak_check};

/// The user that ZNC runs as where we are root: as root itself it waits 30 s and complains.
pub(crate) const ZNC_UID: u32 = 60_001;

/// A temporary directory and the ports that belong to it. Every part of a scenario holds a clone,
/// so the directory goes when the last part has gone.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    dir: Option<TempDir>,
    ports: Mutex<Vec<UdpSocket>>,
}

impl World {
    /// A new, empty place.
    pub fn new() -> Self {
        let dir =
            tempfile::Builder::new().prefix("otrd-").tempdir().expect("a temporary directory");
        // Programs that run under another uid must be able to walk through it.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("chmod");
        fs::create_dir(dir.path().join("logs")).expect("logs");
        Self(Arc::new(Inner { dir: Some(dir), ports: Mutex::default() }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.dir.as_ref().expect("the directory lives as long as the world").path()
    }

    /// Can a program run here under another uid than our own?
    pub fn has_other_users() -> bool {
        getuid().is_root()
    }

    /// Can the kernel confine a process to some files?
    pub fn has_landlock() -> bool {
        let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        rules.handle_access(AccessFs::ReadFile).and_then(Ruleset::create).is_ok()
    }

    /// Makes a directory that belongs to `uid`, if we can give it away.
    pub fn directory(&self, name: &str, uid: Option<u32>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(&path).expect("mkdir");
        self.give(&path, uid);
        path
    }

    /// Writes a file that belongs to `uid`, making its directories.
    pub fn file(&self, path: &Path, content: impl AsRef<[u8]>, uid: Option<u32>) {
        let parent = path.parent().expect("a file is in a directory");
        if !parent.exists() {
            fs::create_dir_all(parent).expect("mkdir");
            self.give(parent, uid);
        }
        fs::write(path, content).expect("write");
        self.give(path, uid);
    }

    fn give(&self, path: &Path, uid: Option<u32>) {
        if let Some(uid) = uid {
            chown(path, Some(uid), Some(uid)).expect("chown");
        }
    }

    /// A free TCP port of 127.0.0.1, ours until the world ends.
    ///
    /// It lies below the ports that the kernel hands out by itself, and a UDP socket of the same
    /// number is the lock that keeps scenarios of other processes off it.
    pub fn port(&self) -> u16 {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        const FIRST: u16 = 12_000;
        const COUNT: u16 = 18_000;
        let start = (std::process::id() % u32::from(COUNT)) as u16;
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let port = FIRST + ((u32::from(start) * 7 + u32::from(step)) % u32::from(COUNT)) as u16;
            let Ok(lock) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
                continue;
            }
            self.0.ports.lock().expect("ports").push(lock);
            return port;
        }
        panic!("no free port between {FIRST} and {}", FIRST + COUNT);
    }

    /// A log file; all of them are printed when a scenario fails.
    pub fn log(&self, name: &str) -> File {
        let path = self.path().join("logs").join(format!("{name}.log"));
        OpenOptions::new().create(true).append(true).open(path).expect("a log file")
    }

    /// What one log holds by now.
    pub fn read_log(&self, name: &str) -> String {
        let path = self.path().join("logs").join(format!("{name}.log"));
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(dir) = self.dir.take() else { return };
        let found = match std::thread::panicking() {
            true => None,
            false => leak_check::found(dir.path())
                .map(|held| format!("what was typed, or is secret, lies about: {held}"))
                .or_else(|| columns::too_wide(dir.path()).map(|wide| format!("too wide: {wide}"))),
        };
        if std::thread::panicking() || found.is_some() {
            print_logs(dir.path());
        }
        if std::env::var_os("OTRD_TESTS_KEEP").is_some() {
            eprintln!("kept: {}", dir.keep().display());
        }
        if let Some(found) = found {
            panic!("{found}");
        }
    }
}

/// The end of every log, for the reader of a failure.
fn print_logs(dir: &Path) {
    const TAIL: usize = 80;
    let mut logs: Vec<_> = fs::read_dir(dir.join("logs"))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    logs.sort();
    let mut out = String::new();
    for log in logs {
        let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(TAIL);
        let name = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
        out += &format!("---- {name}");
        if skipped > 0 {
            out += &format!(" (after {skipped} lines)");
        }
        out += "\n";
        for line in lines.iter().skip(skipped) {
            out += line;
            out += "\n";
        }
    }
    let _ = std::io::stderr().write_all(out.as_bytes());
}
