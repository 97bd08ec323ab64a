//! What somebody could do who runs their own code inside a worker: every attack that we could think
//! of is made from inside the confinement, and has to be refused.
//!
//! Each is made by a process of its own, which is this program again ([`inside`]): a place with a
//! front, a sibling and two accounts is set up around it. The same attack on files is also made
//! without confinement, where it has to succeed: otherwise its refusal would show nothing.
// clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod call;
mod files;
mod inside;
mod kernel;
mod place;
mod processes;

use inside::{Attack, Wants};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use place::{Outcome, Place};

/// A user that nobody has.
const SOMEBODY: u32 = 60_002;

fn attacks() -> Vec<Attack> {
    [files::attacks(), processes::attacks(), kernel::attacks()].into_iter().flatten().collect()
}

#[test]
fn every_attack_from_inside_is_refused() {
    refuses_all(&Place::new(None));
}

#[test]
fn every_attack_is_refused_to_another_user_too() {
    if !geteuid().is_root() {
        return eprintln!("skipped: only root can become somebody else");
    }
    refuses_all(&Place::new(Some(SOMEBODY)));
}

fn refuses_all(place: &Place) {
    let mut wrong = Vec::new();
    let mut done = 0;
    for attack in attacks() {
        if attack.wants == Wants::Landlock && !place::has_landlock() {
            eprintln!("not in force on this kernel, for want of Landlock: {}", attack.name);
            continue;
        }
        let outcome = place.attack(attack.name, "confined");
        let as_it_should = match attack.wants {
            Wants::Death => outcome == Outcome::Killed(Signal::SIGSYS),
            Wants::Abort => outcome == Outcome::Killed(Signal::SIGABRT),
            Wants::Landlock => {
                matches!(outcome, Outcome::Failed(Errno::EACCES | Errno::EXDEV | Errno::EPERM))
            }
            Wants::Refusal(errno) => outcome == Outcome::Failed(errno),
            Wants::Success => outcome == Outcome::Done,
        };
        if !as_it_should {
            wrong.push(format!("{}: {outcome:?}, not {:?}", attack.name, attack.wants));
        }
        done += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(done > 40);
}

#[test]
fn without_confinement_the_files_are_within_reach() {
    let place = Place::new(None);
    for attack in files::attacks().into_iter().filter(|attack| attack.wants == Wants::Landlock) {
        assert_eq!(place.attack(attack.name, "free"), Outcome::Done, "{}", attack.name);
        place.tidy_up();
    }
}

#[test]
fn a_kernel_without_landlock_is_refused_unless_it_is_allowed() {
    let place = Place::new(None);
    assert_eq!(place.attack("its own key", "no-landlock"), Outcome::NotConfined);
    assert_eq!(place.attack("its own key", "no-landlock-allowed"), Outcome::Done);
    // What is left then: system calls.
    let socket = place.attack("a socket to the network", "no-landlock-allowed");
    assert_eq!(socket, Outcome::Killed(Signal::SIGSYS));
}

#[test]
fn a_kernel_without_seccomp_is_refused() {
    let place = Place::new(None);
    assert_eq!(place.attack("its own key", "no-seccomp"), Outcome::NotConfined);
}

#[test]
fn who_makes_keys_has_no_files_at_all() {
    let place = Place::new(None);
    assert_eq!(place.attack("its own key", "keygen"), Outcome::Killed(Signal::SIGSYS));
    assert_eq!(place.attack("a message to the front", "keygen"), Outcome::Killed(Signal::SIGSYS));
    assert_eq!(place.attack("randomness", "keygen"), Outcome::Done);
}
