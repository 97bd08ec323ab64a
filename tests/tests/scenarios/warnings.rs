//! What else could give a private conversation away is said when it begins.

use std::time::Duration;

use otrd_tests::{
    Alone, Client, Ircd, NodePeer, Otrd, Scene, Wire, World, ZncBuilder, ZncNetwork, ZncUser,
    eventually,
};
use serde_json::json;

const NOT_TLS: &str = "A client of yours is connected to ZNC without TLS";
const NOT_ADMIN: &str = "You do not administer this bouncer";

#[test]
fn every_module_that_writes_down_is_named_once() {
    let build = Scene::build().global_module("log");
    let scene = build.alice(ZncUser::new("alice").module("log")).begin_alone();
    for module in ["log", "savebuff secret"] {
        scene.alice.types_to("*status", &format!("loadmod --type=network {module}"));
        scene.alice.reads_about("*status", "Loaded module");
    }
    let bob = scene.peer("bob", "23");
    scene.alice.types_to("bob", "?OTR?");
    for (level, module) in
        [("global", "log"), ("user", "log"), ("network", "log"), ("network", "savebuff")]
    {
        scene.alice.otr_says(&format!("[bob] The module {module} may write this conversation down: /msg *status unloadmod --type={level} {module}"));
    }
    scene.alice.otr_says(NOT_TLS);

    // New keys are no new session.
    bob.starts_otr_with("alice");
    scene.alice.otr_says("The session keys are new.");
    scene.alice.settled();
    assert_eq!(times(&scene.alice, "may write this conversation down"), 4);
    assert_eq!(times(&scene.alice, NOT_TLS), 1);
    assert_eq!(times(&scene.alice, NOT_ADMIN), 0);

    // The command is right, and what it unloads is not named again, once the module has looked at
    // its surroundings.
    scene.alice.types_to("*status", "unloadmod --type=user log");
    scene.alice.reads_about("*status", "unloaded");
    eventually("three modules are left", || {
        scene.alice.otr("finish bob");
        scene.alice.otr_says("[bob] The private conversation is finished.");
        bob.finishes_otr_with("alice");
        let before = times(&scene.alice, "may write this conversation down");
        scene.alice.types_to("bob", "?OTR?");
        bob.told("secured alice");
        scene.alice.becomes("bob", "encrypted");
        times(&scene.alice, "may write this conversation down") == before + 3
    });
}

#[test]
fn who_does_not_administer_the_bouncer_is_told() {
    let build = Scene::build().alice(ZncUser::new("alice").without_admin_rights());
    let scene = build.begin_alone();
    let bob = scene.peer("bob", "23");
    scene.alice.types_to("bob", "?OTR?");
    bob.is_private("alice", "v3");
    scene.alice.otr_says(NOT_ADMIN);
    scene.alice.settled();
    assert_eq!(times(&scene.alice, "may write"), 0);
}

#[test]
fn without_a_client_no_client_is_blamed() {
    let scene = Alone::new();
    let bob = scene.peer("bob", "23");
    scene.alice.send("QUIT");
    scene.alice.is_disconnected();
    // The module looks at its surroundings once a second.
    std::thread::sleep(Duration::from_secs(2));
    bob.starts_otr_with("alice");
    bob.is_private("alice", "v3");
    let mut admin = scene.otrd.admin();
    eventually("it is private on both sides", || {
        admin.call("status", json!({})).to_string().contains("\"sessions\":1")
    });
    let back = scene.znc.attach("alice", "net");
    back.otr_says("[bob] The conversation is private now (OTRv3).");
    back.settled();
    assert_eq!(times(&back, NOT_TLS), 0);
}

#[test]
fn another_status_prefix() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let otrd = Otrd::start(&world);
    let wire = Wire::new(&world, ircd.port());
    let network = ZncNetwork::new("net", wire.port()).otr(&otrd);
    let user = ZncUser::new("alice").status_prefix("!").module("log").network(network);
    let znc = ZncBuilder::new().user(user).start(&world);
    let alice = znc.attach("alice", "net");
    otrd.worker();
    let bob = NodePeer::start(&world, "bob", ircd.port(), "23");
    alice.types_to("bob", "?OTR?");
    bob.is_private("alice", "v3");
    alice.expect("the warning", |line| {
        line.source.starts_with("!otr!")
            && line.plain_text().contains("/msg !status unloadmod --type=user log")
    });
    alice.types_to("!otr", "policy !status");
    alice.expect("its policy", |line| line.plain_text().contains("one of ZNC's own nicks"));
    alice.types_to("bob", "between us");
    bob.reads("alice", "between us");
    wire.never_carried("between us");
}

fn times(client: &Client, text: &str) -> usize {
    client.lines().iter().filter(|line| line.plain_text().contains(text)).count()
}
