//! Files on disk, with a master secret and without.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use otrd_tests::{Client, Otrctl, Otrd, Scene, eventually, holds, private_number};

const ONE: (&str, &[u8]) = ("otrd-master", b"one master secret, of 32 and more bytes");
const TWO: (&str, &[u8]) = ("otrd-master", b"another master secret, of 32 and more bytes");
const OLD: (&str, &[u8]) = ("otrd-master-old", ONE.1);

#[test]
fn files_are_encrypted_changed_over_and_plain_again_and_every_conversation_goes_on() {
    let mut scene = Scene::private();
    scene.alice.otr("trust bob");
    scene.alice.otr_says("trusted!");
    scene.alice.otr("policy somebodyelse never");
    scene.alice.otr_says("somebodyelse");
    let (alice, bob) = (own_fingerprint(&scene.alice), scene.bob.fingerprint());
    scene.alice.otr("status");
    scene.alice.otr_says("Files on disk: plain.");
    let told = traces(&scene.otrd, &bob);
    for trace in &told {
        assert!(lies_on_disk(&scene.otrd, trace), "else this shows nothing: {trace:?}");
    }
    let refused = Otrctl::new(&scene.otrd).args(["secrets", "on"]).run();
    assert!(refused.code == 65 && refused.err.contains("no master secret"), "{refused:?}");

    // Turned on, and all that lies there is encrypted.
    restart(&mut scene, &[ONE]);
    talk(&scene, "with one secret");
    scene.alice.otr("status");
    scene.alice.otr_says("Files on disk: encrypted.");
    assert_eq!(own_fingerprint(&scene.alice), alice);
    assert!(scene.alice.info().iter().any(|line| line.contains("manual")));
    nothing_is_held(&scene.otrd, &told);
    let all = Otrctl::new(&scene.otrd).args(["secrets"]).json();
    assert_eq!((&all["master"], &all["old"]), (&true.into(), &false.into()));
    assert_eq!(all["accounts"][0]["at_rest"], "encrypted", "{all}");

    // What is written later is encrypted too, and so are copies.
    scene.alice.otr("genkey --overwrite");
    scene.alice.otr_says("Your private key is ready");
    let own = own_fingerprint(&scene.alice);
    assert_ne!(own, alice);
    nothing_is_held(&scene.otrd, &told);
    scene.alice.types_to("bob", "?OTR?");

    // Changed over.
    restart(&mut scene, &[TWO, OLD]);
    talk(&scene, "with both secrets");
    restart(&mut scene, &[TWO]);
    talk(&scene, "with another secret");
    nothing_is_held(&scene.otrd, &told);

    // An export is for other programs, which know of no encryption.
    let out = scene.world.path().join("out");
    Otrctl::new(&scene.otrd).args(["-a", "alice/net", "export"]).arg(&out).does();
    let key = fs::read(out.join("otr.key")).expect("a key");
    assert!(key.starts_with(b"(privkeys"));

    // Turned off, and back to a daemon without a secret.
    let off = Otrctl::new(&scene.otrd).args(["secrets", "off"]).does();
    assert!(off.contains("alice/net of uid") && off.contains(": plain"), "{off}");
    assert!(told.iter().skip(1).all(|trace| lies_on_disk(&scene.otrd, trace)));
    restart(&mut scene, &[TWO]);
    talk(&scene, "still turned off");
    assert!(told.iter().skip(1).all(|trace| lies_on_disk(&scene.otrd, trace)));
    restart(&mut scene, &[]);
    talk(&scene, "without a secret");
}

