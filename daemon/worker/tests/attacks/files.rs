//! Files that are not the account's, and what may not be done with those that are.

use crate::call::{call, int, path};
use crate::inside::{Attack, Scene, Wants};
use crate::place::{OTHER, OWN};
use Wants::{Death, Landlock, Refusal, Success};
use confine::numbers;
use libc::*;
use nix::errno::Errno;
use std::ffi::CString;

/// Flags with which a worker opens.
const READ: c_int = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
const MAKE: c_int = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

#[rustfmt::skip]
pub fn attacks() -> Vec<Attack> {
    let attack = |name, wants, act| Attack { name, wants, act };
    vec![
        // What must work.
        attack("its own key", Success, |scene| open(scene, "otr.key", READ)),
        attack("a new file of its own", Success, |scene| open(scene, "settings.json.new", MAKE)),
        // Reading.
        attack("another account's key, by its path", Landlock, |scene| {
            let key = scene.root.join(OTHER).join("otr.key");
            open(scene, key.to_str().unwrap(), READ)
        }),
        attack("another account's key, by ..", Landlock, |scene| {
            open(scene, "../../bob/net/otr.key", READ)
        }),
        attack("another account's key, by a descriptor in /proc", Landlock, |scene| {
            open(scene, &format!("/proc/self/fd/{}/../../bob/net/otr.key", scene.fd()), READ)
        }),
        attack("another account's key, by the root of a process", Landlock, |scene| {
            let key = scene.root.join(OTHER).join("otr.key");
            open(scene, &format!("/proc/self/root{}", key.display()), READ)
        }),
        attack("the system's users", Landlock, |scene| open(scene, "/etc/passwd", READ)),
        attack("the list of its own files", Landlock, |scene| open(scene, ".", READ | O_DIRECTORY)),
        attack("the list of other accounts", Landlock, |scene| {
            open(scene, "../..", READ | O_DIRECTORY)
        }),
        attack("a sibling's environment", Landlock, |scene| {
            open(scene, &format!("/proc/{}/environ", scene.sibling), READ)
        }),
        attack("the front's environment", Landlock, |scene| {
            open(scene, &format!("/proc/{}/environ", scene.front), READ)
        }),
        attack("the front's descriptors", Landlock, |scene| {
            open(scene, &format!("/proc/{}/fd", scene.front), READ | O_DIRECTORY)
        }),
        attack("a sibling's memory", Landlock, |scene| {
            open(scene, &format!("/proc/{}/mem", scene.sibling), READ)
        }),
        attack("its own memory as a file", Landlock, |scene| {
            open(scene, "/proc/self/mem", O_RDWR | O_NOFOLLOW)
        }),
        attack("a terminal", Landlock, |scene| open(scene, "/dev/tty0", O_RDWR | O_NOFOLLOW)
            // A machine without one.
            .or(open(scene, "/dev/null", O_RDWR | O_NOFOLLOW))),
        // Writing.
        attack("a file in another account", Landlock, |scene| {
            open(scene, "../../bob/net/evil", MAKE)
        }),
        attack("another account's key removed", Landlock, |scene| {
            at(scene, SYS_unlinkat, "../../bob/net/otr.key", 0)
        }),
        attack("another account's key linked here", Landlock, |scene| {
            two(scene, SYS_linkat, "../../bob/net/otr.key", "stolen")
        }),
        attack("another account's key moved here", Landlock, |scene| {
            two(scene, SYS_renameat, "../../bob/net/otr.key", "stolen")
        }),
        attack("its own key given to another account", Landlock, |scene| {
            two(scene, SYS_linkat, "otr.key", "../../bob/net/stolen")
        }),
        // Other ways to a file.
        attack("a file by no directory", Death, |scene| {
            let key = scene.root.join(OWN).join("otr.key");
            let key = CString::new(key.to_str().unwrap()).unwrap();
            call(SYS_openat, &[int(AT_FDCWD), path(&key), int(READ)]).map(drop)
        }),
        attack("a file by another descriptor", Death, |_| {
            call(SYS_openat, &[0, path(c"/etc/passwd"), int(READ)]).map(drop)
        }),
        attack("a link followed", Death, |scene| {
            call(SYS_openat, &[int(scene.fd()), path(c"otr.key"), int(O_RDONLY)]).map(drop)
        }),
        attack("openat2", Death, |scene| at(scene, SYS_openat2, "otr.key", 0)),
        attack("a symlink", Death, |scene| {
            call(SYS_symlinkat, &[path(c"/etc/passwd"), int(scene.fd()), path(c"x")]).map(drop)
        }),
        attack("a directory made", Death, |scene| at(scene, SYS_mkdirat, "d", 0o700)),
        attack("a directory removed", Death, |scene| {
            at(scene, SYS_unlinkat, "d", AT_REMOVEDIR)
        }),
        attack("a device made", Death, |scene| at(scene, SYS_mknodat, "n", 0o600)),
        attack("modes", Death, |scene| at(scene, SYS_fchmodat, "otr.key", 0o777)),
        attack("owners", Death, |scene| call(SYS_fchown, &[int(scene.fd()), 0, 0]).map(drop)),
        attack("names by a handle", Death, |_| call(SYS_open_by_handle_at, &[0, 0, 0]).map(drop)),
        attack("the list of a directory", Death, |scene| {
            call(SYS_getdents64, &[int(scene.fd()), 0, 0]).map(drop)
        }),
        attack("another working directory", Death, |scene| {
            call(SYS_fchdir, &[int(scene.fd())]).map(drop)
        }),
        attack("another root", Death, |_| call(SYS_chroot, &[path(c"/")]).map(drop)),
        attack("a mount", Death, |_| call(SYS_mount, &[0, 0, 0, 0, 0]).map(drop)),
        attack("a namespace", Death, |_| call(SYS_unshare, &[int(CLONE_NEWUSER)]).map(drop)),
        attack("somebody's namespace", Death, |_| call(SYS_setns, &[0, 0]).map(drop)),
        attack("a watch on files", Death, |_| call(SYS_inotify_init1, &[0]).map(drop)),
        // A limit, not a filter.
        attack("more descriptors than it may have", Refusal(Errno::EMFILE), |_| {
            for _ in 0..1000 {
                call(SYS_memfd_create, &[path(c"x"), 0])?;
            }
            Ok(())
        }),
        attack("more memory than it may have", Refusal(Errno::ENOMEM), |_| {
            let flags = int(MAP_PRIVATE | MAP_ANONYMOUS);
            let kind = int(PROT_READ | PROT_WRITE);
            call(numbers::MMAP, &[0, 1 << 30, kind, flags, -1, 0]).map(drop)
        }),
    ]
}

fn open(scene: &Scene, name: &str, flags: c_int) -> Result<(), Errno> {
    let name = CString::new(name).unwrap();
    call(SYS_openat, &[int(scene.fd()), path(&name), int(flags), 0o600]).map(drop)
}

fn at(scene: &Scene, number: c_long, name: &str, last: c_int) -> Result<(), Errno> {
    let name = CString::new(name).unwrap();
    call(number, &[int(scene.fd()), path(&name), int(last)]).map(drop)
}

fn two(scene: &Scene, number: c_long, from: &str, to: &str) -> Result<(), Errno> {
    let (from, to) = (CString::new(from).unwrap(), CString::new(to).unwrap());
    call(number, &[int(scene.fd()), path(&from), int(scene.fd()), path(&to), 0]).map(drop)
}
