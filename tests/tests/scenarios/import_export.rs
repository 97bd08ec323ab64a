//! Moving in and out, with files that the real programs wrote.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use otrd_tests::{Ircd, Irssi, Otrctl, Otrd, Scene, World, replaced};
use serde_json::{Value, json};

/// What `otrctl` is asked for this account of ZNC's.
fn of(otrd: &Otrd, uid: u32) -> Otrctl {
    Otrctl::new(otrd).args(["--uid", &uid.to_string(), "-a", "alice/net"])
}

fn own_fingerprint(otrd: &Otrd, uid: u32) -> String {
    let said = of(otrd, uid).args(["fingerprint"]).does();
    let (_, fingerprint) = said.trim().trim_end_matches('.').split_once(": ").expect("words");
    fingerprint.to_owned()
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("a file").permissions().mode() & 0o7777
}

#[test]
fn irssis_key_and_friends_move_in_and_out_again() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let alice = Irssi::start(&world, "alice", ircd.port());
    let bob = Irssi::start(&world, "bob", ircd.port());
    alice.starts_otr_with("bob");
    alice.is_private();
    alice.trusts("bob");
    alice.sees("Trusting");
    let (ours, bobs) = (alice.fingerprint(), bob.fingerprint());

    let otrd = Otrd::start(&world);
    let uid = nix::unistd::getuid().as_raw();
    let import = |words: &[&str]| of(&otrd, uid).args(["import"]).args(words).arg(alice.dir());
    let would = import(&["irssi", "--dry-run"]).json();
    assert_eq!(would["done"], false);
    let result = &would["imports"][0]["result"];
    assert_eq!((&result["key"], &result["fingerprint"]), (&json!("new"), &json!(ours)));
    assert_eq!(own_fingerprint(&otrd, uid).split(' ').next(), Some("none"));

    let done = import(&[]).json();
    assert_eq!(done["done"], true);
    let peers = done["imports"][0]["result"]["peers"].as_array().expect("peers").clone();
    let known = json!({"nick": "bob", "fingerprint": bobs, "trust": "manual", "outcome": "new"});
    assert_eq!(peers, [known]);
    assert_eq!(own_fingerprint(&otrd, uid), ours);
    assert!(of(&otrd, uid).args(["info"]).does().contains(&bobs));

    // Out again: irssi reads the files, once the account is called as it calls it.
    let out = world.path().join("exported");
    let exported = of(&otrd, uid).args(["export"]).arg(&out).json();
    assert_eq!((&exported["fingerprint"], &exported["known"]), (&json!(ours), &json!(1)));
    assert_eq!(mode(&out), 0o700);
    for file in ["otr.key", "otr.fp", "otr.instag"] {
        assert_eq!(mode(&out.join(file)), 0o600, "{file}");
    }
    let refused = of(&otrd, uid).args(["export"]).arg(&out).run();
    assert_eq!(refused.code, 73, "{refused:?}");
    of(&otrd, uid).args(["export", "--overwrite"]).arg(&out).does();

    let key = fs::read(out.join("otr.key")).expect("otr.key");
    let key = replaced(&key, "(name alice)", "(name tests)");
    let key = replaced(&key, "(protocol irc)", "(protocol IRC)");
    let prints = fs::read_to_string(out.join("otr.fp")).expect("otr.fp");
    let prints = prints.replace("\talice\tirc\t", "\ttests\tIRC\t");
    let carol = Irssi::start_with(&world, "carol", ircd.port(), |otr| {
        fs::write(otr.join("otr.key"), &key).expect("otr.key");
        fs::write(otr.join("otr.fp"), &prints).expect("otr.fp");
    });
    assert_eq!(carol.fingerprint(), ours);
    carol.starts_otr_with("bob");
    carol.is_private();
    carol.types("/otr contexts");
    carol.sees("(Manual)");
}