#[test]
fn without_the_right_secret_everything_stays_closed_and_as_it_is() {
    let mut scene = Scene::private();
    restart(&mut scene, &[ONE]);
    talk(&scene, "with a secret");
    let before = own_fingerprint(&scene.alice);
    scene.otrd.stop();
    let files = all_files(&scene.otrd.state());
    for (given, says) in [
        (&[][..], "otrd has no master secret: give it back the credential otrd-master"),
        (&[TWO][..], "encrypted with another master secret, or damaged"),
    ] {
        scene.otrd.is_given(given);
        scene.otrd.starts_again();
        told_why(&scene, says);
        scene.alice.types_to("bob", "not in clear");
        scene.alice.otr_says("not in clear");
        scene.alice.otr("genkey --overwrite");
        scene.alice.otr_says(says);
        // A restarted ZNC does not forget it either.
        scene.znc.restart();
        scene.alice = scene.znc.attach("alice", "net");
        told_why(&scene, says);
        scene.alice.types_to("bob", "not in clear");
        scene.alice.otr_says("not in clear");
        let said = Otrctl::new(&scene.otrd).args(["-a", "alice/net", "genkey"]).run();
        assert!(said.code == 65 && said.err.contains(says), "{said:?}");
        eventually("status says so", || {
            let status = Otrctl::new(&scene.otrd).args(["status"]).json();
            status.to_string().contains(says)
        });
        let said = Otrctl::new(&scene.otrd).args(["secrets"]).run();
        assert!(said.code == 78 && said.out.contains(says), "{said:?}");
        scene.otrd.stop();
        assert!(all_files(&scene.otrd.state()) == files, "not a byte has changed");
    }
    scene.wire.never_carried("not in clear");

    scene.otrd.is_given(&[ONE]);
    scene.otrd.starts_again();
    scene.alice.has_otr();
    assert_eq!(own_fingerprint(&scene.alice), before);
    talk(&scene, "with the right one");
}

/// As soon as the module has tried again.
#[track_caller]
fn told_why(scene: &Scene, says: &str) {
    eventually("*otr says why", || {
        scene.alice.otr("status");
        scene.alice.settled();
        scene.alice.texts_from("*otr").iter().any(|line| line.contains(says))
    });
}

/// Stops otrd, and starts it with these credentials.
#[track_caller]
fn restart(scene: &mut Scene, credentials: &[(&str, &[u8])]) {
    scene.otrd.stop();
    scene.otrd.is_given(credentials);
    scene.otrd.starts_again();
    scene.alice.has_otr();
}

/// The conversation that stayed closed goes on by itself.
#[track_caller]
fn talk(scene: &Scene, text: &str) {
    scene.alice.becomes("bob", "encrypted");
    scene.alice.types_to("bob", text);
    scene.bob.reads("alice", text);
    scene.wire.never_carried(text);
}

#[track_caller]
fn own_fingerprint(client: &Client) -> String {
    let last = client.info().pop().expect("the last line of info");
    let own = last.trim_start_matches("Your fingerprint: ").trim_end_matches('.').to_owned();
    assert_eq!(own.len(), 44, "{own}");
    own
}

/// What alice's files hold while they are unencrypted: her private number, a fingerprint, and a nick.
fn traces(otrd: &Otrd, bob: &str) -> [Vec<u8>; 3] {
    let files = all_files(&otrd.state());
    let key = files.iter().find(|(path, _)| path.ends_with("alice/net/otr.key")).expect("a key");
    [private_number(key.1), bob.replace(' ', "").into(), "somebodyelse".into()]
}

fn lies_on_disk(otrd: &Otrd, trace: &[u8]) -> bool {
    all_files(&otrd.state()).values().any(|content| holds(content, trace))
}

#[track_caller]
fn nothing_is_held(otrd: &Otrd, traces: &[Vec<u8>]) {
    for trace in traces {
        assert!(!lies_on_disk(otrd, trace), "{} lies on disk", String::from_utf8_lossy(trace));
    }
    for (path, content) in all_files(&otrd.state()) {
        // The front's own, which has no key: it names the account as its directory does.
        if path.ends_with("identity") {
            continue;
        }
        assert!(content.starts_with(b"otrd\0sealed\0"), "{}", path.display());
    }
    assert!(!otrd.log().contains("master secret, of 32"));
}

/// Every file below a directory, with its content.
fn all_files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(all_files(&path));
        } else {
            // Files come and go while workers write.
            files.extend(fs::read(&path).ok().map(|content| (path, content)));
        }
    }
    files
}
