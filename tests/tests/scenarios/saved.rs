//! What ZNC remembers of the module over its own restarts.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use otrd_tests::{Alone, Otrd, World, ZncBuilder, ZncNetwork, ZncUser, eventually};

fn config(scene: &Alone) -> String {
    fs::read_to_string(scene.znc.dir().join("configs/znc.conf")).expect("ZNC's configuration")
}

/// ZNC keeps another ZNC from its configuration, by a lock of fcntl(2).
#[track_caller]
fn is_locked(scene: &Alone) -> bool {
    let file = fs::metadata(scene.znc.dir().join("configs/znc.conf")).expect("a file");
    let locks = fs::read_to_string("/proc/locks").expect("the locks that are held");
    let of_file = format!(":{} ", file.ino());
    locks.lines().any(|line| line.contains("WRITE") && line.contains(&of_file))
}

/// Without the module, in its configuration too.
fn without_it() -> Alone {
    let (scene, _bob) = Alone::private();
    scene.alice.types_to("*status", "unloadmod otr");
    scene.alice.reads_about("*status", "unloaded");
    scene.alice.types_to("*status", "saveconfig");
    eventually("ZNC wrote its configuration", || !config(&scene).contains("LoadModule = otr"));
    scene
}

#[test]
fn what_loadmod_loads_is_there_after_a_restart_and_stays_closed() {
    let mut scene = without_it();
    scene.alice.types_to("*status", "loadmod otr");
    scene.alice.reads_about("*status", "Loaded module otr");
    eventually("the module is in there", || config(&scene).contains("LoadModule = otr"));
    scene.znc.restart();
    let alice = scene.znc.attach("alice", "net");
    alice.has_otr();
    assert!(is_locked(&scene), "ZNC has loaded the module from it");
    alice.types_to("bob", "the spare key");
    alice.becomes("bob", "encrypted");
    scene.wire.never_carried("the spare key");
}

/// ZNC itself writes down a moved network only when it writes for another reason.
#[test]
fn a_moved_network_is_there_after_a_crash_and_stays_closed() {
    let (mut scene, _bob) = Alone::private();
    scene.alice.types_to("*status", "MoveNetwork alice net alice net2");
    scene.alice.reads_about("*status", "Success.");
    scene.alice.settled();
    scene.znc.crash();
    scene.znc.starts_again();
    let alice = scene.znc.attach("alice", "net2");
    alice.has_otr();
    alice.types_to("bob", "the spare key");
    // Answers come in order: by then it was decided.
    alice.has_otr();
    alice.settled();
    scene.wire.never_carried("the spare key");
}

#[test]
fn a_configuration_that_cannot_be_written_is_said_once() {
    let scene = without_it();
    // ZNC writes a new file beside, and renames it.
    fs::create_dir(scene.znc.dir().join("configs/znc.conf~")).expect("something in its way");
    scene.alice.types_to("*status", "loadmod otr");
    scene.alice.reads_about("*status", "Loaded module otr");
    scene.alice.otr_says("ZNC has not written this module to");
    scene.alice.has_otr();
    assert!(!config(&scene).contains("LoadModule = otr"));
    assert!(is_locked(&scene), "the module has looked into it");
}

/// With a thousand networks, ZNC would stand still for minutes while each of them reads it.
#[test]
fn the_configuration_is_read_once_for_all_networks() {
    let world = World::new();
    let mut otrd = Otrd::start(&world);
    let mut with = |networks: usize| {
        otrd.stop();
        let user = (0..networks).fold(ZncUser::new("alice"), |user, number| {
            user.network(ZncNetwork::new(&format!("n{number}"), 1).otr(&otrd))
        });
        let mut znc = ZncBuilder::new().user(user).start(&world);
        znc.crash();
        let opened = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC);
        let opened = opened.expect("inotify");
        let file = znc.dir().join("configs/znc.conf");
        // Equal events that follow each other would be one.
        let both = AddWatchFlags::IN_OPEN | AddWatchFlags::IN_CLOSE;
        opened.add_watch(&file, both).expect("a watch");
        znc.starts_again();
        otrd.starts_again();
        // What a module does in each second, it has done before it finds otrd.
        let alice = znc.attach_idle("alice");
        for number in 0..networks {
            alice.types_to("*status", &format!("jumpnetwork n{number}"));
            alice.has_otr();
        }
        opened.read_events().expect("it was opened").len()
    };
    assert_eq!(with(12), with(1));
}
