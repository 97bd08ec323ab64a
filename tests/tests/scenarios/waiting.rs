//! The bouncer never waits, whatever its daemon does.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use otrd_tests::{
    Alone, Ircd, Otrd, OtrdBuilder, Scene, Way, Wire, World, ZncBuilder, ZncNetwork, ZncUser,
};

/// Slower than any PING of an idle loop, on a busy machine too; far quicker than a wait for a
/// process that is stopped.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn with_its_worker_stopped() {
    let scene = Scene::private();
    let idle = scene.znc.attach_idle("idle");
    let carol = scene.ircd.client("carol");
    scene.alice.joins("#room");
    carol.joins("#room");

    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    scene.alice.types_to("bob", "held for a while");
    scene.bob.types_to("alice", "held as well");
    assert!(idle.slowest_ping(100) < AT_ONCE);
    assert!(scene.alice.slowest_ping(100) < AT_ONCE);
    scene.alice.types_to("#room", "the room goes on");
    carol.reads("alice", "the room goes on");
    carol.types_to("#room", "so I see");
    scene.alice.reads("carol", "so I see");
    scene.alice.never_saw("held as well");
    scene.bob.never_saw("held for a while");

    scene.otrd.signal_worker(worker, Signal::SIGCONT);
    scene.bob.reads("alice", "held for a while");
    scene.alice.reads("bob", "held as well");
    scene.wire.never_carried("held ");
}

/// For so long that the module stops waiting; then for so long that otrd gives the worker up.
#[test]
#[ignore = "takes two minutes: cargo nextest run -p otrd-tests --run-ignored only stopped_for_long"]
fn with_its_worker_stopped_for_long() {
    let (scene, bob) = Alone::private();
    let idle = scene.znc.attach_idle("idle");
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    scene.alice.types_to("bob", "held for a while");
    bob.types_to("alice", "held as well");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(40) {
        assert!(idle.slowest_ping(100) < AT_ONCE);
    }
    scene.alice.otr_says("not answering: no answer for 30 s");
    scene.alice.otr_says(": held for a while");
    scene.otrd.signal_worker(worker, Signal::SIGCONT);
    scene.alice.otr_says("is back.");
    scene.alice.reads("bob", "held as well");
    // It had her line, too, and must not send what she has got back.
    scene.alice.types_to("bob", "said anew");
    bob.reads("alice", "said anew");
    bob.never_saw("for a while");
    assert_eq!(scene.otrd.worker(), worker);

    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    scene.alice.types_to("bob", "held for too long");
    let start = Instant::now();
    while scene.otrd.workers().contains(&worker) {
        assert!(idle.slowest_ping(100) < AT_ONCE);
        assert!(start.elapsed() < Duration::from_secs(120), "it is not given up");
    }
    scene.alice.otr_says(": held for too long");
    scene.alice.otr_says("interrupted; asking for a new session");
    scene.alice.becomes("bob", "encrypted");
    scene.alice.types_to("bob", "in a new session");
    bob.reads("alice", "in a new session");
    bob.never_saw("too long");
    scene.wire.never_carried("held ");
}

#[test]
fn with_otrd_stopped_a_conversation_goes_on() {
    let scene = Scene::private();
    let idle = scene.znc.attach_idle("idle");
    scene.otrd.process().freeze();
    scene.alice.types_to("bob", "through the worker");
    scene.bob.reads("alice", "through the worker");
    scene.bob.types_to("alice", "and back");
    scene.alice.reads("bob", "and back");
    assert!(idle.slowest_ping(100) < AT_ONCE);
    assert!(scene.alice.slowest_ping(100) < AT_ONCE);
    scene.otrd.process().thaw();
}

