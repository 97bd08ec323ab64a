//! Where our own programs are: beside the tests, built in the same profile.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use nix::errno::Errno;

use crate::World;

/// The front.
pub fn otrd() -> PathBuf {
    binary("otrd", "OTRD")
}

/// The process that holds an account's keys.
pub fn worker() -> PathBuf {
    binary("otrd-worker", "OTRD_WORKER")
}

/// A worker that gets no randomness for a while.
pub fn late_worker() -> PathBuf {
    binary("late-worker", "OTRD_LATE_WORKER")
}

/// Carries bytes to a Unix socket, for whatever user runs it.
pub fn relay() -> PathBuf {
    binary("relay", "OTRD_RELAY")
}

/// Becomes another program, to which a system call is refused then.
fn refusing() -> PathBuf {
    binary("refusing", "OTRD_REFUSING")
}

/// Puts a program where every user can run it: as the same file under another name, or else as a copy. Another
/// process copies: another thread's children would inherit the file open for writing, and until they have
/// executed something, nobody could execute it (ETXTBSY).
#[track_caller]
pub(crate) fn install(program: &Path, to: &Path) {
    let everybody_runs_it =
        fs::metadata(program).is_ok_and(|file| file.permissions().mode() & 0o555 == 0o555);
    if everybody_runs_it && fs::hard_link(program, to).is_ok() {
        return;
    }
    let status = Command::new("install").args(["-m", "755"]).args([program, to]).status();
    assert!(status.expect("install").success(), "{} is not copied", program.display());
}

/// The words in front of a program to which this system call is to be refused. Every user can run them.
pub(crate) fn refuses(world: &World, call: &str, errno: Errno) -> [OsString; 3] {
    let copy = world.path().join("refusing");
    if !copy.exists() {
        install(&refusing(), &copy);
    }
    [copy.into(), call.into(), (errno as i32).to_string().into()]
}

/// The command line client.
pub fn otrctl() -> PathBuf {
    binary("otrctl", "OTRCTL")
}

/// The ZNC module.
pub fn shim() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shim/otr.so");
    let path = env::var_os("OTR_SO").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    assert!(path.exists(), "no {}: run make -C shim first", path.display());
    path
}

/// A module of ZNC's that is there for tests, `tests/znc/NAME.cpp`, compiled.
pub fn znc_module(world: &World, name: &str) -> PathBuf {
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/znc")).join(name);
    let place = world.directory("znc-module", None);
    let mut compiler = Command::new("znc-buildmod");
    compiler.arg(source.with_extension("cpp")).env("CXXFLAGS", "-O0").current_dir(&place);
    let made = compiler.output().expect("znc-buildmod");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    place.join(name).with_extension("so")
}

/// The templates and files of the module's page, by their paths in its data directory.
pub fn page() -> Vec<(PathBuf, Vec<u8>)> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shim/web");
    let web = env::var_os("OTR_WEB").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let mut files = Vec::new();
    for part in ["tmpl", "files"] {
        for entry in fs::read_dir(web.join(part)).expect("shim/web").flatten() {
            let content = fs::read(entry.path()).expect("a part of the page");
            files.push((Path::new(part).join(entry.file_name()), content));
        }
    }
    files
}

fn binary(name: &str, variable: &str) -> PathBuf {
    if let Some(path) = env::var_os(variable) {
        return PathBuf::from(path);
    }
    let own = env::current_exe().expect("our own path");
    // Tests lie in target/PROFILE/deps, the demo in target/PROFILE.
    let places = own.ancestors().skip(1).take(2).map(|dir| dir.join(name));
    match places.into_iter().find(|path| path.exists()) {
        Some(path) => path,
        None => panic!("no {name} beside {}: run cargo build --workspace first", own.display()),
    }
}
