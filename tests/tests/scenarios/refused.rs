//! Kernels and containers that refuse what otrd asks them for: it does without, or says what is missing
//! to whoever waits for it.

use nix::errno::Errno;
use nix::sys::signal::Signal;
use otrd_tests::{Alone, Otrctl, OtrdBuilder, Scene, World};

use crate::unreachable::{Bouncer, znc};

/// alice, whose otrd and its workers are refused a system call.
#[track_caller]
fn alice_without(call: &'static str, errno: Errno) -> Alone {
    let build = Scene::build();
    let otrd = OtrdBuilder::new().refused(call, errno).start(build.world());
    build.otrd(otrd).begin_alone()
}

#[track_caller]
fn they_talk(scene: &Alone) {
    let bob = scene.peer("bob", "23");
    scene.goes_private(&bob);
    scene.alice.types_to("bob", "as everywhere else");
    bob.reads("alice", "as everywhere else");
    scene.wire.never_carried("as everywhere else");
}

/// Containers' filters, and Linux before 5.9.
#[test]
fn close_range_is_done_without() {
    for errno in [Errno::EPERM, Errno::ENOSYS] {
        they_talk(&alice_without("close_range", errno));
    }
}

/// What a kernel, a container or a limit refuses is not locked, and said.
#[test]
fn memory_that_cannot_be_locked_is_not() {
    for errno in [Errno::ENOSYS, Errno::EPERM] {
        let scene = alice_without("mlockall", errno);
        they_talk(&scene);
        let status = Otrctl::new(&scene.otrd).arg("status").does();
        assert!(status.contains("memory not locked"), "{status}");
    }
}

/// libotr reads and writes keys as files, which are in memory here: without them no account is opened.
#[test]
fn without_files_in_memory_the_reason_is_said() {
    for errno in [Errno::EPERM, Errno::ENOSYS] {
        let world = World::new();
        let otrd = OtrdBuilder::new().refused("memfd_create", errno).start(&world);
        let Bouncer { alice, .. } = &znc(&world, &otrd.shim_socket(), None);
        let reason = "libotr needs memfd_create, which this system does not allow: have the container's \
                      filter of system calls allow it";
        alice.otr_says(reason);
        alice.types_to("bob", "held back");
        let said = alice.otr_says("Not sent (");
        assert!(said.contains(reason) && said.ends_with("held back"), "{said}");
        assert!(otrd.log().contains(reason));
    }
}

/// As on a Raspberry Pi, and in some containers. Under systemd, which would start otrd again and again.
#[test]
fn without_landlock_who_connects_is_told() {
    if !World::has_landlock() {
        return eprintln!("skipped: this kernel has no Landlock, and otrd is told to do without");
    }
    for errno in [Errno::ENOSYS, Errno::EOPNOTSUPP] {
        let world = World::new();
        let mut otrd = OtrdBuilder::new().refused("landlock", errno).managed().start(&world);
        let Bouncer { alice, .. } = &znc(&world, &otrd.shim_socket(), None);
        let said = alice.otr_says("otrd cannot confine itself on this kernel");
        assert!(said.contains("NO LANDLOCK in otrd(8)"), "{said}");
        for word in ["status", "accounts"] {
            let said = Otrctl::new(&otrd).arg(word).run();
            assert!(said.code != 0 && said.err.contains("NO LANDLOCK in otrd(8)"), "{said:?}");
        }
        let doctor = Otrctl::new(&otrd).args(["doctor", "--worker", "/bin/false"]).run();
        assert!(doctor.code != 0 && doctor.out.contains("NO LANDLOCK in otrd(8)"), "{doctor:?}");
        alice.otr("status");
        alice.otr_says("NO LANDLOCK");
        // The same process says all that, once in its log, and opens no account.
        assert!(otrd.workers().is_empty());
        assert_eq!(otrd.log().matches("this kernel has no Landlock").count(), 1);
        assert_eq!(otrd.log().matches("serving").count(), 0);
        // It is stopped as any other, and does not wait until nobody connects any more.
        otrd.dies_of(Signal::SIGTERM);
    }
}

/// Nobody starts it for who connects: it ends at once, by the status that its unit is not restarted for.
#[test]
fn without_landlock_and_systemd_it_ends() {
    if !World::has_landlock() {
        return eprintln!("skipped: this kernel has no Landlock, and otrd is told to do without");
    }
    let world = World::new();
    let code = OtrdBuilder::new().refused("landlock", Errno::ENOSYS).ends(&world);
    assert_eq!(code, Some(78), "{}", world.read_log("otrd"));
    assert!(world.read_log("otrd").contains("start otrd with --allow-no-landlock"));
}
