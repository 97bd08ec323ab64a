//! A disk that is full, or may not be written to.

use otrd_tests::{Alone, Otrctl, OtrdBuilder, Scene, World, eventually, key_file};

#[test]
fn a_full_disk_is_told_and_costs_no_conversation() {
    let Some(scene) = on_a_disk_of_its_own(256) else { return };
    let bob = scene.peer("bob", "3");
    scene.goes_private(&bob);
    // All that is left, to the last byte; each file is replaced by a new one.
    scene.otrd.on_its_disk("cat /dev/zero >\"$1/filler\" 2>/dev/null; true");
    let before = scene.otrd.on_its_disk(FILES);
    scene.alice.otr("trust bob");
    scene.alice.otr_says("Could not save known fingerprints and their trust");
    scene.alice.otr("start carol");
    scene.alice.otr_says("Could not save which conversations are private");
    // It goes on, both ways.
    scene.alice.types_to("bob", "on a full disk");
    bob.reads("alice", "on a full disk");
    bob.types_to("alice", "so I hear");
    scene.alice.reads("bob", "so I hear");
    assert_eq!(scene.otrd.on_its_disk(FILES), before, "nothing is half written");

    // With room again it is saved at the next change.
    scene.otrd.on_its_disk("rm \"$1/filler\"");
    scene.alice.otr("distrust bob");
    scene.alice.otr("trust bob");
    scene.alice.otr("finish carol");
    eventually("the trust is saved", || scene.otrd.on_its_disk(FILES) != before);
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, nix::sys::signal::Signal::SIGKILL);
    scene.alice.otr_says("is back.");
    scene.alice.becomes("bob", "encrypted");
    let row = scene.alice.info().into_iter().find(|line| line.contains(" bob "));
    assert!(row.is_some_and(|row| row.contains("| manual")));
    scene.wire.never_carried("on a full disk");
}

/// The key of the account stays where it is, and who brought another one is told that it is not saved.
#[test]
fn an_import_on_a_full_disk_is_no_success_and_costs_no_key() {
    let Some(scene) = on_a_disk_of_its_own(256) else { return };
    let bob = scene.peer("bob", "3");
    scene.goes_private(&bob);
    let own = own_fingerprint(&scene);
    scene.otrd.on_its_disk("cat /dev/zero >\"$1/filler\" 2>/dev/null; true");
    let before = scene.otrd.on_its_disk(FILES);
    let old = scene.world.directory("old", None);
    scene.world.file(&old.join("otr.key"), key_file("alice"), None);
    let uid = scene.znc.uid().to_string();
    let otrctl = || Otrctl::new(&scene.otrd).args(["--uid", &uid, "-a", "alice/net"]);
    let imported = otrctl().args(["import", "irssi", "--overwrite"]).arg(&old).run();
    assert!(
        imported.code != 0 && imported.err.contains("could not be saved (otr.key"),
        "{imported:?}"
    );
    scene.alice.otr_says("Could not save your private key");
    assert_eq!(scene.otrd.on_its_disk(FILES), before);
    let exported = otrctl().args(["export"]).arg(scene.world.path().join("out")).run();
    assert!(exported.code != 0 && exported.err.contains("not saved yet"), "{exported:?}");

    // Once there is room, the end of the worker saves it, and the old one beside it.
    scene.otrd.on_its_disk("rm \"$1/filler\"");
    let renewed = otrctl().args(["renew"]).run();
    assert_eq!(renewed.code, 0, "{renewed:?}");
    scene.alice.otr_says("is back.");
    assert_ne!(own_fingerprint(&scene), own);
    let after = scene.otrd.on_its_disk(FILES);
    let key = before.lines().find(|line| line.ends_with("otr.key")).expect("a key");
    let sum = key.split(' ').next().expect("a sum");
    assert!(
        after.lines().any(|line| line.starts_with(sum) && line.contains("otr.key.")),
        "{after}"
    );
}

fn own_fingerprint(scene: &Alone) -> String {
    scene.alice.otr("fingerprint");
    scene.alice.otr_says("Your fingerprint")
}

#[test]
fn a_disk_that_became_read_only_is_told_and_costs_no_conversation() {
    let Some(scene) = on_a_disk_of_its_own(256) else { return };
    let bob = scene.peer("bob", "3");
    scene.goes_private(&bob);
    scene.otrd.on_its_disk("mount -o remount,ro \"$1\"");
    let before = scene.otrd.on_its_disk(FILES);
    scene.alice.otr("trust bob");
    scene.alice.otr_says("Could not save known fingerprints and their trust");
    scene.alice.types_to("bob", "read and not written");
    bob.reads("alice", "read and not written");

    // A worker that starts there serves, with what it can read.
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, nix::sys::signal::Signal::SIGKILL);
    scene.alice.otr_says("is back.");
    scene.alice.becomes("bob", "encrypted");
    scene.alice.types_to("bob", "by a new worker");
    bob.reads("alice", "by a new worker");
    // An account that was never there cannot have a worker; nobody else notices.
    let mut other = scene.otrd.shim();
    let params = serde_json::json!({"version": 1, "user": "other", "network": "net"});
    assert_eq!(other.error_code("hello", params), -32603);
    scene.alice.types_to("bob", "still here");
    bob.reads("alice", "still here");
    assert_eq!(scene.otrd.on_its_disk(FILES), before);
    for words in ["read and not written", "by a new worker", "still here"] {
        scene.wire.never_carried(words);
    }
}

/// Every file of an account with its content's sum.
const FILES: &str = "find \"$1\" -path '*/net/*' -type f | sort | xargs sha256sum";

fn on_a_disk_of_its_own(kib: u32) -> Option<Alone> {
    if !World::has_other_users() {
        eprintln!("skipped: only root can mount a disk");
        return None;
    }
    let build = Scene::build();
    let otrd = OtrdBuilder::new().disk(kib).start(build.world());
    Some(build.otrd(otrd).begin_alone())
}
