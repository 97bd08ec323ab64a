//! Who holds what: no OTR library outside the workers.

use std::path::Path;
use std::process::Command;

use otrd_tests::{Scene, children_of, programs};

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

fn ldd(program: &Path) -> String {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
