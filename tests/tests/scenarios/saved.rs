//! What ZNC remembers of the module over its own restarts.

use std::fs;

use otrd_tests::{Alone, eventually};

fn config(scene: &Alone) -> String {
    fs::read_to_string(scene.znc.dir().join("configs/znc.conf")).expect("ZNC's configuration")
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
    alice.types_to("bob", "the spare key");
    alice.becomes("bob", "encrypted");
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
}
