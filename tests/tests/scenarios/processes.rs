//! Who holds what: no OTR library outside the workers.

use std::path::Path;
use std::process::Command;

use otrd_tests::{Scene, World, children_of, eventually, programs, times_in_memory};

#[test]
fn neither_otrd_nor_the_module_is_linked_to_libotr() {
    for program in [programs::otrd(), programs::otrctl(), programs::shim()] {
        let libraries = ldd(&program);
        for library in ["libotr", "libgcrypt"] {
            assert!(!libraries.contains(library), "{}: {libraries}", program.display());
        }
    }
    assert!(ldd(&programs::worker()).contains("libotr"));
}

#[test]
fn only_the_worker_has_libotr_in_memory() {
    let scene = Scene::private();
    for (name, process) in [("znc", scene.znc.process()), ("otrd", scene.otrd.process())] {
        let maps = process.maps();
        assert!(!maps.contains("libotr.so"), "{name} maps libotr");
        assert!(!maps.contains("libgcrypt"), "{name} maps libgcrypt");
    }
    let children = children_of(scene.otrd.process().pid());
    assert_eq!(children.len(), 1, "one account, one worker: {children:?}");
    assert_eq!(scene.otrd.workers().len(), 1);
}

#[test]
fn the_key_is_the_workers_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::private();
    let account = scene.otrd.account(scene.znc.uid(), "alice", "net");
    for (path, mode) in [("otr.key", 0o600), ("otr.fp", 0o600), ("otr.instag", 0o600), ("", 0o700)]
    {
        let path = account.join(path);
        let found = path.metadata().map(|data| data.permissions().mode() & 0o777);
        assert_eq!(found.ok(), Some(mode), "{}", path.display());
    }
}

/// Quotes, so that they are escaped in JSON: whoever reads them needs a copy without.
#[test]
fn nothing_that_was_said_stays_in_memory() {
    if !World::has_other_users() {
        return eprintln!("skipped: only root can read the memory of a worker");
    }
    let scene = Scene::private();
    let worker = scene.otrd.worker();
    // What is long lies where little else comes.
    for times in [1, 8, 40] {
        scene.alice.types_to("bob", &format!("\"{}\" {times}", "tamarind".repeat(times)));
        scene.bob.sees(&format!("\" {times}"));
    }
    scene.bob.types_to("alice", "so \"quandong\" it is");
    scene.alice.reads_about("bob", "quandong");
    assert!(
        times_in_memory(scene.znc.process().pid(), b"quandong") > 0,
        "it can be found where it is"
    );

    scene.alice.otr("auth bob persimmon\\");
    scene.bob.sees("alice wants to authenticate");
    scene.bob.auths("alice", "persimmon\\");
    scene.alice.otr_says_exactly("[bob] Successfully authenticated.");
    // What the module was told is kept until it says that it has it.
    scene.alice.otr("info");
    for word in ["tamarind", "quandong", "persimmon"] {
        let times = || times_in_memory(worker, word.as_bytes());
        eventually(word, || times() == 0);
    }
}

fn ldd(program: &Path) -> String {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
