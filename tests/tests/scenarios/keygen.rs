//! The process that makes keys is struck while it is at it: by SIGKILL, SIGSEGV or SIGSTOP.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use otrd_tests::{Couple, Crowd, OtrdBuilder, children_of, eventually};

/// Longer than any PING of an idle loop takes on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn one_that_is_killed() {
    lost(Signal::SIGKILL);
}

#[test]
fn one_that_crashes() {
    lost(Signal::SIGSEGV);
}

/// She is told why, what waited comes back once, and a key can be made afterwards.
#[track_caller]
fn lost(signal: Signal) {
    let (crowd, maker) = a_key_is_being_made();
    let couple = &crowd.couples[0];
    let worker = crowd.otrd.worker();
    strike(maker, signal);
    // One that is held takes a signal like SIGSEGV when it is let go on.
    let _gone_already = kill(Pid::from_raw(maker), Signal::SIGCONT);
    let told = format!("could not be made (key generation failed: {signal}). Try genkey again");
    couple.she.otr_says(&told);
    couple.she.otr_says("this waits");
    assert_eq!(couple.came_back("this waits"), 1);
    couple.she.otr("status");
    couple.she.otr_says("Key: none");
    assert!(makers(&crowd).is_empty());

    couple.she.otr("genkey");
    couple.she.otr_says("Generating your private key. You are told when it is ready.");
    couple.she.otr_says("Your private key is ready");
    couple.goes_private();
    couple.she_types("with a key");
    couple.he.reads(couple.she.nick(), "with a key");
    assert_eq!((couple.he_read("this waits"), couple.came_back("this waits")), (0, 1));
    assert_eq!(crowd.otrd.worker(), worker, "her worker is what it was");
    crowd.wire.never_carried("this waits");
}

/// That is like a machine without randomness: only what needs the key waits.
#[test]
fn one_that_stands_still() {
    let (crowd, maker) = a_key_is_being_made();
    let couple = &crowd.couples[0];
    let idle = crowd.znc.attach_idle("idle");
    assert!(idle.slowest_ping(50) < AT_ONCE);
    let carol = crowd.ircd.client("carol");
    couple.she.types_to("carol", "are you there?");
    carol.reads(couple.she.nick(), "are you there?");
    couple.she.otr("genkey");
    couple.she.otr_says("A key is being made already");
    assert_eq!(makers(&crowd), [maker]);
    assert_eq!((couple.he_read("this waits"), couple.came_back("this waits")), (0, 0));

    strike(maker, Signal::SIGCONT);
    couple.she.otr_says("Your private key is ready");
    couple.he.reads(couple.she.nick(), "this waits");
    assert_eq!(couple.came_back("this waits"), 0);
    crowd.wire.never_carried("this waits");
}

/// Nor does it hold up the end of otrd, or stay behind.
#[test]
fn one_that_stands_still_when_otrd_ends() {
    let (mut crowd, maker) = a_key_is_being_made();
    crowd.otrd.stop();
    eventually("it has ended", || kill(Pid::from_raw(maker), None).is_err());
    crowd.otrd.starts_again();
    let couple = &crowd.couples[0];
    couple.she.otr_says("is back.");
    // What was asked for before goes on by itself, key and all.
    couple.she.otr_says("Your private key is ready");
    couple.is_private();
    assert_eq!((couple.he_read("this waits"), couple.came_back("this waits")), (0, 1));
    crowd.wire.never_carried("this waits");
}

/// She wants to talk with him, has typed something, and has no key yet: who makes it is held by
/// SIGSTOP.
#[track_caller]
fn a_key_is_being_made() -> (Crowd, i32) {
    let crowd = Crowd::new(1, OtrdBuilder::new().withholds_randomness(3), &[0]);
    let couple: &Couple = &crowd.couples[0];
    couple.she.otr(&format!("start {}", couple.he.nick()));
    let maker = maker(&crowd);
    strike(maker, Signal::SIGSTOP);
    couple.she.otr_says("Generating your private key");
    couple.she_types("this waits");
    couple.she.otr_says("Your message waits until the conversation is private.");
    (crowd, maker)
}

/// The process that makes her key.
#[track_caller]
fn maker(crowd: &Crowd) -> i32 {
    eventually("a process makes keys", || makers(crowd).len() == 1);
    makers(crowd)[0]
}

fn makers(crowd: &Crowd) -> Vec<i32> {
    let children = children_of(crowd.otrd.process().pid()).into_iter();
    children.filter(|(_, line)| line.contains("keygen")).map(|(pid, _)| pid).collect()
}

fn strike(maker: i32, signal: Signal) {
    kill(Pid::from_raw(maker), signal).expect("a signal to who makes keys");
}