/// Most of what these programs hold is of other networks: only what is meant is read.
#[test]
fn files_under_names_that_are_not_looked_for_are_named() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/pidgin"));
    let uid = nix::unistd::getuid().to_string();
    let otrctl = || Otrctl::new(&otrd).args(["--uid", &uid, "-a", "alice/net", "import"]);
    for (program, directory, key, prints) in [
        ("Kopete", "share/apps/kopete_otr", "privkeys", "fingerprints"),
        ("profanity", "profanity/otr/me_at_home", "keys.txt", "fingerprints.txt"),
    ] {
        let path = world.directory(directory, None);
        fs::copy(data.join("otr.private_key"), path.join(key)).expect("copy");
        fs::copy(data.join("otr.fingerprints"), path.join(prints)).expect("copy");
        for what in [path.clone(), path.join(key), path.join(prints)] {
            let said = otrctl().arg(&what).run();
            let hint = format!("copy {key} to otr.key and {prints} to otr.fp");
            assert!(said.code != 0 && said.err.contains(program), "{what:?}: {said:?}");
            assert!(said.err.contains(&hint), "{what:?}: {said:?}");
        }
        // What it says works.
        let copies = world.directory(&format!("{program}-copies"), None);
        fs::copy(path.join(key), copies.join("otr.key")).expect("copy");
        fs::copy(path.join(prints), copies.join("otr.fp")).expect("copy");
        let done = otrctl().arg("--overwrite").arg(&copies).json();
        assert_eq!(done["imports"][0]["result"]["known"], 1, "{done}");
    }
}

/// `tests/data` has what the programs wrote in `tests/import`, and what was seen of it there.
#[test]
fn files_that_the_real_programs_made_move_in() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let uid = nix::unistd::getuid().to_string();
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data"));
    let mut programs = Vec::new();
    for directory in fs::read_dir(data).expect("tests/data").flatten() {
        let (name, path) = (directory.file_name().into_string().expect("a name"), directory.path());
        let seen = fs::read_to_string(path.join("seen.json")).expect("seen.json");
        let seen: Value = serde_json::from_str(&seen).expect("JSON");
        let account = format!("alice/{name}");
        let otrctl = || Otrctl::new(&otrd).args(["--uid", &uid, "-a", &account]);
        let done = otrctl().arg("import").arg(&path).json();
        let (one, result) = (&done["imports"][0], &done["imports"][0]["result"]);
        assert_eq!((&one["program"], &result["key"]), (&seen["program"], &json!("new")), "{done}");
        assert_eq!(result["fingerprint"], seen["fingerprint"], "{name}");
        let bob = json!([{
            "nick": "bob", "fingerprint": seen["bob"], "trust": seen["trust"], "outcome": "new"
        }]);
        assert_eq!(result["peers"], bob, "{name}");
        // What goes out is what came in, as libotr names it.
        let out = world.path().join(format!("exported-{name}"));
        let exported = otrctl().arg("export").arg(&out).json();
        assert_eq!(exported["fingerprint"], seen["fingerprint"], "{name}");
        let again = Otrctl::new(&otrd).args(["--uid", &uid, "-a", "again/net", "import"]);
        let again = again.args(["--overwrite", "--from", "alice"]).arg(&out).json();
        assert_eq!(again["imports"][0]["result"]["fingerprint"], seen["fingerprint"], "{name}");
        assert_eq!(again["imports"][0]["result"]["peers"][0]["trust"], seen["trust"], "{name}");
        programs.push(name);
    }
    programs.sort();
    assert_eq!(programs, ["bitlbee", "hexchat", "irssi", "pidgin", "weechat"]);
}

