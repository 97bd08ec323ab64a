//! What keeps ZNC from otrd's socket: the module names it, with the line that mends it, and
//! `otrctl doctor` sees the same from the other side.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use otrd_tests::{
    Client, FakeOtrd, Ircd, Otrctl, Otrd, World, Znc, ZncBuilder, ZncNetwork, ZncUser,
};

/// alice, and her ZNC, whose module looks for otrd at `socket`. They end in this order.
pub(crate) struct Bouncer {
    pub(crate) alice: Client,
    znc: Znc,
    _ircd: Ircd,
}

pub(crate) fn znc(world: &World, socket: &Path, refuses: Option<Errno>) -> Bouncer {
    let ircd = Ircd::ngircd(world);
    let network = ZncNetwork::new("net", ircd.port()).otr_at(socket);
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network));
    let znc = match refuses {
        Some(errno) => znc.refuses_unix_sockets(errno),
        None => znc,
    };
    let znc = znc.start(world);
    let alice = znc.attach("alice", "net");
    Bouncer { alice, znc, _ircd: ircd }
}

#[test]
fn there_is_no_socket() {
    let world = World::new();
    let nowhere = world.path().join("nowhere/shim.sock");
    let Bouncer { alice, .. } = &znc(&world, &nowhere, None);
    let said = alice.otr_says("otrd is not running or not answering: No such file or directory");
    assert!(said.contains("systemctl enable --now otrd.socket"), "{said}");
    assert!(said.contains(nowhere.to_str().expect("a text")), "{said}");
}

#[test]
fn nobody_listens_any_more() {
    let world = World::new();
    let path = world.directory("left", None).join("shim.sock");
    drop(UnixListener::bind(&path).expect("a socket"));
    set_permissions(&path, Permissions::from_mode(0o777)).expect("chmod");
    let Bouncer { alice, .. } = &znc(&world, &path, None);
    let said = alice.otr_says("otrd is not running or not answering: Connection refused");
    assert!(said.contains("systemctl restart otrd.socket otrd"), "{said}");
}

#[test]
fn the_path_is_too_long() {
    let world = World::new();
    let long = world.path().join("x".repeat(120));
    let Bouncer { alice, .. } = &znc(&world, &long, None);
    let said = alice.otr_says("otrd cannot be reached: File name too long");
    assert!(said.contains("107 bytes"), "{said}");
}

#[test]
fn the_user_of_znc_is_not_in_the_group() {
    if !World::has_other_users() {
        return eprintln!("skipped: only root can be two users");
    }
    let world = World::new();
    let otrd = FakeOtrd::start(&world);
    let mode = |mode| set_permissions(otrd.shim_socket(), Permissions::from_mode(mode));
    mode(0o660).expect("chmod");
    let Bouncer { alice, znc, .. } = &znc(&world, otrd.shim_socket(), None);
    let said = alice.otr_says("otrd cannot be reached: Permission denied");
    assert!(said.contains("usermod -aG otrd") && said.contains("restart znc"), "{said}");
    assert!(said.contains(&format!("uid {}", znc.uid())), "{said}");
    mode(0o666).expect("chmod");
    alice.otr_says("otrd is back.");
}

/// A security module refuses what the socket's mode allows.
#[test]
fn a_profile_keeps_znc_from_the_socket() {
    let world = World::new();
    let otrd = FakeOtrd::start(&world);
    let Bouncer { alice, .. } = &znc(&world, otrd.shim_socket(), Some(Errno::EACCES));
    let said = alice.otr_says("otrd cannot be reached: Permission denied");
    assert!(said.contains("AppArmor") && said.contains("otrd(8)"), "{said}");
}

#[test]
fn the_unit_of_znc_forbids_unix_sockets() {
    for (errno, words) in [
        (Errno::EAFNOSUPPORT, "Address family not supported by protocol"),
        (Errno::EPERM, "Operation not permitted"),
    ] {
        let world = World::new();
        let otrd = FakeOtrd::start(&world);
        let Bouncer { alice, .. } = &znc(&world, otrd.shim_socket(), Some(errno));
        let said = alice.otr_says(&format!("otrd cannot be reached: {words}"));
        assert!(said.contains("RestrictAddressFamilies=AF_UNIX"), "{said}");
        assert!(said.contains("systemctl restart znc"), "{said}");
    }
}

#[test]
fn doctor_sees_who_may_not_open_the_socket() {
    if !World::has_other_users() {
        return eprintln!("skipped: only root can be two users");
    }
    let world = World::new();
    let otrd = Otrd::start(&world);
    let Bouncer { znc, .. } = &znc(&world, &otrd.shim_socket(), None);
    let doctor = || {
        let said = Otrctl::new(&otrd).args(["doctor", "--worker", "/bin/false"]).run().out;
        let who = format!("pid {} of uid {}", znc.process().pid(), znc.uid());
        let lines: Vec<&str> = said.lines().collect();
        let at = lines.iter().position(|line| line.contains(&who));
        let at = at.unwrap_or_else(|| panic!("{who}: {said}"));
        lines[at..lines.len().min(at + 2)].join("\n")
    };
    let said = doctor();
    assert!(said.contains("nothing keeps it from"), "{said}");
    set_permissions(otrd.shim_socket(), Permissions::from_mode(0o600)).expect("chmod");
    let said = doctor();
    assert!(said.contains("warn  ZNC") && said.contains("may not use"), "{said}");
    assert!(said.contains("mode 0600"), "{said}");
    // As systemd/share-sockets has it for a ZNC that runs since before its user joined the group.
    let entry = format!("user:{}:rw", znc.uid());
    let given = Command::new("setfacl").args(["--modify", &entry]).arg(otrd.shim_socket()).status();
    assert!(given.expect("setfacl").success());
    let said = doctor();
    assert!(said.contains("nothing keeps it from"), "{said}");
}
