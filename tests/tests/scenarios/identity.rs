//! An account belongs to a network, whatever that is called: it follows where the network is moved,
//! and whoever gets its name later begins anew.

use std::fs;
use std::path::PathBuf;
use std::thread;

use otrd_tests::{
    Alone, Client, NodePeer, Otrctl, Otrd, Scene, World, ZncBuilder, ZncNetwork, ZncUser,
    eventually,
};
use serde_json::{Value, json};

const ALICE: u32 = 60_001;
const MALLORY: u32 = 60_003;

#[test]
fn a_network_moved_within_its_user_keeps_key_trust_and_conversation() {
    let (scene, bob) = Alone::private();
    let account = Before::of(&scene, &bob);
    let admin = scene.znc.attach_idle("idle");
    admin.types_to("*status", "MoveNetwork alice net alice net2");
    admin.reads_about("*status", "Success.");
    let alice = scene.znc.attach("alice", "net2");
    account.came_along(&alice, "alice", "net2");
    // Back again, while everything of the first move is still there.
    admin.types_to("*status", "MoveNetwork alice net2 alice net");
    admin.reads_about("*status", "Success.");
    let alice = scene.znc.attach("alice", "net");
    alice.otr_says("This network was alice/net2 before");
    account.is_there_again(&alice, "alice", "net");
}

#[test]
fn a_network_moved_to_another_user_keeps_key_trust_and_conversation() {
    let (scene, bob) = Alone::private();
    let account = Before::of(&scene, &bob);
    let admin = scene.znc.attach_idle("idle");
    admin.types_to("*status", "MoveNetwork alice net idle work");
    admin.reads_about("*status", "Success.");
    let idle = scene.znc.attach("idle", "work");
    account.came_along(&idle, "idle", "work");
    // ZNC is started anew with what it has on disk: it goes on under the new name.
    admin.types_to("*status", "saveconfig");
    admin.reads_about("*status", "Wrote config");
    let fingerprint = account.fingerprint.clone();
    let Alone { mut znc, .. } = scene;
    znc.restart();
    let idle = znc.attach("idle", "work");
    idle.has_otr();
    idle.never_saw("before: its key");
    assert_eq!(own_fingerprint(&idle), fingerprint);
}

#[test]
fn a_network_that_was_moved_onto_another_ones_name_takes_it() {
    let (scene, bob) = Alone::private();
    let account = Before::of(&scene, &bob);
    // Somebody was alice/net2 before, by names alone, and has a rule of his own.
    let uid = scene.znc.uid();
    let mut module = module_of(&scene.otrd, uid);
    module.call("hello", json!({"version": 1, "user": "alice", "network": "net2"}));
    module.call("command", json!({"text": "ignore eve"}));
    let admin = scene.znc.attach_idle("idle");
    admin.types_to("*status", "MoveNetwork alice net alice net2");
    admin.reads_about("*status", "Success.");
    let alice = scene.znc.attach("alice", "net2");
    // As long as he is connected, the name is his.
    alice.otr("status");
    alice.otr_says("otrd");
    drop(module);
    alice.otr_says("set aside; an admin can take it back");
    account.is_there_again(&alice, "alice", "net2");
    assert!(scene.otrd.account(uid, "alice", ".net2.replaced").join("settings.json").exists());
}

#[test]
fn a_user_made_anew_under_an_old_name_begins_anew() {
    let (scene, bob) = Alone::private();
    let before = Before::of(&scene, &bob);
    let uid = scene.znc.uid();
    let admin = scene.znc.attach_idle("idle");
    admin.types_to("*status", "loadmod controlpanel");
    admin.reads_about("*status", "Loaded module controlpanel");
    // A timer of the module has to have run: ZNC itself deletes users whose configuration is wrong.
    scene.alice.types_to("bob", "a last word");
    bob.reads("alice", "a last word");
    eventually("the module runs", || scene.alice.ping().as_secs() == 0);
    thread::sleep(std::time::Duration::from_millis(1100));
    panel(&admin, "DelUser alice", "deleted");
    scene.alice.is_disconnected();
    panel(&admin, "AddUser alice alice", "added");
    // Only an admin may load otr with this socket.
    panel(&admin, "Set Admin alice true", "Admin = true");
    panel(&admin, "AddNetwork alice net", "added");
    let port = scene.wire.port();
    panel(&admin, &format!("AddServer alice net 127.0.0.1 {port}"), "Added");
    let socket = scene.otrd.shim_socket();
    let load = format!("LoadNetModule alice net otr socket={}", socket.display());
    panel(&admin, &load, "oaded module");
    let alice = scene.znc.attach("alice", "net");
    alice.otr_says("Another network had this name before.");
    alice.has_otr();
    alice.never_saw("before: its key");
    let account = scene.otrd.account(uid, "alice", "net");
    let aside = scene.otrd.account(uid, "alice", ".net.replaced");
    assert!(aside.join("otr.key").exists() && !account.join("otr.key").exists());
    assert!(!own_info(&alice).iter().any(|line| line.contains("bob")));

    // Another admin's word takes them back.
    let otrctl = || Otrctl::new(&scene.otrd);
    let listed = otrctl().args(["accounts"]).json();
    assert_eq!(listed["former"][0]["directory"], ".net.replaced", "{listed}");
    assert!(otrctl().args(["accounts"]).does().contains(".net.replaced"));
    let refused = otrctl().uid(uid).args(["restore-account", "--yes"]).run();
    assert!(!World::has_other_users() || refused.code == 77, "{refused:?}");
    let restored = otrctl().args(["-a", "alice/net", "restore-account", "--yes"]).json();
    assert_eq!(restored["directory"], ".net.replaced", "{restored}");
    alice.has_otr();
    assert_eq!(own_fingerprint(&alice), before.fingerprint);
    let again = otrctl().args(["-a", "alice/net", "restore-account", "--yes"]).run();
    assert!(again.code == 67 || restored["aside"].is_string(), "{again:?}");
}