#[test]
fn a_whole_znc_moves_in_with_the_files_of_its_old_module() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let irssi = Irssi::start(&world, "somebody", ircd.port());
    let ours = irssi.fingerprint();
    // The old module writes by libotr, too, for its user and the protocol irc.
    let key = fs::read(irssi.dir().join("otr/otr.key")).expect("otr.key");
    let key = replaced(&key, "(protocol IRC)", "(protocol irc)");
    let znc = world.directory("old-znc", None);
    let hex = "00112233445566778899aabbccddeeff00112233";
    for (user, place) in [("alice", "networks/net/moddata/otr"), ("bob", "moddata/otr")] {
        let directory = znc.join("users").join(user).join(place);
        fs::create_dir_all(&directory).expect("mkdir");
        let write = |file: &str, text: &[u8]| fs::write(directory.join(file), text).expect(file);
        write("otr.key", &replaced(&key, "(name tests)", &format!("(name {user})")));
        write("otr.fp", format!("Carol\t{user}\tirc\t{hex}\tsmp\n").as_bytes());
        write("otr.instag", format!("{user}\tirc\t0000abcd\n").as_bytes());
    }
    for network in ["one", "two"] {
        fs::create_dir_all(znc.join("users/bob/networks").join(network)).expect("mkdir");
    }

    let otrd = Otrd::start(&world);
    let several = Otrctl::new(&otrd).args(["import", "znc"]).arg(&znc).run();
    assert_eq!(several.code, 64, "{several:?}");
    assert!(several.err.contains("--all") && several.err.contains("bob/two"), "{several:?}");
    let done = Otrctl::new(&otrd).args(["import", "znc", "--all"]).arg(&znc).json();
    let moved: Vec<String> = done["imports"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{}/{}", one["account"]["user"], one["account"]["network"]))
        .collect();
    assert_eq!(moved.join(" ").replace('"', ""), "alice/net bob/one bob/two");
    let uid = nix::unistd::getuid().as_raw();
    assert_eq!(own_fingerprint(&otrd, uid), ours);
    let account = otrd.account(uid, "bob", "two");
    let tag = fs::read_to_string(account.join("otr.instag")).expect("otr.instag");
    assert!(tag.contains("bob\tirc\t0000abcd\n"), "{tag}");
    assert_eq!(mode(&account.join("otr.key")), 0o600);
    // A second time changes nothing.
    let again = Otrctl::new(&otrd).args(["import", "znc", "--all"]).arg(&znc).json();
    assert_eq!(again["imports"][0]["result"]["key"], "same");
    assert_eq!(again["imports"][0]["result"]["changed"], 0);
}

#[test]
fn a_key_is_not_replaced_unasked() {
    let scene = Scene::private();
    let uid = scene.znc.uid();
    let own = own_fingerprint(&scene.otrd, uid);
    let import = |words: &[&str]| {
        of(&scene.otrd, uid).args(["import"]).arg(scene.bob.dir().join("otr")).args(words)
    };
    let refused = import(&[]).run();
    assert_eq!(refused.code, 65, "{refused:?}");
    assert!(refused.err.contains("--overwrite"), "{refused:?}");
    assert_eq!(own_fingerprint(&scene.otrd, uid), own);
    scene.alice_is("encrypted");

    let done = import(&["--overwrite"]).json();
    assert_eq!(done["imports"][0]["result"]["key"], "replaced");
    assert_eq!(own_fingerprint(&scene.otrd, uid), scene.bob.fingerprint());
    scene.alice.otr_says("brought here");
    // Whoever was private with the old key is told.
    scene.bob.sees("alice has finished the OTR session");
    let account = scene.otrd.account(uid, "alice", "net");
    let kept = fs::read_dir(account).expect("a directory").flatten();
    let kept = kept.filter(|file| file.file_name().to_string_lossy().starts_with("otr.key.20"));
    assert_eq!(kept.count(), 1, "the old key is kept under a dated name");
}

