//! otrd is restarted or dies while systemd, or what stands for it here, wants it to run: no
//! conversation notices.

use std::time::Duration;

use nix::sys::signal::Signal;
use otrd_tests::{Alone, Client, NodePeer, Otrctl, OtrdBuilder, Scene};

/// alice and bob are private, and otrd is managed.
fn managed() -> (Alone, NodePeer) {
    let build = Scene::build();
    let otrd = OtrdBuilder::new().managed().start(build.world());
    let scene = build.otrd(otrd).begin_alone();
    let bob = scene.peer("bob", "23");
    scene.goes_private(&bob);
    (scene, bob)
}

#[track_caller]
fn both_read(scene: &Alone, bob: &NodePeer, text: &str) {
    scene.alice.types_to("bob", text);
    bob.reads("alice", text);
    bob.types_to("alice", &format!("{text}, back"));
    scene.alice.reads("bob", &format!("{text}, back"));
    scene.wire.never_carried(text);
}

/// Since when alice and bob are private.
#[track_caller]
fn since(scene: &Alone) -> String {
    scene.alice.otr("info bob");
    let line = scene.alice.otr_says("Private with");
    let (since, _) = line.split_once(", for").expect("a time and for how long");
    since.to_owned()
}

#[test]
fn a_restart_and_a_crash_cost_no_conversation() {
    let (mut scene, bob) = managed();
    let worker = scene.otrd.worker();
    let began = since(&scene);
    for round in 0..5 {
        scene.alice.types_to("bob", &format!("before {round}"));
        match round % 2 {
            0 => scene.otrd.restart(),
            _ => {
                scene.otrd.dies_of(Signal::SIGKILL);
                scene.alice.types_to("bob", &format!("meanwhile {round}"));
                bob.reads("alice", &format!("meanwhile {round}"));
                scene.otrd.starts_again();
            }
        }
        bob.reads("alice", &format!("before {round}"));
        both_read(&scene, &bob, &format!("after {round}"));
        assert_eq!(scene.otrd.worker(), worker);
    }
    assert_eq!(since(&scene), began);
    let took = scene.otrd.stop();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn another_otrd_takes_over_and_an_executed_one_goes_on() {
    let (mut scene, bob) = Alone::private();
    let worker = scene.otrd.worker();
    let began = since(&scene);
    for round in 0..3 {
        scene.alice.types_to("bob", &format!("before {round}"));
        scene.otrd.is_replaced();
        bob.reads("alice", &format!("before {round}"));
        both_read(&scene, &bob, &format!("replaced {round}"));
        let pid = scene.otrd.process().pid();
        scene.otrd.executes();
        assert_eq!(scene.otrd.process().pid(), pid);
        both_read(&scene, &bob, &format!("executed {round}"));
        assert_eq!(scene.otrd.worker(), worker);
    }
    assert_eq!(since(&scene), began);
    let status = Otrctl::new(&scene.otrd).args(["status"]).json();
    assert_eq!(status["accounts"][0]["taken_up"], true, "{status}");
    // The sockets are the last one's to remove.
    let socket = scene.otrd.shim_socket();
    assert!(scene.otrd.stop() < Duration::from_secs(2));
    assert!(!socket.exists());
}

/// Whoever comes while another takes over gives up, or takes over from that one: nobody is lost.
#[test]
fn of_several_that_take_over_at_once_one_is_left() {
    let (mut scene, bob) = Alone::private();
    let (worker, began) = (scene.otrd.worker(), since(&scene));
    for round in 0..5 {
        scene.alice.types_to("bob", &format!("before {round}"));
        scene.otrd.is_replaced_by_one_of(3);
        bob.reads("alice", &format!("before {round}"));
        both_read(&scene, &bob, &format!("after {round}"));
        assert_eq!(scene.otrd.worker(), worker);
    }
    assert_eq!(since(&scene), began);
}

#[test]
fn where_systemd_keeps_the_workers_nobody_else_takes_them() {
    let (scene, bob) = managed();
    let worker = scene.otrd.worker();
    assert_eq!(scene.otrd.is_not_replaced().code(), Some(1));
    assert!(scene.otrd.log().contains("systemctl restart otrd"), "{}", scene.otrd.log());
    both_read(&scene, &bob, "as before");
    assert_eq!(scene.otrd.worker(), worker);
}

#[test]
fn a_key_is_made_through_changes_of_otrd() {
    for managed in [true, false] {
        let build = Scene::build();
        let otrd = OtrdBuilder::new().withholds_randomness(3);
        let otrd = if managed { otrd.managed() } else { otrd }.start(build.world());
        let mut scene = build.otrd(otrd).begin_alone();
        scene.alice.otr("genkey");
        scene.alice.otr_says("Generating your private key");
        if managed {
            scene.otrd.dies_of(Signal::SIGKILL);
            scene.otrd.starts_again();
            scene.otrd.restart();
        } else {
            scene.otrd.executes();
            scene.otrd.is_replaced();
        }
        scene.alice.otr_says("Your private key is ready");
    }
}

#[test]
fn a_worker_that_stands_still_goes_on_under_the_next_otrd() {
    let (mut scene, bob) = managed();
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    scene.alice.types_to("bob", "patience");
    scene.otrd.restart();
    // The kernel wakes those up whose front ends; one that stops later has to wait.
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    scene.otrd.restart();
    scene.otrd.signal_worker(worker, Signal::SIGCONT);
    bob.reads("alice", "patience");
    both_read(&scene, &bob, "and on");
    assert_eq!(scene.otrd.worker(), worker);
}

#[test]
fn renew_replaces_a_worker_and_its_conversation_asks_anew() {
    let (mut scene, bob) = managed();
    let worker = scene.otrd.worker();
    scene.otrd.restart();
    let said = Otrctl::new(&scene.otrd).args(["renew", "--all"]).does();
    assert!(said.contains("has ended"), "{said}");
    scene.alice.otr_says("was interrupted; asking for a new session.");
    scene.alice.becomes("bob", "encrypted");
    both_read(&scene, &bob, "with the next worker");
    assert_ne!(scene.otrd.worker(), worker);
}

#[test]
fn a_changed_master_secret_reaches_workers_that_run() {
    let (mut scene, bob) = managed();
    let worker = scene.otrd.worker();
    let (old, new) = ([1; 32], [2; 32]);
    let given: [&[(&str, &[u8])]; 3] = [
        &[("otrd-master", &old)],
        &[("otrd-master", &new), ("otrd-master-old", &old)],
        &[("otrd-master", &new)],
    ];
    for (round, given) in given.into_iter().enumerate() {
        scene.otrd.is_given(given);
        scene.otrd.restart();
        both_read(&scene, &bob, &format!("with secrets {round}"));
        let status = Otrctl::new(&scene.otrd).args(["status"]).json();
        assert_eq!(status["accounts"][0]["worker"]["at_rest"], "encrypted", "{status}");
        assert_eq!(scene.otrd.worker(), worker);
    }
    // The next one has but the new secret, and the same key.
    scene.otrd.signal_worker(worker, Signal::SIGKILL);
    scene.alice.otr_says("was interrupted; asking for a new session.");
    scene.alice.becomes("bob", "encrypted");
    both_read(&scene, &bob, "after the change");
}

/// The files keep the key of the network's first name, whoever takes their worker up.
#[test]
fn encrypted_files_of_a_moved_network_stay_readable() {
    let (mut scene, _bob) = managed();
    let (old, new) = ([1; 32], [2; 32]);
    scene.otrd.is_given(&[("otrd-master", &old)]);
    scene.otrd.restart();
    let admin = scene.znc.attach_idle("idle");
    admin.types_to("*status", "MoveNetwork alice net alice net2");
    admin.reads_about("*status", "Success.");
    let alice = scene.znc.attach("alice", "net2");
    alice.otr_says("This network was alice/net before");
    let table = |client: &Client| client.info().last().cloned();
    let fingerprint = table(&alice);
    let worker = scene.otrd.worker();
    let given: [&[(&str, &[u8])]; 2] =
        [&[("otrd-master", &new), ("otrd-master-old", &old)], &[("otrd-master", &new)]];
    for given in given {
        scene.otrd.is_given(given);
        scene.otrd.restart();
        assert_eq!(table(&alice), fingerprint);
        assert_eq!(scene.otrd.worker(), worker);
    }
    // The next worker has them from the disk.
    scene.otrd.signal_worker(worker, Signal::SIGKILL);
    alice.otr_says("was interrupted");
    assert_eq!(table(&alice), fingerprint);
}

#[test]
fn another_user_takes_nothing_over() {
    if !otrd_tests::World::has_other_users() {
        return eprintln!("skipped: only root can be several users");
    }
    let scene = Scene::new();
    let socket = scene.otrd.admin_socket();
    // ZNC's own user, who may use both sockets.
    let (uid, gid) = (scene.znc.uid(), scene.znc.uid());
    let mut other = scene.otrd.connection_of(uid, gid, &socket);
    assert_eq!(other.error_code("replace", serde_json::json!({})), -32004);
    // Root may, and has to bring a channel.
    let mut root = scene.otrd.admin();
    assert_eq!(root.error_code("replace", serde_json::json!({})), -32602);
    scene.alice.has_otr();
}
