//! The module's page in ZNC's web interface: read and pressed in a real browser, and asked for by
//! requests that no browser would send.

mod browser;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use nix::sys::signal::Signal;
use otrd_tests::{Alone, Ircd, Otrd, Web, World, Znc, ZncBuilder, ZncNetwork, ZncUser, eventually};

const PAGE: &str = "/mods/network/net/otr/";

fn url(znc: &Znc) -> String {
    format!("http://127.0.0.1:{}{PAGE}", znc.port())
}

#[test]
fn nothing_is_changed_by_who_may_not() {
    let scene = Alone::new();
    let mut alice = Web::log_in(&scene.znc, "alice");
    let page = alice.get(PAGE);
    assert_eq!(page.status(), 200);
    let token = alice.token().to_owned();
    let form = |token: &str| format!("do=ignore&pattern=mallory&_CSRF_Check={token}");
    assert_eq!(alice.post(PAGE, "do=ignore&pattern=mallory").status(), 403);
    assert_eq!(alice.post(PAGE, &form("0")).status(), 403);
    alice.get(&format!("{PAGE}?{}", form(&token)));
    let mut stranger = Web::stranger(&scene.znc);
    let refused = stranger.get(PAGE);
    assert!(!refused.body.contains("otr-peers"), "{}", refused.body);
    stranger.post(PAGE, &form(&token));
    scene.alice.otr("ignore");
    scene.alice.otr("version");
    scene.alice.otr_says("otrd 0");
    scene.alice.never_saw("mallory");
    assert_eq!(alice.post(PAGE, &form(&token)).status(), 302);
    scene.alice.otr_says("mallory");
}

/// However many there are, ZNC makes a page of a hundred at once.
#[test]
fn many_people_are_shown_in_pages() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let otrd = Otrd::start(&world);
    let network = ZncNetwork::new("net", ircd.port()).otr(&otrd);
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network));
    let account = otrd.account(znc.runs_as(), "alice", "net");
    fs::create_dir_all(&account).expect("mkdir");
    for level in account.ancestors().take(3) {
        fs::set_permissions(level, Permissions::from_mode(0o700)).expect("chmod");
    }
    let known = |number| format!("friend{number:03}\talice\tirc\t{number:040x}\t\n");
    let file = account.join("otr.fp");
    fs::write(&file, (0..250).map(known).collect::<String>()).expect("write");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("chmod");
    let znc = znc.start(&world);

    let mut alice = Web::log_in(&znc, "alice");
    let mut shown = |query: &str, words: &str, first: &str, count: usize| {
        eventually(&format!("{query:?} shows {words}"), || {
            let page = alice.get(&format!("{PAGE}{query}")).body;
            let rows = page.matches("class=\"peer\"").count();
            page.contains(words) && page.contains(first) && rows == count
        });
    };
    shown("", "1 to 100 of 250", "friend000", 100);
    shown("?from=200", "201 to 250 of 250", "friend249", 50);
    for nonsense in ["?from=250", "?from=-1", "?from=x", "?from=99999999999999999999"] {
        shown(nonsense, "1 to 100 of 250", "friend000", 100);
    }

    // A button leads back to where it stands.
    let page = alice.get(&format!("{PAGE}?from=200")).body;
    assert!(page.contains("name=\"from\" value=\"200\""), "{page}");
    let press = |alice: &Web, fields: &str| {
        let token = alice.token();
        let answer = alice.post(PAGE, &format!("{fields}&_CSRF_Check={token}"));
        assert_eq!(answer.status(), 302);
        answer.head.lines().find_map(|line| line.strip_prefix("Location: ")).map(str::to_owned)
    };
    let trust = format!("do=trust&peer=friend249&fingerprint={:040x}", 249);
    let led = press(&alice, &format!("{trust}&from=200")).expect("a location");
    assert!(led.ends_with(&format!("{PAGE}?from=200")), "{led}");
    let led = press(&alice, &format!("{trust}&from=%0d%0aX:%20y")).expect("a location");
    assert!(led.ends_with(PAGE), "{led}");
    // What no page has offered is said to be wrong, and stays words.
    press(&alice, "do=trust&peer=friend249&fingerprint=%3Cscript%3E1%3C/script%3E").expect("one");
    eventually("the wrong fingerprint is said", || {
        let page = alice.get(&format!("{PAGE}?from=200")).body;
        assert!(!page.contains("<script>1"), "{page}");
        page.contains("class=\"wrong\"") || page.contains("role=\"alert\"")
    });
}

