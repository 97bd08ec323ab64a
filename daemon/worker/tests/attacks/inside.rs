//! The attacker: this program once more, confined as a worker is, then one attack.

use crate::attacks;
use crate::place::{self, CODE_NOT_CONFINED};
use nix::errno::Errno;
use seccompiler::{SeccompAction, SeccompFilter, apply_filter};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use worker::sandbox::{WithoutLandlock, confine};

/// One thing to try.
pub struct Attack {
    /// In words.
    pub name: &'static str,
    /// What has to become of it.
    pub wants: Wants,
    /// Does it.
    pub act: fn(&Scene) -> Result<(), Errno>,
}

/// How an attack has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// seccomp ends the process.
    Death,
    /// It ends itself.
    Abort,
    /// Landlock refuses.
    Landlock,
    /// The kernel refuses for another reason.
    Refusal(Errno),
    /// It is no attack: what a worker must be able to do.
    Success,
}

/// What the attacker knows.
pub struct Scene {
    /// The account's directory.
    pub directory: OwnedFd,
    /// Everything.
    pub root: PathBuf,
    /// A process of the same user, confined alike.
    pub sibling: i32,
    /// The process that started it.
    pub front: i32,
}

impl Scene {
    pub fn fd(&self) -> RawFd {
        self.directory.as_raw_fd()
    }
}

/// Not a test: what [`place::Place::attack`] starts.
#[test]
#[ignore = "the attacker's own part"]
fn attacker() {
    let Ok(name) = std::env::var(place::NAME) else { return };
    let root = PathBuf::from(std::env::var_os(place::ROOT).unwrap());
    let directory = std::fs::File::open(root.join(place::OWN)).unwrap().into();
    let sibling = std::env::var(place::SIBLING).unwrap().parse().unwrap();
    let front = nix::unistd::getppid().as_raw();
    let scene = Scene { directory, root, sibling, front };
    // What is not seen to succeed counts as not done.
    let attack = attacks().into_iter().find(|attack| attack.name == name).unwrap();
    let act = attack.act;
    if !get_confined(&scene) {
        std::process::exit(CODE_NOT_CONFINED);
    }
    let code = match act(&scene) {
        Ok(()) => 0,
        Err(errno) => errno as i32,
    };
    std::process::exit(code);
}

fn get_confined(scene: &Scene) -> bool {
    let without = match place::has_landlock() {
        true => WithoutLandlock::Refuse,
        false => WithoutLandlock::Allow,
    };
    let directory = Some(scene.directory.as_fd());
    let confined = match std::env::var(place::HOW).unwrap().as_str() {
        "free" => return true,
        "confined" => confine(directory, without),
        "keygen" => confine(None, without),
        "no-landlock" => {
            lacks(libc::SYS_landlock_create_ruleset);
            confine(directory, WithoutLandlock::Refuse)
        }
        "no-landlock-allowed" => {
            lacks(libc::SYS_landlock_create_ruleset);
            let confined = confine(directory, WithoutLandlock::Allow);
            assert!(confined.as_ref().is_ok_and(|words| words.contains("no landlock")));
            confined
        }
        "no-seccomp" => {
            lacks(libc::SYS_seccomp);
            confine(directory, without)
        }
        how => panic!("confined how? {how}"),
    };
    confined.is_ok()
}

/// A kernel that does not have this system call.
fn lacks(call: impl Into<i64>) {
    let rules = [(call.into(), Vec::new())].into();
    let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let program = confine::processor::program(|processor| {
        SeccompFilter::new(rules, SeccompAction::Allow, absent, processor)
    });
    apply_filter(&program.unwrap()).unwrap();
}
