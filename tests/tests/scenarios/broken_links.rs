//! The connection between ZNC and otrd breaks, or one of the two: nothing is lost, and nothing
//! happens twice.

use nix::sys::signal::Signal;
use otrd_tests::{Alone, Client, LossyProxy, NodePeer, Otrd, Scene, eventually};

/// alice and bob are private, and a test can break the connection.
fn private() -> (Alone, NodePeer, LossyProxy) {
    let build = Scene::build();
    let otrd = Otrd::start(build.world());
    let proxy = LossyProxy::start(build.world(), &otrd);
    let scene = build.otrd(otrd).through(&proxy).begin_alone();
    let bob = scene.peer("bob", "23");
    scene.goes_private(&bob);
    (scene, bob, proxy)
}

/// A line of alice's waits for carol, who does not speak OTR.
fn line_waits() -> (Alone, Client) {
    let scene = Alone::new();
    let carol = scene.ircd.client("carol");
    scene.alice.types_to("carol", "?OTR?");
    scene.alice.types_to("carol", "patience");
    scene.alice.otr_says("Your message waits");
    (scene, carol)
}

/// How often something came back to alice as not sent.
fn came_back(scene: &Alone, text: &str) -> usize {
    scene.alice.otr("version");
    scene.alice.otr_says("otrd ");
    let is_it = |line: &&String| line.contains("Not sent (") && line.contains(text);
    scene.alice.texts_from("*otr").iter().filter(is_it).count()
}

/// What ZNC kept comes at login, which may be before or after ZNC itself is on IRC.
fn finds(client: &Client, from: &str, text: &str) {
    eventually("what ZNC kept", || client.texts_from(from).iter().any(|line| line.contains(text)));
}

#[test]
fn a_reply_with_decrypted_words_is_lost() {
    let (scene, bob, proxy) = private();
    proxy.loses_reply("on their way");
    bob.types_to("alice", "on their way");
    proxy.has_lost_it();
    scene.alice.reads("bob", "on their way");
    bob.types_to("alice", "and on");
    scene.alice.reads("bob", "and on");
    let read = scene.alice.texts_from("bob");
    assert_eq!(read, ["on their way", "and on"]);
    scene.alice.never_saw("cannot be read");
    scene.wire.never_carried("on their way");
}

#[test]
fn a_reply_that_sends_is_lost() {
    let (scene, bob, proxy) = private();
    proxy.loses_reply("just once");
    scene.alice.types_to("bob", "just once");
    proxy.has_lost_it();
    bob.reads("alice", "just once");
    scene.alice.types_to("bob", "and on");
    bob.reads("alice", "and on");
    let read = bob.lines().into_iter().filter(|line| line.contains("just once")).count();
    assert_eq!((read, came_back(&scene, "just once")), (1, 0));
    scene.wire.never_carried("just once");
}

#[test]
fn a_request_is_lost() {
    let (scene, bob, proxy) = private();
    proxy.loses_request("just once");
    scene.alice.types_to("bob", "just once");
    proxy.has_lost_it();
    bob.reads("alice", "just once");
    assert_eq!(came_back(&scene, "just once"), 0);
    scene.wire.never_carried("just once");
}

#[test]
fn the_connection_stays_away() {
    comes_back_and_does_not_go_out(LossyProxy::shuts, LossyProxy::opens);
}

/// The module has greeted anew and hears nothing: for all it knows, nobody has the line.
#[test]
fn what_came_back_while_otrd_was_slow_to_answer_does_not_go_out_as_well() {
    comes_back_and_does_not_go_out(LossyProxy::keeps_waiting, LossyProxy::lets_through);
}

/// The connection breaks, and what comes after it is no better for a while.
#[track_caller]
fn comes_back_and_does_not_go_out(goes: fn(&LossyProxy), comes: fn(&LossyProxy)) {
    let (scene, bob, proxy) = private();
    goes(&proxy);
    proxy.loses_reply("typed once");
    scene.alice.types_to("bob", "typed once");
    proxy.has_lost_it();
    scene.alice.otr_says(": typed once");
    comes(&proxy);
    scene.alice.otr_says("otrd is back");
    scene.alice.types_to("bob", "and on");
    bob.reads("alice", "and on");
    bob.never_saw("typed once");
    assert_eq!(came_back(&scene, "typed once"), 1);
    scene.wire.never_carried("typed once");
}

#[test]
fn znc_is_killed_before_it_shows_what_was_decrypted() {
    let (mut scene, bob, proxy) = private();
    proxy.shuts();
    proxy.loses_reply("on their way");
    bob.types_to("alice", "on their way");
    proxy.has_lost_it();
    scene.znc.crash();
    proxy.opens();
    scene.znc.starts_again();
    let alice = scene.znc.attach("alice", "net");
    finds(&alice, "bob", "[perhaps shown before] on their way");
    alice.becomes("bob", "encrypted");
    bob.types_to("alice", "and on");
    alice.reads("bob", "and on");
}

#[test]
fn a_worker_is_killed_with_a_line_that_waits() {
    let (scene, _carol) = line_waits();
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGKILL);
    scene.alice.otr_says("[carol] Not sent (otrd was restarted): patience");
    assert_eq!(came_back(&scene, "patience"), 1);
    scene.wire.never_carried("patience");
}

#[test]
fn a_stopped_worker_is_killed_with_what_it_did_not_read() {
    let (scene, bob) = Alone::private();
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    scene.alice.types_to("bob", "in between");
    scene.alice.settled();
    scene.otrd.signal_worker(worker, Signal::SIGKILL);
    scene.alice.otr_says("[bob] Not sent (otrd was restarted): in between");
    scene.alice.becomes("bob", "encrypted");
    scene.alice.types_to("bob", "in a new session");
    bob.reads("alice", "in a new session");
    bob.never_saw("in between");
    assert_eq!(came_back(&scene, "in between"), 1);
    scene.wire.never_carried("in between");
}

#[test]
fn otrd_is_killed_with_a_line_that_waits() {
    let (mut scene, _carol) = line_waits();
    scene.otrd.crash();
    scene.alice.otr_says("patience");
    scene.otrd.starts_again();
    eventually("a worker", || !scene.otrd.workers().is_empty());
    scene.alice.has_otr();
    assert_eq!(came_back(&scene, "patience"), 1);
    scene.wire.never_carried("patience");
}

#[test]
fn the_module_is_reloaded_with_a_line_that_waits() {
    let (scene, _carol) = line_waits();
    scene.alice.types_to("*status", "reloadmod otr");
    scene.alice.otr_says("[carol] Not sent (the module is being unloaded): patience");
    scene.alice.reads_about("*status", "Reloaded module otr");
    scene.alice.has_otr();
    assert_eq!(came_back(&scene, "patience"), 1);
    scene.wire.never_carried("patience");
}

#[test]
fn znc_is_killed_with_a_line_that_waits() {
    let (mut scene, _carol) = line_waits();
    scene.znc.crash();
    scene.znc.starts_again();
    let alice = scene.znc.attach("alice", "net");
    finds(&alice, "*otr", "patience");
    scene.wire.never_carried("patience");
}