#[test]
fn a_cloned_user_gets_an_account_of_its_own_at_once() {
    let (scene, bob) = Alone::private();
    let admin = scene.znc.attach_idle("idle");
    admin.types_to("*status", "loadmod controlpanel");
    admin.reads_about("*status", "Loaded module controlpanel");
    panel(&admin, "CloneUser alice carol", "added");
    let uid = scene.znc.uid();
    let identity = |user: &str| {
        fs::read_to_string(scene.otrd.account(uid, user, "net").join("identity"))
            .unwrap_or_default()
    };
    eventually("carol has an account", || !identity("carol").is_empty());
    assert_ne!(identity("carol"), identity("alice"));
    scene.alice.types_to("bob", "still here");
    bob.reads("alice", "still here");
    scene.wire.never_carried("still here");
}

#[test]
fn a_copy_of_zncs_data_does_not_take_a_live_account() {
    let (scene, bob) = Alone::private();
    let uid = scene.znc.uid();
    let registry = |user: &str| format!("users/{user}/networks/net/moddata/otr/.registry");
    let network = ZncNetwork::new("net", scene.wire.port()).otr(&scene.otrd);
    let copy = ZncBuilder::new()
        .user(ZncUser::new("carol").network(network))
        .file(&scene.znc.dir().join(registry("alice")), &registry("carol"))
        .start(&scene.world);
    let carol = copy.attach("carol", "net");
    carol.otr_says("This network is a copy of another one");
    carol.has_otr();
    scene.alice.types_to("bob", "mine alone");
    bob.reads("alice", "mine alone");
    scene.wire.never_carried("mine alone");
    let identity = |user: &str| {
        fs::read_to_string(scene.otrd.account(uid, user, "net").join("identity")).expect("identity")
    };
    assert_ne!(identity("alice"), identity("carol"));
    // And it stays so, whoever comes first after a restart.
    let Alone { mut znc, otrd, .. } = scene;
    znc.crash();
    let before = own_fingerprint_of(&otrd, uid, "carol");
    carol.has_otr();
    assert_eq!(own_fingerprint_of(&otrd, uid, "carol"), before);
    assert!(otrd.account(uid, "alice", "net").join("otr.key").exists());
}

#[test]
fn an_identity_is_nothing_to_another_unix_user() {
    if !World::has_other_users() {
        return eprintln!("skipped: only root can be two users");
    }
    let world = World::new();
    let otrd = Otrd::start(&world);
    let hello = |user: &str, digit: &str| json!({"version": 1, "user": user, "network": "net", "identity": digit.repeat(32)});
    let module = |uid| otrd.connection_of(uid, ALICE, &otrd.shim_socket());
    let mut hers = module(ALICE);
    hers.call("hello", hello("alice", "a"));
    hers.call("command", json!({"text": "ignore eve"}));
    // The same identity under the same name and under others, while she is here and when she is not.
    module(MALLORY).call("hello", hello("alice", "a"));
    module(MALLORY).call("hello", hello("mallory", "a"));
    hers.call("command", json!({"text": "status"}));
    hers.line(&json!({"jsonrpc": "2.0", "method": "bye", "params": {}}));
    hers.is_closed();
    module(MALLORY).call("hello", hello("alicia", "a"));
    assert!(otrd.account(ALICE, "alice", "net").join("settings.json").exists());
    assert!(!otrd.account(MALLORY, "alicia", "net").join("settings.json").exists());
}

