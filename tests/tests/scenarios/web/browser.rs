//! The page as a person sees it, in Chromium, with JavaScript and without.

use std::path::Path;

use otrd_tests::{
    Alone, Browser, Ircd, NodePeer, Otrd, Scene, World, ZncBuilder, ZncNetwork, ZncUser, eventually,
};

use super::url;

/// The forms in bob's row.
const BOB: &str = "tr[data-peer='626f62'] form";

/// The forms for a new rule.
const RULES: &str = "#otr-rules form:not(:has([name=pattern-hex]))";

#[test]
fn the_story_with_scripts() {
    story(true);
}

#[test]
fn the_story_without_scripts() {
    story(false);
}

/// All that `*otr` can do, by clicks; with irssi's plugin as the friend.
fn story(scripts: bool) {
    let scene = Scene::new();
    let url = url(&scene.znc);
    let mut browser = Browser::start(&scene.world);
    browser.runs_scripts(scripts);
    browser.logs_in(&scene.znc, "alice");
    browser.opens(&url);
    let shows = |browser: &mut Browser, text: &str| match scripts {
        // Nobody loads the page again: it renews itself.
        true => browser.shows(text),
        false => browser.shows_when_loaded(&url, text),
    };
    shows(&mut browser, "You have no key yet");
    browser.presses("#otr-start", "start", &[("peer", "bob")]);
    scene.bob.is_private();
    shows(&mut browser, ", with OTR version 3");
    shows(&mut browser, &scene.bob.fingerprint().to_uppercase());
    shows(&mut browser, "not verified");
    shows(&mut browser, "The key was made 20");
    shows(&mut browser, "libotr 4.");
    shows(&mut browser, "libgcrypt 1.");
    let own = own_fingerprint(&mut browser);
    assert_eq!(browser.reads_qr("#otr .qr"), format!("otr:{}", own.replace(' ', "")));

    let asked = &[("question", "where did we meet?"), ("secret", "oak-tree")];
    browser.presses(BOB, "authenticate", asked);
    scene.bob.sees("where did we meet?");
    shows(&mut browser, "They have not answered the authentication yet.");
    scene.bob.auths("alice", "oak-tree");
    shows(&mut browser, "verified: authenticated");
    browser.presses(BOB, "distrust", &[]);
    shows(&mut browser, "not verified");
    browser.presses(BOB, "trust", &[]);
    shows(&mut browser, "verified: fingerprint compared");
    scene.bob.auths_with_question("alice", "what do I drink?", "earl-grey");
    shows(&mut browser, "Their question: what do I drink?");
    browser.presses(BOB, "authenticate", &[("secret", "earl-grey")]);
    scene.bob.auth_succeeds("alice");
    browser.presses(BOB, "refresh", &[]);
    shows(&mut browser, "keys are new");
    scene.bob.auths_with_question("alice", "no", "soup");
    shows(&mut browser, "Their question: no");
    browser.presses(BOB, "abort", &[]);
    eventually("the question is gone", || {
        if !scripts {
            browser.opens(&url);
        }
        !browser.text().contains("Their question")
    });
    browser.presses(BOB, "finish", &[]);
    shows(&mut browser, "not encrypted");
    browser.presses(BOB, "forget", &[]);
    shows(&mut browser, "Nobody yet.");
    scene.wire.never_carried("oak-tree");

    for (form, button, fields, shown) in [
        (RULES, "policy", &[("pattern", "b*"), ("policy", "required")][..], "b*: required"),
        (
            "#otr-rules form:has([value='6b6e6f776e'])",
            "policy",
            &[("policy", "manual")],
            "For nicks with a trusted fingerprint: manual",
        ),
        ("#otr-rules form", "ignore", &[("pattern", "*bot")], "*bot"),
        ("#otr-rules form", "enable", &[("pattern", "robot")], "robot"),
        ("#otr-rules form", "mark", &[("mark", "[X]")], "marked from now on with [X]"),
        ("#otr-rules form", "ignore-remove", &[], "Removed *bot from OTR ignore list"),
        ("#otr-rules form", "enable-remove", &[], "Removed robot from OTR enable list"),
        ("#otr-rules form:has([value='622a'])", "policy", &[], "back to the default"),
    ] {
        browser.presses(form, button, fields);
        shows(&mut browser, shown);
    }
    // A second question stands before it.
    let refused = browser.asks("document.querySelector('[name=sure]').validity.valueMissing");
    assert_eq!(refused, true);
    browser.presses("#otr-genkey form", "genkey-overwrite", &[("sure", "yes")]);
    eventually("another fingerprint is shown", || {
        if !scripts {
            browser.opens(&url);
        }
        own_fingerprint(&mut browser) != own
    });
    browser.presses("#otr-start", "start", &[("peer", "bob")]);
    scene.bob.is_private();
    shows(&mut browser, "since 20");
    browser.presses("#otr-peers form", "finish-all", &[]);
    shows(&mut browser, "not encrypted");
    browser.saw_nothing_strange();
}