#[test]
fn nobody_else_sees_it_and_an_admin_is_nobody_else() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let otrd = Otrd::start(&world);
    let network = ZncNetwork::new("net", ircd.port());
    let of = |name| ZncUser::new(name).network(network.clone().otr(&otrd)).without_admin_rights();
    let znc = ZncBuilder::new()
        .user(of("alice"))
        .user(of("mallory"))
        .user(ZncUser::new("root").network(network.clone()))
        .start(&world);
    let client = znc.attach("alice", "net");
    client.has_otr();
    client.otr("ignore nobodys-business");
    let mut alice = Web::log_in(&znc, "alice");
    eventually("alice sees her account", || alice.get(PAGE).body.contains("nobodys-business"));
    let pressed = |token: &str| format!("do=ignore&pattern=intruder&_CSRF_Check={token}");

    // Another user has a page of the same name, of their own account.
    let mut mallory = Web::log_in(&znc, "mallory");
    eventually("mallory sees an account", || mallory.get(PAGE).body.contains("shown is from"));
    let theirs = mallory.get(PAGE).body;
    assert!(!theirs.contains("nobodys-business"), "{theirs}");
    assert_eq!(mallory.post(PAGE, &pressed(alice.token())).status(), 403);
    let mut root = Web::log_in(&znc, "root");
    root.get("/");
    for path in [PAGE, "/mods/network/alice/net/otr/", "/mods/user/alice/net/otr/"] {
        let answer = root.get(path);
        assert_eq!(answer.status(), 404, "{path}: {}", answer.body);
        root.post(path, &pressed(root.token()));
        root.post(path, &pressed(alice.token()));
    }
    for path in ["/mods/network/alice/net/otr/", "/mods/user/alice/net/otr/"] {
        let answer = mallory.get(path);
        assert!(!answer.body.contains("nobodys-business"), "{path}: {}", answer.body);
        mallory.post(path, &pressed(mallory.token()));
    }
    client.otr("ignore");
    client.otr("version");
    client.otr_says("otrd 0");
    client.never_saw("intruder");
}

#[test]
fn a_stopped_otrd_is_said_at_once() {
    let scene = Alone::new();
    let mut alice = Web::log_in(&scene.znc, "alice");
    eventually("the page shows the account", || {
        alice.get(PAGE).body.contains("What is shown is from")
    });
    let worker = scene.otrd.worker();
    scene.otrd.signal_worker(worker, Signal::SIGSTOP);
    let begin = Instant::now();
    let page = alice.get(PAGE);
    assert!(begin.elapsed().as_secs() < 5, "ZNC waited");
    assert!(page.body.contains("What is shown is from"), "{}", page.body);
    let pressed = format!("do=policy&pattern=b*&policy=required&_CSRF_Check={}", alice.token());
    assert_eq!(alice.post(PAGE, &pressed).status(), 302);
    let page = alice.get(PAGE);
    assert!(page.body.contains("Asked: policy b*"), "{}", page.body);
    eventually("the page says that otrd does not answer", || {
        alice.get(PAGE).body.contains("otrd has not answered for")
    });
    scene.otrd.signal_worker(worker, Signal::SIGCONT);
    eventually("what was asked is done", || alice.get(PAGE).body.contains("b*</bdi>: required"));
    let mut otrd = scene.otrd;
    otrd.stop();
    eventually("the page says that otrd is gone", || {
        alice.get(PAGE).body.contains("otrd is not running or not answering")
    });
    let page = alice.get(PAGE);
    assert!(page.body.contains("b*</bdi>: required"), "{}", page.body);
}
