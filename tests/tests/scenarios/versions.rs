//! A module and a daemon that were not made together.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

use otrd_tests::{Ircd, Otrd, Rpc, World, ZncBuilder, ZncNetwork, ZncUser};
use serde_json::json;

const OURS: &str = env!("CARGO_PKG_VERSION");

#[test]
fn what_is_released_together_has_one_version() {
    let shim = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shim");
    for (file, says) in [
        ("version.h", format!("kVersion = \"{OURS}\";")), // the Makefile's
        ("clients/weechat/otrd.py", format!("NAME, VERSION = 'otrd', '{OURS}'")),
        ("clients/irssi/otrd.pl", format!("our $VERSION = '{OURS}';")),
    ] {
        let text = fs::read_to_string(shim.join(file)).expect(file);
        assert!(text.lines().any(|line| line.contains(&says)), "{file} is not {OURS}");
    }
}

#[test]
fn an_older_module_works_and_is_told_to_be_updated() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    for _ in 0..2 {
        let mut shim = connect(&otrd, "0.0.1");
        let said = says(&mut shim);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&format!("otrd {OURS}, module 0.0.1: ")), "{said:?}");
        assert!(said[0].contains("update the older one, the module"), "{said:?}");
        assert!(said[0].contains("reloadmod otr"), "{said:?}");

        // No more than the first version of the protocol asks for.
        let nothing = json!({"effects": []});
        assert_eq!(shim.call("network", json!({"connected": true})), nothing);
        let message = json!({"from": "bob!b@host", "kind": "text", "text": "hi"});
        assert_eq!(shim.call("in", message)["effects"][0]["do"], "pass");
        let notice = json!({"to": "bob", "kind": "notice", "text": "hi"});
        assert_eq!(shim.call("out", notice)["effects"][0]["do"], "pass");
        assert_eq!(shim.call("nick", json!({"old": "bob", "new": "rob"})), nothing);
        assert_eq!(shim.call("quit", json!({"nick": "rob"})), nothing);
        assert_eq!(shim.call("join", json!({"nick": "rob"})), nothing);
    }
}

#[test]
fn a_newer_module_works_and_the_daemon_is_to_be_updated() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let mut shim = connect(&otrd, "99.0.0");
    let said = says(&mut shim);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("update the older one, otrd"), "{said:?}");
    assert!(said[0].contains("systemctl restart otrd"), "{said:?}");
}

#[test]
fn other_modules_have_versions_of_their_own() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    for version in [OURS, "", "my-client 3", "0.0.1-beta"] {
        let said = says(&mut connect(&otrd, version));
        assert!(said.is_empty(), "{version}: {said:?}");
    }
}

#[test]
fn a_refused_module_says_what_to_do() {
    let world = World::new();
    let socket = world.directory("later", None).join("shim.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).expect("chmod");
    let why = "no common protocol version: update the older of module and otrd";
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let error = json!({"code": -32003, "message": why});
            let _ = writeln!(stream, "{}", json!({"jsonrpc": "2.0", "error": error, "id": 1}));
        }
    });

    let ircd = Ircd::ngircd(&world);
    let network = ZncNetwork::new("net", ircd.port()).otr_at(&socket);
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(&world);
    let alice = znc.attach("alice", "net");
    let said = alice.otr_says("otrd does not take this module");
    assert!(said.contains(why) && said.contains(OURS), "{said}");
    // No version that cannot be spoken with is taken for none at all.
    alice.types_to("bob", "my secret");
    assert!(alice.otr_says("my secret").contains("Not sent"));
}

fn connect(otrd: &Otrd, version: &str) -> Rpc {
    let mut shim = otrd.shim();
    let params =
        json!({"version": 1, "user": "alice", "network": "net", "shim": version, "znc": "1.8.2"});
    assert_eq!(shim.call("hello", params)["version"], 1);
    shim
}

/// What `*otr` says without being asked, up to now.
fn says(shim: &mut Rpc) -> Vec<String> {
    shim.line(&json!({"jsonrpc": "2.0", "id": "end", "method": "no-such-method"}));
    let mut said = Vec::new();
    loop {
        let answer = shim.answer().expect("an answer");
        if answer["id"] == "end" {
            return said;
        }
        let effects = answer["params"]["effects"].as_array().cloned().unwrap_or_default();
        for effect in effects {
            said.push(effect["text"].as_str().unwrap_or_default().to_owned());
        }
    }
}