#[track_caller]
fn own_fingerprint(browser: &mut Browser) -> String {
    let own = browser.asks("document.querySelector('.fingerprint').textContent");
    own.as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_is_wrong_stands_beside_its_field() {
    let (scene, _bob) = Alone::private();
    let url = url(&scene.znc);
    let mut browser = Browser::start(&scene.world);
    browser.logs_in(&scene.znc, "alice");
    browser.opens(&url);
    browser.shows("since 20");
    for (forms, button, (name, text), wrong) in [
        ("#otr-start", "start", ("peer", "bob and carol"), "This is no nick"),
        ("#otr-rules form", "mark", ("mark", "no mark"), "A mark has at most"),
        // This one otrd says.
        ("#otr-rules form", "ignore", ("pattern", "bob"), "Not added: there is a private"),
    ] {
        browser.presses(forms, button, &[(name, text)]);
        let form = format!("document.querySelector('#otr [value={button}]').form");
        eventually("it stands in the form", || {
            let shown = browser.asks(&format!("{form}.querySelector('.wrong')?.textContent ?? ''"));
            shown.as_str().is_some_and(|shown| shown.starts_with(wrong))
        });
        // What was typed is still there, to be mended, and no other form says anything.
        assert_eq!(browser.asks(&format!("{form}.elements['{name}'].value")), text);
        assert_eq!(browser.asks("document.querySelectorAll('.wrong').length == 1"), true);
    }
    browser.presses("#otr-rules form", "ignore", &[("pattern", "carol")]);
    browser.shows("carol");
    assert_eq!(browser.asks("document.querySelectorAll('.wrong').length == 0"), true);
    browser.saw_nothing_strange();
}

#[test]
fn every_skin_of_znc() {
    for skin in ["_default_", "dark-clouds", "forest", "ice"] {
        let world = World::new();
        let ircd = Ircd::ngircd(&world);
        let otrd = Otrd::start(&world);
        let network = ZncNetwork::new("net", ircd.port()).otr(&otrd);
        let znc =
            ZncBuilder::new().skin(skin).user(ZncUser::new("alice").network(network)).start(&world);
        znc.attach("alice", "net").has_otr();
        let mut browser = Browser::start(&world);
        browser.logs_in(&znc, "alice");
        browser.opens(&url(&znc));
        let styles =
            format!("[...document.styleSheets].some(s => s.href?.includes('/{skin}.css'))");
        assert_eq!(browser.asks(&styles), true, "{skin} is not the skin");
        let bob = NodePeer::start(&world, "bob", ircd.port(), "3");
        browser.presses("#otr-start", "start", &[("peer", "bob")]);
        bob.is_private("alice", "v3");
        browser.shows("since 20");
        browser.presses("#otr-start", "start", &[("peer", "no nick")]);
        browser.presses(RULES, "policy", &[("pattern", "b*"), ("policy", "required")]);
        browser.shows("b*: required");
        let own = own_fingerprint(&mut browser);
        assert_eq!(browser.reads_qr("#otr .qr"), format!("otr:{}", own.replace(' ', "")));
        for (width, height, name) in [(1200, 900, "desktop"), (390, 844, "phone")] {
            browser.has_size(width, height);
            browser.takes_picture(&world.path().join(format!("{skin}-{name}.png")));
            let fits = browser.asks("document.documentElement.scrollWidth <= window.innerWidth");
            assert_eq!(fits, true, "{skin} shows its whole width on a {name}");
        }
        browser.saw_nothing_strange();
    }
}

#[test]
fn a_question_of_a_peer_stays_words() {
    let (scene, bob) = Alone::private();
    let mut browser = Browser::start(&scene.world);
    browser.logs_in(&scene.znc, "alice");
    browser.opens(&url(&scene.znc));
    let question = "<img src=x onerror=document.title='pwned'><? VAR Token ?>&amp;\"'";
    bob.auths_with_question(
        "alice",
        &format!("{question}\u{202e}\u{200b}\u{7}"),
        "their little secret",
    );
    browser.shows(&format!("Their question: {question}"));
    let hidden = r"/[\u202a-\u202e\u200b\u0007]/.test(document.getElementById('otr').textContent)";
    assert_eq!(browser.asks(hidden), false, "{}", browser.text());
    nothing_ran(&mut browser);
    browser.presses(BOB, "authenticate", &[("secret", "their little secret")]);
    bob.told("smp alice success");
    // Nor is what they say in clear, and *otr repeats, anything else.
    bob.sends(&format!("PRIVMSG alice :?OTR Error: {question}"));
    browser.shows(question);
    nothing_ran(&mut browser);
    browser.saw_nothing_strange();
}

#[track_caller]
fn nothing_ran(browser: &mut Browser) {
    assert_eq!(browser.asks("document.title.includes('pwned')"), false);
    let strange = browser.asks("document.querySelectorAll('#otr img, #otr script').length == 0");
    assert_eq!(strange, true);
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
    browser.opens(&url(&scene.znc));
    for shown in &nicks[..4] {
        browser.shows(shown);
    }
    let hidden = "\u{fffd}bob\u{fffd}\u{fffd}\u{fffd}";
    browser.shows(hidden);
    // They come back as they are: this conversation is over, and there is no other one.
    let who: String = nicks[4].bytes().map(|byte| format!("{byte:02x}")).collect();
    browser.presses(&format!("tr[data-peer='{who}'] form"), "finish", &[]);
    browser.shows("No longer asking");
    nothing_ran(&mut browser);
    browser.saw_nothing_strange();
}

/// The pictures of the documentation. With `UPDATE=1` in the environment they are written anew.
#[test]
fn pictures_of_the_page() {
    let scene = Scene::private();
    let carol = NodePeer::start(&scene.world, "carol", scene.ircd.port(), "3");
    let mut browser = Browser::start(&scene.world);
    browser.logs_in(&scene.znc, "alice");
    browser.opens(&url(&scene.znc));
    browser.shows("since 20");
    browser.presses(BOB, "trust", &[]);
    browser.shows("verified: fingerprint compared");
    browser.presses("#otr-start", "start", &[("peer", "carol")]);
    carol.is_private("alice", "v3");
    carol.auths_with_question("alice", "where did we meet?", "under the old oak");
    browser.shows(&carol.fingerprint().to_uppercase());
    browser.shows("Their question: where did we meet?");
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shim/web"));
    let update = std::env::var_os("UPDATE").is_some();
    for (width, height, name) in [(1200, 1000, "desktop.png"), (390, 844, "phone.png")] {
        browser.has_size(width, height);
        let kept = folder.join(name);
        assert!(update || kept.exists(), "no {}: UPDATE=1 makes it", kept.display());
        let path = if update { kept } else { scene.world.path().join(name) };
        browser.takes_picture_of_its_window(&path);
    }
    browser.saw_nothing_strange();
}