#[test]
fn only_root_or_the_owner_moves_keys() {
    if !World::has_other_users() {
        return;
    }
    let scene = Scene::new();
    let uid = scene.znc.uid();
    let own = |words: &[&str]| {
        Otrctl::new(&scene.otrd).uid(uid).args(["-a", "alice/net"]).args(words).run()
    };
    let keys = scene.world.directory("keys", Some(uid));
    scene.world.file(&keys.join("otr.fp"), "", Some(uid));
    let keys = keys.to_str().expect("a text");
    for words in [
        &["import", keys][..],
        &["export", keys],
        &["forget-account", "--yes"],
        &["secrets", "off"],
    ] {
        assert_eq!(own(words).code, 77, "{words:?}");
    }
    // What is his own he may use and see.
    assert_eq!(own(&["fingerprint"]).code, 0);
    let export = Otrctl::new(&scene.otrd).args(["--uid", &uid.to_string(), "export", keys]).run();
    assert_eq!(export.code, 0, "{export:?}");
    // Root without a descriptor is told.
    let mut root = scene.otrd.admin();
    let mine = json!({"uid": uid, "user": "alice", "network": "net"});
    assert_eq!(root.error_code("export", json!({"account": mine})), -32602);
}

#[test]
fn nothing_is_read_that_is_no_file_of_keys() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let uid = nix::unistd::getuid().as_raw();
    let none = of(&otrd, uid).args(["import"]).arg(world.path()).run();
    assert_eq!(none.code, 66, "{none:?}");
    let home = world.directory("home", None);
    assert_eq!(of(&otrd, uid).args(["import"]).home(&home).run().code, 66);
    for bad in ["hello", "", "(privkeys (account"] {
        fs::write(home.join("otr.key"), bad).expect("write");
        let refused = of(&otrd, uid).args(["import"]).arg(&home).run();
        assert_eq!(refused.code, 65, "{bad:?}: {refused:?}");
    }
    // Nor is a link followed.
    fs::remove_file(home.join("otr.key")).expect("rm");
    std::os::unix::fs::symlink("/etc/hostname", home.join("otr.key")).expect("ln");
    let refused = of(&otrd, uid).args(["import"]).arg(&home).run();
    assert_eq!(refused.code, 66, "{refused:?}");
}

#[test]
fn an_account_is_forgotten_and_begins_anew() {
    let scene = Scene::private();
    let uid = scene.znc.uid();
    let own = own_fingerprint(&scene.otrd, uid);
    let forget = || of(&scene.otrd, uid).args(["forget-account"]);
    assert_eq!(forget().run().code, 64, "nobody can be asked");
    let done = forget().args(["--yes"]).json();
    assert_eq!(done["aside"], ".net.forgotten");
    let user = scene.otrd.account(uid, "alice", "net");
    let aside = user.parent().expect("a directory").join(".net.forgotten/otr.key");
    assert!(aside.exists());
    // The module comes back by itself, to an account without a key.
    scene.alice.has_otr();
    assert_ne!(own_fingerprint(&scene.otrd, uid), own);
}

#[test]
fn a_user_of_the_old_module_is_told_how_to_go_on() {
    let mut scene = Scene::new();
    scene.alice.never_saw("old OTR module");
    let znc = scene.znc.dir().to_owned();
    let file = znc.join("users/alice/networks/net/moddata/otr/otr.key");
    let key = fs::read_to_string(scene.bob.dir().join("otr/otr.key")).expect("otr.key");
    let key =
        key.replace("(name tests)", "(name alice)").replace("(protocol IRC)", "(protocol irc)");
    scene.world.file(&file, key, Some(scene.znc.uid()).filter(|_| World::has_other_users()));
    scene.znc.restart();
    let alice = scene.znc.attach("alice", "net");
    alice.otr_says("otrctl import znc");

    // And that is enough: the account is the one that is there, with its Unix user.
    Otrctl::new(&scene.otrd).args(["import", "znc", "--all"]).arg(&znc).does();
    alice.otr_says("brought here");
    assert_eq!(own_fingerprint(&scene.otrd, scene.znc.uid()), scene.bob.fingerprint());
}
