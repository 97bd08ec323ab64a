//! What the admin sets in `otrd.toml`, and sets anew without anybody being disconnected.

use otrd_tests::{OtrdBuilder, Scene, eventually};

fn scene(config: &str) -> Scene {
    let build = Scene::build();
    let otrd = OtrdBuilder::new().config(config).start(build.world());
    build.otrd(otrd).begin()
}

#[test]
fn the_default_policy_is_the_admins() {
    let scene = scene("[policy]\ndefault = \"manual\"\nservices = [\"bob\"]\n");
    scene.alice.otr("policy");
    scene.alice.otr_says("manual");
    scene.alice.otr("policy bob");
    scene.alice.otr_says("never (the nick of a service)");
    policy_becomes(&scene, "manual (the default)");
}

#[test]
fn a_reload_ends_no_conversation() {
    let scene = scene("");
    scene.goes_private();
    let (otrd, worker) = (scene.otrd.process().pid(), scene.otrd.worker());
    // The harshest that an admin can set opens nothing for clear text.
    scene.otrd.reload("[policy]\ndefault = \"never\"\n[worker]\nlinger = \"1s\"\n");
    policy_becomes(&scene, "never (the default)");
    scene.alice.types_to("bob", "still between us");
    scene.bob.reads("alice", "still between us");
    scene.bob.types_to("alice", "and back");
    scene.alice.reads("bob", "and back");
    scene.wire.never_carried("still between us");
    assert_eq!((scene.otrd.process().pid(), scene.otrd.worker()), (otrd, worker));
    scene.otrd.reload("[policy]\ndefault = \"required\"\n");
    policy_becomes(&scene, "required (the default)");
    scene.alice_is("encrypted");
}

#[test]
fn a_worker_stays_as_long_as_the_admin_says() {
    let scene = scene("[worker]\nlinger = \"1s\"\n");
    scene.alice.send("PRIVMSG *status :unloadmod --type=network otr");
    eventually("the worker has ended", || scene.otrd.workers().is_empty());
}

/// The front says that it has read the settings; a moment later its workers have them too.
#[track_caller]
fn policy_becomes(scene: &Scene, policy: &str) {
    eventually(&format!("the policy is {policy}"), || {
        scene.alice.asks_otr("policy carol", |_| true).iter().any(|line| line.contains(policy))
    });
}
