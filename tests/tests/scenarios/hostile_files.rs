//! Files that somebody else named and wrote, brought in by root.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use otrd_tests::{Alone, Otrctl, Otrd, Scene, World};
use serde_json::json;

const ALICE: u32 = 60_001;
const MALLORY: u32 = 61_000;

/// Somebody's home with the files of ZNC's old module in it, for a user and a network.
fn home_of(world: &World, name: &str, uid: u32, account: &str) -> PathBuf {
    let home = world.directory(name, Some(uid));
    let (user, network) = account.split_once('/').expect("USER/NETWORK");
    let mut path = home.clone();
    for part in ["znc", "users", user, "networks", network, "moddata", "otr"] {
        path = path.join(part);
        fs::create_dir_all(&path).expect("mkdir");
        std::os::unix::fs::chown(&path, Some(uid), Some(uid)).expect("chown");
    }
    let print = "00112233445566778899aabbccddeeff00112233";
    let text = format!("eve\t{user}\tirc\t{print}\tverified\n");
    world.file(&path.join("otr.fp"), text, Some(uid));
    home.join("znc")
}

#[test]
fn root_brings_files_to_their_owner_only() {
    if !World::has_other_users() {
        return eprintln!("skipped: only root may choose among users");
    }
    let world = World::new();
    let otrd = Otrd::start(&world);
    let mut alice = otrd.connection_of(ALICE, ALICE, &otrd.shim_socket());
    alice.call("hello", json!({"version": 1, "user": "alice", "network": "net"}));
    let known = |uid: u32| {
        let words = ["--uid", &uid.to_string(), "-a", "alice/net", "info"];
        Otrctl::new(&otrd).args(words).does().contains("eve")
    };
    let hers = home_of(&world, "mallory", MALLORY, "alice/net");
    for words in [&["import", "znc", "--all"][..], &["import"], &["-a", "alice/net", "import"]] {
        let done = Otrctl::new(&otrd).args(words).arg(&hers).json();
        assert_eq!(done["imports"][0]["account"]["uid"], MALLORY, "{words:?}: {done}");
        assert!(!known(ALICE) && known(MALLORY), "{words:?}");
    }
    // Where only the account of somebody else is there, it is not the one that is meant.
    let irssi = home_of(&world, "other", MALLORY + 1, "x/y").join("users/x/networks/y/moddata");
    let said = Otrctl::new(&otrd).args(["import", "irssi"]).arg(irssi.join("otr")).run();
    assert!(said.code != 0 && said.err.contains("--uid"), "{said:?}");
    // With a word it may be done.
    let uid = ALICE.to_string();
    Otrctl::new(&otrd).args(["--uid", &uid, "import", "znc", "--all"]).arg(&hers).does();
    assert!(known(ALICE));
}

#[test]
fn what_others_named_does_not_reach_the_terminal() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let bad = "x\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\ny";
    let directory = world.path().join(bad);
    fs::create_dir_all(directory.join("otr")).expect("mkdir");
    let uid = nix::unistd::getuid().as_raw().to_string();
    let otrctl = || Otrctl::new(&otrd).args(["--uid", &uid, "-a", "alice/net"]);
    let clean = |what: &str, text: &str| {
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(bad), "{what}: {text:?}");
        assert!(!text.contains("\ny"), "{what}: {text:?}");
    };
    let files = ["otr.key", "otr.fp"].map(|name| directory.join("otr").join(name));
    let runs = |what: &str, words: &[&OsStr]| {
        let said = otrctl().args(words).run();
        clean(what, &said.out);
        clean(what, &said.err);
        said.code
    };
    let word = OsStr::new;
    let path = directory.as_os_str();
    assert_eq!(runs("nothing there", &[word("import"), path]), 66);
    fs::write(&files[0], "no key").expect("write");
    assert_eq!(runs("no key", &[word("import"), path]), 65);
    fs::remove_file(&files[0]).expect("rm");
    let print = "00112233445566778899aabbccddeeff00112233";
    let owner = "al\u{1b}[31mice";
    fs::write(&files[1], format!("eve\t{owner}\tirc\t{print}\t\n")).expect("write");
    assert_eq!(runs("a dry run", &[word("import"), word("--dry-run"), path]), 0);
    assert_eq!(runs("an import", &[word("import"), path]), 0);
    assert_eq!(runs("JSON", &[word("--json"), word("import"), path]), 0);
    assert_eq!(runs("an export", &[word("export"), path]), 0);
    assert_eq!(runs("an export again", &[word("export"), path]), 73);
    assert_eq!(runs("doctor", &[word("doctor"), word("--state"), path]), 78);
    assert_eq!(runs("too many words", &[word("export"), path, path]), 64);
    assert_ne!(runs("an unknown socket", &[word("--socket"), path, word("info")]), 0);
    assert_ne!(runs("restore", &[word("restore-account"), word("--yes"), path]), 0);
}

#[test]
fn json_of_a_path_that_is_no_utf8() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let directory = world.path().join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir_all(&directory).expect("mkdir");
    let print = "00112233445566778899aabbccddeeff00112233";
    fs::write(directory.join("otr.fp"), format!("eve\talice\tirc\t{print}\t\n")).expect("write");
    let uid = nix::unistd::getuid().as_raw().to_string();
    let otrctl = || Otrctl::new(&otrd).args(["--uid", &uid, "-a", "alice/net"]);
    let import = otrctl().arg("import").arg(&directory).json();
    assert!(import["imports"][0]["path"]["b64"].is_string(), "{import}");
    assert_eq!(import["done"], true);
    let export = otrctl().args(["export", "--overwrite"]).arg(&directory).json();
    assert!(export["directory"]["b64"].is_string(), "{export}");
    let plain: &Path = &world.path().join("plain");
    assert!(otrctl().arg("export").arg(plain).json()["directory"].is_string());
}

#[test]
fn a_key_that_is_brought_over_another_leaves_nobody_in_clear() {
    let (scene, bob) = Alone::private();
    let uid = scene.znc.uid();
    let other = Scene::new();
    let done = Otrctl::new(&scene.otrd)
        .args(["--uid", &uid.to_string(), "-a", "alice/net", "import", "--overwrite"])
        .arg(other.bob.dir().join("otr"))
        .json();
    assert_eq!(done["imports"][0]["result"]["key"], "replaced", "{done}");
    scene.alice.otr_says("[bob] The private conversation ended: your key is replaced.");
    scene.alice.becomes("bob", "finished");
    scene.alice.types_to("bob", "still for bob alone");
    scene.alice.otr_says("): still for bob alone");
    scene.alice.types_to("bob", "?OTR?");
    bob.told("secured alice");
    scene.alice.becomes("bob", "encrypted");
    scene.wire.never_carried("still for bob alone");
}