#[test]
fn with_otrd_stopped_znc_starts_and_serves() {
    let mut scene = Scene::private();
    scene.otrd.process().freeze();
    scene.znc.restart();
    let idle = scene.znc.attach_idle("idle");
    let alice = scene.znc.attach("alice", "net");
    let carol = scene.ircd.client("carol");
    assert!(idle.slowest_ping(100) < AT_ONCE);
    alice.joins("#room");
    carol.joins("#room");
    alice.types_to("#room", "the room goes on");
    carol.reads("alice", "the room goes on");
    // bob was private: nothing goes to him in clear, daemon or not.
    alice.types_to("bob", "never in clear");
    alice.otr_says("never in clear");
    scene.wire.never_carried("never in clear");
    scene.otrd.process().thaw();
    alice.has_otr();
    alice.becomes("bob", "encrypted");
    alice.types_to("bob", "and on it goes");
    scene.bob.reads("alice", "and on it goes");
}

#[test]
fn with_its_worker_killed() {
    let scene = Scene::private();
    let idle = scene.znc.attach_idle("idle");
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGKILL);
    scene.alice.types_to("bob", "not in clear");
    assert!(idle.slowest_ping(50) < AT_ONCE);
    otrd_tests::eventually("another worker", || {
        scene.otrd.workers().iter().any(|pid| *pid != worker)
    });
    // A plain conversation with somebody else goes on by itself.
    let carol = scene.ircd.client("carol");
    carol.types_to("alice", "are you there?");
    scene.alice.expect("carol's words", |line| line.text().contains("are you there?"));
    scene.wire.never_carried("not in clear");
    assert_eq!(scene.wire.count(Way::Out, "QUIT"), 0);
}

#[test]
fn otrd_ends_within_two_seconds() {
    let mut scene = Scene::private();
    scene.bob.types_to("alice", "last words");
    scene.alice.reads("bob", "last words");
    let took = scene.otrd.stop();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    scene.alice.types_to("bob", "into the void");
    scene.alice.otr_says("into the void");
    scene.alice.settled();
    scene.wire.never_carried("into the void");
}

#[test]
fn before_otrd_is_there() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let wire = Wire::new(&world, ircd.port());
    let socket = world.path().join("otrd/shim.sock");
    let network = ZncNetwork::new("net", wire.port()).otr_at(&socket);
    let user = ZncUser::new("alice").network(network);
    let znc = ZncBuilder::new().user(user).user(ZncUser::new("idle")).start(&world);
    let alice = znc.attach("alice", "net");
    let carol = ircd.client("carol");

    alice.types_to("carol", "not yet");
    alice.otr_says("not yet");
    carol.types_to("alice", "hello?");
    alice.expect("carol's words", |line| line.text().contains("hello?"));
    alice.joins("#room");
    carol.joins("#room");
    alice.types_to("#room", "the room is open");
    carol.reads("alice", "the room is open");
    wire.never_carried("not yet");

    let otrd = Otrd::start(&world);
    otrd.worker();
    alice.has_otr();
    alice.types_to("carol", "now it is");
    let line = carol.expect("alice's words", |line| line.text().contains("now it is"));
    assert_eq!(line.text().trim_end(), "now it is");
}

#[test]
fn without_randomness_for_ten_seconds() {
    let build = Scene::build();
    let otrd = OtrdBuilder::new().withholds_randomness(10).start(build.world());
    let scene = build.otrd(otrd).begin();
    let idle = scene.znc.attach_idle("idle");
    let carol = scene.ircd.client("carol");

    scene.alice.types_to("bob", "?OTR?");
    scene.alice.otr_says("Generating your private key");
    scene.alice.types_to("bob", "this waits");
    scene.alice.otr_says("Your message waits");

    // Everything else flows, ZNC's and this account's.
    assert!(idle.slowest_ping(200) < AT_ONCE);
    scene.alice.types_to("carol", "are you there?");
    carol.reads("alice", "are you there?");
    carol.types_to("alice", "I am");
    scene.alice.reads("carol", "I am");
    scene.alice.otr("genkey");
    scene.alice.otr_says("A key is being made already");
    scene.alice.otr("status");
    scene.alice.otr_says("Key: being made");
    scene.bob.never_saw("this waits");

    // And what waited goes on by itself.
    scene.alice.otr_says("Your private key is ready after 1");
    scene.bob.reads("alice", "this waits");
    scene.wire.never_carried("this waits");
}