#[test]
fn the_first_of_two_with_one_identity_keeps_it() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let hello = |user: &str, digit: &str| json!({"version": 1, "user": user, "network": "net", "identity": digit.repeat(32)});
    let mut first = otrd.shim();
    first.call("hello", hello("alice", "a"));
    assert_eq!(otrd.shim().error_code("hello", hello("carol", "a")), -32009);
    // Nor does a namesake drive it away.
    assert_eq!(otrd.shim().error_code("hello", hello("alice", "b")), -32008);
    first.call("command", json!({"text": "ignore eve"}));
    let again = json!({"version": 1, "user": "alice", "network": "net"});
    otrd.shim().call("hello", again);
    // A stopped worker says nothing: its account is not touched.
    let mut last = otrd.shim();
    last.call("hello", hello("alice", "a"));
    let worker = otrd.worker();
    otrd.signal_worker(worker, nix::sys::signal::Signal::SIGSTOP);
    let refused = otrd.shim().error_code("hello", hello("carol", "a"));
    assert!([-32006, -32009].contains(&refused), "{refused}");
    assert!(otrd.account(uid(), "alice", "net").join("settings.json").exists());
}

fn uid() -> u32 {
    nix::unistd::getuid().as_raw()
}

/// What an account had before something happened to its network.
struct Before<'a> {
    scene: &'a Alone,
    bob: &'a NodePeer,
    fingerprint: String,
}

impl<'a> Before<'a> {
    fn of(scene: &'a Alone, bob: &'a NodePeer) -> Self {
        scene.alice.otr("trust bob");
        scene.alice.otr_says("trusted!");
        Self { scene, bob, fingerprint: own_fingerprint(&scene.alice) }
    }

    #[track_caller]
    fn came_along(&self, client: &Client, user: &str, network: &str) {
        client.otr_says("This network was alice/net before: its key, fingerprints");
        self.is_there_again(client, user, network);
    }

    #[track_caller]
    fn is_there_again(&self, client: &Client, user: &str, network: &str) {
        let Alone { otrd, znc, wire, .. } = self.scene;
        client.has_otr();
        // Whatever becomes of it, it is not sent in clear.
        client.types_to("bob", "is bob still closed");
        client.becomes("bob", "encrypted");
        assert_eq!(own_fingerprint(client), self.fingerprint);
        let info = own_info(client);
        assert!(
            info.iter().any(|line| line.contains("bob") && line.contains("manual")),
            "{info:?}"
        );
        let text = format!("as {user} on {network}");
        client.types_to("bob", &text);
        // ZNC takes the nick along, too, if the server has noticed by then that it is free.
        eventually("bob reads it", || {
            let lines = self.bob.lines();
            lines.iter().any(|line| line.starts_with("private alice") && line.ends_with(&text))
        });
        wire.never_carried(&text);
        wire.never_carried("still closed");
        let uid = znc.uid();
        assert!(otrd.account(uid, user, network).join("otr.key").exists());
        let directories = fs::read_dir(otrd.state().join(uid.to_string())).expect("a directory");
        let accounts: Vec<PathBuf> = directories
            .flatten()
            .flat_map(|user| fs::read_dir(user.path()).expect("a directory").flatten())
            .map(|network| network.path())
            .filter(|path| path.join("otr.key").exists())
            .collect();
        assert_eq!(accounts, [otrd.account(uid, user, network)]);
    }
}

fn module_of(otrd: &Otrd, uid: u32) -> otrd_tests::Rpc {
    match World::has_other_users() {
        true => otrd.connection_of(uid, uid, &otrd.shim_socket()),
        false => otrd.shim(),
    }
}

#[track_caller]
fn panel(admin: &Client, command: &str, done: &str) {
    admin.types_to("*controlpanel", command);
    admin.reads_about("*controlpanel", done);
}

#[track_caller]
fn own_info(client: &Client) -> Vec<String> {
    client.asks_otr("info", |line| line.starts_with("Your fingerprint") || line.contains("no key"))
}

#[track_caller]
fn own_fingerprint(client: &Client) -> String {
    own_info(client).pop().expect("a last line")
}

#[track_caller]
fn own_fingerprint_of(otrd: &Otrd, uid: u32, user: &str) -> Value {
    let account = format!("{user}/net");
    let words = ["--uid", &uid.to_string(), "-a", &account, "fingerprint"];
    Otrctl::new(otrd).args(words).json()
}

#[test]
fn a_scene_has_one_account() {
    let scene = Scene::new();
    let identity = scene.otrd.account(scene.znc.uid(), "alice", "net").join("identity");
    let text = fs::read_to_string(identity).expect("an identity");
    assert_eq!(text.len(), "identity \n".len() + 32, "{text}");
}
