//! The module's page in ZNC's web interface: read and pressed in a real browser, and asked for by
//! requests that no browser would send.

use std::time::Instant;

use nix::sys::signal::Signal;
use otrd_tests::{
    Alone, Browser, Ircd, Otrd, Web, World, ZncBuilder, ZncNetwork, ZncUser, eventually,
};

const PAGE: &str = "/mods/network/net/otr/";
const BOB: &str = "tr[data-peer='626f62'] form";

fn url(scene: &Alone) -> String {
    format!("http://127.0.0.1:{}{PAGE}", scene.znc.port())
}

#[test]
fn a_whole_story_by_clicks() {
    let scene = Alone::new();
    let bob = scene.peer("bob", "23");
    let mut browser = Browser::start(&scene.world);
    browser.logs_in(&scene.znc, "alice");
    browser.opens(&url(&scene));
    browser.shows("You have no key yet");
    browser.presses("#otr-start", "start", &[("peer", "bob")]);
    let own = bob.is_private("alice", "v3").to_uppercase();
    // Nobody loads the page again: it renews itself.
    browser.shows("since 20");
    browser.shows(&bob.fingerprint().to_uppercase());
    browser.shows("not verified");
    let shown = browser.asks("document.querySelector('.fingerprint').textContent");
    assert_eq!(shown, own.as_str());

    browser.presses(
        BOB,
        "authenticate",
        &[("question", "where did we meet?"), ("secret", "under the old oak")],
    );
    bob.told("asked alice where did we meet?");
    browser.shows("They have not answered the authentication yet.");
    bob.auths("alice", "under the old oak");
    browser.shows("verified: authenticated");
    browser.presses(BOB, "distrust", &[]);
    browser.shows("not verified");
    browser.presses(BOB, "trust", &[]);
    browser.shows("verified: fingerprint compared");

    // The peer asks, and what they ask is shown, not done.
    let question = "<img src=x onerror=document.title='pwned'><? VAR Token ?>&amp;\"'";
    bob.auths_with_question("alice", question, "their little secret");
    browser.shows(&format!("Their question: {question}"));
    browser.has_size(1200, 900);
    browser.takes_picture(&scene.world.path().join("desktop.png"));
    browser.has_size(390, 844);
    browser.takes_picture(&scene.world.path().join("phone.png"));
    let wide = browser.asks("document.documentElement.scrollWidth <= window.innerWidth");
    assert_eq!(wide, true, "a phone shows the whole width");
    browser.presses(BOB, "authenticate", &[("secret", "their little secret")]);
    bob.told("smp alice success");
    browser.presses(BOB, "finish", &[]);
    bob.told("finished alice");
    browser.shows("not encrypted");
    browser.saw_nothing_strange();
    scene.wire.never_carried("under the old oak");
}

#[test]
fn everything_without_scripts() {
    let scene = Alone::new();
    let bob = scene.peer("bob", "23");
    let mut browser = Browser::start(&scene.world);
    browser.runs_scripts(false);
    browser.logs_in(&scene.znc, "alice");
    browser.opens(&url(&scene));
    browser.presses("#otr-start", "start", &[("peer", "bob")]);
    let own = bob.is_private("alice", "v3").to_uppercase();
    browser.shows_when_loaded(&url(&scene), "since 20");
    browser.presses(BOB, "authenticate", &[("secret", "between you and me")]);
    bob.told("asked alice");
    bob.auths("alice", "between you and me");
    browser.shows_when_loaded(&url(&scene), "verified: authenticated");

    for (form, button, fields, shown) in [
        (
            "#otr-rules form",
            "policy",
            &[("pattern", "b*"), ("policy", "required")][..],
            "b*: required",
        ),
        ("#otr-rules form", "ignore", &[("pattern", "*bot")], "*bot"),
        ("#otr-rules form", "enable", &[("pattern", "robot")], "robot"),
        ("#otr-rules form", "mark", &[("mark", "[X]")], "marked from now on with [X]"),
    ] {
        browser.presses(form, button, fields);
        browser.shows_when_loaded(&url(&scene), shown);
    }
    for button in ["ignore-remove", "enable-remove"] {
        browser.presses("#otr-rules form", button, &[]);
    }
    // A second question stands before it.
    let refused = browser.asks("document.querySelector('[name=sure]').validity.valueMissing");
    assert_eq!(refused, true);
    browser.presses("#otr-genkey form", "genkey-overwrite", &[("sure", "yes")]);
    browser.presses("#otr-peers form", "finish-all", &[]);
    bob.told("finished alice");
    eventually("another fingerprint is shown", || {
        browser.opens(&url(&scene));
        browser.asks("document.querySelector('.fingerprint').textContent") != own.as_str()
    });
    browser.saw_nothing_strange();
}

#[test]
fn hostile_names_stay_words() {
    let scene = Alone::new();
    let mut browser = Browser::start(&scene.world);
    browser.logs_in(&scene.znc, "alice");
    let nicks = [
        "<script>document.title='pwned'</script>",
        "\"><img/src=x/onerror=document.title='pwned'>",
        "<?ENDLOOP?><?INC/etc/passwd?>",
        "&lt;b&gt;'\"`",
        "\u{202e}bob\u{2066}\u{200b}\u{85}",
    ];
    for nick in nicks {
        scene.alice.types_to(nick, "?OTR?");
    }
    for nick in &nicks[..4] {
        scene.alice.otr(&format!("policy {nick} required"));
        scene.alice.otr_says(&format!("{nick}: required"));
    }
    browser.opens(&url(&scene));
    for shown in &nicks[..4] {
        browser.shows(shown);
    }
    let hidden = "\u{fffd}bob\u{fffd}\u{fffd}\u{fffd}";
    browser.shows(hidden);
    // They come back as they are: this conversation is over, and there is no other one.
    let who: String = nicks[4].bytes().map(|byte| format!("{byte:02x}")).collect();
    browser.presses(&format!("tr[data-peer='{who}'] form"), "finish", &[]);
    browser.shows("No longer asking");
    assert_eq!(browser.asks("document.title.includes('pwned')"), false);
    assert_eq!(
        browser.asks("document.querySelectorAll('#otr img, #otr script').length == 0"),
        true
    );
    browser.saw_nothing_strange();
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

#[test]
fn nobody_else_sees_it_and_an_admin_is_nobody_else() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let otrd = Otrd::start(&world);
    let network = ZncNetwork::new("net", ircd.port());
    let znc = ZncBuilder::new()
        .user(ZncUser::new("alice").network(network.clone().otr(&otrd)).without_admin_rights())
        .user(ZncUser::new("root").network(network))
        .start(&world);
    assert_eq!(Web::log_in(&znc, "alice").get(PAGE).status(), 200);
    let mut root = Web::log_in(&znc, "root");
    for path in [PAGE, "/mods/network/alice/net/otr/", "/mods/user/alice/net/otr/"] {
        let answer = root.get(path);
        assert_eq!(answer.status(), 404, "{path}: {}", answer.body);
    }
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
